"""The cheapest monotone alignment of speech frames with text positions."""

from typing import NamedTuple

import numpy as np
import torch

from jstasr.align import _dtw
from jstasr.align.distance import normalise, pairwise_distances
from jstasr.align.path_cost import Pairs, pairs_of_path, path_cost

TOPOLOGIES = tuple(_dtw.TOPOLOGIES)

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
    if not isinstance(cost, torch.Tensor):
        cost = torch.as_tensor(cost)
    if cost.requires_grad:
        cost = cost.detach()
    if cost.dim() != 3:
        raise ValueError(f"cost must be (B, n, m), got shape {tuple(cost.shape)}")
    if cost.dtype not in (torch.float32, torch.float64):
        cost = cost.float()
    if cost.is_cuda:
        cost = to_host(cost)
    batch, n, m = cost.shape
    speech_lengths, text_lengths = check_lengths(speech_lengths, text_lengths, batch, n, m, topology)
    output = _Output(batch, n, m, cost.dtype, topology)
    output.align(cost, 0, speech_lengths, text_lengths)
    return BestAlignment(output.paths(), output.total)


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
        output = align_embeddings(speech, text, speech_lengths, text_lengths, topology, distance)
        cost = path_cost(speech, text, output.pairs(speech_lengths), distance)
    path = output.paths()
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
    if topology not in _dtw.TOPOLOGIES:
        raise ValueError(f"topology must be one of {', '.join(TOPOLOGIES)}, got {topology!r}")
    speech_lengths = _host_int64(speech_lengths, batch, "speech_lengths")
    text_lengths = _host_int64(text_lengths, batch, "text_lengths")
    _dtw.check_lengths(speech_lengths.data_ptr(), batch, n, "speech_lengths")
    _dtw.check_lengths(text_lengths.data_ptr(), batch, m, "text_lengths")
    if topology == "noskip":
        _dtw.check_enough_frames(speech_lengths.data_ptr(), text_lengths.data_ptr(), batch)
    return speech_lengths, text_lengths


def _host_int64(lengths, batch, name):
    if not isinstance(lengths, torch.Tensor):
        lengths = torch.as_tensor(lengths)
    if lengths.shape != (batch,) or (lengths.is_floating_point() and batch > 0):
        raise ValueError(f"{name} must be ({batch},) integers, got {lengths.dtype} {tuple(lengths.shape)}")
    if lengths.dtype != torch.int64 or not lengths.is_cpu:
        lengths = lengths.to("cpu", torch.int64)
    return lengths.contiguous()


def to_host(tensor):
    """Copy to the CPU through pinned memory."""
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    host.copy_(tensor, non_blocking=True)
    torch.cuda.current_stream(tensor.device).synchronize()
    return host


def align_embeddings(speech, text, speech_lengths, text_lengths, topology, distance):
    """Paths for embeddings that `normalise` has prepared."""
    batch, n, _ = speech.shape
    m = text.shape[1]
    output = _Output(batch, n, m, speech.dtype, topology)
    if speech.is_cpu and speech.dtype == torch.float32 and _dtw.uses_vectors:
        output.align_embeddings(speech.contiguous(), text.contiguous(), speech_lengths, text_lengths, distance)
        return output
    # A group of items at a time, by the library's matrix product.
    group = max(1, min(batch, GROUP_BYTES // (n * m * speech.element_size())))
    for first in range(0, batch, group):
        part = slice(first, first + group)
        cost = pairwise_distances(speech[part], text[part], distance, constant=topology == "dtw")
        if cost.is_cuda:
            cost = to_host(cost)
        output.align(cost, first, speech_lengths[part], text_lengths[part])
    return output


class _Output:
    """Where the kernels write the alignments of a batch."""

    def __init__(self, batch, n, m, dtype, topology):
        self.batch, self.n, self.m, self.topology = batch, n, m, topology
        self.path, self.path_length, total, self.addresses = _dtw.new_output(
            batch, n, m, topology == "dtw", dtype == torch.float64
        )
        self.total = torch.from_numpy(total)

    def align(self, cost, first, speech_lengths, text_lengths):
        """Align the items from `first` on, whose costs (count, n, m) are given."""
        if cost.numel() == 0:
            return
        item_stride, row_stride, column_stride = cost.stride()
        if column_stride != 1 and self.m > 1:
            cost = cost.contiguous()
            item_stride, row_stride, _ = cost.stride()
        count = cost.shape[0]
        status = bytearray(count)
        path, path_stride, path_length, total = self.addresses
        failed = _dtw.align(
            cost.data_ptr(), cost.dtype == torch.float64, item_stride, row_stride, count,
            speech_lengths.data_ptr(), text_lengths.data_ptr(), _dtw.TOPOLOGIES[self.topology], True,
            path + 8 * first * path_stride, path_stride, path_length + 8 * first,
            total + first * self.total.element_size(), status, torch.get_num_threads(),
        )  # fmt: skip
        if failed:
            _raise(status, first)

    def align_embeddings(self, speech, text, speech_lengths, text_lengths, distance):
        """Align all items by their embeddings (B, n, d) and (B, m, d), contiguous float32 on the CPU."""
        status = bytearray(self.batch)
        failed = _dtw.align_embeddings(
            speech.data_ptr(), text.data_ptr(), self.batch, self.n, self.m, speech.shape[2],
            speech_lengths.data_ptr(), text_lengths.data_ptr(), _dtw.TOPOLOGIES[self.topology],
            self.topology == "dtw", distance == "euclidean", *self.addresses, status, torch.get_num_threads(),
        )  # fmt: skip
        if failed:
            _raise(status, 0)

    def paths(self):
        """`BestAlignment.path`."""
        if self.topology == "dtw":
            return _dtw.pair_views(self.path, self.path_length)
        return torch.from_numpy(self.path)

    def pairs(self, speech_lengths):
        """The same as one flat list, see `Pairs`."""
        if self.topology != "dtw":
            return pairs_of_path(self.paths(), speech_lengths, self.m)
        length = torch.from_numpy(self.path_length)
        item = torch.repeat_interleave(length)
        frame, position = torch.from_numpy(np.concatenate(self.paths())).unbind(1)
        start = torch.cat((length.new_zeros(1), length.cumsum(0)))
        return Pairs(start, item * self.n + frame, item * self.m + position)


def _raise(status, first):
    """The error of the items from `first` on whose status says that they failed."""
    if _dtw.NO_MEMORY in status:
        raise MemoryError("no memory for the back-pointers of the alignment")
    bad = ", ".join(str(first + k) for k, failed in enumerate(status) if failed)
    raise ValueError(f"a cost inside the lengths is NaN or infinite, batch items: {bad}")
