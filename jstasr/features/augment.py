"""Other voices and other microphones, made from the features at hand: useful where training has few speakers."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

LOG_POWER_PER_DB = 0.2302585092994046  # ln(10) / 10


@dataclass
class AugmentConfig:
    """Drawn for each utterance of each step; 0 switches a part off."""

    warp: float = 0.0  # vocal tract length: the mel axis is stretched by a factor in [1 - warp, 1 + warp]
    filter_db: float = 0.0  # microphone: a smooth random curve over the mel axis, at most this many dB
    gain_db: float = 0.0  # level: at most this many dB, either way
    noise_share: float = 0.0  # share of the utterances to which stationary noise is added
    noise_snr_db: list[float] = field(default_factory=lambda: [5.0, 35.0])  # below their mean level, range


FILTER_POINTS = 6  # of a random curve, evenly spread over the mel axis and joined by lines
NOISE_COLOUR_DB = 10.0  # how far the noise's spectrum strays from flat, either way
NOISE_SPREAD = 0.5  # standard deviation of one mel bin's log power in noise: a few independent FFT bins


def warp_mel(features: Tensor, factors: Tensor) -> Tensor:
    """Stretch the mel axis of each utterance (after vocal tract length perturbation, Jaitly and Hinton, 2013).

    Args:
        features: (N, T, F) log-mel.
        factors: (N,); bin f of the result is bin f * factor of the input, linearly interpolated, the last one held.
    """
    bins = features.shape[2]
    source = (torch.arange(bins, device=features.device) * factors[:, None]).clamp(max=bins - 1)
    below = source.floor().long()
    share = (source - below)[:, None, :]
    above = (below + 1).clamp(max=bins - 1)
    shape = (-1, features.shape[1], -1)
    low = features.gather(2, below[:, None, :].expand(shape))
    high = features.gather(2, above[:, None, :].expand(shape))
    return low + share * (high - low)


def random_filter(points: Tensor, bins: int) -> Tensor:
    """Curves over the mel axis through evenly spread points (after Nam et al., arXiv 2110.03282): (N, P) -> (N, F)."""
    return torch.nn.functional.interpolate(points[:, None], size=bins, mode="linear", align_corners=True)[:, 0]


def add_noise(features: Tensor, lengths: Tensor, snr_db: Tensor, colour: Tensor) -> Tensor:
    """Add stationary noise in power: speech and noise are independent, so their powers add up.

    Args:
        features: (N, T, F) log-mel; lengths: (N,) frames.
        snr_db: (N,) mean log level of the utterance over that of the noise; inf: none.
        colour: (N, F) the noise's spectrum, log power.
    """
    inside = torch.arange(features.shape[1], device=features.device)[None, :, None] < lengths[:, None, None]
    level = (features * inside).sum((1, 2)) / (lengths * features.shape[2])
    spectrum = (level - LOG_POWER_PER_DB * snr_db)[:, None] + colour
    return torch.logaddexp(features, spectrum[:, None, :] + NOISE_SPREAD * torch.randn_like(features))


def augment(features: Tensor, lengths: Tensor, config: AugmentConfig) -> Tensor:
    """Change voice, room, microphone and level of raw log-mel features (N, T, F), natural logarithm of power."""
    count, _, bins = features.shape

    def draw(*shape: int) -> Tensor:
        return 2.0 * torch.rand(count, *shape, device=features.device) - 1.0

    if config.warp > 0:
        features = warp_mel(features, 1.0 + config.warp * draw())
    if config.noise_share > 0:
        low, high = config.noise_snr_db
        snr_db = (low + high + (high - low) * draw()) / 2
        chosen = torch.rand(count, device=features.device) < config.noise_share
        colour = random_filter(NOISE_COLOUR_DB * LOG_POWER_PER_DB * draw(FILTER_POINTS), bins)
        features = add_noise(features, lengths, snr_db.masked_fill(~chosen, float("inf")), colour)
    if config.filter_db > 0:
        curve = random_filter(config.filter_db * LOG_POWER_PER_DB * draw(FILTER_POINTS), bins)
        features = features + curve[:, None, :]
    if config.gain_db > 0:
        features = features + (config.gain_db * LOG_POWER_PER_DB * draw())[:, None, None]
    return features
