"""Pack a trained model into one file."""

HELP = "pack a trained model with all that it needs into one zip"


def add_arguments(parser):
    parser.add_argument("--expdir", required=True, help="exp/<tag>")
    parser.add_argument("--model", help="weights (default: valid.wer.ave.pth of the experiment)")
    parser.add_argument("--output", help="file to write (default: <expdir>/<tag>.zip)")


def run(args):
    import zipfile
    from pathlib import Path

    from jstasr.data.io import atomic_write
    from jstasr.decode.experiment import DEFAULT_MODEL, Experiment, files_to_pack

    expdir = Path(args.expdir)
    model = Path(args.model) if args.model else expdir / DEFAULT_MODEL
    output = Path(args.output) if args.output else expdir / f"{expdir.resolve().name}.zip"
    Experiment.load(expdir, model)  # refuses a broken experiment here, not at its user's
    with atomic_write(output, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in files_to_pack(expdir, model).items():
            archive.write(path, name)
    Experiment.load(output)
    print(f"{output}: {output.stat().st_size / 1e6:.1f} MB")
