"""A trained experiment on disk: exp/<tag>, or the zip that `jstasr pack` makes of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from jstasr.errors import JstasrError
from jstasr.experiment.checkpoints import load_checkpoint, not_finite
from jstasr.experiment.config import TrainConfig, feature_settings, load_config, own_encoder
from jstasr.experiment.files import AVERAGED, BPE, CONFIG, ENCODER, PHONES, TOKENS
from jstasr.experiment.language_model import load_external_lm, own_files
from jstasr.experiment.search import SearchConfig, read_recipe_search
from jstasr.experiment.unpack import unpacked
from jstasr.features.compute import EncoderFeatures
from jstasr.features.front_end import FrontEnd
from jstasr.kaldi.files import first_few
from jstasr.lm.external import ExternalLm
from jstasr.model.config import ModelConfig
from jstasr.model.joint import STREAMING, JointModel
from jstasr.text.tokens import PHONE_SPECIALS, PhoneList, Tokenizer, build_tokenizer

AROUND_ENCODER = ("audio_encoder.front_end.", "audio_encoder.subsampling.")


@dataclass
class Experiment:
    """A model in evaluation mode, its configuration, the tokenizer that reads its output, and how to search.

    `language_model`: of `search`, where that has weights for it. `encoder`: what computes the features, where a
    pretrained encoder was packed with the model.
    """

    config: TrainConfig
    model: JointModel
    tokenizer: Tokenizer
    search: SearchConfig = field(default_factory=SearchConfig)
    language_model: ExternalLm | None = None
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
            with unpacked(path) as folder:
                weights = Path(model) if model else folder / AVERAGED
                return cls.read(folder, weights, str(path), device, own_search)
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
        tokenizer = read_lists(folder, config.model, name)
        state = weights_of(config.model, weights, f"{CONFIG} of {name}")
        packed = folder / ENCODER if (folder / ENCODER).is_dir() else None
        network = JointModel(config.model, own_encoder(config, packed))
        load_weights(network, state, weights, f"{CONFIG} of {name}")
        found = cls(config, network.to(torch.device(device)).eval(), tokenizer)
        if packed is not None and not config.model.pretrained.inside:
            found.encoder = EncoderFeatures(feature_settings(config), packed)
        if own_search:
            found.search = read_recipe_search(folder, name)
            own = own_files(folder, found.search)
            found.language_model = load_external_lm(*own, tokenizer.token_list.tokens, device)
        return found


def require_modes(experiment: Experiment, modes: list[str]) -> None:
    """Refuse the streaming decoder of a model that sees whole utterances."""
    if STREAMING in modes and not experiment.config.model.streams:
        raise JstasrError(
            "this model sees whole utterances (a pretrained encoder, or model.chunk_size=0) and cannot stream: decode "
            "with the full-context decoder (--mode full, --inference_modes full)"
        )


def read_lists(folder: Path, config: ModelConfig, name: str) -> Tokenizer:
    """The tokenizer of an experiment, whose lists must be as long as its configuration says."""
    bpe, phones = folder / BPE, folder / PHONES
    tokenizer = build_tokenizer(folder / TOKENS, bpe if bpe.is_file() else None)
    sizes = [("tokens", config.vocab_size, TOKENS, len(tokenizer))]
    if phones.is_file():
        sizes.append(("phones", config.phone_size, PHONES, len(PhoneList.load(phones))))
    for what, wanted, part, found in sizes:
        if wanted != found:
            raise JstasrError(
                f"{name}: {CONFIG} has {wanted} {what} and {part} holds {found}: they are of different experiments"
            )
    if config.phone_size < len(PHONE_SPECIALS):
        raise JstasrError(f"{name}: {CONFIG}: model.phone_size: must be {len(PHONE_SPECIALS)} or more")
    return tokenizer


class WithoutNormal(TorchFunctionMode):
    """Draws no normal numbers: on the meta device, which has no values, the first draw takes seconds of imports."""

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict | None = None
    ) -> Any:
        """Call a function of torch."""
        return None if func is nn.init.normal_ else func(*args, **(kwargs or {}))


def weights_of(config: ModelConfig, path: Path, config_name: str) -> dict[str, Tensor]:
    """Read a file of weights for a model, which is not built before the two fit: its sizes may be a stranger's.

    Raises:
        JstasrError: they are of another model; `config_name` is the origin of the model in the message.
    """
    weights = load_checkpoint(path)["model"]
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise JstasrError(f"{path}: not a jstasr checkpoint")
    if sum(value.numel() * value.element_size() for value in weights.values()) > path.stat().st_size:
        raise JstasrError(f"{path}: its tensors are larger than the file")
    with torch.device("meta"), WithoutNormal():
        outline = JointModel(config)
    for name, value in outline.state_dict().items():
        if config.pretrained.inside and name.startswith(AROUND_ENCODER):
            continue  # their sizes follow from those of the encoder
        if name not in weights or weights[name].shape != value.shape:
            found = list(weights[name].shape) if name in weights else "missing"
            raise JstasrError(f"{path}: does not fit {config_name}: {name} is {found}, not {list(value.shape)}")
    return weights


def load_weights(network: JointModel, weights: dict[str, Tensor], path: Path, config_name: str) -> None:
    """Load the weights of a file into a model.

    Raises:
        JstasrError: they are of another model, or not finite; `config_name` is the origin of the model in the message.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise JstasrError(f"{path}: does not fit {config_name}: {first_fault(error)}") from error
    if broken := not_finite(weights):
        raise JstasrError(f"{path}: NaN or infinity in {first_few(broken, 3)}; use another checkpoint")
    front_end = network.audio_encoder.front_end
    if isinstance(front_end, FrontEnd) and not (front_end.std > 0).all():
        raise JstasrError(f"{path}: audio_encoder.front_end.std: must be above 0; use another checkpoint")


def first_fault(error: RuntimeError) -> str:
    """The first of the differences that `load_state_dict` lists, short."""
    lines = str(error).split("\n")
    return " ".join(lines[min(1, len(lines) - 1)].split())[:200]
