"""The cheapest monotone alignment of speech frames with text positions."""

from typing import NamedTuple

import numpy as np
import torch

from jstasr.align.distance import normalise, pairwise_distances
from jstasr.align.host import on_host, to_host
from jstasr.align.path_cost import Pairs, pairs_of_path, path_cost
from jstasr.kernels import _alignment

TOPOLOGIES = tuple(_alignment.TOPOLOGIES)

REAL = (torch.float32, torch.float64)
# Where the library makes the distances: as many items at a time as fit in here, small enough to stay in the
# last level cache, large enough for the matrix product to run at full speed.
GROUP_BYTES = 16 << 20


class BestAlignment(NamedTuple):
    """Cheapest alignments of a batch.

    path: (B, n) int64 tensor, the text position of each frame, -1 past the length.
        Topology "dtw": a list of B int64 arrays (L, 2) of (frame, position) pairs.
    cost: (B,) the sum of the distances on the path; float32, or float64 if the input was.
    """

    path: torch.Tensor | list
    cost: torch.Tensor


def best_alignment_from_cost(cost, speech_lengths, text_lengths, topology="skip"):
    """Cheapest monotone alignment for given costs.

    skip    D(i, j) = cost_ij + min_{k <= j} D(i-1, k)                    (arXiv 2308.06125, section 4)
    noskip  D(i, j) = cost_ij + min(D(i-1, j), D(i-1, j-1)), from (0, 0) to (n-1, m-1)
    dtw     D(i, j) = cost_ij + min(D(i-1, j-1), D(i-1, j), D(i, j-1)), from (0, 0) to (n-1, m-1)

    Ties: skip takes the largest position, noskip stays, dtw takes the diagonal, then i-1, then j-1.

    Args:
        cost: (B, n, m) float tensor; cells past the lengths are ignored. A CPU tensor of float32 or float64
            whose last dimension is contiguous is read in place.
        speech_lengths, text_lengths: (B,) int, 1 <= length <= n (m).
        topology: "skip" | "noskip" | "dtw".
    Returns:
        BestAlignment
    Raises:
        ValueError: a length out of range, a cost inside the lengths that is not finite, or fewer frames than
            positions under "noskip"; names the batch items.
    """
    if type(cost) is not torch.Tensor:
        cost = torch.as_tensor(cost)
    shape = cost.shape
    if len(shape) != 3:
        raise ValueError(f"cost must be (B, n, m), got shape {tuple(shape)}")
    if cost.dtype not in REAL:
        cost = cost.float()
    if not cost.is_cpu:
        cost = to_host(cost.detach())
    batch, n, m = shape
    speech_lengths, text_lengths = check_lengths(speech_lengths, text_lengths, batch, n, m, topology)
    path, path_length, total = _align(cost, speech_lengths, text_lengths, topology)
    paths = _alignment.pair_views(path, path_length) if topology == "dtw" else torch.from_numpy(path)
    return BestAlignment(paths, torch.from_numpy(total))


def best_alignment(
    speech, text, speech_lengths, text_lengths, topology="skip", distance="sqeuclidean", layer_norm=False
):
    """Cheapest monotone alignment of text positions with speech frames.

    D(i, j) = ||speech_i - text_j||^2 + min_{k <= j} D(i-1, k)      (arXiv 2308.06125, section 4)

    Args:
        speech: (B, n, d) float, encoder outputs; rows past `speech_lengths` are ignored.
        text: (B, m, d) float, likewise.
        speech_lengths, text_lengths: (B,) int, 1 <= length <= n (m).
        topology: "skip" | "noskip" | "dtw", see `best_alignment_from_cost`.
        distance: "sqeuclidean" | "euclidean" | "cosine".
        layer_norm: compare layer-normalised vectors of length at most 1, see `jstasr.align.distance`.
    Returns:
        BestAlignment, on the device of `speech`; its cost is summed anew along the path, free of the
        cancellation in |a|^2 - 2 a.t + |t|^2.
    Raises:
        ValueError: a length out of range, a distance that is not finite, or fewer frames than positions under
            "noskip"; names the batch items.
    """
    speech, text = check_embeddings(speech, text)
    device = speech.device
    speech_lengths, text_lengths = check_lengths(
        speech_lengths, text_lengths, speech.shape[0], speech.shape[1], text.shape[1], topology
    )
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        speech, text = normalise(speech.detach(), text.detach(), distance, layer_norm)
        found = align_embeddings(speech, text, speech_lengths, text_lengths, topology, distance)
        cost = path_cost(speech, text, found.pairs(), distance) if found.cost is None else found.cost
    path = found.paths()
    return BestAlignment(path if topology == "dtw" else path.to(device), cost)


def check_embeddings(speech, text):
    """Both as float tensors of one type, (B, n, d) and (B, m, d); half precision becomes float32."""
    if not speech.dim() == text.dim() == 3 or speech.shape[::2] != text.shape[::2]:
        raise ValueError(
            f"speech must be (B, n, d) and text (B, m, d), got {tuple(speech.shape)} and {tuple(text.shape)}"
        )
    dtype = torch.float64 if torch.float64 in (speech.dtype, text.dtype) else torch.float32
    return speech.to(dtype), text.to(dtype)


def check_lengths(speech_lengths, text_lengths, batch, n, m, topology="skip"):
    """Both lengths as int64 CPU tensors (B,); ValueError names the items that are out of range."""
    number = _alignment.TOPOLOGIES.get(topology)
    if number is None:
        raise ValueError(f"topology must be one of {', '.join(TOPOLOGIES)}, got {topology!r}")
    speech_lengths = _host_int64(speech_lengths, batch, "speech_lengths")
    text_lengths = _host_int64(text_lengths, batch, "text_lengths")
    _alignment.check_lengths(speech_lengths.data_ptr(), text_lengths.data_ptr(), batch, n, m, number)
    return speech_lengths, text_lengths


def _host_int64(lengths, batch, name):
    if type(lengths) is not torch.Tensor:
        lengths = torch.as_tensor(lengths)
    if lengths.shape != (batch,):
        raise ValueError(f"{name} must be ({batch},) integers, got {lengths.dtype} {tuple(lengths.shape)}")
    if lengths.dtype is torch.int64 and lengths.is_cpu and lengths.is_contiguous():
        return lengths
    if (lengths.is_floating_point() or lengths.is_complex() or lengths.dtype is torch.bool) and batch > 0:
        raise ValueError(f"{name} must be ({batch},) integers, got {lengths.dtype}")
    return lengths.to("cpu", torch.int64).contiguous()


def align_embeddings(speech, text, speech_lengths, text_lengths, topology, distance):
    """`FoundPaths` for embeddings that `normalise` has prepared."""
    batch, n, _ = speech.shape
    m = text.shape[1]
    if speech.is_cpu and speech.dtype is torch.float32:
        speech, text = speech.contiguous(), text.contiguous()
        path, path_length, cost, status = _alignment.align_embeddings(
            speech.data_ptr(), text.data_ptr(), batch, n, m, speech.shape[2], speech_lengths.data_ptr(),
            text_lengths.data_ptr(), _alignment.TOPOLOGIES[topology], topology == "dtw", distance == "euclidean",
            torch.get_num_threads(),
        )  # fmt: skip
        if status is not None:
            _raise(status)
        return FoundPaths(path, path_length, speech_lengths, m, torch.from_numpy(cost))
    # A group of items at a time, by the library's matrix product.
    group = max(1, min(batch, GROUP_BYTES // max(1, n * m * speech.element_size())))
    parts = [slice(first, first + group) for first in range(0, max(batch, 1), group)]
    costs = (pairwise_distances(speech[part], text[part], distance, constant=topology == "dtw") for part in parts)
    found = [
        _align(cost, speech_lengths[part], text_lengths[part], topology, part.start)[:2]
        for part, cost in zip(parts, on_host(costs))
    ]
    path, path_length = map(np.concatenate, zip(*found))
    return FoundPaths(path, path_length, speech_lengths, m)


class FoundPaths(NamedTuple):
    """The paths of a batch as the kernels leave them.

    path: (B, n) int64 array, or for "dtw" (B, n + m - 1, 2), the pairs right-aligned.
    path_length: (B,) int64 array, the number of pairs; "dtw" only.
    speech_lengths: (B,) int64 tensor.
    text_width: m.
    cost: (B,) tensor as `path_cost` gives it, None if it has yet to be summed.
    """

    path: np.ndarray
    path_length: np.ndarray
    speech_lengths: torch.Tensor
    text_width: int
    cost: torch.Tensor | None = None

    def paths(self):
        """`BestAlignment.path`."""
        if self.path.ndim == 3:
            return _alignment.pair_views(self.path, self.path_length)
        return torch.from_numpy(self.path)

    def pairs(self):
        """The same as one flat list, see `Pairs`."""
        if self.path.ndim == 2:
            return pairs_of_path(self.paths(), self.speech_lengths, self.text_width)
        length = torch.from_numpy(self.path_length)
        item = torch.repeat_interleave(length)
        none = np.empty((0, 2), np.int64)
        frame, position = torch.from_numpy(np.concatenate([none, *self.paths()])).unbind(1)
        start = torch.cat((length.new_zeros(1), length.cumsum(0)))
        n = self.path.shape[1] + 1 - self.text_width
        return Pairs(start, item * n + frame, item * self.text_width + position)


def _align(cost, speech_lengths, text_lengths, topology, first=0):
    """(path, path_length, cost) arrays for CPU costs (B, n, m); errors count the items from `first` on."""
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
        _raise(status, first)
    return path, path_length, total


def _raise(status, first=0):
    """The error of the items from `first` on whose status says that they failed."""
    if _alignment.NO_MEMORY in status:
        raise MemoryError("no memory for the back-pointers of the alignment")
    bad = ", ".join(str(first + k) for k, failed in enumerate(status) if failed)
    raise ValueError(f"a cost inside the lengths is NaN or infinite, batch items: {bad}")
