"""Collect the scores of all experiments into RESULTS.md and show them."""

HELP = "collect the scores of all experiments into RESULTS.md"


def add_arguments(parser):
    parser.add_argument("expdir", help="folder of the experiments: <expdir>/<tag>/decode_*/<set>/<mode>/score_*")
    parser.add_argument("--output", metavar="FILE", help="default: RESULTS.md beside the folder of the experiments")
    parser.add_argument("--note", metavar="TEXT", help="a line on top of the page, such as what data this is")
    parser.add_argument("--prune", action="store_true", help="drop experiments that are not in expdir")


def run(args):
    import os

    from jstasr.score.results import print_tables, write_results

    # beside the folder as it is called: `exp` may be a link to another disk
    output = args.output or os.path.join(os.path.dirname(os.path.abspath(args.expdir)), "RESULTS.md")
    scores = write_results(args.expdir, output, args.note, args.prune)
    print_tables(scores)
    print(f"written: {output}")
