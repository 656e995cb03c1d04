"""`jstasr bench align`: the alignment beside its peers and beside the matrix product that gives the distances."""

import platform
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jstasr.align import best_alignment, best_alignment_from_cost, consistency_loss
from jstasr.bench import peers
from jstasr.bench.timing import clock_for, interleaved_medians, machine_name, peak_extra_bytes
from jstasr.features.frames import ENCODER_FRAME_SECONDS
from jstasr.kernels import instructions

BATCH = 16
DIMENSION = 256
SIZES = ((25, 10), (100, 40), (250, 100), (1000, 400), (3000, 1200))
SECONDS_OF_SPEECH = (0.1, 1, 10, 60)
ENCODER_FRAMES_PER_SECOND = round(1 / ENCODER_FRAME_SECONDS)
POSITIONS_PER_SECOND = 10  # phonemes in fluent speech
TOPOLOGIES = ("skip", "noskip", "dtw")
MEMORY_SIZE = (3000, 1200)
TABLES = ("sizes", "lengths", "memory")

Report = Callable[[str], None]  # takes a line of Markdown


def run(
    sizes: Sequence[tuple[int, int]] = SIZES,
    threads: Sequence[int] = (1, 2),
    repeats: int = 15,
    seconds: float = 10.0,
    report: Report = print,
    tables: Collection[str] = TABLES,
) -> None:
    """Measure, and report as Markdown, line by line.

    Args:
        sizes: (frames, positions) of the utterances.
        threads: numbers of threads to measure with.
        repeats, seconds: as in `interleaved_medians`.
        report: takes each line.
        tables: which of TABLES.
    """
    present = peers.installed()
    for line in machine(present):
        report(line)
    before = torch.get_num_threads()
    try:
        for count in threads if "sizes" in tables else ():
            torch.set_num_threads(count)
            _report_sizes(sizes, count, [name for name in present if present[name]], repeats, seconds, report)
        torch.set_num_threads(1)
        if "lengths" in tables:
            _report_durations(present["numba"] is not None, repeats, seconds, report)
    finally:
        torch.set_num_threads(before)
    if "memory" in tables:
        _report_memory(present, report)


def machine(present: Mapping[str, str | None]) -> Iterator[str]:
    """Lines on what the numbers depend on: the machine, and the versions of the peers (None: missing)."""
    kernels = {"avx512": "AVX-512", "avx2": "AVX2", "portable": "portable"}[instructions.in_use()]
    python, pytorch = platform.python_version(), torch.__version__
    yield f"Machine: {machine_name()}; {kernels} kernels; Python {python}, torch {pytorch}."
    yield "Peers: " + ", ".join(f"{name} {found or '**missing**'}" for name, found in present.items()) + "."


def _inputs(n: int, m: int) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Speech (B, n, d), text (B, m, d), costs (B, n, m) and both lengths (B,)."""
    generator = torch.Generator().manual_seed(0)
    speech = torch.randn(BATCH, n, DIMENSION, generator=generator)
    text = torch.randn(BATCH, m, DIMENSION, generator=generator)
    cost = torch.rand(BATCH, n, m, generator=generator)
    return speech, text, cost, (torch.full((BATCH,), n), torch.full((BATCH,), m))


def _ours(cost: Tensor, lengths: tuple[Tensor, Tensor]) -> dict[str, Callable[[], Any]]:
    return {topology: partial(best_alignment_from_cost, cost, *lengths, topology) for topology in TOPOLOGIES}


def _report_sizes(
    sizes: Sequence[tuple[int, int]],
    threads: int,
    peer_names: Sequence[str],
    repeats: int,
    seconds: float,
    report: Report,
) -> None:
    report(f"\n### Batch of {BATCH}, {_threads(threads)}, paths from given costs\n")
    # The peers have one thread and one topology, DTW; each of them is compared with our dtw.
    rows = [[f"`{name}`"] for name in TOPOLOGIES] + [[name] for name in (peer_names if threads == 1 else ())]
    gemm_rows = [["torch.baddbmm alone"]] + [[f"`{name}`, embeddings to path"] for name in TOPOLOGIES]
    gemm_rows.append(["consistency_loss and its gradient"])
    for n, m in sizes:
        speech, text, cost, lengths = _inputs(n, m)
        functions = _ours(cost, lengths)
        if threads == 1:
            functions |= {name: peers.PEERS[name](cost.numpy()) for name in peer_names}
        taken = interleaved_medians(functions, repeats, seconds, clock_for(threads))
        for row, (name, time) in zip(rows, taken.items()):
            ratio = "" if name in TOPOLOGIES else f" ({time / taken['dtw']:.1f}x)"
            row.append(f"{_time(time)}, {time * 1e9 / (BATCH * n * m):.2f} ns{ratio}")
        taken = interleaved_medians(_from_embeddings(speech, text, lengths), repeats, seconds, clock_for(threads))
        for row, time in zip(gemm_rows, taken.values()):
            row.append(f"{_time(time)} ({time / taken['gemm']:.2f}x)")
    headings = [f"({n}, {m})" for n, m in sizes]
    _table(["time, and per cell", *headings], rows, report)
    if threads == 1:
        report("\nIn parentheses: how many times the time of our `dtw`.")
    report(f"\n### Batch of {BATCH}, {_threads(threads)}, d = {DIMENSION}, from embeddings\n")
    _table(["time (as a multiple of baddbmm)", *headings], gemm_rows, report)


def _from_embeddings(speech: Tensor, text: Tensor, lengths: tuple[Tensor, Tensor]) -> dict[str, Callable[[], Any]]:
    """The product alone, alignments from embeddings to path, and the loss with its gradient."""
    square = text.square().sum(-1)[:, None]
    trained = speech.clone().requires_grad_(), text.clone().requires_grad_()

    def loss_and_gradient() -> None:
        torch.autograd.grad(consistency_loss(*trained, *lengths), trained)

    functions: dict[str, Callable[[], Any]] = {"gemm": lambda: torch.baddbmm(square, speech, text.mT, alpha=-2)}
    functions |= {topology: partial(best_alignment, speech, text, *lengths, topology) for topology in TOPOLOGIES}
    return functions | {"loss": loss_and_gradient}


def _report_durations(have_numba: bool, repeats: int, seconds: float, report: Report) -> None:
    """Time by the length of the speech; the paper's recursion takes O(n m^2)."""
    report(f"\n### Batch of {BATCH}, one thread, by the length of the speech\n")
    rows = []
    for duration in SECONDS_OF_SPEECH:
        n, m = (max(1, round(duration * rate)) for rate in (ENCODER_FRAMES_PER_SECOND, POSITIONS_PER_SECOND))
        _, _, cost, lengths = _inputs(n, m)
        functions = _ours(cost, lengths)
        if have_numba:
            functions["naive"] = peers.naive(cost.numpy())
        taken = interleaved_medians(functions, repeats, seconds, clock_for(1))
        times = [_time(taken[name]) if name in taken else "missing" for name in ("naive", *TOPOLOGIES)]
        rows.append([f"{duration:g} s, ({n}, {m})", *times])
    _table(["speech, (n, m)", "recursion as written, O(n m²)", *(f"`{name}`" for name in TOPOLOGIES)], rows, report)


def _report_memory(present: Mapping[str, str | None], report: Report) -> None:
    n, m = MEMORY_SIZE
    report(f"\n### Peak extra memory, one item of {n} x {m}\n")
    if not Path("/proc/self/clear_refs").exists():
        report("Not measured: this needs Linux.")
        return
    rows = []
    for name in TOPOLOGIES:
        make = f"lambda: best_alignment_from_cost(cost, [{n}], [{m}], {name!r})"
        small = f"best_alignment_from_cost(cost[:, :3, :3], [3], [3], {name!r})"
        imports = "import torch\nfrom jstasr.align import best_alignment_from_cost\n"
        imports += f"torch.set_num_threads(1)\ncost = torch.rand(1, {n}, {m})"
        rows.append([f"`{name}`", f"{peak_extra_bytes(imports, make, small) / (n * m):.2f}"])
    for name, found in present.items():
        if not found:
            rows.append([name, "missing"])
            continue
        function = peers.PEERS[name].__name__
        imports = f"import numpy as np\nfrom jstasr.bench import peers\ncost = np.random.rand(1, {n}, {m})"
        imports += ".astype(np.float32)"
        small = f"peers.{function}(cost[:, :3, :3].copy())()"
        rows.append([name, f"{peak_extra_bytes(imports, f'peers.{function}(cost)', small) / (n * m):.2f}"])
    _table(["", "bytes a cell"], rows, report)


def _threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"


def _time(seconds: float) -> str:
    for limit, unit in ((1e-3, 1e6), (1, 1e3)):
        if seconds < limit:
            return f"{seconds * unit:.3g} {'µs' if unit == 1e6 else 'ms'}"
    return f"{seconds:.3g} s"


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]], report: Report) -> None:
    report("| " + " | ".join(heading) + " |")
    report("| --- " + "| ---: " * (len(heading) - 1) + "|")
    for row in rows:
        report("| " + " | ".join(row) + " |")


def check_peers() -> None:
    """Check that the installed peers solve the same problem.

    Raises:
        ValueError: a peer that takes costs finds another cost than our dtw; names it.
    """
    cost = np.random.default_rng(0).random((2, 30, 20)).astype(np.float32)
    expected = best_alignment_from_cost(torch.from_numpy(cost), [30] * 2, [20] * 2, "dtw").cost.numpy()
    totals = {
        "librosa": lambda out: [d[-1, -1] for d, _ in out],
        "tslearn": lambda out: [total for _, total in out],
        "dtw-python": lambda out: [result.distance for result in out],
        "numba": lambda out: out[2],
        "numba, tuned": lambda out: out[2],
    }
    for name, found in peers.installed().items():
        if found and name in totals:
            theirs = totals[name](peers.PEERS[name](cost)())
            if not np.allclose(theirs, expected, rtol=1e-5):
                raise ValueError(f"{name} finds costs {theirs}, not {expected}: it does not solve the same problem")
