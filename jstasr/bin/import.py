"""Make Kaldi data directories of a user's own recordings."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jstasr.corpus.importers.import_sets import Source, SplitPlan

HELP = "make data directories from tables, Common Voice, Kaldi, lhotse, WebDataset, NeMo, Hugging Face and recordings"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source", nargs="+", help="file, folder or archive; several only for texts and Common Voice")
    parser.add_argument("dest", help="data/<set>; with --split the folder of train, dev, test and train_text")
    parser.add_argument(
        "--format",
        help="tsv, csv, jsonl, nemo, nemo-tarred, commonvoice, ljspeech, deepspeech, kaldi, lhotse (cuts), shar, "
        "webdataset, huggingface, hf-stream, audiofolder, folder (of recordings and .txt), or text (no speech); "
        "default: guessed from the source",
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
    parser.add_argument(
        "--tables", default="", help='tables of Common Voice, or splits of hf-stream, to read, as in "validated"'
    )
    parser.add_argument("--limit", type=int, default=0, help="rows to fetch of each split of hf-stream (0: all)")
    parser.add_argument("--unpack-to", help="folder in which archives are unpacked")
    parser.add_argument("--skip-bad", action="store_true", help="leave out faulty rows and list them in <dest>/skipped")
    parser.add_argument("--split", action="store_true", help="make train, dev and test; a named speaker is in one only")
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


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.corpus.importers.formats import TEXT_ONLY
    from jstasr.corpus.importers.import_sets import import_set, import_split, import_text, looks_like_text, measure
    from jstasr.errors import JstasrError
    from jstasr.kaldi.locks import locked, locked_file

    if args.limit < 0:
        raise JstasrError(f"--limit {args.limit}: must be 0 or more rows")
    dest = Path(args.dest)
    for name in ("text", "held_out", "max_train"):
        if getattr(args, name) and not (args.split or args.measure):
            raise JstasrError(f"--{name.replace('_', '-')} goes with --split")
    if args.measure:
        measure(_source(args), args.text, args.seed, _split_plan(args) if args.split else None)
    elif args.format == TEXT_ONLY or (args.format is None and not args.split and looks_like_text(args.source[0])):
        with locked_file(dest):
            import_text(args.source, dest, _code(args.lang), args.exclude, args.max_sentences, args.seed)
    elif args.split:
        with locked(dest):
            import_split(_source(args), dest, _split_plan(args))
    else:
        with locked_file(dest):  # beside it, as it is replaced
            import_set(_source(args), dest)


def _source(args: Namespace) -> "Source":
    """What is read, and how."""
    from pathlib import Path

    from jstasr.corpus.importers.entries import ReadOptions
    from jstasr.corpus.importers.import_sets import Source
    from jstasr.text.language_codes import canonical_code

    options = ReadOptions(
        columns=dict(map(_role_and_name, args.columns)),
        ignore=tuple(args.ignore),
        lang=_code(args.lang),
        langs=tuple(canonical_code(code, "--langs") for code in args.langs.replace(",", " ").split()),
        audio_dir=Path(args.audio_dir).absolute() if args.audio_dir else None,
        tables=tuple(args.tables.split()),
        limit=args.limit,
        unpack_to=Path(args.unpack_to) if args.unpack_to else None,
    )
    return Source(tuple(args.source), args.format, options, skip_faulty_rows=args.skip_bad)


def _code(lang: str) -> str:
    """The canonical code of --lang, or ""."""
    from jstasr.text.language_codes import canonical_code

    return canonical_code(lang, "--lang") if lang else ""


def _role_and_name(pair: str) -> tuple[str, str]:
    from jstasr.corpus.importers.columns import ROLES
    from jstasr.errors import JstasrError

    role, equals, name = pair.partition("=")
    if not equals or role not in ROLES:
        raise JstasrError(f"--columns {pair}: must be ROLE=NAME, with a role of {' '.join(ROLES)}")
    return role, name


def _split_plan(args: Namespace) -> "SplitPlan":
    """How it is split into train, dev and test."""
    from jstasr.corpus.importers.import_sets import SplitPlan

    return SplitPlan(
        dev_share=args.dev_share,
        test_share=args.test_share,
        shared_sentences=args.shared_sentences,
        max_train=args.max_train,
        text_files=tuple(args.text),
        held_out_share=args.held_out,
        max_sentences=args.max_sentences,
        seed=args.seed,
    )
