"""A pretrained encoder as one interface: samples in, the output of every layer out."""

import contextlib
import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from jstasr.errors import JstasrError
from jstasr.pretrained.outline import check_config, check_size
from jstasr.pretrained.store import CONFIG, EXTRA, STORE, digest_of, find_encoder, require_digest, weight_files

AGAIN = "Bring the encoder again"


class SpeechEncoder(nn.Module, ABC):
    """A pretrained encoder of speech, in evaluation mode and without gradients until asked otherwise.

    Attributes:
        sample_rate: Hz of the samples.
        width: C, the width of every layer.
        num_layers: transformer layers; layer 0 is what enters the first, layer `num_layers` the output.
        family: what it is, as in "whisper".
        longest_samples: of a signal that it takes; None: any.
        attention: names of the projections to queries and values in a block, for LoRA; empty: it cannot be used.
    """

    sample_rate: int
    width: int
    num_layers: int
    family: str
    longest_samples: int | None = None
    attention: tuple[str, ...] = ("q_proj", "v_proj")

    @property
    @abstractmethod
    def blocks(self) -> list[nn.Module]:
        """The transformer layers, from the lowest."""

    @abstractmethod
    def num_frames(self, num_samples: int) -> int:
        """Number of frames (20 ms each) of a signal; 0 for one that is too short."""

    @abstractmethod
    def forward(self, samples: Tensor, lengths: Tensor, masked: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """Encode whole utterances.

        Args:
            samples: (N, S) float32 in [-1, 1], any padding; lengths: (N,) int, samples before padding.
            masked: (N, T) bool, frames that are hidden from the transformer as in the encoder's own training: replaced
                by its learned vector (0 where the weights lack it), in Whisper by log-mel features of 0.
        Returns:
            The layers 0 .. num_layers, (N, T, C) each, and (N,) frames before padding. Padding changes none of them.
        """


def one_by_one(
    encode: Callable[[Tensor, Tensor | None], list[Tensor]], samples: Tensor, lengths: Tensor, masked: Tensor | None
) -> tuple[list[Tensor], Tensor]:
    """`SpeechEncoder.forward` for networks that padding would change.

    encode: f(signal (S,), masked (at least T,) bool or None) -> layers (T, C).
    """
    masks = [None] * len(samples) if masked is None else masked
    each = [encode(signal[:length], mask) for signal, length, mask in zip(samples, lengths.tolist(), masks)]
    frame_lengths = torch.tensor([len(layers[0]) for layers in each], device=samples.device)
    return [pad_sequence(list(same), batch_first=True) for same in zip(*each)], frame_lengths


def allow_masks(network: Any) -> None:
    """Let a network of transformers that sees the waveform take masks, whatever its own configuration says."""
    network.config.apply_spec_augment = True  # without masks given, in training mode only
    if not hasattr(network, "masked_spec_embed"):
        network.register_buffer("masked_spec_embed", torch.zeros(network.config.hidden_size), persistent=False)


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """True inside the lengths: (N,) int -> (N, size) bool."""
    return torch.arange(size, device=lengths.device)[None] < lengths[:, None]


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a model's folder.

    Raises:
        JstasrError: it is missing or damaged, or asks for what no encoder has.
    """
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text("utf-8"))
        check_config(path, config)
    except FileNotFoundError:
        raise JstasrError(
            f"{folder}: holds no {CONFIG}, so it is no pretrained encoder in the layout of Hugging Face"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise JstasrError(f"{path}: cannot be read ({error}). {AGAIN}") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise JstasrError(f"{path}: names no model_type, so it is no pretrained encoder in the layout of Hugging Face")
    return config


def load_encoder(folder: str | Path) -> SpeechEncoder:
    """The encoder in a folder in the layout of Hugging Face: config.json and weights as safetensors or of torch.

    No code of the folder is run, and torch's files are read with `weights_only`.

    Raises:
        JstasrError: the folder is no model, one of another kind, or damaged; the package transformers is missing.
    """
    folder = Path(folder)
    config = read_config(folder)
    kind = config["model_type"]
    families = encoder_families()
    if kind not in families:
        raise JstasrError(
            f"{folder}: is a model of the type {kind!r}, not a speech encoder that this version knows: "
            f"{' '.join(sorted(families))}"
        )
    if not weight_files(folder):
        raise JstasrError(f"{folder}: holds no weights beside {CONFIG}. {AGAIN}")
    try:
        import transformers  # noqa: F401
    except ImportError:
        raise JstasrError(f"{folder}: a pretrained encoder needs the package transformers: {EXTRA}") from None
    try:
        encoder = families[kind](folder)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise JstasrError(f"{folder}: {CONFIG} does not describe the encoder ({error!r}). {AGAIN}") from error
    return encoder.requires_grad_(False).eval()


def encoder_families() -> dict[str, type[Any]]:
    """model_type of config.json -> its class, which takes the folder."""
    from jstasr.pretrained.w2v_bert import W2vBertEncoder
    from jstasr.pretrained.wav2vec import WAV2VEC_TYPES, Wav2VecEncoder
    from jstasr.pretrained.whisper import WhisperEncoder

    return {"whisper": WhisperEncoder, "wav2vec2-bert": W2vBertEncoder, **dict.fromkeys(WAV2VEC_TYPES, Wav2VecEncoder)}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and notes of transformers, whose faults `weights_of` reports itself."""
    from transformers.utils import logging as own

    before, bars = own.get_verbosity(), own.is_progress_bar_enabled()
    own.set_verbosity(logging.CRITICAL)
    own.disable_progress_bar()
    try:
        yield
    finally:
        own.set_verbosity(before)
        if bars:
            own.enable_progress_bar()


def pretrained_network(network: type[Any], folder: Path, **options: Any) -> Any:
    """A network of transformers with the weights of a folder, float32.

    Raises:
        JstasrError: weights that are cut short, missing, of other sizes or not finite.
    """
    broken = f"{folder}: its weights cannot be used"
    try:
        with quiet():
            check_size(network, folder)
            found, info = network.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, dtype=torch.float32, **options
            )
    except JstasrError:
        raise
    except Exception as error:  # each kind of damage raises a type of its own, safetensors' among them
        raise JstasrError(f"{broken} ({' '.join(str(error).split())[:200]}). {AGAIN}") from error
    lacking = [*info["missing_keys"], *(key[0] if isinstance(key, tuple) else key for key in info["mismatched_keys"])]
    if lacking:
        raise JstasrError(f"{broken}: {len(lacking)} are missing or of another size, such as {lacking[0]}. {AGAIN}")
    for name, weight in found.named_parameters():
        if not torch.isfinite(weight).all():
            raise JstasrError(f"{broken}: NaN or infinity in {name}. {AGAIN}")
    return found


def locate(name: str) -> Path:
    """The folder of an encoder, or the file of a bundle; errors as of `find_encoder` and `find_bundle`."""
    from jstasr.pretrained.bundles import bundle, find_bundle

    if bundle(name) is not None and not (Path(os.environ.get(STORE, "")) / name).is_dir():
        return find_bundle(name)
    return find_encoder(name)


def load_located(name: str, path: Path) -> SpeechEncoder:
    """The encoder of a name in the place that `locate` found; errors as of `load_encoder` and `load_bundle`."""
    from jstasr.pretrained.bundles import load_bundle

    return load_encoder(path) if path.is_dir() else load_bundle(name, path)


def open_encoder(
    name: str, digest: str, layer: int, sample_rate: int, folder: Path | None = None
) -> tuple[SpeechEncoder, str]:
    """Find and load an encoder, with the digest of its weights.

    Args:
        digest: that its weights must have; empty: any.
        layer: that must exist; sample_rate: Hz, that it must take.
        folder: of the encoder; None: it is looked for by its name.
    Raises:
        JstasrError: it is missing, damaged, or not the one that is meant.
    """
    path = folder or locate(name)
    found = digest_of(path)
    if digest:
        require_digest(name, found, digest, "this model")
    encoder = load_located(name, path)
    if sample_rate != encoder.sample_rate:
        raise JstasrError(
            f"pretrained encoder {name}: takes audio of {encoder.sample_rate} Hz, not of {sample_rate} Hz. Set "
            f"--fs {encoder.sample_rate} and run stage 2 again"
        )
    layers = encoder.num_layers
    if not -layers - 1 <= layer <= layers:
        raise JstasrError(
            f"model.pretrained.layer: {layer}: {name} has the layers 0 to {layers} (or, from the last, -1 to "
            f"{-layers - 1})"
        )
    return encoder, found
