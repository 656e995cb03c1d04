"""Time and memory of functions without arguments."""

import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

SHORTEST = 0.02  # seconds; shorter calls are repeated up to this, for the clock's sake


def machine_name():
    """The processor and its number of cores."""
    info = Path("/proc/cpuinfo")
    models = []
    if info.exists():
        models = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line]
    return f"{models[0]}, {len(models)} cores" if models else platform.processor() or platform.machine()


def clock_for(threads):
    """The clock for so many threads.

    One thread is measured in processor time: on an idle machine the same as time, on a busy one without the waiting,
    which else would count for long calls alone.
    """
    return time.process_time if threads == 1 else time.perf_counter


def interleaved_medians(functions, repeats, seconds, clock=time.perf_counter):
    """Median seconds of one call of each function.

    The functions take turns, so that what else the machine does meets all of them alike.

    Args:
        functions: dict name -> function.
        repeats: int, rounds at most.
        seconds: float, no new round starts after so long; there are three rounds at least.
        clock: function that gives seconds.
    Returns:
        dict name -> seconds.
    """
    calls = {}
    for name, function in functions.items():
        function()  # compile, allocate, read in
        start = clock()
        function()
        calls[name] = max(1, int(SHORTEST / max(clock() - start, 1e-9)))
    taken = {name: [] for name in functions}
    began = time.perf_counter()
    for done in range(repeats):
        if done >= 3 and time.perf_counter() - began > seconds:
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
    refs.write("5")  # the peak starts anew from what is in use now

def status(key):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(key))

before = status("VmRSS")
function()
print(1024 * (status("VmHWM") - before))
"""


def peak_extra_bytes(imports, make, warm_up=""):
    """Bytes that a call needs beyond what is in memory before it, in a process of its own. Linux.

    Args:
        imports: str, statements.
        make: str, expression of a function without arguments.
        warm_up: str, statements that load and compile what is loaded and compiled once.
    """
    code = PEAK_OF.format(imports=imports, make=make, warm_up=warm_up)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(f"measuring memory failed:\n{run.stderr}")
    return int(run.stdout.split()[-1])
