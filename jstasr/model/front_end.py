"""What the audio encoder sees of the log-mel features: normalised, streaming, on request as cepstra."""

import math

import torch
from torch import Tensor, nn

from jstasr.model.config import ModelConfig

CORRELATION = 0.25  # share of the mel axis over which the correlation of two bins falls to 1/e
LEAST_VARIANCE = 0.01  # of a coefficient in an utterance, relative to the global one


def cosine_transform(bins: int, coefficients: int) -> Tensor:
    """The first columns of the orthonormal DCT-II, (bins, coefficients) (Davis and Mermelstein, 1980)."""
    angle = math.pi / bins * (torch.arange(bins)[:, None] + 0.5) * torch.arange(coefficients)
    scale = torch.full((coefficients,), math.sqrt(2 / bins))
    scale[0] = math.sqrt(1 / bins)
    return torch.cos(angle) * scale


class FrontEnd(nn.Module):
    """Normalisation of raw log-mel features; nothing looks ahead, so that a stream sees what training saw.

    Global mean and variance; with `online_cmn` the mean follows the utterance, with `online_variance` the variance
    too; with `cepstra` all that on the first coefficients of the cosine transform, which hold the vocal tract but not
    the pitch.
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.prior = config.online_cmn
        self.online_variance = config.online_variance
        self.cepstra = config.cepstra
        self.width = config.cepstra or config.num_mel_bins
        self.register_buffer("mean", torch.zeros(config.num_mel_bins))
        self.register_buffer("std", torch.ones(self.width))
        if self.cepstra:
            self.register_buffer("transform", cosine_transform(config.num_mel_bins, self.cepstra), persistent=False)

    def set_cmvn(self, mean: Tensor, std: Tensor) -> None:
        """Global mean and standard deviation of the log-mel features, (F,) each, kept with the weights.

        The standard deviation of a cepstral coefficient follows from those of the bins and from how bins correlate:
        less and less with their distance, exponentially.
        """
        mean, std = torch.as_tensor(mean), torch.as_tensor(std).clamp(min=1e-5)
        self.mean.copy_(mean)
        if self.cepstra:
            place = torch.arange(len(std)) / len(std)
            covariance = std[:, None] * std * torch.exp((place[:, None] - place).abs() / -CORRELATION)
            transform = self.transform.to(std)
            std = (transform * (covariance.to(transform) @ transform)).sum(dim=0).sqrt()
        self.std.copy_(std)

    def forward(self, features: Tensor, history: dict | None = None) -> Tensor:
        """Normalise.

        The running mean and variance at a frame are those of the frames up to it and of `online_cmn` frames of the
        global kind: they remove the level, colour and dynamic range of a voice and microphone within a few frames.

        Args:
            features: (N, T, F) raw log-mel.
            history: what a stream has heard, {} before its first frame; updated. None: whole utterances.
        Returns:
            (N, T, width): F or `cepstra`.
        """
        centred = features - self.mean
        if self.cepstra:
            centred = centred @ self.transform
        if self.prior == 0 or features.shape[1] == 0:
            return centred / self.std
        history = {} if history is None else history
        heard = centred.cumsum(dim=1) + history.get("sum", 0.0)
        first = history.get("count", 0) + self.prior + 1
        counts = torch.arange(first, first + features.shape[1], device=features.device)[:, None]
        mean = heard / counts
        history["sum"], history["count"] = heard[:, -1:], history.get("count", 0) + features.shape[1]
        if not self.online_variance:
            return (centred - mean) / self.std
        power = centred.square().cumsum(dim=1) + history.get("power", 0.0)
        history["power"] = power[:, -1:]
        variance = (power + self.prior * self.std.square()) / counts - mean.square()
        return (centred - mean) / torch.maximum(variance, LEAST_VARIANCE * self.std.square()).sqrt()
