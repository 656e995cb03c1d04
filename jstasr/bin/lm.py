"""Make a token language model for beam search."""

from argparse import ArgumentParser, Namespace

HELP = "make an n-gram language model over a model's tokens, in ARPA format"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--text", nargs="+", required=True, help="Kaldi text files (utt2lang beside them is read)")
    parser.add_argument("--token-list", required=True, help="tokens.txt of the recogniser")
    parser.add_argument("--bpe-model", help="sentencepiece model (default: bpe.model beside the token list)")
    parser.add_argument("--cleaner", default="none", help="normalisation of the texts: none or basic")
    parser.add_argument("--lang", help="language for the cleaner where there is no utt2lang")
    parser.add_argument(
        "--nlsyms", nargs="+", default=[], help="non-linguistic symbols to take out: files, or with commas between"
    )
    parser.add_argument(
        "--join", action="store_true", help="count each sentence also in a row of several, for audio that goes on"
    )
    parser.add_argument("--order", type=int, default=3, help="longest n-grams (default: 3)")
    parser.add_argument("--output", help="ARPA file to write; gzipped if it ends in .gz")
    parser.add_argument("--write-tokens", help="write the text as tokens, for another language model toolkit")
    parser.add_argument("--valid-text", nargs="+", default=[], help="Kaldi text files to measure the perplexity on")


def run(args: Namespace) -> None:
    from jstasr.errors import JstasrError
    from jstasr.kaldi.files import atomic_write
    from jstasr.kaldi.locks import locked_file
    from jstasr.lm.arpa import write_arpa
    from jstasr.lm.kneser_ney import estimate
    from jstasr.lm.ngram import NgramModel
    from jstasr.lm.token_text import TextReading, token_sequences
    from jstasr.text.nlsyms import read_symbols
    from jstasr.text.tokens import build_tokenizer

    if not 1 <= args.order <= 8:
        raise JstasrError(f"--order {args.order}: must lie in 1 .. 8")
    if not args.output and not args.write_tokens:
        raise JstasrError("nothing to write: give --output lm.arpa, --write-tokens FILE, or both")
    tokenizer = build_tokenizer(args.token_list, args.bpe_model)
    tokens = tokenizer.token_list.tokens
    reading = TextReading(args.cleaner, args.lang, tuple(read_symbols(args.nlsyms)))
    sequences = token_sequences(args.text, tokenizer, reading, args.join)
    if args.write_tokens:
        with locked_file(args.write_tokens), atomic_write(args.write_tokens) as file:
            file.writelines(" ".join(tokenizer.tokens(sequence)) + "\n" for sequence in sequences)
    if args.output:
        with locked_file(args.output):
            tables = estimate(sequences, len(tokens), args.order)
            write_arpa(args.output, tables, tokens)
        sizes = " + ".join(str(len(table.words)) for table in tables)
        print(f"{args.output}: {sizes} n-grams from {len(sequences)} sequences, {sum(map(len, sequences))} tokens")
    if args.output and args.valid_text:
        held_out = token_sequences(args.valid_text, tokenizer, reading)
        perplexity = NgramModel.load(args.output, tokens).perplexity(held_out)
        print(f"perplexity {perplexity:.2f} a token on {' '.join(args.valid_text)} ({len(held_out)} sentences)")
