"""A trained experiment on disk: exp/<tag>, or the zip that `jstasr pack` makes of it."""

import re
import shutil
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import torch

from jstasr.errors import JstasrError
from jstasr.experiment.checkpoints import load_checkpoint, not_finite
from jstasr.experiment.config import TrainConfig, feature_settings, load_config, own_encoder
from jstasr.experiment.files import AVERAGED, BPE, CONFIG, DECODE, ENCODER, LM, PHONES, TOKENS
from jstasr.experiment.search import SearchConfig, read_recipe_search
from jstasr.features.compute import EncoderFeatures
from jstasr.kaldi.files import first_few
from jstasr.lm.ngram import NgramModel
from jstasr.model.joint import STREAMING, JointModel
from jstasr.text.tokens import Tokenizer, build_tokenizer

ENCODER_FILE = re.compile(rf"{ENCODER}/[\w.-]+\.(json|safetensors|bin)")


@dataclass
class Experiment:
    """A model in evaluation mode, its configuration, the tokenizer that reads its output, and how to search.

    `language_model`: of `search`, where that has a weight for it. `encoder`: what computes the features, where a
    pretrained encoder was packed with the model.
    """

    config: TrainConfig
    model: JointModel
    tokenizer: Tokenizer
    search: SearchConfig = field(default_factory=SearchConfig)
    language_model: NgramModel | None = None
    encoder: EncoderFeatures | None = None

    @classmethod
    def load(
        cls, path: str | Path, model: str | Path | None = None, device: str = "cpu", own_search: bool = True
    ) -> "Experiment":
        """Load an experiment.

        Args:
            path: exp/<tag> or a packed zip.
            model: weights file; None: valid.wer.ave.pth of the experiment.
            device: as torch names it: cpu, cuda, cuda:1.
            own_search: read the search settings too; False leaves the defaults.
        Raises:
            JstasrError: a part is missing or damaged; says which and what makes it.
        """
        path = Path(path)
        if torch.device(device).type == "cuda" and not torch.cuda.is_available():
            raise JstasrError(f"{device}: PyTorch sees no GPU here. Use the CPU (--ngpu 0), or look at `nvidia-smi`")
        if path.is_file():
            with tempfile.TemporaryDirectory() as folder:
                unpack(path, Path(folder))
                weights = Path(model) if model else Path(folder) / AVERAGED
                return cls.read(Path(folder), weights, str(path), device, own_search)
        if not path.is_dir():
            raise JstasrError(f"{path}: neither an experiment folder (exp/<tag>) nor a packed model (.zip)")
        return cls.read(path, Path(model) if model else path / AVERAGED, str(path), device, own_search)

    @classmethod
    def read(cls, folder: Path, weights: Path, name: str, device: str, own_search: bool) -> "Experiment":
        """Read an unpacked experiment and its weights; `name` stands for it in error messages."""
        for part in (CONFIG, TOKENS):
            if not (folder / part).is_file():
                raise JstasrError(f"{name}: holds no {part}, so it is not a trained experiment. Train: --stage 6")
        if not weights.is_file():
            raise JstasrError(f"{weights}: no such model. Average the checkpoints first: --stage 7")
        config = load_config(folder / CONFIG, trained=True)
        config.features.kind = feature_settings(config).kind
        bpe = folder / BPE
        tokenizer = build_tokenizer(folder / TOKENS, bpe if bpe.is_file() else None)
        if config.model.vocab_size != len(tokenizer):
            raise JstasrError(
                f"{name}: {CONFIG} has {config.model.vocab_size} tokens and {TOKENS} holds {len(tokenizer)}: "
                "they are of different experiments"
            )
        packed = folder / ENCODER if (folder / ENCODER).is_dir() else None
        network = JointModel(config.model, own_encoder(config, packed))
        load_weights(network, weights, f"{CONFIG} of {name}")
        found = cls(config, network.to(torch.device(device)).eval(), tokenizer)
        if packed is not None and not config.model.pretrained.inside:
            found.encoder = EncoderFeatures(feature_settings(config), packed)
        if own_search:
            found.search = read_recipe_search(folder, name)
            if found.search.lm_weight > 0:
                found.language_model = NgramModel.load(folder / LM, tokenizer.token_list.tokens, device)
        return found


def require_modes(experiment: Experiment, modes: list[str]) -> None:
    """Refuse the streaming decoder of a model that sees whole utterances."""
    if STREAMING in modes and not experiment.config.model.streams:
        raise JstasrError(
            "this model sees whole utterances (a pretrained encoder, or model.chunk_size=0) and cannot stream: decode "
            "with the full-context decoder (--mode full, --inference_modes full)"
        )


def load_weights(network: JointModel, path: Path, config_name: str) -> None:
    """Load a file of weights into a model.

    Raises:
        JstasrError: they are of another model, or not finite; `config_name` is the origin of the model in the message.
    """
    weights = load_checkpoint(path)["model"]
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise JstasrError(f"{path}: does not fit {config_name}: {first_fault(error)}") from error
    if broken := not_finite(weights):
        raise JstasrError(f"{path}: NaN or infinity in {first_few(broken, 3)}; use another checkpoint")


def first_fault(error: RuntimeError) -> str:
    """The first of the differences that `load_state_dict` lists, short."""
    lines = str(error).split("\n")
    return " ".join(lines[min(1, len(lines) - 1)].split())[:200]


def unpack(path: Path, folder: Path) -> None:
    """Unpack the known files of a packed model; JstasrError if it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            known = {CONFIG, TOKENS, BPE, PHONES, AVERAGED, DECODE, LM}
            for name in archive.namelist():
                if name not in known and not ENCODER_FILE.fullmatch(name):
                    continue
                (folder / name).parent.mkdir(exist_ok=True)
                with archive.open(name) as source, open(folder / name, "wb") as target:
                    shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise JstasrError(f"{path}: not a packed model, or damaged ({error}). Pack it again: --stage 11") from error
