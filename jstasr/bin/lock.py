"""Hold folders for a run of asr.sh, whose jobs write into them."""

from argparse import ArgumentParser, Namespace

HELP = "keep other runs off folders, until standard input ends"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", nargs="+", help="folders that jobs of this run (JSTASR_RUN) will write")
    parser.add_argument("--command", default="", help="what to name as the holder, in the message to other runs")
    parser.add_argument("--pid", type=int, default=0, help="process of the holder (default: this command's)")


def run(args: Namespace) -> None:
    import sys
    from contextlib import ExitStack

    from jstasr.kaldi.locks import Holder, locked

    with ExitStack() as locks:
        for folder in args.folder:
            locks.enter_context(locked(folder, own=Holder.this_process(True, args.command, args.pid)))
        print("locked", flush=True)
        sys.stdin.read()
