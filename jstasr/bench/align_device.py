"""`jstasr bench align --device`: from embeddings on a device to paths, found there or on the CPU, and the loss."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from jstasr.align import best_alignment, consistency_loss
from jstasr.bench.align import BATCH, DIMENSION, TOPOLOGIES
from jstasr.bench.device import device_name, find_device, waits_for
from jstasr.bench.timing import interleaved_medians


def run(
    sizes: Sequence[tuple[int, int]],
    device_type: str,
    repeats: int,
    seconds: float,
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Measure, and report as Markdown, line by line.

    Args:
        sizes: (frames, positions) of the utterances.
        device_type: "cpu" or "cuda".
        repeats, seconds: as in `interleaved_medians`.
    Returns:
        `device`, and `rows`: `frames`, `positions` and seconds by the name of what is measured.
    """
    device = find_device(device_type)
    found: dict[str, Any] = {"device": device_name(device), "batch": BATCH, "dimension": DIMENSION, "rows": []}
    report(
        f"Device: {found['device']}; batch of {BATCH}, {DIMENSION} dimensions, float32; torch {torch.__version__}.\n"
    )
    names = ["distances alone", *(f"path, {topology}" for topology in TOPOLOGIES), "loss and gradient"]
    report("| frames x positions | " + " | ".join(names) + " |")
    report("| --- |" + " ---: |" * len(names))
    for frames, positions in sizes:
        taken = interleaved_medians(dict(zip(names, functions(frames, positions, device))), repeats, seconds)
        found["rows"].append({"frames": frames, "positions": positions, "seconds": taken})
        cells = " | ".join(f"{1e3 * taken[name]:.3g} ms" for name in names)
        report(f"| {frames} x {positions} | {cells} |")
    return found


def functions(frames: int, positions: int, device: torch.device) -> list[Callable[[], Any]]:
    """The product that gives the distances; the path under each topology; the loss and its gradient."""
    generator = torch.Generator().manual_seed(0)
    speech, text = (torch.randn(BATCH, n, DIMENSION, generator=generator).to(device) for n in (frames, positions))
    lengths = torch.full((BATCH,), frames), torch.full((BATCH,), positions)
    square = text.square().sum(-1)[:, None]
    trained = speech.clone().requires_grad_(), text.clone().requires_grad_()

    def path(topology: str) -> Callable[[], Any]:
        return lambda: best_alignment(speech, text, *lengths, topology)

    return [
        waits_for(device, function)
        for function in (
            lambda: torch.baddbmm(square, speech, text.mT, alpha=-2),
            *map(path, TOPOLOGIES),
            lambda: torch.autograd.grad(consistency_loss(*trained, *lengths), trained),
        )
    ]
