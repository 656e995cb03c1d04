"""Other implementations of the same alignments.

Each takes costs (B, n, m) float32 and returns the function to measure, which computes the path and its cost for
every item through the fastest public call. The published ones take one whole item at a time, as a numpy array;
preparing that array is not measured. They are the optional extra `jstasr[bench]`; one that is not installed is
reported as missing.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

Peer = Callable[[np.ndarray], Callable[[], Any]]


def librosa(cost: np.ndarray) -> Callable[[], Any]:
    """librosa.sequence.dtw."""
    dtw = import_module("librosa").sequence.dtw
    return lambda: [dtw(C=item) for item in cost]


def tslearn(cost: np.ndarray) -> Callable[[], Any]:
    """tslearn.metrics.dtw_path_from_metric."""
    align = import_module("tslearn.metrics").dtw_path_from_metric
    return lambda: [align(item, metric="precomputed") for item in cost]


def dtw_python(cost: np.ndarray) -> Callable[[], Any]:
    """dtw.dtw of the distribution dtw-python."""
    dtw = import_module("dtw").dtw
    return lambda: [dtw(item.astype(np.float64), step_pattern="symmetric1") for item in cost]


def dtaidistance(cost: np.ndarray) -> Callable[[], Any]:
    """It takes two series of numbers instead of costs, and computes the costs itself."""
    align = import_module("dtaidistance").dtw.warping_path_fast
    series = cost[:, :, 0].astype(np.float64), cost[:, 0].astype(np.float64)
    return lambda: [align(a, t) for a, t in zip(*series)]


def numba(cost: np.ndarray) -> Callable[[], Any]:
    """The recursion as one writes it down, compiled by numba: a matrix of sums and one of steps, three cases a cell."""
    return _numba_batch("dtw", cost)


def numba_tuned(cost: np.ndarray) -> Callable[[], Any]:
    """The same with one row of sums instead of the matrix, the cheapest step found without jumps."""
    return _numba_batch("dtw_tuned", cost)


def _numba_batch(name: str, cost: np.ndarray) -> Callable[[], Any]:
    """Like best_alignment_from_cost: takes and returns tensors, takes lengths, loops over the batch inside."""
    align = _numba_functions()[name]
    costs = torch.from_numpy(cost)
    batch, n, m = costs.shape
    lengths = torch.full((batch,), n), torch.full((batch,), m)

    def call() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        path, length, total = align(costs.numpy(), lengths[0].numpy(), lengths[1].numpy())
        return torch.from_numpy(path), torch.from_numpy(length), torch.from_numpy(total)

    return call


def naive(cost: np.ndarray) -> Callable[[], Any]:
    """The skip recursion as the paper states it, O(n m^2), compiled by numba."""
    align = _numba_functions()["naive"]
    return lambda: align(cost)


PEERS: dict[str, Peer] = {
    "librosa": librosa,
    "tslearn": tslearn,
    "dtw-python": dtw_python,
    "dtaidistance": dtaidistance,
    "numba": numba,
    "numba, tuned": numba_tuned,
}


def installed() -> dict[str, str | None]:
    """Name -> version of each peer, None where it is missing."""
    found: dict[str, str | None] = {}
    for name, peer in PEERS.items():
        try:
            peer(np.ones((1, 2, 2), np.float32))()
            found[name] = version(name.partition(",")[0])
        except ImportError:
            found[name] = None
    return found


@cache
def _numba_functions() -> dict[str, Callable[..., Any]]:
    """Compiled once in a process: dtw, dtw_tuned, naive."""
    njit = import_module("numba").njit

    @njit
    def trace_back(came_from, n, m, path):
        i, j, length = n - 1, m - 1, 0
        while True:
            path[length, 0], path[length, 1] = i, j
            length += 1
            if i == 0 and j == 0:
                return length
            step = came_from[i, j]
            if step != 2:
                i -= 1
            if step != 1:
                j -= 1

    @njit
    def dtw_item(cost, path, came_from):
        n, m = cost.shape
        total = np.full((n + 1, m + 1), np.float32(np.inf))
        total[0, 0] = 0
        for i in range(n):
            for j in range(m):
                diagonal, above, left = total[i, j], total[i, j + 1], total[i + 1, j]
                if diagonal <= above and diagonal <= left:
                    best, step = diagonal, 0
                elif above <= left:
                    best, step = above, 1
                else:
                    best, step = left, 2
                total[i + 1, j + 1] = cost[i, j] + best
                came_from[i, j] = step
        return total[n, m], trace_back(came_from, n, m, path)

    @njit
    def dtw_item_tuned(cost, path, came_from):
        n, m = cost.shape
        above = np.full(m + 1, np.float32(np.inf))  # D(i-1, j-1) at j
        above[0] = 0
        for i in range(n):
            diagonal, left = above[0], np.float32(np.inf)
            above[0] = np.float32(np.inf)
            for j in range(m):
                best, step = diagonal, 0
                if above[j + 1] < best:
                    best, step = above[j + 1], 1
                if left < best:
                    best, step = left, 2
                left = cost[i, j] + best
                diagonal = above[j + 1]
                above[j + 1] = left
                came_from[i, j] = step
        return above[m], trace_back(came_from, n, m, path)

    def over_batch(align_item):
        @njit
        def align(cost, speech_lengths, text_lengths):
            batch, n, m = cost.shape
            path = np.empty((batch, n + m - 1, 2), np.int64)
            total, length = np.empty(batch, np.float32), np.empty(batch, np.int64)
            came_from = np.empty((n, m), np.uint8)
            for b in range(batch):
                item = cost[b, : speech_lengths[b], : text_lengths[b]]
                total[b], length[b] = align_item(item, path[b], came_from)
            return path, length, total

        return align

    @njit
    def naive(cost):
        batch, n, m = cost.shape
        path, total = np.empty((batch, n), np.int64), np.empty(batch, np.float32)
        came_from = np.empty((n, m), np.int32)
        row, above = np.empty(m, np.float32), np.empty(m, np.float32)
        for b in range(batch):
            above[:] = 0
            for i in range(n):
                for j in range(m):
                    best, at = above[0], 0
                    for k in range(1, j + 1):
                        if above[k] <= best:
                            best, at = above[k], k
                    row[j] = cost[b, i, j] + best
                    came_from[i, j] = at
                row, above = above, row
            j = 0
            for k in range(1, m):
                if above[k] <= above[j]:
                    j = k
            total[b] = above[j]
            for i in range(n - 1, -1, -1):
                path[b, i] = j
                j = came_from[i, j]
        return path, total

    return {"dtw": over_batch(dtw_item), "dtw_tuned": over_batch(dtw_item_tuned), "naive": naive}
