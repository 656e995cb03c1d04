"""Augmentation of voice, tempo and microphone on the features: useful where training has few speakers."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

LOG_POWER_PER_DB = 0.2302585092994046  # ln(10) / 10


@dataclass
class AugmentConfig:
    """Augmentation of the features, drawn for each utterance of each step; 0 switches a part off."""

    tempo: float = 0.0  # Speaking rate: the number of frames is scaled by a factor in [1 / (1 + tempo), 1 + tempo].
    edge_frames: int = 0  # Quiet frames added before and after the utterance: at most this many on each side.
    warp: float = 0.0  # Vocal tract length: the mel axis is stretched by a factor in [1 - warp, 1 + warp].
    filter_db: float = 0.0  # Microphone: a smooth random curve over the mel axis is added, at most this many dB.
    gain_db: float = 0.0  # Level: a random gain of at most this many dB, up or down.
    noise_share: float = 0.0  # Share of the utterances to which stationary noise is added.
    noise_snr_db: list[float] = field(default_factory=lambda: [5.0, 35.0])  # Range of the signal-to-noise ratio, dB.


FILTER_POINTS = 6  # of a random curve, evenly spread over the mel axis and joined by lines
NOISE_COLOUR_DB = 10.0  # how far the noise's spectrum strays from flat, either way
EDGE_DROP_DB = 20.0  # how far the quiet frames at the edges are below the quietest of the utterance, at most
NOISE_SPREAD = 0.5  # standard deviation of one mel bin's log power in noise: a few independent FFT bins


def warp_mel(features: Tensor, factors: Tensor) -> Tensor:
    """Stretch the mel axis of each utterance (after vocal tract length perturbation, Jaitly and Hinton, 2013).

    Args:
        features: (N, T, F) log-mel.
        factors: (N,); bin f of the result is bin f * factor of the input, linearly interpolated; past the last bin,
            the last bin.
    Returns:
        (N, T, F).
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


def change_tempo(features: Tensor, lengths: Tensor, factors: Tensor) -> tuple[Tensor, Tensor]:
    """Stretch the time axis of each utterance: voice and pitch stay, the speaking rate changes.

    Args:
        features: (N, T, F) log-mel.
        lengths: (N,) int, frames before padding.
        factors: (N,); the new number of frames is lengths * factor, rounded, at least one.
    Returns:
        (N, T', F), frames linearly interpolated, and (N,) new lengths.
    """
    new_lengths = (lengths * factors).round().long().clamp(min=1)
    frames = torch.arange(int(new_lengths.max()), device=features.device)
    last = (lengths - 1)[:, None]
    source = torch.minimum(frames * (lengths / new_lengths)[:, None], last)
    below = source.floor().long()
    above = torch.minimum(below + 1, last)
    share = (source - below)[:, :, None]
    shape = (-1, -1, features.shape[2])
    low = features.gather(1, below[:, :, None].expand(shape))
    high = features.gather(1, above[:, :, None].expand(shape))
    return low + share * (high - low), new_lengths


def add_edges(features: Tensor, lengths: Tensor, before: Tensor, after: Tensor, drop: Tensor) -> tuple[Tensor, Tensor]:
    """Put quiet frames before and after each utterance: its quietest frame, lowered, with the spread of noise.

    Args:
        features: (N, T, F) log-mel.
        lengths: (N,) int, frames before padding.
        before, after: (N,) numbers of frames.
        drop: (N,) how far the log power of the new frames is below that of the quietest frame.
    Returns:
        (N, T', F) and (N,) new lengths.
    """
    inside = torch.arange(features.shape[1], device=features.device)[None] < lengths[:, None]
    quietest = features.mean(dim=2).masked_fill(~inside, float("inf")).argmin(dim=1)
    quiet = features[torch.arange(len(features), device=features.device), quietest] - drop[:, None]
    new_lengths = lengths + before + after
    source = torch.arange(int(new_lengths.max()), device=features.device) - before[:, None]
    speech = (source >= 0) & (source < lengths[:, None])
    taken = source.clamp(0, features.shape[1] - 1)[:, :, None].expand(-1, -1, features.shape[2])
    moved = features.gather(1, taken)
    return torch.where(speech[:, :, None], moved, quiet[:, None] + NOISE_SPREAD * torch.randn_like(moved)), new_lengths


def random_filter(points: Tensor, bins: int) -> Tensor:
    """Curves over the mel axis through evenly spread points (after Nam et al., arXiv 2110.03282).

    Args:
        points: (N, P) values of each curve, P of them from the first bin to the last.
        bins: F.
    Returns:
        (N, F), linearly interpolated.
    """
    return torch.nn.functional.interpolate(points[:, None], size=bins, mode="linear", align_corners=True)[:, 0]


def add_noise(features: Tensor, lengths: Tensor, snr_db: Tensor, colour: Tensor) -> Tensor:
    """Add stationary noise in power: speech and noise are independent, so their powers add up.

    Args:
        features: (N, T, F) log-mel.
        lengths: (N,) int, frames before padding.
        snr_db: (N,) mean log level of the utterance over that of the noise; inf: none.
        colour: (N, F) the noise's spectrum, log power.
    Returns:
        (N, T, F).
    """
    inside = torch.arange(features.shape[1], device=features.device)[None, :, None] < lengths[:, None, None]
    level = (features * inside).sum((1, 2)) / (lengths * features.shape[2])
    spectrum = (level - LOG_POWER_PER_DB * snr_db)[:, None] + colour
    return torch.logaddexp(features, spectrum[:, None, :] + NOISE_SPREAD * torch.randn_like(features))


def augment(features: Tensor, lengths: Tensor, config: AugmentConfig) -> tuple[Tensor, Tensor]:
    """Change tempo, voice, room, microphone and level of utterances.

    Args:
        features: (N, T, F) raw log-mel, natural logarithm of power.
        lengths: (N,) int, frames before padding.
        config: how much of each; random numbers are drawn for each utterance.
    Returns:
        (N, T', F) and (N,) lengths, which only `tempo` and `edge_frames` change.
    """
    count, _, bins = features.shape

    def draw(*shape: int) -> Tensor:
        return 2.0 * torch.rand(count, *shape, device=features.device) - 1.0

    if config.tempo > 0:
        features, lengths = change_tempo(features, lengths, (1.0 + config.tempo) ** draw())
    if config.edge_frames > 0:
        before, after = torch.randint(config.edge_frames + 1, (2, count), device=features.device)
        drop = EDGE_DROP_DB * LOG_POWER_PER_DB * torch.rand(count, device=features.device)
        features, lengths = add_edges(features, lengths, before, after, drop)
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
    return features, lengths
