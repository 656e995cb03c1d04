"""Costs that are made on a GPU, brought to the CPU where they are aligned."""

from collections.abc import Iterable, Iterator
from functools import cache

import torch
from torch import Tensor


def on_host(costs: Iterable[Tensor]) -> Iterator[Tensor]:
    """Each of the tensors on the CPU, in turn.

    From CUDA through pinned memory on a side stream: while the caller works on one, the next is made and copied.

    Args:
        costs: tensors, which may compute them as it goes.
    """
    ahead = None
    for cost in costs:
        if not cost.is_cuda:
            yield cost.cpu()
            continue
        copy = _start_copy(cost)
        if ahead is not None:
            yield _finish(*ahead)
        ahead = copy
    if ahead is not None:
        yield _finish(*ahead)


def to_host(cost: Tensor) -> Tensor:
    """One tensor on the CPU, likewise."""
    return next(on_host([cost]))


@cache
def _side_stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


def _start_copy(cost: Tensor) -> tuple[Tensor, torch.cuda.Event]:
    """The pinned tensor that `cost` is being copied to, and the event that tells when that is done."""
    side = _side_stream(cost.device)
    side.wait_stream(torch.cuda.current_stream(cost.device))  # which makes the cost
    with torch.cuda.stream(side):
        host = torch.empty(cost.shape, dtype=cost.dtype, pin_memory=True)
        host.copy_(cost, non_blocking=True)
        copied = side.record_event()
    cost.record_stream(side)  # its memory is in use until then
    assert isinstance(copied, torch.cuda.Event)
    return host, copied


def _finish(host: Tensor, copied: torch.cuda.Event) -> Tensor:
    copied.synchronize()
    return host
