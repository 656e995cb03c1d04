"""Collect the scores of all experiments into RESULTS.md and show them."""

from argparse import ArgumentParser, Namespace

from jstasr.score.files import RESULTS_PAGE

HELP = "collect the scores of all experiments into RESULTS.md"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("expdir", help="folder of the experiments: <expdir>/<tag>/decode_*/<set>/<mode>/score_*")
    parser.add_argument(
        "--output", metavar="FILE", help=f"default: {RESULTS_PAGE} beside the folder of the experiments"
    )
    parser.add_argument("--note", metavar="TEXT", help="a line at the top of the page, such as what data this is")
    parser.add_argument("--prune", action="store_true", help="drop experiments that are not in expdir")


def run(args: Namespace) -> None:
    import os
    import sys

    from jstasr.score.results import print_tables, uncommitted, write_results

    # beside the folder as it is called: `exp` may be a link to another disk
    output = args.output or os.path.join(os.path.dirname(os.path.abspath(args.expdir)), RESULTS_PAGE)
    scores = write_results(args.expdir, output, args.note, args.prune)
    print_tables(scores)
    print(f"written: {output}")
    tags = uncommitted(scores)
    if tags:
        print(
            f"jstasr results: warning: results of uncommitted code cannot be reproduced (git hash ends in -dirty): "
            f"{', '.join(tags)}",
            file=sys.stderr,
        )
