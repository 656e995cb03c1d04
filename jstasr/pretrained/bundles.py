"""The bundles of torchaudio.pipelines: wav2vec 2.0, XLS-R, HuBERT and WavLM without another package."""

import os
import re
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.errors import JstasrError
from jstasr.pretrained.encoder import SpeechEncoder, one_by_one
from jstasr.pretrained.store import STORE
from jstasr.pretrained.wav2vec import FRAME

SOURCE = "https://download.pytorch.org/torchaudio/models/"  # of torchaudio's own downloads


def bundle(name: str) -> Any:
    """The bundle of a name such as HUBERT_BASE, or None."""
    if not re.fullmatch(r"[A-Z][A-Z0-9_]+", name):
        return None
    from torchaudio import pipelines

    found = getattr(pipelines, name, None)
    return found if isinstance(found, pipelines.Wav2Vec2Bundle) else None


def find_bundle(name: str) -> Path:
    """The file of a bundle's weights: in the store, in torch's cache, else downloaded into that.

    Raises:
        JstasrError: it cannot be downloaded; says how to bring it.
    """
    path = bundle(name)._path  # torchaudio has no public name for it
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    store = os.environ.get(STORE, "")
    for folder in ([Path(store)] if store else []) + [cache]:
        if (folder / path).is_file():
            return folder / path
    cache.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(SOURCE + path, str(cache / path), progress=False)
    except OSError as error:
        raise JstasrError(
            f"pretrained encoder {name}: {path} is neither in ${STORE} ({store or 'not set'}) nor in {cache}, and "
            f"cannot be downloaded ({error}). Where there is a network: "
            f"curl -o {Path(store or cache) / path} {SOURCE}{path}"
        ) from error
    return cache / path


def load_bundle(name: str, path: Path) -> "BundleEncoder":
    """The encoder of a bundle with the weights of a file, which is read with `weights_only`.

    Raises:
        JstasrError: the file is damaged, or of another model.
    """
    import torchaudio

    found = bundle(name)
    factory = torchaudio.models.wavlm_model if found._model_type == "WavLM" else torchaudio.models.wav2vec2_model
    network = factory(**found._params)
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises a type of its own for each kind of damage
        fault = f"{path}: its weights cannot be used as {name} ({' '.join(str(error).split())[:200]})"
        raise JstasrError(f"{fault}. Bring the encoder again") from error
    encoder = BundleEncoder(network, name, int(found.sample_rate), found._normalize_waveform)
    return encoder.requires_grad_(False).eval()


class BundleEncoder(SpeechEncoder):
    """A model of torchaudio, one utterance at a time: its convolutions normalise over time.

    Args:
        network: of torchaudio's wav2vec2_model or wavlm_model.
        normalise: the samples to mean 0 and variance 1.
    """

    attention = ()  # torchaudio's functions read the weights of the projections, past what LoRA adds

    def __init__(self, network: Any, family: str, sample_rate: int, normalise: bool):
        super().__init__()
        self.network, self.family, self.sample_rate, self.normalise = network, family, sample_rate, normalise
        self.width = network.encoder.feature_projection.projection.out_features
        self.num_layers = len(network.encoder.transformer.layers)

    @property
    def blocks(self) -> list[nn.Module]:
        """The transformer layers."""
        return list(self.network.encoder.transformer.layers)

    def num_frames(self, num_samples: int) -> int:
        """Number of frames of a signal: those whose whole window (400 samples) lies in it."""
        return max(0, (num_samples - 400) // FRAME + 1)

    def forward(self, samples: Tensor, lengths: Tensor, masked: Tensor | None = None) -> tuple[list[Tensor], Tensor]:
        """See `SpeechEncoder.forward`."""
        return one_by_one(self.encode, samples, lengths, masked)

    def encode(self, signal: Tensor, masked: Tensor | None = None) -> list[Tensor]:
        """The layers (T, C) of one utterance (S,); masked: (at least T,) bool."""
        if self.normalise:
            signal = F.layer_norm(signal, signal.shape)
        encoder = self.network.encoder
        transformer = encoder.transformer
        frames, _ = self.network.feature_extractor(signal[None], None)
        frames = encoder.feature_projection(frames)
        if masked is not None:  # torchaudio leaves the vector of masked frames out
            frames = frames.masked_fill(masked[None, : frames.shape[1], None], 0.0)
        frames = frames + transformer.pos_conv_embed(frames)
        if transformer.layer_norm_first:
            frames = transformer.layer_norm(frames)
        layers, bias = [frames], None
        for block in transformer.layers:
            frames, bias = block(frames, None, position_bias=bias)
            layers.append(frames)
        if not transformer.layer_norm_first:
            layers[-1] = transformer.layer_norm(layers[-1])
        return [layer[0] for layer in layers]
