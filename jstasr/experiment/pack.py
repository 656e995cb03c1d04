"""One zip with all that `Experiment.load` reads."""

import zipfile
from pathlib import Path

import torch

from jstasr.experiment.checkpoints import load_checkpoint
from jstasr.experiment.files import AVERAGED, BPE, CONFIG, PHONES, TOKENS
from jstasr.experiment.load import Experiment
from jstasr.kaldi.files import atomic_write


def pack(expdir: Path, model: Path, output: Path) -> None:
    """Write one zip with all that `Experiment.load` reads; checked before it takes its name.

    Raises:
        JstasrError: the experiment is broken, or the zip cannot be written.
    """
    Experiment.load(expdir, model)  # refuses a broken experiment here, not at its user's
    with atomic_write(output, "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in (CONFIG, TOKENS, BPE, PHONES):
                if (expdir / name).is_file():
                    archive.write(expdir / name, name)
            with archive.open(AVERAGED, "w", force_zip64=True) as target:
                torch.save({"model": load_checkpoint(model)["model"]}, target)  # without an optimiser's state
        file.flush()
        Experiment.load(file.name)
