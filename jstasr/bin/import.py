"""Make Kaldi data directories of a user's own recordings."""

from argparse import ArgumentParser

HELP = "make data directories from manifests, Common Voice, Kaldi, NeMo, Hugging Face or a folder of recordings"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", nargs="+", help="file, folder or archive; several only for texts and Common Voice")
    parser.add_argument("dest", help="data/<set>; with --split the folder of train, dev, test and train_text")
    parser.add_argument(
        "--format",
        help="tsv, csv, jsonl, nemo, commonvoice, kaldi, huggingface, folder (of recordings and .txt), or text (no "
        "speech); default: guessed from the source",
    )
    parser.add_argument("--lang", default="", help="language of the recordings, as in en or zh-CN")
    parser.add_argument("--langs", default="", help='languages to take from a source of several, as in "en de"')
    parser.add_argument(
        "--columns",
        action="append",
        default=[],
        metavar="ROLE=NAME",
        help="what a table's column means: audio, text, id, speaker ...; repeatable",
    )
    parser.add_argument("--ignore", action="append", default=[], metavar="NAME", help="a column to ignore; repeatable")
    parser.add_argument("--audio-dir", help="where relative audio paths begin (default: at the source)")
    parser.add_argument("--tables", default="", help='tables of Common Voice to read, as in "validated"')
    parser.add_argument("--unpack-to", help="folder in which archives are unpacked")
    parser.add_argument("--skip-bad", action="store_true", help="leave out faulty rows and list them in <dest>/skipped")
    parser.add_argument("--split", action="store_true", help="make train, dev and test, no speaker in two of them")
    parser.add_argument("--dev-share", type=float, default=0.1, help="share of dev, where the source has none")
    parser.add_argument("--test-share", type=float, default=0.1, help="share of test, likewise")
    parser.add_argument(
        "--shared-sentences",
        default="auto",
        choices=["auto", "drop", "keep"],
        help="training utterances of sentences that dev or test has; auto: drop, unless these are more than half",
    )
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="[LANG=]FILE",
        help="text without speech for train_text, with --split; repeatable",
    )
    parser.add_argument(
        "--held-out", type=float, default=0, help="share of sentences to use as text without speech instead"
    )
    parser.add_argument("--max-sentences", type=int, default=0, help="lines of text to take, at random (0: all)")
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="TEXT",
        help="Kaldi text whose sentences must not be in --format text; repeatable",
    )
    parser.add_argument(
        "--max-train", type=int, default=0, help="training utterances of a language, at random (0: all)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of everything random")
    parser.add_argument("--measure", action="store_true", help="write nothing; print how much there is")


def run(args):
    from jstasr.corpus.importers import job

    if args.measure:
        job.measure(args)
    elif args.format == "text" or (args.format is None and not args.split and job.looks_like_text(args.source[0])):
        job.import_text(args)
    elif args.split:
        job.import_split(args)
    else:
        job.import_set(args)
