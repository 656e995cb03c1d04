"""What computes features: log-mel features, a layer of a pretrained encoder, or the samples as they are."""

from pathlib import Path
from typing import Protocol

import numpy as np

from jstasr.errors import JstasrError
from jstasr.features.fbank import Fbank
from jstasr.features.frames import FRAME_LENGTH_MS, PRETRAINED_SHIFT_MS
from jstasr.features.settings import PRETRAINED, WAVEFORM, FeatureSettings

CONTEXT_SECONDS = 2.0  # on either side of a piece of a recording that is longer than an encoder takes


class FeatureComputer(Protocol):
    """Samples (N,) float32 in [-1, 1] of `sample_rate` -> (T, F) float32; refuses fewer samples than `window`."""

    settings: FeatureSettings
    sample_rate: int
    num_mel_bins: int
    window: int

    def __call__(self, samples: np.ndarray) -> np.ndarray: ...


def feature_computer(settings: FeatureSettings) -> FeatureComputer:
    """What computes features of these settings.

    Raises:
        JstasrError: settings that nothing computes; a pretrained encoder that is missing, damaged, or another one.
    """
    if settings.kind == PRETRAINED:
        return EncoderFeatures(settings)
    if settings.kind == WAVEFORM:
        return Waveform(settings)
    return Fbank(settings.sample_rate, settings.num_mel_bins, settings.kind)


class Waveform:
    """The samples in rows of a frame of a pretrained encoder each, the last one filled up with 0."""

    def __init__(self, settings: FeatureSettings):
        self.settings = settings
        self.sample_rate = settings.sample_rate
        self.num_mel_bins = settings.sample_rate * PRETRAINED_SHIFT_MS // 1000
        self.window = settings.sample_rate * FRAME_LENGTH_MS // 1000

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """(N,) float32 -> (T, F) float32."""
        refuse_short(samples, self.window)
        padded = np.pad(np.asarray(samples, dtype=np.float32), (0, -len(samples) % self.num_mel_bins))
        return padded.reshape(-1, self.num_mel_bins)


class EncoderFeatures:
    """A layer of a frozen pretrained encoder.

    Args:
        settings: name the encoder, the layer, and, unless it is empty, the digest that its weights must have.
        folder: of the encoder; None: it is looked for by its name.
    Raises:
        JstasrError: the encoder is missing or damaged, of other weights or of another sampling rate.
    """

    def __init__(self, settings: FeatureSettings, folder: Path | None = None):
        from jstasr.pretrained.encoder import open_encoder

        named = settings.encoder, settings.digest, settings.layer, settings.sample_rate
        self.encoder, digest = open_encoder(*named, folder)
        self.sample_rate, self.num_mel_bins = self.encoder.sample_rate, self.encoder.width
        self.settings = settings._replace(num_mel_bins=self.num_mel_bins, digest=digest)
        self.window = self.sample_rate * FRAME_LENGTH_MS // 1000

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """(N,) float32 -> (T, F) float32; a recording longer than the encoder takes, in pieces that overlap."""
        refuse_short(samples, self.window)
        longest = self.encoder.longest_samples
        if longest is None or len(samples) <= longest:
            return self.encode(samples)
        shift = self.sample_rate * PRETRAINED_SHIFT_MS // 1000
        context = round(CONTEXT_SECONDS * self.sample_rate / shift)  # frames
        step = longest // shift - 2 * context
        parts = []
        for first in range(0, -(-len(samples) // shift), step):
            before = min(first, context)
            piece = samples[(first - before) * shift : (first + step + context) * shift]
            parts.append(self.encode(piece)[before : before + step])
        return np.concatenate(parts)

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """The layer (T, F) of samples that the encoder takes at once."""
        import torch

        with torch.inference_mode():
            signal = torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
            layers, _ = self.encoder(signal, torch.tensor([len(samples)]))
        return layers[self.settings.layer][0].numpy()


def refuse_short(samples: np.ndarray, window: int) -> None:
    """Refuse a signal without a frame, as `Fbank` does."""
    if len(samples) < window:
        raise JstasrError(f"{len(samples)} samples are less than one window, {window} ({FRAME_LENGTH_MS} ms)")
