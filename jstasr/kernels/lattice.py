"""The transducer's lattice from two log-probabilities a cell, on the CPU: joint network, cells, sum over alignments.

See `jstasr.kernels.ops` for what the kernels are.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torchaudio.functional import rnnt_loss

from jstasr.kernels import _layers
from jstasr.kernels.ops import is_half, usable


class AddTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, encoded, predicted):
        encoded, predicted = encoded.contiguous(), predicted.contiguous()
        ctx.sizes = batch, frames, prefixes, size = *encoded.shape[:2], *predicted.shape[1:]
        out = encoded.new_empty(batch, frames, prefixes, size)
        _layers.add_tanh(
            is_half(out), encoded.data_ptr(), predicted.data_ptr(), out.data_ptr(), *ctx.sizes, torch.get_num_threads()
        )
        ctx.save_for_backward(out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (out,) = ctx.saved_tensors
        batch, frames, prefixes, size = ctx.sizes
        gradient = gradient.contiguous()
        to_encoded, to_predicted = torch.zeros(batch, frames, size), torch.zeros(batch, prefixes, size)
        _layers.add_tanh_back(
            is_half(out), out.data_ptr(), gradient.data_ptr(), to_encoded.data_ptr(), to_predicted.data_ptr(),
            *ctx.sizes, torch.get_num_threads(),
        )  # fmt: skip
        return to_encoded.to(out.dtype), to_predicted.to(out.dtype)


def add_tanh(encoded: Tensor, predicted: Tensor) -> Tensor:
    """tanh of every sum: (N, T, J) and (N, U + 1, J) of one type -> (N, T, U + 1, J)."""
    return AddTanh.apply(encoded, predicted)


class Cells(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, following):
        logits, following = logits.contiguous(), following.contiguous()
        cells = torch.empty(*logits.shape[:3], 2)
        normaliser = torch.empty(logits.shape[:3])
        _layers.cells(
            is_half(logits), logits.data_ptr(), following.data_ptr(), cells.data_ptr(), normaliser.data_ptr(),
            *logits.shape, torch.get_num_threads(),
        )  # fmt: skip
        ctx.save_for_backward(logits, following, normaliser)
        return cells

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        logits, following, normaliser = ctx.saved_tensors
        gradient = gradient.contiguous()
        to_logits = torch.empty_like(logits)
        _layers.cells_back(
            is_half(logits), logits.data_ptr(), following.data_ptr(), normaliser.data_ptr(), gradient.data_ptr(),
            to_logits.data_ptr(), *logits.shape, torch.get_num_threads(),
        )  # fmt: skip
        return to_logits, None


def hat_cells(encoded: Tensor, predicted: Tensor, weight: Tensor, bias: Tensor, following: Tensor) -> Tensor:
    """What a HAT lattice needs of the joint network: log-probabilities of blank and of the label that comes next.

    logits = tanh(encoded + predicted) W^T + b;  blank: log sigmoid(logit_0);
    label y: log sigmoid(-logit_0) + log softmax(logit_1 ..)_y

    Args:
        encoded: (N, T, J) projected encoder output; predicted: (N, U + 1, J) prediction network.
        weight: (V, J), row 0 the blank's, the others the labels'; bias: (V,).
        following: (N, U + 1) int64, the label after each prefix.
    Returns:
        (N, T, U + 1, 2) float32.
    Raises:
        IndexError: a label out of range.
    """
    low, high = following.aminmax()
    if low < 1 or high >= len(weight):
        raise IndexError(f"labels from {low} to {high} where only 1 to {len(weight) - 1} exist")
    if usable(encoded, predicted) and encoded.dtype == predicted.dtype:
        return Cells.apply(F.linear(add_tanh(encoded, predicted), weight, bias), following)
    joint = (encoded[:, :, None] + predicted[:, None]).tanh()
    blank, labels = F.linear(joint, weight, bias).float().split([1, len(weight) - 1], dim=-1)
    columns = following[:, None].expand(-1, encoded.shape[1], -1) - 1
    label = -F.cross_entropy(labels.flatten(0, 2), columns.flatten(), reduction="none").view_as(blank)
    return torch.cat([F.logsigmoid(blank), F.logsigmoid(-blank) + label], dim=-1)


class Lattice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, cells, lengths, label_lengths):
        cells = cells.contiguous()
        lengths, label_lengths = lengths.long().contiguous(), label_lengths.long().contiguous()
        nats = torch.empty(len(cells))
        gradient = torch.zeros_like(cells) if ctx.needs_input_grad[0] else None
        _layers.lattice(
            cells.data_ptr(), lengths.data_ptr(), label_lengths.data_ptr(), nats.data_ptr(),
            0 if gradient is None else gradient.data_ptr(), *cells.shape[:3], torch.get_num_threads(),
        )  # fmt: skip
        ctx.save_for_backward(gradient)
        return nats

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (to_cells,) = ctx.saved_tensors
        return to_cells * gradient[:, None, None, None], None, None


def transducer_loss(cells: Tensor, lengths: Tensor, label_lengths: Tensor) -> Tensor:
    """Negative log of the summed probability of every alignment (Graves, arXiv 1211.3711), one value an utterance.

    Args:
        cells: (N, T, U + 1, 2) float32, log-probabilities of blank and of the next label.
        lengths: (N,) int, 1 .. T frames; label_lengths: (N,) int, 0 .. U.
    Returns:
        (N,) float32, nats.
    Raises:
        ValueError: a length out of range.
    """
    for name, given, low, high in (
        ("frames", lengths, 1, cells.shape[1]),
        ("labels", label_lengths, 0, cells.shape[2] - 1),
    ):
        least, most = given.aminmax()
        if least < low or most > high:
            raise ValueError(f"numbers of {name} from {least} to {most}; expected {low} to {high}")
    if cells.is_cpu:
        return Lattice.apply(cells, lengths, label_lengths)
    return rnnt_loss(
        cells,
        cells.new_ones(len(cells), cells.shape[2] - 1, dtype=torch.int32),
        lengths.int(),
        label_lengths.int(),
        blank=0,
        reduction="none",
        fused_log_softmax=False,
    )
