"""Pack a trained model into one file."""

from argparse import ArgumentParser, Namespace

from jstasr.bin._search_options import add_search_options
from jstasr.experiment.files import AVERAGED
from jstasr.kaldi.data_dir import UTT2LANG

HELP = "pack a trained model with all that it needs into one zip"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--expdir", required=True, help="exp/<tag>")
    parser.add_argument("--model", help=f"weights (default: {AVERAGED} of the experiment)")
    parser.add_argument("--output", help="file to write (default: <expdir>/<tag>.zip)")
    add_search_options(parser, "as the experiment was decoded last")
    parser.add_argument(
        "--lang", help=f"language that `jstasr transcribe` gives to a multilingual model; {UTT2LANG}: none"
    )

    parser.add_argument(
        "--with-encoder", action="store_true", help="pack the pretrained encoder too, not its name and digest alone"
    )


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.bin._search_options import search_settings
    from jstasr.errors import JstasrError
    from jstasr.experiment.folder import lock_for_output
    from jstasr.experiment.pack import pack

    expdir = Path(args.expdir)
    if not expdir.is_dir():
        raise JstasrError(f"{expdir}: no such experiment. Train first: --stage 6")
    output = Path(args.output) if args.output else expdir / f"{expdir.resolve().name}.zip"
    given = args.config or args.overrides or args.lm or args.nnlm or args.hotwords or args.lang
    search = search_settings(args) if given else None
    with lock_for_output(expdir, output):
        model = Path(args.model) if args.model else expdir / AVERAGED
        pack(expdir, model, output, search, args.lm, args.with_encoder, args.nnlm)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
