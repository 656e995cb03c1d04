"""`jstasr bench train`: a training step beside ESPnet's, beside its matrix products alone, and by its parts."""

import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from jstasr.bench.timing import machine_name
from jstasr.bench.train_job import TrainJob
from jstasr.bench.worker_process import WorkerProcess
from jstasr.errors import JstasrError
from jstasr.features.frames import FRAMES_PER_SECOND

PRECISIONS = ("fp32", "bf16")
SHORTEST = 0.5  # seconds of a measurement: shorter steps are repeated until this

Report = Callable[[str], None]  # takes a line of Markdown
Figures = dict[str, Any]
Results = dict[tuple[str, str], Figures]  # (implementation, precision) -> figures


def espnet_version(python: str) -> str | None:
    """Version of ESPnet in another Python; None where its modules cannot be imported."""
    code = (
        "import espnet2.asr.encoder.conformer_encoder, espnet2.asr_transducer.joint_network\n"
        "from importlib.metadata import version\nprint(version('espnet'))"
    )
    try:
        found = subprocess.run([python, "-c", code], capture_output=True, text=True)
    except OSError as error:
        raise JstasrError(f"--espnet-python {python} cannot be run: {error.strerror}") from None
    return found.stdout.split()[-1] if found.returncode == 0 else None


def run(
    job: TrainJob, threads: int, precisions: list[str], rounds: int, espnet_python: str, report: Report = print
) -> Results:
    """Measure, and report as Markdown, line by line.

    Args:
        precisions: some of PRECISIONS.
        rounds: measurements of each implementation, of which the median counts.
        espnet_python: the Python that imports ESPnet.
    Returns:
        (implementation, precision) -> `cpu` and `wall`, medians of a step in seconds; `parameters`; `peak` and `extra`,
        bytes; for jstasr also `flops` of a step, `rate` in flops per CPU-second, and `parts`.
    """
    version = espnet_version(espnet_python)
    report(f"Machine: {machine_name()}; Python {platform.python_version()}, {_threads(threads)}.")
    if "bf16" in precisions and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        report("This processor has no bfloat16 products: bf16 is emulated, many times slower than fp32.")
    report(f"Peer: ESPnet's modules {version or '**missing** (pip install espnet, or --espnet-python)'}.")
    report(
        f"Job: {job.batch} x {job.frames / FRAMES_PER_SECOND:g} s of {job.mels}-mel features, "
        f"{job.layers} conformer layers of width {job.dim}, {job.labels} labels of {job.vocabulary}; "
        "SpecAugment, clip, AdamW.\n"
    )
    names = ["jstasr", "espnet"] if version else ["jstasr"]
    results: Results = {}
    for precision in precisions:
        results |= _measure(job, threads, precision, rounds, names, espnet_python)
    _report_speed(job, results, report)
    for precision in precisions:
        _report_floor(results["jstasr", precision], precision, report)
    for precision in precisions:
        _report_parts(results["jstasr", precision]["parts"], precision, report)
    return results


def _measure(job: TrainJob, threads: int, precision: str, rounds: int, names: list[str], espnet_python: str) -> Results:
    """Every round measures each implementation, so that other load on the machine affects all of them alike."""
    workers: list[WorkerProcess] = []
    try:
        for name in names:
            python = espnet_python if name == "espnet" else sys.executable
            settings = {"name": name, "autocast": precision == "bf16", "threads": threads, "job": asdict(job)}
            title = f"{name} in {precision}"
            workers.append(WorkerProcess(python, "jstasr.bench.train_worker", settings, threads, title))
        counts = [max(1, round(SHORTEST / worker.ask("step", count=1)["wall"])) for worker in workers]
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
        rates = []
        for _ in range(rounds):
            for worker, count in zip(workers, counts):
                answer = worker.ask("step", count=count)
                taken[worker.name].append((answer["cpu"] / count, answer["wall"] / count))
            rates.append(workers[0].ask("gemm")["rate"])
        found: Results = {}
        for worker in workers:
            cpu, wall = (statistics.median(times) for times in zip(*taken[worker.name]))
            found[worker.name, precision] = {"cpu": cpu, "wall": wall, **worker.ask("size")}
        ours = found["jstasr", precision]
        ours |= {"rate": statistics.median(rates), **workers[0].ask("flops")}
        ours["parts"] = workers[0].ask("parts", count=counts[0])
        return found
    finally:
        for worker in workers:
            worker.close()


def _report_speed(job: TrainJob, results: Results, report: Report) -> None:
    report("| | precision | audio-s per CPU-s | audio-s per s | step | peak memory | of it the step's | parameters |")
    report("|---|---|--:|--:|--:|--:|--:|--:|")
    for (name, precision), found in results.items():
        speeds = f"{job.audio_seconds / found['cpu']:.1f} | {job.audio_seconds / found['wall']:.1f}"
        sizes = f"{found['peak'] / 1e6:.0f} MB | {found['extra'] / 1e6:.0f} MB | {found['parameters'] / 1e6:.2f}M"
        report(f"| {name} | {precision} | {speeds} | {found['wall']:.2f} s | {sizes} |")
    for name, precision in results:
        if name == "espnet":
            ours, theirs = results["jstasr", precision], results["espnet", precision]
            report(
                f"\n{precision}: jstasr does {theirs['cpu'] / ours['cpu']:.2f}x ESPnet's audio per CPU-second, in "
                f"{ours['extra'] / theirs['extra']:.2f}x its memory."
            )


def _report_floor(found: Figures, precision: str, report: Report) -> None:
    floor = found["flops"] / found["rate"]
    flops, rate = found["flops"] / 1e9, found["rate"] / 1e9
    report(
        f"\n{precision}: {flops:.1f} GFLOP of matrix products a step, which at {rate:.0f} GFLOP per CPU-second of "
        f"products alone take {floor:.2f} s: the step reaches {floor / found['cpu']:.0%} of that floor."
    )


def _report_parts(parts: dict[str, float], precision: str, report: Report) -> None:
    total = parts.pop("all")
    report(f"\n| part of a step in {precision} | CPU-ms | share |\n|---|--:|--:|")
    for name, seconds in parts.items():
        report(f"| {name} | {1e3 * seconds:.0f} | {seconds / total:.0%} |")


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"
