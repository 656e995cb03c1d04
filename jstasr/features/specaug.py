"""SpecAugment (Park et al., arXiv 1904.08779): masks over time and frequency, drawn for each utterance."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class SpecAugmentConfig:
    """SpecAugment: masks that replace features by 0, the mean after normalisation."""

    freq_masks: int = 2  # Masks over frequency.
    freq_width: int = 27  # Mel bins of a mask over frequency, at most.
    time_masks: int = 2  # Masks over time.
    time_width: int = 40  # Frames (10 ms each) of a mask over time, at most.
    time_share: float = 0.1  # Share of the utterance that a mask over time covers, at most.


def draw_masks(count: int, widest: Tensor, length: Tensor, size: int) -> Tensor:
    """Union of `count` masks of width U{0 .. widest} that begin at U{0 .. length - width}.

    Args:
        count: masks for each of N utterances.
        widest, length: (N,) int, widest <= length.
        size: positions along the masked axis.
    Returns:
        (N, size) bool, True where it is masked.
    """
    drawn = torch.rand(2, len(length), count, device=length.device)
    width = (drawn[0] * (widest[:, None] + 1)).long()
    start = (drawn[1] * (length[:, None] - width + 1)).long()
    index = torch.arange(size, device=length.device)
    return ((index >= start[..., None]) & (index < (start + width)[..., None])).any(dim=1)


def spec_augment(features: Tensor, lengths: Tensor, config: SpecAugmentConfig) -> Tensor:
    """Mask features over time and frequency.

    Args:
        features: (N, T, F) normalised log-mel.
        lengths: (N,) int, frames before padding.
        config: number and width of the masks.
    Returns:
        (N, T, F), masked values 0.
    """
    batch, frames, bins = features.shape
    widest_time = (lengths * min(1.0, config.time_share)).long().clamp(max=config.time_width)
    time = draw_masks(config.time_masks, widest_time, lengths, frames)
    # The masks together leave at least one bin: widths meant for 80 bins must not mask all of 20.
    widest_freq = min(config.freq_width, (bins - 1) // max(1, config.freq_masks))
    all_bins = torch.full_like(lengths, bins)
    freq = draw_masks(config.freq_masks, torch.full_like(lengths, widest_freq), all_bins, bins)
    return features.masked_fill(time[:, :, None] | freq[:, None, :], 0.0)
