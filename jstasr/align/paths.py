"""Alignments that do not depend on the distances: uniform, random, or given by an aligner."""

import torch
from torch import Tensor


def framewise_path(speech_lengths: Tensor, text_lengths: Tensor, n: int | None = None) -> Tensor:
    """The text stretched uniformly: frame i of n_b belongs to position floor(i * m_b / n_b).

    Args:
        speech_lengths, text_lengths: (B,) int64 on the CPU.
        n: columns of the result; the longest length if None.
    Returns:
        (B, n) int64, -1 past the length.
    """
    n = int(speech_lengths.max()) if n is None else n
    frame = torch.arange(n)
    path = frame * text_lengths[:, None] // speech_lengths[:, None]
    return path.masked_fill_(frame >= speech_lengths[:, None], -1)


def random_path(
    speech_lengths: Tensor, text_lengths: Tensor, n: int | None = None, generator: torch.Generator | None = None
) -> Tensor:
    """A random monotone path: as many uniform draws among the positions as there are frames, sorted.

    Args and returns: as `framewise_path`; generator: on the CPU.
    """
    n = int(speech_lengths.max()) if n is None else n
    draw = torch.rand(len(speech_lengths), n, generator=generator, dtype=torch.float64)
    past = torch.arange(n) >= speech_lengths[:, None]
    draw = draw.masked_fill_(past, 1.0).sort(dim=1).values
    return (draw * text_lengths[:, None]).long().masked_fill_(past, -1)


def check_path(path: Tensor, speech_lengths: Tensor, text_lengths: Tensor, n: int) -> Tensor:
    """A given path (B, n) as int64 on the CPU, -1 past the length; errors name items that leave the text."""
    path = torch.as_tensor(path).to("cpu", torch.int64)
    if path.shape != (len(speech_lengths), n):
        raise ValueError(f"path must be ({len(speech_lengths)}, {n}), got {tuple(path.shape)}")
    past = torch.arange(n) >= speech_lengths[:, None]
    outside = ((path < 0) | (path >= text_lengths[:, None])) & ~past
    if outside.any():
        bad = ", ".join(map(str, outside.any(1).nonzero().flatten().tolist()))
        raise ValueError(f"path leaves the text inside the lengths, batch items: {bad}")
    return path.masked_fill(past, -1)


def forced_path(
    log_probs: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    blank: int = 0,
    repeats: Tensor | None = None,
) -> Tensor:
    """Path of the CTC forced alignment, the explicit alignment that the best one is compared with.

    Frames of blank go to the nearest label in time, half of them to each side. An utterance with fewer frames
    than its labels need under CTC has no such alignment; it gets the uniform one.

    Args:
        log_probs: (B, n, V) float, log-probabilities of a CTC head, for instance over phonemes.
        text: (B, m) int, labels; none of them blank inside the lengths.
        speech_lengths, text_lengths: (B,) int, before padding.
        blank: index of the blank.
        repeats: (B, m) int, if the text encoder repeats each label: the frames of a label are then spread
            uniformly over its copies, and the path counts copies.
    Returns:
        (B, n) int64 on the CPU, -1 past the length.
    """
    from torchaudio.functional import forced_align

    speech_lengths, text_lengths = torch.as_tensor(speech_lengths).cpu(), torch.as_tensor(text_lengths).cpu()
    log_probs, text = log_probs.detach().float().cpu(), text.cpu()
    path = framewise_path(speech_lengths, text_lengths, log_probs.shape[1])
    for b, (n, m) in enumerate(zip(speech_lengths.tolist(), text_lengths.tolist())):
        labels = text[b, :m]
        if n >= m + int((labels[1:] == labels[:-1]).sum()):
            emitted, _ = forced_align(log_probs[b : b + 1, :n].contiguous(), labels[None].int(), blank=blank)
            path[b, :n] = _positions(emitted[0], blank)
        if repeats is not None:
            path[b, :n] = _spread(path[b, :n], repeats[b, :m].cpu())
    return path


def _positions(emitted: Tensor, blank: int) -> Tensor:
    """Index of the label that each frame belongs to, from the frames' labels and blanks (n,)."""
    starts = torch.ones_like(emitted, dtype=torch.bool)
    starts[1:] = emitted[1:] != emitted[:-1]
    index = (starts & (emitted != blank)).cumsum(0) - 1
    frames = torch.arange(len(emitted))
    spoken = (emitted != blank).nonzero().flatten()
    # The middle between two neighbours among the frames with a label decides for the blanks between them.
    middle = (spoken[1:] + spoken[:-1]).double() / 2
    return index[spoken[torch.searchsorted(middle, frames.double())]]


def _spread(path: Tensor, repeats: Tensor) -> Tensor:
    """The same path counted in copies: the frames of a label uniformly over its copies."""
    first_copy = repeats.cumsum(0) - repeats
    frames = torch.arange(len(path))
    first_frame = torch.searchsorted(path, path)
    count = torch.searchsorted(path, path, right=True) - first_frame
    return first_copy[path] + (frames - first_frame) * repeats[path] // count
