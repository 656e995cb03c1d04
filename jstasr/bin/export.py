"""Write a trained model for other programs."""

from argparse import ArgumentParser, Namespace

from jstasr.experiment.files import AVERAGED

HELP = "write a trained model as ONNX for sherpa-onnx"
FORMATS = ("sherpa-onnx",)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("expdir", help="exp/<tag> or a packed zip")
    parser.add_argument("outdir", help="folder to write, new or empty")
    parser.add_argument("--format", required=True, choices=FORMATS, help="program that is to run the model")
    parser.add_argument("--model", help=f"weights (default: {AVERAGED} of the experiment)")
    parser.add_argument("--mode", help="decoders, by comma, streaming and full (default: those that can be exported)")


def run(args: Namespace) -> None:
    import sys
    from pathlib import Path

    from jstasr.bin._search_options import given_modes
    from jstasr.experiment.load import Experiment
    from jstasr.export.sherpa_onnx import export, no_stream, refuse_filled
    from jstasr.model.joint import FULL, STREAMING

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    outdir = Path(args.outdir)
    refuse_filled(outdir)
    modes = given_modes(args.mode) if args.mode else [FULL, STREAMING]
    experiment = Experiment.load(args.expdir, args.model)
    if not args.mode and (reason := no_stream(experiment)):
        progress(f"only the full-context decoder: the model {reason}")
        modes = [FULL]
    export(experiment, Path(args.expdir).resolve().stem, outdir, modes, progress)
    size = sum(path.stat().st_size for path in outdir.rglob("*") if path.is_file())
    print(f"{outdir}: {size / 1e6:.1f} MB, {' and '.join(modes)}; see its README.md")
