"""Weights that a training starts from, instead of random ones."""

from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.experiment.checkpoints import load_checkpoint
from jstasr.experiment.files import AVERAGED
from jstasr.experiment.unpack import unpacked
from jstasr.kaldi.files import first_few
from jstasr.model.joint import JointModel

STATISTICS = (
    "audio_encoder.front_end.mean",
    "audio_encoder.front_end.std",
)  # of the training set, not of the other one


def initial_weights(network: JointModel, source: str | Path, ignore_mismatch: bool = False) -> str:
    """Load the weights of another experiment into a model, except the statistics of its features.

    Args:
        source: a model file, exp/<tag>, or a packed zip.
        ignore_mismatch: take the weights that fit in name and shape, and leave the others.
    Returns:
        A line for the log.
    Raises:
        JstasrError: no such model, or weights that do not fit.
    """
    path = Path(source)
    if path.is_dir():
        path /= AVERAGED
    if path.suffix == ".zip" and path.is_file():
        with unpacked(path) as folder:
            given = load_checkpoint(folder / AVERAGED)["model"]
    elif not path.is_file():
        raise JstasrError(
            f"--init {source}: no such model. Give a .pth file, exp/<tag> with {AVERAGED}, or a packed zip"
        )
    else:
        given = load_checkpoint(path)["model"]
    own = {name: value for name, value in network.state_dict().items() if name not in STATISTICS}
    fitting = {name: given[name] for name in own if name in given and given[name].shape == own[name].shape}
    others = sorted(own.keys() - fitting.keys())
    if others and not ignore_mismatch:
        raise JstasrError(
            f"--init {source}: {len(others)} of {len(own)} weights are missing there or of another size: "
            f"{first_few(others, 3)}. Train with the configuration and the token and phone lists of that model, "
            "or take those that fit: --ignore-init-mismatch (--ignore_init_mismatch true of asr.sh)"
        )
    if not fitting:
        raise JstasrError(f"--init {source}: no weight in it fits this model")
    network.load_state_dict(fitting, strict=False)
    rest = f"; at random: {first_few(others, 5)}" if others else ""
    return f"starting from {len(fitting)} of {len(own)} weights of {source}{rest}"
