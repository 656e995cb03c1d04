"""Turn transcripts into phonemes: stage 3 of a recipe."""

from argparse import ArgumentParser, Namespace

HELP = "turn transcripts into phonemes, or make the list of all phonemes"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--data-dir", help="folder with text [utt2lang]")
    parser.add_argument("--outdir", help="folder for phones text [utt2lang]; may be --data-dir")
    parser.add_argument("--text", help="instead of folders: one table of transcripts ...")
    parser.add_argument("--utt2lang", help="... the languages of its utterances ...")
    parser.add_argument("--output", help="... and where its phones (or the list of --make-list) go")
    parser.add_argument("--lang", help="language of utterances that utt2lang does not name")
    parser.add_argument(
        "--g2p",
        default="auto",
        help="grapheme-to-phoneme method: auto (espeak where it has the language, else letters), espeak, grapheme, "
        "lexicon (words outside it are an error), or lexicon+grapheme, lexicon+espeak (which read such words)",
    )
    parser.add_argument("--lexicon", help="file of --g2p lexicon: lines `word phone phone ...`")
    parser.add_argument("--cleaner", default="none", help="normalisation of the transcripts: none or basic")
    parser.add_argument(
        "--nlsyms", nargs="+", default=[], help="non-linguistic symbols to take out: files, or with commas between"
    )
    parser.add_argument(
        "--drop-unspoken", action="store_true", help="leave out utterances without a phoneme (text sets)"
    )
    parser.add_argument("--nj", type=int, default=1, help="processes")
    parser.add_argument("--make-list", nargs="+", metavar="PHONES", help="list all phones of these files in --output")


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.text.g2p import G2p
    from jstasr.text.nlsyms import read_symbols
    from jstasr.text.phone_files import phone_list_of
    from jstasr.text.phonemize_set import PhonemizeOptions, phonemize_file, phonemize_folder

    if bool(args.data_dir) + bool(args.text) + bool(args.make_list) != 1:
        raise JstasrError("give one of --data-dir (with --outdir), --text or --make-list (with --output)")
    if args.make_list:
        phone_list = phone_list_of(args.make_list)
        phone_list.save(_needed(args.output, "--output"))
        print(f"{args.output}: {len(phone_list)} symbols")
        return
    g2p = G2p(args.g2p, args.lexicon or None, args.cleaner)
    options = PhonemizeOptions(g2p, args.lang, args.drop_unspoken, args.nj, tuple(read_symbols(args.nlsyms)))
    if args.data_dir:
        target = Path(_needed(args.outdir, "--outdir"))
        phones_path = target / "phones"
        table = phonemize_folder(Path(args.data_dir), target, options, print)
    else:
        utt2lang = Path(args.utt2lang) if args.utt2lang else None
        phones_path = Path(_needed(args.output, "--output"))
        table = phonemize_file(Path(args.text), utt2lang, phones_path, options, print)
    print(f"{phones_path}: {len(table.phones)} utterances")
    if table.dropped:
        print(f"left out {table.dropped} without phonemes")


def _needed(value: str | None, option: str) -> str:
    from jstasr.errors import JstasrError

    if not value:
        raise JstasrError(f"{option} is missing")
    return value
