"""Options of the text that a language model is made from, which the commands that make one have in common."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jstasr.lm.token_text import TextReading
    from jstasr.text.tokens import Tokenizer


def add_text_options(parser: ArgumentParser) -> None:
    """--text, --token-list, and how the text is read."""
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


def text_reader(args: Namespace) -> "tuple[Tokenizer, TextReading]":
    """The tokenizer, and how texts are read, by these options."""
    from jstasr.lm.token_text import TextReading
    from jstasr.text.nlsyms import read_symbols
    from jstasr.text.tokens import build_tokenizer

    tokenizer = build_tokenizer(args.token_list, args.bpe_model)
    return tokenizer, TextReading(args.cleaner, args.lang, tuple(read_symbols(args.nlsyms)))
