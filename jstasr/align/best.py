"""The cheapest monotone alignment of speech frames with text positions."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from jstasr.align.distance import normalise, pairwise_distances
from jstasr.align.path_cost import path_cost
from jstasr.kernels import alignment
from jstasr.kernels.alignment import TOPOLOGIES, FoundPaths
from jstasr.kernels.device import PathOnDevice

REAL = (torch.float32, torch.float64)
Lengths = Tensor | np.ndarray | Sequence[int]


class BestAlignment(NamedTuple):
    """Cheapest alignments of a batch.

    path: (B, n) int64 tensor, the text position of each frame, -1 past the length.
        Topology "dtw": a list of B int64 arrays (L, 2) of (frame, position) pairs.
    cost: (B,) the sum of the distances on the path; float32, or float64 if the input was.
    """

    path: Tensor | list[np.ndarray]
    cost: Tensor


def best_alignment_from_cost(
    cost: Tensor | np.ndarray, speech_lengths: Lengths, text_lengths: Lengths, topology: str = "skip"
) -> BestAlignment:
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
        BestAlignment, on the device of `cost`
    Raises:
        ValueError: a length out of range, a cost inside the lengths that is not finite, or fewer frames than
            positions under "noskip"; names the batch items.
    """
    if not isinstance(cost, Tensor):
        cost = torch.as_tensor(cost)
    if cost.dim() != 3:
        raise ValueError(f"cost must be (B, n, m), got shape {tuple(cost.shape)}")
    if cost.dtype not in REAL:
        cost = cost.float()
    batch, n, m = cost.shape
    speech_lengths, text_lengths = check_lengths(speech_lengths, text_lengths, batch, n, m, topology)
    found, total = alignment.align_costs(cost, speech_lengths, text_lengths, topology)
    path = found.paths()
    return BestAlignment(path.to(cost.device) if isinstance(path, Tensor) else path, total.to(cost.device))


def best_alignment(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Lengths,
    text_lengths: Lengths,
    topology: str = "skip",
    distance: str = "sqeuclidean",
    layer_norm: bool = False,
) -> BestAlignment:
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
    (batch, n, _), m = speech.shape, text.shape[1]
    speech_lengths, text_lengths = check_lengths(speech_lengths, text_lengths, batch, n, m, topology)
    with torch.no_grad(), torch.autocast(speech.device.type, enabled=False):
        speech, text = normalise(speech.detach(), text.detach(), distance, layer_norm)
        found = align_embeddings(speech, text, speech_lengths, text_lengths, topology, distance)
        cost = path_cost(speech, text, found.along(), distance) if found.cost is None else found.cost
    path = found.paths()
    return BestAlignment(path.to(speech.device) if isinstance(path, Tensor) else path, cost)


def align_embeddings(
    speech: Tensor, text: Tensor, speech_lengths: Tensor, text_lengths: Tensor, topology: str, distance: str
) -> FoundPaths | PathOnDevice:
    """The paths of `best_alignment` for embeddings that `normalise` has prepared and lengths as `check_lengths` has."""
    distances = partial(pairwise_distances, distance=distance, constant=topology == "dtw")
    root = distance == "euclidean"
    return alignment.align_embeddings(speech, text, speech_lengths, text_lengths, topology, root, distances)


def check_embeddings(speech: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
    """Both as float tensors of one type, (B, n, d) and (B, m, d); half precision becomes float32."""
    if not speech.dim() == text.dim() == 3 or speech.shape[::2] != text.shape[::2]:
        raise ValueError(
            f"speech must be (B, n, d) and text (B, m, d), got {tuple(speech.shape)} and {tuple(text.shape)}"
        )
    dtype = torch.float64 if torch.float64 in (speech.dtype, text.dtype) else torch.float32
    return speech.to(dtype), text.to(dtype)


def check_lengths(
    speech_lengths: Lengths, text_lengths: Lengths, batch: int, n: int, m: int, topology: str = "skip"
) -> tuple[Tensor, Tensor]:
    """Both lengths as int64 CPU tensors (B,); ValueError names the items that are out of range."""
    if topology not in TOPOLOGIES:
        raise ValueError(f"topology must be one of {', '.join(TOPOLOGIES)}, got {topology!r}")
    speech_lengths = _host_int64(speech_lengths, batch, "speech_lengths")
    text_lengths = _host_int64(text_lengths, batch, "text_lengths")
    alignment.check_lengths(speech_lengths, text_lengths, batch, n, m, topology)
    return speech_lengths, text_lengths


def _host_int64(lengths: Lengths, batch: int, name: str) -> Tensor:
    if not isinstance(lengths, Tensor):
        lengths = torch.as_tensor(lengths)
    if lengths.shape != (batch,):
        raise ValueError(f"{name} must be ({batch},) integers, got {lengths.dtype} {tuple(lengths.shape)}")
    if lengths.dtype is torch.int64 and lengths.is_cpu and lengths.is_contiguous():
        return lengths
    if (lengths.is_floating_point() or lengths.is_complex() or lengths.dtype is torch.bool) and batch > 0:
        raise ValueError(f"{name} must be ({batch},) integers, got {lengths.dtype}")
    return lengths.to("cpu", torch.int64).contiguous()
