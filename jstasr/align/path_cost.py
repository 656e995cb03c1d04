"""The sum of distances along a path, and its gradient."""

from typing import NamedTuple

import torch

from jstasr.kernels import _alignment


class Pairs(NamedTuple):
    """Aligned pairs of a batch as flat indices, P in all, item after item; int64 on the CPU.

    start: (B + 1,) where each item's pairs begin, and P.
    speech_row: (P,) row of speech.reshape(B * n, d).
    text_row: (P,) row of text.reshape(B * m, d).
    """

    start: torch.Tensor
    speech_row: torch.Tensor
    text_row: torch.Tensor


def pairs_of_path(path, speech_lengths, m):
    """The pairs of a path (B, n) int64 of the given lengths, among m text positions."""
    start = speech_lengths.new_zeros(len(path) + 1)
    torch.cumsum(speech_lengths, 0, out=start[1:])
    speech_row, text_row = torch.empty((2, int(start[-1])), dtype=torch.int64)
    path = path.contiguous()
    _alignment.flatten_path(
        path.data_ptr(), start.data_ptr(), *path.shape, m, speech_row.data_ptr(), text_row.data_ptr()
    )
    return Pairs(start, speech_row, text_row)


def path_cost(speech, text, pairs, distance):
    """Sums (B,) of the distances of each item's pairs of prepared vectors (see `normalise`).

    Differentiable; the pairs are constants.

    Args:
        speech: (B, n, d) float.
        text: (B, m, d) float.
        pairs: Pairs.
        distance: as in `normalise`.
    """
    root = distance == "euclidean"
    if speech.is_cpu and speech.dtype == torch.float32:
        return _FusedPathCost.apply(speech, text, pairs, root)
    return _PathCost.apply(speech, text, pairs, root)


class _FusedPathCost(torch.autograd.Function):
    """Float32 on the CPU: one pass forward, one backward, and nothing kept but the inputs."""

    @staticmethod
    def forward(ctx, speech, text, pairs, root):
        speech, text = speech.contiguous(), text.contiguous()
        distance = speech.new_empty(len(pairs.speech_row))
        total = speech.new_empty(len(speech))
        _alignment.path_forward(
            speech.data_ptr(), text.data_ptr(), speech.shape[2], len(speech), *map(torch.Tensor.data_ptr, pairs),
            root, distance.data_ptr(), total.data_ptr(), _threads(distance, speech),
        )  # fmt: skip
        ctx.save_for_backward(speech, text, distance, *pairs)
        ctx.root = root
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        speech, text, distance, *pairs = ctx.saved_tensors
        to_speech, to_text, grad = torch.zeros_like(speech), torch.zeros_like(text), grad.contiguous()
        _alignment.path_backward(
            speech.data_ptr(), text.data_ptr(), speech.shape[2], len(speech), *map(torch.Tensor.data_ptr, pairs),
            ctx.root, distance.data_ptr(), grad.data_ptr(), to_speech.data_ptr(), to_text.data_ptr(),
            _threads(distance, speech),
        )  # fmt: skip
        return to_speech, to_text, None, None


def _threads(distance, speech):
    """As many as torch uses, but one below the size where a second one costs more than it saves."""
    return torch.get_num_threads() if len(distance) * speech.shape[2] > 1 << 18 else 1


class _PathCost(torch.autograd.Function):
    """Any device and type: gathers forward, sums segments backward; nothing of size (n, m) is made."""

    @staticmethod
    def forward(ctx, speech, text, pairs, root):
        item = torch.repeat_interleave(pairs.start.diff()).to(speech.device)
        speech_row, text_row = (index.to(speech.device) for index in pairs[1:])
        difference = speech.flatten(0, 1)[speech_row] - text.flatten(0, 1)[text_row]
        distance = difference.square().sum(1)
        if root:
            distance = distance.sqrt()
        ctx.save_for_backward(difference, distance, item, speech_row, text_row)
        ctx.shapes, ctx.root = (speech.shape, text.shape), root
        return distance.new_zeros(len(speech)).index_add_(0, item, distance)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        difference, distance, item, *rows = ctx.saved_tensors
        # d|x|^2 = 2x; d|x| = x / |x|, 0 at 0
        scale = 1 / distance.where(distance > 0, 1) if ctx.root else 2
        scaled = (grad[item] * scale)[:, None] * difference
        grads = []
        for shape, row, sign in zip(ctx.shapes, rows, (1, -1)):
            flat = scaled.new_zeros(shape[0] * shape[1], shape[2])
            grads.append(flat.index_add_(0, row, scaled, alpha=sign).view(shape))
        return *grads, None, None
