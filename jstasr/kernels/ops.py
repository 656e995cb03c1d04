"""The model's operations: each with its formula in torch's own operations, and on the CPU a kernel for the same.

The kernels (fused.py) take float32 and bfloat16 on the CPU; every other device and type takes the formula. Where no
gradient is wanted and nothing dropped, a call of torch's is cheaper than one of a kernel with a backward pass. The
tests compare the two, forward and backward.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torchaudio.functional import rnnt_loss

from jstasr.kernels import fused


def silu_dropout(x: Tensor, probability: float) -> Tensor:
    """dropout(silu(x)); `probability` 0 outside training."""
    if not torch.is_grad_enabled() and probability == 0:
        return F.silu(x)
    if not fused.takes(x):
        return F.dropout(F.silu(x), probability)
    return fused.SiluDropout.apply(x, probability)


def add_dropout(residual: Tensor, x: Tensor, factor: float, probability: float) -> Tensor:
    """residual + factor * dropout(x), of one shape; `probability` 0 outside training."""
    if not torch.is_grad_enabled() and probability == 0:
        return torch.add(residual, x, alpha=factor)
    if not fused.takes(residual, x) or residual.dtype != x.dtype:
        return residual + factor * F.dropout(x, probability)
    return fused.AddDropout.apply(residual, x, factor, probability)


def rotate(vectors: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each pair (first half, second half) of (N, H, T, D) by the angles (T, D / 2)."""
    first, second = vectors.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def split_heads(projected: Tensor, cos: Tensor, sin: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """(N, T, 3 C) -> rotated queries and keys, and values, (N, H, T, C / H) each."""
    batch, length, width = projected.shape
    if not torch.is_grad_enabled() and fused.takes(projected):
        return fused.split_heads(projected, cos, sin, heads)
    query, key, value = projected.view(batch, length, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
    return rotate(query, cos, sin), rotate(key, cos, sin), value


def join_heads(mixed: Tensor) -> Tensor:
    """(N, H, T, D) -> (N, T, H D)."""
    batch, heads, length, size = mixed.shape
    return mixed.transpose(1, 2).reshape(batch, length, heads * size)


def self_attention(
    projected: Tensor, mask: Tensor | None, cos: Tensor, sin: Tensor, heads: int, probability: float
) -> Tensor:
    """softmax(rotate(q) rotate(k)^T / sqrt(d) + mask) v for every head, its weights with dropout.

    In training on the CPU all weights of a batch are held at once.

    Args:
        projected: (N, T, 3 C), queries, keys and values.
        mask: (N, 1, T, T) bool, True where a query may see a key, or None: everywhere.
        cos, sin: (T, C / heads / 2), the rotary angles'.
        probability: of the dropout; 0 outside training.
    Returns:
        (N, T, C), the heads' results beside each other.
    """
    if probability == 0 or not fused.takes(projected):
        query, key, value = split_heads(projected, cos, sin, heads)
        return join_heads(F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=probability))
    return fused.SelfAttention.apply(projected, mask, cos, sin, heads, probability)


def convolution(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """Convolution over time without padding: (N, T, C), (D, C, K) and (D,) -> (N, 1 + (T - K) // stride, D).

    torch's own prepares itself for each new length, which takes longer than the product for one utterance.
    """
    if torch.is_grad_enabled() or not fused.takes(x, weight):
        return F.conv1d(x.mT, weight, bias, stride).mT
    windows = x.unfold(1, weight.shape[2], stride).flatten(2)
    return F.linear(windows, weight.flatten(1), bias)


def depthwise_convolution(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The same with one filter for each channel: (N, T, C), (C, 1, K) and (C,) -> (N, T - K + 1, C)."""
    if torch.is_grad_enabled() or not fused.takes(x, weight):
        return F.conv1d(x.mT, weight, bias, groups=len(weight)).mT
    windows = x.unfold(1, weight.shape[2], 1).mT  # (N, T - K + 1, K, C)
    return (windows * weight[:, 0].t().contiguous()).sum(dim=2) + bias


def gated_convolution(x: Tensor, weight: Tensor, bias: Tensor, inside: Tensor | None, past: int, future: int) -> Tensor:
    """Depthwise convolution of the gated input: frame t sees t - past .. t + future.

    Args:
        x: (N, T, 2 C), values and gates.
        weight: (C, 1, past + 1 + future); bias: (C,).
        inside: (N, T, 1) bool, False where the gated input counts as 0, or None: nowhere.
    Returns:
        (N, T, C).
    """
    if not fused.takes(x, weight, bias):
        gated = F.glu(x, dim=-1)
        if inside is not None:
            gated = gated * inside
        return F.conv1d(F.pad(gated.mT, (past, future)), weight, bias, groups=weight.shape[0]).mT
    return fused.GatedConvolution.apply(x, weight, bias, inside, past)


def add_tanh(encoded: Tensor, predicted: Tensor) -> Tensor:
    """tanh(encoded + predicted) for every pair: (N, T, J) and (N, U + 1, J) -> (N, T, U + 1, J)."""
    if not fused.takes(encoded, predicted) or encoded.dtype != predicted.dtype:
        return (encoded[:, :, None] + predicted[:, None]).tanh()
    return fused.AddTanh.apply(encoded, predicted)


def log_probabilities(logits: Tensor, following: Tensor) -> Tensor:
    """Log-probabilities of blank and of the label that comes next, from the logits of a HAT cell.

    blank: log sigmoid(logit_0);  label y: log sigmoid(-logit_0) + log softmax(logit_1 ..)_y

    Args:
        logits: (N, T, U + 1, V), column 0 the blank's; following: (N, U + 1) int64, labels from 1 to V - 1.
    Returns:
        (N, T, U + 1, 2) float32, or float64 of float64 logits.
    """
    if not fused.takes(logits):
        wide = logits if logits.dtype == torch.float64 else logits.float()
        blank, labels = wide.split([1, wide.shape[-1] - 1], dim=-1)
        columns = following[:, None].expand(-1, wide.shape[1], -1) - 1
        label = -F.cross_entropy(labels.flatten(0, 2), columns.flatten(), reduction="none").view_as(blank)
        return torch.cat([F.logsigmoid(blank), F.logsigmoid(-blank) + label], dim=-1)
    return fused.Cells.apply(logits, following)


def hat_cells(encoded: Tensor, predicted: Tensor, weight: Tensor, bias: Tensor, following: Tensor) -> Tensor:
    """What a HAT lattice needs of the joint network: log-probabilities of blank and of the label that comes next.

    log_probabilities(tanh(encoded + predicted) W^T + b)

    Args:
        encoded: (N, T, J) projected encoder output; predicted: (N, U + 1, J) prediction network.
        weight: (V, J), row 0 the blank's, the others the labels'; bias: (V,).
        following: (N, U + 1) int64, the label after each prefix.
    Returns:
        (N, T, U + 1, 2) float32.
    Raises:
        IndexError: a label out of range; on the CPU, a look at those on a GPU would wait for it.
    """
    if following.is_cpu:
        low, high = following.aminmax()
        if low < 1 or high >= len(weight):
            raise IndexError(f"labels from {low} to {high} where only 1 to {len(weight) - 1} exist")
    return log_probabilities(F.linear(add_tanh(encoded, predicted), weight, bias), following)


def transducer_loss(cells: Tensor, lengths: Tensor, label_lengths: Tensor) -> Tensor:
    """Negative log of the summed probability of every alignment (Graves, arXiv 1211.3711), one value an utterance.

    rnnt_loss of torchaudio on cells of two symbols, blank and the next label.

    Args:
        cells: (N, T, U + 1, 2) float, log-probabilities of blank and of the next label.
        lengths: (N,) int, 1 .. T frames; label_lengths: (N,) int, 0 .. U.
    Returns:
        (N,) float32, nats.
    Raises:
        ValueError: a length out of range; on the CPU, as for `hat_cells`.
    """
    cells = cells.float()
    if cells.is_cpu:
        for name, given, low, high in (
            ("frames", lengths, 1, cells.shape[1]),
            ("labels", label_lengths, 0, cells.shape[2] - 1),
        ):
            least, most = given.aminmax()
            if least < low or most > high:
                raise ValueError(f"numbers of {name} from {least} to {most}; expected {low} to {high}")
        return fused.Lattice.apply(cells, lengths, label_lengths)
    return rnnt_loss(
        cells,
        cells.new_ones(len(cells), cells.shape[2] - 1, dtype=torch.int32),
        lengths.int(),
        label_lengths.int(),
        blank=0,
        reduction="none",
        fused_log_softmax=False,
    )
