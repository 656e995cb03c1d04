"""Write the HTML report of an experiment."""

HELP = "write the report of an experiment as one HTML page"


def add_arguments(parser):
    parser.add_argument("--expdir", required=True, help="exp/<tag> of a training run")
    parser.add_argument("--output", metavar="FILE", help="the page (default: <expdir>/report/index.html)")
    parser.add_argument(
        "--note", metavar="TEXT", help="a line on top, such as what data this is (default: that of RESULTS.md)"
    )


def run(args):
    from pathlib import Path

    from jstasr.report.page import write_report

    output = Path(args.output) if args.output else None
    print(f"written: {write_report(Path(args.expdir), output, args.note)}")
