"""Options of the commands that can do their work in parts, each on another machine."""

from argparse import ArgumentParser, Namespace
from contextlib import AbstractContextManager

from jstasr.errors import JstasrError
from jstasr.kaldi.locks import locked, locked_part


def add_job_arguments(parser: ArgumentParser) -> None:
    """Add the options --job, --num-jobs and --merge of a command that can work in parts."""
    parser.add_argument("--job", type=int, help="do this part of the work only, from 1; --merge them later")
    parser.add_argument("--num-jobs", type=int, default=1, help="number of parts")
    parser.add_argument("--merge", action="store_true", help="join the --num-jobs finished parts")


def check_job_arguments(args: Namespace) -> None:
    """Refuse a --job outside 1..--num-jobs and --job with --merge."""
    if args.num_jobs < 1:
        raise JstasrError(f"--num-jobs must be at least 1, not {args.num_jobs}")
    if args.job is not None and args.merge:
        raise JstasrError("--job does one part, --merge joins them: give one of the two")
    if args.job is not None and not 1 <= args.job <= args.num_jobs:
        raise JstasrError(f"--job must be in 1..{args.num_jobs} (--num-jobs), not {args.job}")


def lock_for_job(args: Namespace) -> AbstractContextManager:
    """The lock of a command that writes into --outdir: on its part with --job, else on the whole folder."""
    return locked(args.outdir) if args.job is None else locked_part(args.outdir, args.job)
