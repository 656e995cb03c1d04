"""Hold folders for a run of asr.sh, whose jobs write into them."""

from argparse import ArgumentParser, Namespace

HELP = "keep other runs off folders, until standard input ends"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", nargs="+", help="folders that jobs of this run (JSTASR_RUN) will write")
    parser.add_argument("--command", default="", help="what to name as the holder, in the message to other runs")


def run(args: Namespace) -> None:
    import sys

    from jstasr.kaldi.locks import all_locked

    with all_locked(args.folder, shared=True, command=args.command):
        print("locked", flush=True)
        sys.stdin.read()
