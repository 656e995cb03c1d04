"""Make a token language model for beam search."""

from argparse import ArgumentParser, Namespace

from jstasr.bin._text_options import add_text_options

HELP = "make an n-gram language model over a model's tokens, in ARPA format"


def add_arguments(parser: ArgumentParser) -> None:
    add_text_options(parser)
    parser.add_argument("--order", type=int, default=3, help="longest n-grams (default: 3)")
    parser.add_argument("--output", help="ARPA file to write; gzipped if it ends in .gz")
    parser.add_argument("--write-tokens", help="write the text as tokens, for another language model toolkit")
    parser.add_argument("--valid-text", nargs="+", default=[], help="Kaldi text files to measure the perplexity on")


def run(args: Namespace) -> None:
    from jstasr.bin._text_options import text_reader
    from jstasr.errors import JstasrError
    from jstasr.kaldi.files import atomic_write
    from jstasr.kaldi.locks import locked_file
    from jstasr.lm.arpa import write_arpa
    from jstasr.lm.kneser_ney import estimate
    from jstasr.lm.ngram import NgramModel
    from jstasr.lm.token_text import token_sequences

    if not 1 <= args.order <= 8:
        raise JstasrError(f"--order {args.order}: must lie in 1 .. 8")
    if not args.output and not args.write_tokens:
        raise JstasrError("nothing to write: give --output lm.arpa, --write-tokens FILE, or both")
    tokenizer, reading = text_reader(args)
    tokens = tokenizer.token_list.tokens
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
