"""Probe what the layers of a trained model tell about speaker, sex and language."""

from argparse import ArgumentParser, Namespace

from jstasr.experiment.files import AVERAGED, PROBE_CSV, REPORT

HELP = "probe every layer for speaker, sex and language"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--expdir", required=True, help="exp/<tag> or a packed zip")
    parser.add_argument("--model", help=f"weights (default: {AVERAGED} of the experiment)")
    parser.add_argument(
        "--data-dir",
        required=True,
        nargs="+",
        help="dump/fbank/<set> ..., with utt2spk and, where known, spk2gender and utt2lang",
    )
    parser.add_argument("--outdir", help=f"for {PROBE_CSV} (default: <expdir>/{REPORT}; required for a zip)")


def run(args: Namespace) -> None:
    import sys
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.kaldi.locks import locked
    from jstasr.report.probe import probe

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    expdir = Path(args.expdir)
    if not args.outdir and not expdir.is_dir():
        raise JstasrError(f"{expdir}: no folder of an experiment: name one for the results with --outdir")
    outdir = Path(args.outdir) if args.outdir else expdir / REPORT
    with locked(outdir):
        text = probe(expdir, args.model, [Path(folder) for folder in args.data_dir], outdir, progress)
    print(text, end="")
    print(f"written: {outdir / PROBE_CSV}")
