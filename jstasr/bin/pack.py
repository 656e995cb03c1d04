"""Pack a trained model into one file."""

from argparse import ArgumentParser, Namespace

from jstasr.experiment.files import AVERAGED

HELP = "pack a trained model with all that it needs into one zip"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--expdir", required=True, help="exp/<tag>")
    parser.add_argument("--model", help=f"weights (default: {AVERAGED} of the experiment)")
    parser.add_argument("--output", help="file to write (default: <expdir>/<tag>.zip)")


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.experiment.folder import lock_for_output
    from jstasr.experiment.pack import pack

    expdir = Path(args.expdir)
    if not expdir.is_dir():
        raise JstasrError(f"{expdir}: no such experiment. Train first: --stage 6")
    output = Path(args.output) if args.output else expdir / f"{expdir.resolve().name}.zip"
    with lock_for_output(expdir, output):
        pack(expdir, Path(args.model) if args.model else expdir / AVERAGED, output)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
