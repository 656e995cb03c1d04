"""Make the token list: stage 4 of a recipe."""

from argparse import ArgumentParser, Namespace

from jstasr.experiment.files import BPE, TOKENS

HELP = "make the token list (and BPE model) from transcripts"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--text", nargs="+", required=True, help="tables of transcripts")
    parser.add_argument(
        "--spell", nargs="+", default=[], help="tables of other texts, whose characters get a token too (char, bpe)"
    )
    parser.add_argument("--token-type", default="bpe", choices=["bpe", "char", "word"], help="kind of tokens")
    parser.add_argument("--output-dir", required=True, help=f"folder for {TOKENS} and {BPE}")
    parser.add_argument("--nbpe", type=int, default=100, help="number of BPE tokens")
    parser.add_argument("--char-cover", type=float, default=1.0, help="share of characters that BPE covers")
    parser.add_argument("--min-count", type=int, default=1, help="rarer characters or words become <unk>")
    parser.add_argument("--cleaner", default="none", help="normalisation of the transcripts: none or basic")
    parser.add_argument(
        "--nlsyms", nargs="+", default=[], help="non-linguistic symbols to take out: files, or with commas between"
    )
    parser.add_argument("--langs", default="", help='languages of a multilingual model, as in "en es it"')


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.text.nlsyms import read_symbols
    from jstasr.text.recipe_tokens import read_texts, recipe_tokens

    if args.nbpe < 1 or not 0 < args.char_cover <= 1:
        raise JstasrError("--nbpe must be at least 1 and --char-cover in (0, 1]")
    languages = args.langs.split()
    language = languages[0] if len(languages) == 1 else None
    symbols = read_symbols(args.nlsyms)
    texts = read_texts(args.text, args.cleaner, language, symbols)
    if not any(texts):
        raise JstasrError(f"{', '.join(args.text)}: no text to make tokens from")
    others = read_texts(args.spell, args.cleaner, language, symbols)
    tokens = recipe_tokens(texts, others, args.token_type, languages, args.nbpe, args.char_cover, args.min_count)
    if tokens.bpe_model is not None and tokens.num_pieces < args.nbpe:
        print(f"the text supports only {tokens.num_pieces} BPE tokens, not {args.nbpe}: using {tokens.num_pieces}")
    outdir = Path(args.output_dir)
    tokens.write(outdir)
    print(f"{outdir / TOKENS}: {len(tokens.token_list)} tokens from {len(texts)} sentences")
