"""Average the best checkpoints."""

from argparse import ArgumentParser, Namespace

from jstasr.experiment.files import AVERAGED, CHECKPOINTS

HELP = "average the weights of the checkpoints with the lowest dev WER"
NEAR_BEST = 1.05  # times the lowest dev WER: checkpoints above are from too early a time to help


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--expdir", required=True, help="exp/<tag> of a training run")
    parser.add_argument(
        "--num",
        type=int,
        default=5,
        help="how many checkpoints, at most, of those within 5%% of the lowest dev WER (default: 5)",
    )
    parser.add_argument("--output", help=f"file to write (default: <expdir>/{AVERAGED})")


def run(args: Namespace) -> None:
    from pathlib import Path

    from jstasr.errors import JstasrError
    from jstasr.experiment.checkpoints import CheckpointFolder, average_checkpoints, save_atomically
    from jstasr.experiment.folder import lock_for_output

    expdir = Path(args.expdir)
    if args.num < 1:
        raise JstasrError(f"--num {args.num}: must be 1 or more")
    if not (expdir / CHECKPOINTS).is_dir():
        raise JstasrError(f"{expdir / CHECKPOINTS}: no such folder. Train first: --stage 6")
    output = Path(args.output) if args.output else expdir / AVERAGED
    with lock_for_output(expdir, output):
        folder = CheckpointFolder(expdir / CHECKPOINTS, keep_best=args.num, keep_last=1)
        steps = folder.best(args.num)
        if not steps:
            raise JstasrError(f"{folder.folder}: holds no checkpoint with a dev WER. Train first: --stage 6")
        scores = folder.scores()
        steps = [step for step in steps if scores[step] <= NEAR_BEST * scores[steps[0]]]
        save_atomically({"model": average_checkpoints([folder.path(step) for step in steps]), "steps": steps}, output)
    used = ", ".join(f"step {step} ({scores[step]:.1f}%)" for step in steps)
    print(f"{output}: mean of {len(steps)} checkpoints by dev WER: {used}")
