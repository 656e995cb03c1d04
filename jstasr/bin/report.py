"""Write the HTML report of an experiment."""

from argparse import ArgumentParser, Namespace

from jstasr.experiment.files import REPORT, REPORT_PAGE

HELP = "write the report of an experiment as one HTML page"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--expdir", required=True, help="exp/<tag> of a training run")
    parser.add_argument("--output", metavar="FILE", help=f"the page (default: <expdir>/{REPORT}/{REPORT_PAGE})")
    parser.add_argument(
        "--note", metavar="TEXT", help="a line at the top, such as what data this is (default: that of RESULTS.md)"
    )


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.report.page import write_report

    output = Path(args.output) if args.output else None
    print(f"written: {write_report(Path(args.expdir), output, args.note)}")
