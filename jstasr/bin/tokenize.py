"""`jstasr tokenize`: stage 4 of a recipe."""

HELP = "make the token list (and BPE model) from transcripts"


def add_arguments(parser):
    parser.add_argument("--text", nargs="+", required=True, help="tables of transcripts")
    parser.add_argument(
        "--spell", nargs="+", default=[], help="tables of other texts, whose characters get a token too (char, bpe)"
    )
    parser.add_argument("--token-type", default="bpe", choices=["bpe", "char", "word"], help="kind of tokens")
    parser.add_argument("--output-dir", required=True, help="folder for tokens.txt and bpe.model")
    parser.add_argument("--nbpe", type=int, default=100, help="number of BPE tokens")
    parser.add_argument("--char-cover", type=float, default=1.0, help="share of characters that BPE covers")
    parser.add_argument("--min-count", type=int, default=1, help="rarer characters or words become <unk>")
    parser.add_argument("--cleaner", default="none", help="normalisation of the transcripts: none or basic")
    parser.add_argument("--langs", default="", help='languages of a multilingual model, as in "en es it"')


def run(args):
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.kaldi.tables import read_table
    from jstasr.text import token_lists
    from jstasr.text.normalize import clean
    from jstasr.text.tokens import BPE_FILE, TOKENS_FILE

    if args.nbpe < 1 or not 0 < args.char_cover <= 1:
        raise JstasrError("--nbpe must be at least 1 and --char-cover in (0, 1]")
    languages = args.langs.split()
    only = languages[0] if len(languages) == 1 else None
    texts = [clean(text, args.cleaner, only) for path in args.text for text in read_table(path).values()]
    if not any(texts):
        raise JstasrError(f"{', '.join(args.text)}: no text to make tokens from")
    known = {character for text in texts for character in text}
    others = (clean(text, args.cleaner, only) for path in args.spell for text in read_table(path).values())
    also = "".join(sorted({c for text in others for c in text if not c.isspace()} - known))
    model = None
    if args.token_type == "char":
        token_list = token_lists.char_tokens(texts, languages, args.min_count, also)
    elif args.token_type == "word":
        token_list = token_lists.word_tokens(texts, languages, args.min_count)
    else:
        model = token_lists.train_bpe(texts, args.nbpe, args.char_cover, also)
        token_list = token_lists.bpe_tokens(model, languages)
        pieces = len(token_list) - len(token_lists.special_tokens(languages))
        if pieces < args.nbpe:
            print(f"the text supports only {pieces} BPE tokens, not {args.nbpe}: going on with {pieces}")
    outdir = Path(args.output_dir)
    token_lists.write_token_list(outdir, token_list, model)
    if model is None:  # a model of an earlier run would make this list look like BPE
        (outdir / BPE_FILE).unlink(missing_ok=True)
    print(f"{outdir / TOKENS_FILE}: {len(token_list)} tokens from {len(texts)} sentences")
