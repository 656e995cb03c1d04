"""A trained experiment on disk: exp/<tag>, or the zip that `jstasr pack` makes of it."""

import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch

from jstasr.errors import JstasrError
from jstasr.model.joint import JointModel
from jstasr.text.tokens import Tokenizer, build_tokenizer
from jstasr.train.checkpoint import load_checkpoint
from jstasr.train.config import TrainConfig, load_config

CONFIG, TOKENS, BPE, PHONES = "config.yaml", "tokens.txt", "bpe.model", "phones.txt"
DEFAULT_MODEL = "valid.wer.ave.pth"


@dataclass
class Experiment:
    """Model in evaluation mode, with what it takes to feed it and to read its output."""

    config: TrainConfig
    model: JointModel
    tokenizer: Tokenizer

    @classmethod
    def load(cls, path: str | Path, model: str | Path | None = None, device: str = "cpu") -> "Experiment":
        """Load an experiment.

        Args:
            path: exp/<tag> or a packed zip.
            model: weights file; None: valid.wer.ave.pth of the experiment.
        Raises:
            JstasrError: a part is missing or damaged; says which and what makes it.
        """
        path = Path(path)
        if path.is_file() and zipfile.is_zipfile(path):
            with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
                return cls.load(folder, model, device)
        if not path.is_dir():
            raise JstasrError(f"{path}: neither an experiment folder (exp/<tag>) nor a packed model (.zip)")
        for name in (CONFIG, TOKENS):
            if not (path / name).is_file():
                raise JstasrError(f"{path / name}: missing, so {path} is not a trained experiment. Train: --stage 6")
        weights = Path(model) if model else path / DEFAULT_MODEL
        if not weights.is_file():
            raise JstasrError(f"{weights}: no such model. Average the checkpoints first: --stage 7")
        config = load_config(path / CONFIG)
        bpe = path / BPE
        tokenizer = build_tokenizer(path / TOKENS, bpe if bpe.is_file() else None)
        network = JointModel(config.model)
        try:
            network.load_state_dict(load_checkpoint(weights)["model"])
        except RuntimeError as error:
            raise JstasrError(f"{weights}: does not fit {path / CONFIG}: {error}") from error
        return cls(config, network.to(torch.device(device)).eval(), tokenizer)


def files_to_pack(expdir: Path, model: Path) -> dict[str, Path]:
    """Name in the zip -> file, for everything that `Experiment.load` reads."""
    files = {name: expdir / name for name in (CONFIG, TOKENS, BPE, PHONES) if (expdir / name).is_file()}
    return files | {DEFAULT_MODEL: model}
