"""The contrastive form of the consistency loss: a frame tells its own text position from all others of the batch."""

import torch
import torch.nn.functional as F
from torch import Tensor

from jstasr.align.distance import normalise

GROUP = 32  # utterances whose texts are told apart at a time: bounds the memory of large batches


def contrastive_loss(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    symbols: Tensor,
    path: Tensor,
    temperature: float,
    distance: str = "sqeuclidean",
    layer_norm: bool = True,
) -> Tensor:
    """Cross-entropy of the text position of each frame among the positions of all texts.

    loss = -log softmax_k(-distance(frame, position_k) / temperature), at the position that `path` gives   (InfoNCE,
    van den Oord et al., arXiv 1807.03748, eq. 4, with the path in place of a known pair)

    The positions of up to 32 utterances are candidates; those that hold the same symbol as the frame's own position
    are left out. The plain distance along a path is smallest where all vectors are equal; this loss is not.

    Args:
        speech: (B, n, d) float, encoder outputs; rows past `speech_lengths` are ignored.
        text: (B, m, d) float, likewise.
        speech_lengths, text_lengths: (B,) int.
        symbols: (B, m) int, the symbol at each text position.
        path: (B, n) int64, the text position of each frame; ignored past the length.
        temperature: float > 0, in units of the distance.
        distance, layer_norm: as in `jstasr.align.consistency.consistency_loss`.
    Returns:
        () float32 (float64 for float64 input), nats: the mean over the frames of an utterance, then over utterances.
    """
    losses = []
    for first in range(0, len(speech), GROUP):
        part = slice(first, first + GROUP)
        inside, at = valid(speech_lengths[part], speech.shape[1]), valid(text_lengths[part], text.shape[1])
        inside, at = inside.to(speech.device), at.to(speech.device)
        frames, positions = speech[part][inside], text[part][at]
        if frames.dtype not in (torch.float32, torch.float64):
            frames, positions = frames.float(), positions.float()
        with torch.autocast(speech.device.type, enabled=False):
            frames, positions = normalise(frames, positions, distance, layer_norm)
            number = torch.zeros_like(at, dtype=torch.long)  # the place of a position among the candidates
            number[at] = torch.arange(len(positions), device=at.device)
            target = number.gather(1, path[part].to(at.device).clamp(min=0))[inside]
            symbol = symbols[part].to(at.device)[at]
            same = symbol[None] == symbol[target][:, None]
            same.scatter_(1, target[:, None], False)
            squares = frames.square().sum(1)[:, None] + positions.square().sum(1)
            distances = torch.addmm(squares, frames, positions.T, alpha=-2).clamp(min=0)
            if distance == "euclidean":
                distances = distances.clamp(min=1e-12).sqrt()
            logits = (distances / -temperature).masked_fill(same, float("-inf"))
            nats = F.cross_entropy(logits, target, reduction="none")
        share = (1.0 / speech_lengths[part].to(nats))[:, None].expand(inside.shape)[inside]
        losses.append((nats * share).sum())
    return torch.stack(losses).sum() / len(speech)


def valid(lengths: Tensor, width: int) -> Tensor:
    """(N, width) bool, True before the lengths."""
    return torch.arange(width, device=lengths.device)[None] < lengths[:, None]
