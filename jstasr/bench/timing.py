"""Time and memory of functions without arguments."""

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SHORTEST = 0.02  # seconds; shorter calls are repeated until this, because clocks are coarse
MIN_ROUNDS = 3

Clock = Callable[[], float]


def machine_name() -> str:
    """The processor and its number of cores."""
    info = Path("/proc/cpuinfo")
    models = []
    if info.exists():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
    return f"{models[0]}, {len(models)} cores" if models else platform.processor() or platform.machine()


def clock_for(threads: int) -> Clock:
    """The clock for so many threads, in seconds.

    One thread is measured in processor time, which does not count the waiting of a process on a busy machine; on an
    idle machine the two are the same.
    """
    return time.process_time if threads == 1 else time.perf_counter


def interleaved_medians(
    functions: Mapping[str, Callable[[], Any]], repeats: int, seconds: float, clock: Clock = time.perf_counter
) -> dict[str, float]:
    """Median seconds of one call of each function.

    Every round calls each function, so that other load on the machine affects all of them alike.

    Args:
        functions: by name.
        repeats: rounds at most.
        seconds: no new round starts after so long; there are three rounds at least.
    Returns:
        name -> seconds.
    """
    calls = {}
    for name, function in functions.items():
        function()  # warm-up: compilation, allocation, caches
        start = clock()
        function()
        calls[name] = max(1, int(SHORTEST / max(clock() - start, 1e-9)))
    taken: dict[str, list[float]] = {name: [] for name in functions}
    began = time.perf_counter()
    for done in range(repeats):
        if done >= MIN_ROUNDS and time.perf_counter() - began > seconds:
            break
        for name, function in functions.items():
            start = clock()
            for _ in range(calls[name]):
                function()
            taken[name].append((clock() - start) / calls[name])
    return {name: statistics.median(times) for name, times in taken.items()}


PEAK_OF = """
import sys
{imports}
function = {make}
{warm_up}
with open("/proc/self/clear_refs", "w") as refs:
    refs.write("5")  # resets the peak to the memory in use now

def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key))

before = status("VmRSS")
function()
print(1024 * (status("VmHWM") - before))
"""


def peak_extra_bytes(imports: str, make: str, warm_up: str = "") -> int:
    """Peak memory of a call beyond the memory in use before it, in bytes; measured in its own process, on Linux.

    Args:
        imports: statements.
        make: an expression whose value is a function without arguments.
        warm_up: statements that load and compile what is loaded and compiled only once.
    """
    code = PEAK_OF.format(imports=imports, make=make, warm_up=warm_up)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"measuring memory failed:\n{run.stderr}")
    return int(run.stdout.split()[-1])
