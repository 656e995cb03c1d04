"""Phonemes as speech would have them: each over several positions; and spans of them masked, for reconstruction."""

import torch
import torch.nn.functional as F
from torch import Tensor


def repeat_phones(
    phones: Tensor, lengths: Tensor, low: int, high: int, training: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Stretch each phoneme over several positions, as speech would.

    Args:
        phones: (N, P) int, padded with 0.
        lengths: (N,) int.
        low, high: the number of repetitions is drawn from [low, high] while training, else their rounded mean.
    Returns:
        (N, L) int padded with 0, (N,) int lengths, and (N, P) int repetitions, 0 past `lengths`.
    """
    inside = torch.arange(phones.shape[1], device=phones.device)[None] < lengths[:, None]
    if training and high > low:
        times = torch.randint(low, high + 1, phones.shape, device=phones.device)
    else:
        times = torch.full_like(phones, (low + high) // 2)
    times = times * inside
    new_lengths = times.sum(dim=1)
    source = phoneme_of_position(times, int(new_lengths.max()))
    inside = torch.arange(source.shape[1], device=phones.device) < new_lengths[:, None]
    return phones.gather(1, source) * inside, new_lengths, times


def phoneme_of_position(times: Tensor, width: int) -> Tensor:
    """Which phoneme holds each position: repetitions (N, P) int -> (N, width) int64, the last one past the end."""
    ends = times.cumsum(dim=1)  # position after each phoneme's last repetition
    positions = torch.arange(width, device=times.device).expand(len(times), -1).contiguous()
    return torch.searchsorted(ends, positions, right=True).clamp(max=times.shape[1] - 1)


def span_mask(lengths: Tensor, max_length: int, ratio: float, span: int) -> Tensor:
    """Spans to be masked, drawn independently for each utterance.

    Args:
        lengths: (N,) int.
        max_length: L, the padded length.
        ratio: expected share of masked positions (overlaps counted once).
        span: length of one span.
    Returns:
        (N, L) bool, False past the lengths; never all of an utterance.
    """
    if ratio <= 0.0:
        return torch.zeros(len(lengths), max_length, dtype=torch.bool, device=lengths.device)
    # a position is free if none of the `span` starts that cover it was drawn: (1 - p)^span = 1 - ratio
    probability = 1.0 - (1.0 - min(ratio, 0.95)) ** (1.0 / span)
    starts = torch.rand(len(lengths), max_length + span - 1, device=lengths.device) < probability
    masked = F.max_pool1d(starts[:, None].float(), span, stride=1)[:, 0] > 0
    masked &= torch.arange(max_length, device=lengths.device)[None] < lengths[:, None]
    everything = masked.sum(dim=1) >= lengths
    return masked & ~everything[:, None]
