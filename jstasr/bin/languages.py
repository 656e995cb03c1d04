"""What language codes are taken for."""

from argparse import ArgumentParser, Namespace

HELP = "what language codes mean here: canonical code, phonemes, numbers, spelling"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("codes", nargs="+", help="of BCP 47 or ISO 639 in any case, as in pol EN-us zh_Hant_TW")
    parser.add_argument("--canonical", action="store_true", help="print the canonical codes only, each once")
    parser.add_argument("--g2p", default="auto", help="grapheme-to-phoneme method; see jstasr phonemize --help")
    parser.add_argument("--lexicon", help="file of --g2p lexicon")


def run(args: Namespace) -> None:
    from jstasr.text.language_codes import canonical_code

    codes = " ".join(args.codes).replace(",", " ").split()
    if args.canonical:
        print(*dict.fromkeys(map(canonical_code, codes)))
        return
    from jstasr.check.summary import block, language_rows
    from jstasr.text.g2p import G2p

    print(block(language_rows(codes, G2p(args.g2p, args.lexicon or None))))
