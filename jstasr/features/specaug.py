"""SpecAugment (Park et al., arXiv 1904.08779): masks over time and frequency, drawn for each utterance."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class SpecAugmentConfig:
    """Masks replace features by 0, the mean after normalisation."""

    freq_masks: int = 2  # masks over frequency
    freq_width: int = 27  # mel bins, at most
    time_masks: int = 2  # masks over time
    time_width: int = 40  # frames, at most
    time_share: float = 0.1  # and at most this share of the utterance, each


def draw_masks(count: int, widest: Tensor, length: Tensor, size: int) -> Tensor:
    """Union of `count` masks of width U[0, widest] at U[0, length - width]: (N,) and (N,) -> (N, size) bool."""
    batch = len(length)
    width = torch.rand(batch, count, device=length.device) * widest[:, None]
    start = torch.rand(batch, count, device=length.device) * (length[:, None] - width).clamp(min=0)
    index = torch.arange(size, device=length.device)
    covered = (index >= start.long()[..., None]) & (index < (start.long() + width.round().long())[..., None])
    return covered.any(dim=1)


def spec_augment(features: Tensor, lengths: Tensor, config: SpecAugmentConfig) -> Tensor:
    """Mask normalised features (N, T, F); lengths (N,) in frames."""
    batch, frames, bins = features.shape
    widest_time = torch.minimum(lengths * config.time_share, torch.full_like(lengths, config.time_width).float())
    time = draw_masks(config.time_masks, widest_time, lengths.float(), frames)
    widest_freq = torch.full((batch,), float(config.freq_width), device=features.device)
    freq = draw_masks(config.freq_masks, widest_freq, torch.full_like(widest_freq, float(bins)), bins)
    return features.masked_fill(time[:, :, None] | freq[:, None, :], 0.0)
