"""Aligned pairs of a batch as flat indices, and the error of items that have none."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Pairs(NamedTuple):
    """Aligned pairs of a batch as flat indices, P in all, item after item; int64 on the CPU.

    start: (B + 1,) where each item's pairs begin, and P.
    speech_row: (P,) row of speech.reshape(B * n, d).
    text_row: (P,) row of text.reshape(B * m, d).
    """

    start: Tensor
    speech_row: Tensor
    text_row: Tensor


def pairs_of_path(path: Tensor, speech_lengths: Tensor, m: int) -> Pairs:
    """The pairs of a path (B, n) int64 of the given lengths (B,), among m text positions."""
    n = path.shape[1]
    item, frame = (torch.arange(n) < speech_lengths[:, None]).nonzero(as_tuple=True)
    return Pairs(starts(speech_lengths), item * n + frame, item * m + path[item, frame])


def starts(lengths: Tensor) -> Tensor:
    """Where each item's pairs begin, and the number of all: (B + 1,) from (B,)."""
    return torch.cat((lengths.new_zeros(1), lengths.cumsum(0)))


def not_finite(items: Iterable[int]) -> ValueError:
    """The error of batch items with a cost that is not finite."""
    return ValueError(f"a cost inside the lengths is NaN or infinite, batch items: {', '.join(map(str, items))}")
