"""Alignments by compiled kernels (alignment.h): costs or embeddings to paths, distances along a path, soft minima.

Every function takes tensors of any device. Kernels work on the CPU: float32 embeddings and all costs; what they do not
take, they leave to the same formula in torch's operations. skip and noskip stay on a GPU that Triton compiles for:
jstasr.kernels.device.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from jstasr.kernels import _alignment, device
from jstasr.kernels.device import PathOnDevice
from jstasr.kernels.host import on_host, to_host
from jstasr.kernels.pairs import Pairs, not_finite, pairs_of_path, starts

TOPOLOGIES = tuple(_alignment.TOPOLOGIES)

# Costs made by torch's matrix product: as many items at a time as fit in here, small enough to stay in the last level
# cache, large enough for the product to run at full speed.
GROUP_BYTES = 16 << 20
# Numbers along all paths from which a second thread saves more than it costs.
NUMBERS_FOR_THREADS = 1 << 18


class FoundPaths(NamedTuple):
    """The cheapest paths of a batch.

    path: (B, n) int64 array, -1 past the length; for "dtw" (B, n + m - 1, 2), pairs, right-aligned.
    path_length: (B,) int64 array, the number of pairs; "dtw" only.
    speech_lengths: (B,) int64 tensor.
    text_width: m.
    cost: (B,) tensor, what `path_cost` gives along the paths; None if it has yet to be summed.
    """

    path: np.ndarray
    path_length: np.ndarray
    speech_lengths: Tensor
    text_width: int
    cost: Tensor | None = None

    def paths(self) -> Tensor | list[np.ndarray]:
        """(B, n) int64 tensor, or for "dtw" a list of B int64 arrays (L, 2)."""
        if self.path.ndim == 3:
            return _alignment.pair_views(self.path, self.path_length)
        return torch.from_numpy(self.path)

    def along(self) -> Pairs:
        """What `path_cost` sums along."""
        return self.pairs()

    def pairs(self) -> Pairs:
        """The same as one flat list."""
        if self.path.ndim == 2:
            return pairs_of_path(torch.from_numpy(self.path), self.speech_lengths, self.text_width)
        length = torch.from_numpy(self.path_length)
        none = np.empty((0, 2), np.int64)
        frame, position = torch.from_numpy(np.concatenate([none, *self.paths()])).unbind(1)
        item, n = torch.repeat_interleave(length), self.path.shape[1] + 1 - self.text_width
        return Pairs(starts(length), item * n + frame, item * self.text_width + position)


def check_lengths(speech_lengths: Tensor, text_lengths: Tensor, batch: int, n: int, m: int, topology: str) -> None:
    """ValueError that names the items whose lengths, (batch,) int64 on the CPU, `topology` cannot align.

    They must lie in 1..n and 1..m; under "noskip", which visits every position, a frame is needed for each.
    """
    _alignment.check_lengths(
        speech_lengths.data_ptr(), text_lengths.data_ptr(), batch, n, m, _alignment.TOPOLOGIES[topology]
    )


def align_costs(
    cost: Tensor, speech_lengths: Tensor, text_lengths: Tensor, topology: str
) -> tuple[FoundPaths | PathOnDevice, Tensor]:
    """Cheapest paths for given costs; the recursions stand at `jstasr.align.best_alignment_from_cost`.

    Args:
        cost: (B, n, m) float32 or float64, on any device.
        speech_lengths, text_lengths: (B,) int64 on the CPU, as `check_lengths` wants them.
        topology: "skip" | "noskip" | "dtw".
    Returns:
        FoundPaths, or from a GPU, unless Triton lacks something, PathOnDevice; and their costs (B,) in the type of
        `cost`, where the paths are.
    Raises:
        ValueError: a cost inside the lengths that is not finite; names the batch items. PathOnDevice raises it when
            it is asked for its `paths`.
    """
    if device.takes(cost, topology):
        return device.align_costs(cost, speech_lengths, text_lengths, topology)
    found, total = align_on_host(
        cost if cost.is_cpu else to_host(cost.detach()), speech_lengths, text_lengths, topology
    )
    return found, total


def align_on_host(
    cost: Tensor, speech_lengths: Tensor, text_lengths: Tensor, topology: str, first: int = 0
) -> tuple[FoundPaths, Tensor]:
    """`align_costs` of costs on the CPU; first: number of the first item, for messages."""
    batch, n, m = cost.shape
    item_stride, row_stride, column_stride = cost.stride()
    if column_stride != 1 and m > 1:
        cost = cost.contiguous()
        item_stride, row_stride, _ = cost.stride()
    path, path_length, total, status = _alignment.align(
        cost.data_ptr(), cost.dtype is torch.float64, item_stride, row_stride, batch, n, m,
        speech_lengths.data_ptr(), text_lengths.data_ptr(), _alignment.TOPOLOGIES[topology], torch.get_num_threads(),
    )  # fmt: skip
    if status is not None:
        raise_failed(status, first)
    return FoundPaths(path, path_length, speech_lengths, m), torch.from_numpy(total)


def align_embeddings(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    topology: str,
    root: bool,
    distances: Callable[[Tensor, Tensor], Tensor],
) -> FoundPaths | PathOnDevice:
    """Cheapest paths under the squared Euclidean distance of embeddings, or with `root` the distance itself.

    Formula: align_costs(distances(speech, text), speech_lengths, text_lengths, topology).

    Args:
        speech, text: (B, n, d) and (B, m, d) float32 or float64, on any device.
        speech_lengths, text_lengths, topology: as in `align_costs`.
        distances: (b, n, d), (b, m, d) -> (b, n, m); may be short of |a|^2 where each path visits each frame once.
    Returns:
        FoundPaths; its `cost` is the sum along the path from the vectors themselves, or None. From a GPU, unless
        Triton lacks something, PathOnDevice.
    """
    if device.takes(speech, topology):
        return device.align_embeddings(speech, text, speech_lengths, text_lengths, topology, distances)
    batch, n, d = speech.shape
    m = text.shape[1]
    if speech.is_cpu and speech.dtype is torch.float32:
        speech, text = speech.contiguous(), text.contiguous()
        path, path_length, cost, status = _alignment.align_embeddings(
            speech.data_ptr(), text.data_ptr(), batch, n, m, d, speech_lengths.data_ptr(), text_lengths.data_ptr(),
            _alignment.TOPOLOGIES[topology], topology == "dtw", root, torch.get_num_threads(),
        )  # fmt: skip
        if status is not None:
            raise_failed(status)
        return FoundPaths(path, path_length, speech_lengths, m, torch.from_numpy(cost))
    group = max(1, min(batch, GROUP_BYTES // max(1, n * m * speech.element_size())))
    parts = [slice(first, first + group) for first in range(0, max(batch, 1), group)]
    costs = on_host(distances(speech[part], text[part]) for part in parts)
    found = [
        align_on_host(cost, speech_lengths[part], text_lengths[part], topology, part.start)[0]
        for part, cost in zip(parts, costs)
    ]
    path, path_length = (np.concatenate(arrays) for arrays in zip(*((part.path, part.path_length) for part in found)))
    return FoundPaths(path, path_length, speech_lengths, m)


def raise_failed(status: bytes | bytearray, first: int = 0) -> None:
    """The error of the items from `first` on whose status says that they failed."""
    if _alignment.NO_MEMORY in status:
        raise MemoryError("no memory for the back-pointers of the alignment")
    raise not_finite(first + k for k, failed in enumerate(status) if failed)


def path_cost(speech: Tensor, text: Tensor, pairs: Pairs | PathOnDevice, root: bool) -> Tensor:
    """Sums (B,) over each item's pairs (i, j) of |speech_i - text_j|^2, or with `root` of its square root.

    Differentiable; the pairs are constants. NaN along a PathOnDevice that means nothing.

    Args:
        speech, text: (B, n, d) and (B, m, d) float, on any device.
    """
    if isinstance(pairs, PathOnDevice):
        return device.path_cost(speech, text, pairs, root)
    if speech.is_cpu and speech.dtype == torch.float32:
        return CompiledPathCost.apply(speech, text, pairs, root)
    return TorchPathCost.apply(speech, text, pairs, root)


class CompiledPathCost(torch.autograd.Function):
    """Float32 on the CPU: one pass forward, one backward, and nothing kept but the inputs."""

    @staticmethod
    def forward(ctx, speech, text, pairs, root):
        speech, text = speech.contiguous(), text.contiguous()
        distance = speech.new_empty(len(pairs.speech_row))
        total = speech.new_empty(len(speech))
        ctx.threads = torch.get_num_threads() if len(distance) * speech.shape[2] > NUMBERS_FOR_THREADS else 1
        _alignment.path_forward(
            speech.data_ptr(), text.data_ptr(), speech.shape[2], len(speech), *map(Tensor.data_ptr, pairs), root,
            distance.data_ptr(), total.data_ptr(), ctx.threads,
        )  # fmt: skip
        ctx.save_for_backward(speech, text, distance, *pairs)
        ctx.root = root
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        speech, text, distance, *pairs = ctx.saved_tensors
        to_speech, to_text, gradient = torch.zeros_like(speech), torch.zeros_like(text), gradient.contiguous()
        _alignment.path_backward(
            speech.data_ptr(), text.data_ptr(), speech.shape[2], len(speech), *map(Tensor.data_ptr, pairs), ctx.root,
            distance.data_ptr(), gradient.data_ptr(), to_speech.data_ptr(), to_text.data_ptr(), ctx.threads,
        )  # fmt: skip
        return to_speech, to_text, None, None


class TorchPathCost(torch.autograd.Function):
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
    @once_differentiable
    def backward(ctx, gradient):
        difference, distance, item, *rows = ctx.saved_tensors
        # d|x|^2 = 2x; d|x| = x / |x|, 0 at 0
        scale = 1 / distance.where(distance > 0, 1) if ctx.root else 2
        scaled = (gradient[item] * scale)[:, None] * difference
        gradients = []
        for shape, row, sign in zip(ctx.shapes, rows, (1, -1)):
            flat = scaled.new_zeros(shape[0] * shape[1], shape[2])
            gradients.append(flat.index_add_(0, row, scaled, alpha=sign).view(shape))
        return *gradients, None, None


def soft_minimum(
    cost: Tensor, speech_lengths: Tensor, text_lengths: Tensor, topology: str, gamma: float
) -> tuple[Tensor, Tensor]:
    """-gamma log sum over alignments of exp(-cost / gamma), and its gradient, in double precision.

    Args:
        cost: (B, n, m) float, on any device.
        speech_lengths, text_lengths, topology: as in `align_costs`.
        gamma: above 0.
    Returns:
        (B,), and (B, n, m), the probability that an alignment visits a cell; both of the type and device of `cost`.
        NaN where a cost inside the lengths is not finite.
    """
    host = cost.detach().to("cpu", torch.float64).contiguous()
    value, probability = torch.zeros(len(host), dtype=torch.float64), torch.zeros_like(host)
    _alignment.soft_align(
        _alignment.TOPOLOGIES[topology], host.data_ptr(), *host.shape, speech_lengths.data_ptr(),
        text_lengths.data_ptr(), gamma, value.data_ptr(), probability.data_ptr(), torch.get_num_threads(),
    )  # fmt: skip
    return value.to(cost), probability.to(cost)
