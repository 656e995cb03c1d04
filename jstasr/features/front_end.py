"""What the audio encoder sees of the log-mel features: normalised, streaming, optionally as cepstra."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

CORRELATION = 0.25  # share of the mel axis over which the correlation of two bins falls to 1/e
LEAST_VARIANCE = 0.01  # of a coefficient in an utterance, relative to the global one


def cosine_transform(bins: int, coefficients: int) -> Tensor:
    """The first columns of the orthonormal DCT-II, (bins, coefficients) (Davis and Mermelstein, 1980)."""
    angle = math.pi / bins * (torch.arange(bins)[:, None] + 0.5) * torch.arange(coefficients)
    scale = torch.full((coefficients,), math.sqrt(2 / bins))
    scale[0] = math.sqrt(1 / bins)
    return torch.cos(angle) * scale


@dataclass
class FrontEndState:
    """Sums over the frames of a stream so far: their number, their values and squares, (N, 1, width) each.

    The number is one for all streams, or a tensor (N, 1, 1).
    """

    frames: int | Tensor = 0
    values: Tensor | float = 0.0
    squares: Tensor | float = 0.0


class FrontEnd(nn.Module):
    """Normalisation of raw log-mel features without look-ahead, so that a stream sees what training saw.

    Global mean and variance; with `online_cmn` the mean follows the utterance, with `online_variance` the variance
    too; with `cepstra` all that on the first coefficients of the cosine transform, which hold the vocal tract but not
    the pitch.
    """

    mean: Tensor
    std: Tensor
    transform: Tensor

    def __init__(self, num_mel_bins: int, online_cmn: int = 0, online_variance: bool = False, cepstra: int = 0):
        super().__init__()
        self.prior = online_cmn
        self.online_variance = online_variance
        self.cepstra = cepstra
        self.width = cepstra or num_mel_bins
        self.register_buffer("mean", torch.zeros(num_mel_bins))
        self.register_buffer("std", torch.ones(self.width))
        if cepstra:
            self.register_buffer("transform", cosine_transform(num_mel_bins, cepstra), persistent=False)

    def set_cmvn(self, mean: Tensor, std: Tensor) -> None:
        """Set the global mean and standard deviation of the log-mel features, (F,) each, kept with the weights.

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

    def forward(self, features: Tensor, state: FrontEndState | None = None) -> Tensor:
        """Normalise, in float32 under autocast too.

        The running mean and variance at a frame are those of the frames up to it and of `online_cmn` frames with the
        global statistics: they remove the level, colour and dynamic range of a voice and microphone within a few
        frames.

        Args:
            features: (N, T, F) raw log-mel.
            state: of a stream, updated; None: whole utterances.
        Returns:
            (N, T, width): F or `cepstra`.
        """
        with torch.autocast(features.device.type, enabled=False):
            centred = features - self.mean
            if self.cepstra:
                centred = centred @ self.transform
            if self.prior == 0 or features.shape[1] == 0:
                return centred / self.std
            state = FrontEndState() if state is None else state
            values = centred.cumsum(dim=1) + state.values
            counts = torch.arange(1, features.shape[1] + 1, device=features.device)[:, None]
            counts = counts + state.frames + self.prior
            mean = values / counts
            state.values, state.frames = values[:, -1:], state.frames + features.shape[1]
            if not self.online_variance:
                return (centred - mean) / self.std
            squares = centred.square().cumsum(dim=1) + state.squares
            state.squares = squares[:, -1:]
            variance = (squares + self.prior * self.std.square()) / counts - mean.square()
            return (centred - mean) / torch.maximum(variance, LEAST_VARIANCE * self.std.square()).sqrt()
