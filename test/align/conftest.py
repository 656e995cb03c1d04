"""Oracles that share nothing with the code under test: enumeration of all paths, and the literal recursion."""

import itertools

import numpy as np
import pytest
import torch

from jstasr.kernels import instructions


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=instructions.INSTRUCTION_SETS)
def kernels(request):
    """Every instruction set that the processor has."""
    if request.param not in instructions.available():
        pytest.skip(f"no {request.param} here")
    instructions.use(request.param)
    yield request.param
    instructions.use()


def all_paths(n, m, topology):
    """Every alignment of n frames with m positions, as tuples of (frame, position)."""
    if topology == "dtw":
        return list(_dtw_paths(n, m, ((0, 0),)))
    found = []
    for path in itertools.product(range(m), repeat=n):
        steps = [b - a for a, b in zip(path, path[1:])]
        if topology == "skip" and all(step >= 0 for step in steps):
            found.append(tuple(enumerate(path)))
        if topology == "noskip" and path[0] == 0 and path[-1] == m - 1 and all(step in (0, 1) for step in steps):
            found.append(tuple(enumerate(path)))
    return found


def _dtw_paths(n, m, path):
    i, j = path[-1]
    if (i, j) == (n - 1, m - 1):
        yield path
    for di, dj in ((1, 1), (1, 0), (0, 1)):
        if i + di < n and j + dj < m:
            yield from _dtw_paths(n, m, (*path, (i + di, j + dj)))


def preference(path, topology):
    """Sorts equally cheap paths, the preferred one first: decisions are taken from the end backwards.

    skip takes the largest position; noskip stays, which is also the larger one; dtw takes the diagonal, then
    i-1, then j-1.
    """
    if topology == "dtw":
        return [[(1, 1), (1, 0), (0, 1)].index((i - k, j - l)) for (k, l), (i, j) in zip(path, path[1:])][::-1]
    return [-j for _, j in reversed(path)]


def by_enumeration(cost, topology):
    """(path, cost) of the preferred among the cheapest paths; costs must add up without rounding."""

    def key(path):
        return sum(cost[i, j] for i, j in path), preference(path, topology)

    path = min(all_paths(*cost.shape, topology), key=key)
    return path, key(path)[0]


def by_recursion(cost, topology):
    """(path, cost) by the recursions as they are written, in the type of `cost`, rounding included."""
    n, m = cost.shape
    total = np.full((n, m), np.inf, cost.dtype)
    came_from = {}
    for i in range(n):
        for j in range(m):
            if topology == "skip":  # O(n m^2), as in the paper; the last of equals is the largest k
                before = [(i - 1, k) for k in reversed(range(j + 1))]
            elif topology == "noskip":
                before = [(i - 1, j), (i - 1, j - 1)]
            else:
                before = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
            before = [(k, l) for k, l in before if k >= 0 and l >= 0]
            if (i, j) == (0, 0) or (i == 0 and topology == "skip"):
                total[i, j] = cost[i, j]
            elif before:
                came_from[i, j] = min(before, key=lambda cell: total[cell])
                total[i, j] = cost[i, j] + total[came_from[i, j]]
    end = (n - 1, m - 1)
    if topology == "skip":
        end = min(((n - 1, j) for j in reversed(range(m))), key=lambda cell: total[cell])
    path = [end]
    while path[-1] in came_from:
        path.append(came_from[path[-1]])
    return tuple(reversed(path)), total[end]


class Oracles:
    all_paths = staticmethod(all_paths)
    by_enumeration = staticmethod(by_enumeration)
    by_recursion = staticmethod(by_recursion)


@pytest.fixture(scope="session")
def oracles():
    return Oracles
