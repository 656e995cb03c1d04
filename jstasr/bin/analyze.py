"""Measure how speech and text align at every layer of a trained model."""

from argparse import ArgumentParser, Namespace

from jstasr.experiment.files import ALIGNMENT_JSON, AVERAGED, REPORT

HELP = "measure and draw how speech and text align at every layer"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--expdir", required=True, help="exp/<tag> of a training run")
    parser.add_argument("--model", help=f"weights (default: {AVERAGED} of the experiment)")
    parser.add_argument("--data-dir", required=True, help="dump/fbank/<set> with phones, such as the dev set")
    parser.add_argument("--outdir", help=f"for alignment.json, alignment.txt and pictures (default: <expdir>/{REPORT})")
    parser.add_argument("--utterances", type=int, default=0, metavar="N", help="only N, evenly spread (default: all)")
    parser.add_argument("--phone-times", metavar="CTM", help="times of the phonemes, to compare the best paths with")
    parser.add_argument("--pictures", type=int, default=3, metavar="N", help="utterances to draw (default: 3)")


def run(args: Namespace) -> None:
    import sys
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.kaldi.locks import locked
    from jstasr.report.analysis import analyse

    for name in ("utterances", "pictures"):
        if getattr(args, name) < 0:
            raise JstasrError(f"--{name} {getattr(args, name)}: must be 0 or more")

    def progress(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    expdir = Path(args.expdir)
    outdir = Path(args.outdir) if args.outdir else expdir / REPORT
    data_dir, times = Path(args.data_dir), Path(args.phone_times) if args.phone_times else None
    with locked(outdir):
        text = analyse(expdir, args.model, data_dir, outdir, args.utterances, args.pictures, progress, times)
    print(text, end="")
    print(f"written: {outdir / ALIGNMENT_JSON}")
