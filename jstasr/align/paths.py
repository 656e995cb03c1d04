"""Alignments that do not depend on the distances: uniform, random, or given by an aligner."""

import torch


def framewise_path(speech_lengths, text_lengths, n=None):
    """The text stretched uniformly: frame i of n_b belongs to position floor(i * m_b / n_b).

    Args:
        speech_lengths, text_lengths: (B,) int64 on the CPU.
        n: int, columns of the result; the longest length if None.
    Returns:
        (B, n) int64, -1 past the length.
    """
    n = int(speech_lengths.max()) if n is None else n
    frame = torch.arange(n)
    path = frame * text_lengths[:, None] // speech_lengths[:, None]
    return path.masked_fill_(frame >= speech_lengths[:, None], -1)


def random_path(speech_lengths, text_lengths, n=None, generator=None):
    """A random monotone path: as many uniform draws among the positions as there are frames, sorted.

    Args and returns: as `framewise_path`; generator: torch.Generator on the CPU.
    """
    n = int(speech_lengths.max()) if n is None else n
    draw = torch.rand(len(speech_lengths), n, generator=generator, dtype=torch.float64)
    past = torch.arange(n) >= speech_lengths[:, None]
    draw = draw.masked_fill_(past, 1.0).sort(dim=1).values
    return (draw * text_lengths[:, None]).long().masked_fill_(past, -1)


def check_path(path, speech_lengths, text_lengths, n):
    """A given path (B, n) as int64 on the CPU, -1 past the length; ValueError names the items that leave the text."""
    path = torch.as_tensor(path).to("cpu", torch.int64)
    if path.shape != (len(speech_lengths), n):
        raise ValueError(f"path must be ({len(speech_lengths)}, {n}), got {tuple(path.shape)}")
    past = torch.arange(n) >= speech_lengths[:, None]
    outside = ((path < 0) | (path >= text_lengths[:, None])) & ~past
    if outside.any():
        bad = ", ".join(map(str, outside.any(1).nonzero().flatten().tolist()))
        raise ValueError(f"path leaves the text inside the lengths, batch items: {bad}")
    return path.masked_fill(past, -1)
