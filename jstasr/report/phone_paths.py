"""Best paths, in phonemes instead of text positions."""

import torch
from torch import Tensor

from jstasr.align import best_alignment

TOPOLOGY, DISTANCE, LAYER_NORM = "skip", "sqeuclidean", True  # as in the curves of the training


def phone_path(path: Tensor, repeats: Tensor) -> Tensor:
    """The phoneme of each frame, from the text position of each frame.

    Args:
        path: (B, n) int64, -1 past the length.
        repeats: (B, P) int, positions of each phoneme.
    Returns:
        (B, n) int64, -1 past the length.
    """
    ends = repeats.cumsum(1)
    return torch.searchsorted(ends, path.clamp(min=0).contiguous(), right=True).masked_fill(path < 0, -1)


def best_phone_path(
    frames: Tensor, positions: Tensor, lengths: Tensor, text_lengths: Tensor, repeats: Tensor
) -> Tensor:
    """The phoneme of each frame on the best path of a layer.

    Args:
        frames: (B, n, C); positions: (B, m, C); lengths, text_lengths: (B,) int; repeats: (B, P) int.
    Returns:
        (B, n) int64, -1 past the length.
    """
    path = best_alignment(frames, positions, lengths, text_lengths, TOPOLOGY, DISTANCE, LAYER_NORM).path
    assert isinstance(path, Tensor), "dtw alone gives a list of paths"
    return phone_path(path, repeats)
