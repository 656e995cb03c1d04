"""The cheapest monotone alignment of speech frames with text positions."""

from typing import NamedTuple

import torch

from jstasr.align import _dtw
from jstasr.align.distance import Pairs, normalise, pairs_of_path, pairwise_distances, path_distances

TOPOLOGIES = tuple(_dtw.TOPOLOGIES)

# Distances are made and aligned for as many items at a time as fit in here: small enough to stay in the last
# level cache, large enough for the matrix product to run at full speed.
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
    cost = torch.as_tensor(cost).detach()
    if cost.dim() != 3:
        raise ValueError(f"cost must be (B, n, m), got shape {tuple(cost.shape)}")
    if cost.dtype not in (torch.float32, torch.float64):
        cost = cost.float()
    if cost.is_cuda:
        cost = to_host(cost)
    speech_lengths, text_lengths = check_lengths(
        speech_lengths, text_lengths, cost.shape[0], cost.shape[1], cost.shape[2], topology
    )
    output = _Output(cost, speech_lengths, topology)
    output.align(cost, 0, speech_lengths, text_lengths, check_outside=True)
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
        pairs = output.pairs(speech_lengths, text.shape[1])
        along = path_distances(speech, text, pairs, distance)
        cost = along.new_zeros(speech.shape[0]).index_add_(0, pairs.item.to(device), along)
    path = output.paths()
    return BestAlignment(path if topology == "dtw" else path.to(device), cost)


def check_embeddings(speech, text):
    """Both as float tensors of one type, (B, n, d) and (B, m, d); half precision becomes float32."""
    if speech.dim() != 3 or text.dim() != 3 or speech.shape[0] != text.shape[0] or speech.shape[2] != text.shape[2]:
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
    lengths = torch.as_tensor(lengths)
    if lengths.is_floating_point() or lengths.shape != (batch,):
        raise ValueError(f"{name} must be ({batch},) integers, got {lengths.dtype} {tuple(lengths.shape)}")
    return lengths.to("cpu", torch.int64).contiguous()


def to_host(tensor):
    """Copy to the CPU through pinned memory."""
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
    host.copy_(tensor, non_blocking=True)
    torch.cuda.current_stream(tensor.device).synchronize()
    return host


def align_embeddings(speech, text, speech_lengths, text_lengths, topology, distance):
    """Paths for embeddings that `normalise` has prepared, a group of items at a time."""
    batch, n, _ = speech.shape
    group = max(1, min(batch, GROUP_BYTES // (n * text.shape[1] * speech.element_size())))
    output = _Output(speech, speech_lengths, topology, text.shape[1])
    for first in range(0, batch, group):
        part = slice(first, first + group)
        cost = pairwise_distances(speech[part], text[part], distance, constant=topology == "dtw")
        if cost.is_cuda:
            cost = to_host(cost)
        output.align(cost, first, speech_lengths[part], text_lengths[part], check_outside=True)
    return output


class _Output:
    """Where the kernels write the alignments of a batch."""

    def __init__(self, like, speech_lengths, topology, m=None):
        batch, n = like.shape[:2]
        m = like.shape[2] if m is None else m
        self.topology = topology
        self.batch = batch
        self.total = torch.empty(batch, dtype=like.dtype)
        if topology == "dtw":
            self.path = torch.empty((batch, n + m - 1, 2), dtype=torch.int64)
            self.path_length = torch.empty(batch, dtype=torch.int64)
        else:
            self.path = torch.empty((batch, n), dtype=torch.int64)
            self.path_length = None

    def align(self, cost, first, speech_lengths, text_lengths, check_outside):
        """Align the items from `first` on, whose costs are given."""
        if cost.shape[0] == 0:
            return
        if cost.stride(2) != 1 and cost.shape[2] > 1:
            cost = cost.contiguous()
        count = cost.shape[0]
        status = bytearray(count)
        stride = self.path[0].numel()
        failed = _dtw.align(
            cost.data_ptr(), cost.dtype == torch.float64, cost.stride(0), cost.stride(1), count,
            speech_lengths.data_ptr(), text_lengths.data_ptr(), _dtw.TOPOLOGIES[self.topology], check_outside,
            self.path.data_ptr() + 8 * first * stride, stride,
            0 if self.path_length is None else self.path_length.data_ptr() + 8 * first,
            self.total.data_ptr() + first * self.total.element_size(), status, torch.get_num_threads(),
        )  # fmt: skip
        if failed:
            if _dtw.NO_MEMORY in status:
                raise MemoryError("no memory for the back-pointers of the alignment")
            bad = ", ".join(str(first + k) for k in range(count) if status[k])
            raise ValueError(f"a cost inside the lengths is NaN or infinite, batch items: {bad}")

    def paths(self):
        """`BestAlignment.path`."""
        if self.topology != "dtw":
            return self.path
        pairs, room = self.path.numpy(), self.path.shape[1]
        return [pairs[b, room - length :] for b, length in enumerate(self.path_length.tolist())]

    def pairs(self, speech_lengths, m):
        """The same as one flat list, see `Pairs`."""
        n = self.path.shape[1]
        if self.topology != "dtw":
            return pairs_of_path(self.path, m)
        n -= m - 1
        item = torch.repeat_interleave(torch.arange(self.batch), self.path_length)
        chosen = torch.arange(self.path.shape[1]) >= (self.path.shape[1] - self.path_length)[:, None]
        frame, position = self.path[chosen].unbind(1)
        return Pairs(item, item * n + frame, item * m + position)
