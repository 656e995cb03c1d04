"""`jstasr bench score`: scoring with the whole report beside sclite and jiwer, on one synthetic test set.

Each program runs in its own process, on one thread, and is measured from the start of the process to its end, the
reading of the files included.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError

LETTERS = {"latin": "abcdefghijklmnopqrstuvwxyz", "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюя"}
SPEAKERS = 500

JIWER = """
import jiwer
sides = [[line.partition(" ")[2] for line in open(name, encoding="utf-8")] for name in ("ref", "hyp")]
jiwer.wer(*sides)
"""

# Writes what the process used, as it ends: processor seconds and peak memory in KiB.
REPORT_USE = """
import atexit, pathlib, time
def use():
    peak = pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    pathlib.Path("use").write_text(f"{time.process_time()} {peak}")
atexit.register(use)
"""


class Program(NamedTuple):
    """A program to measure."""

    command: list[str]
    is_python: bool  # and so reports its processor time and memory


class Usage(NamedTuple):
    """What a program used; None where it does not report it."""

    wall: float  # seconds
    processor: float | None  # seconds
    memory: float | None  # MiB at the peak


def write_set(folder: Path, utterances: int, words: int, script: str = "latin", seed: int = 0) -> None:
    """Write a test set with about a tenth of the words wrong.

    Writes the Kaldi files ref, hyp and utt2spk and sclite's ref.trn and hyp.trn.

    Args:
        utterances: how many.
        words: of each reference.
        script: "latin" | "cyrillic".
    """
    rng = random.Random(seed)
    letters = LETTERS[script]
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)]
    lines: dict[str, list[str]] = {name: [] for name in ("ref", "hyp", "utt2spk", "ref.trn", "hyp.trn")}
    for number in range(utterances):
        ref = rng.choices(vocabulary, k=words)
        hyp = [rng.choice(vocabulary) if rng.random() < 0.07 else word for word in ref if rng.random() > 0.03]
        speaker = f"s{number * SPEAKERS // utterances:03d}"
        name = f"{speaker}-{number:07d}"
        lines["utt2spk"].append(f"{name} {speaker}\n")
        for side, spoken in (("ref", ref), ("hyp", hyp)):
            lines[side].append(f"{name} {' '.join(spoken)}".rstrip() + "\n")
            lines[f"{side}.trn"].append(f"{' '.join(spoken)} ({name})\n")
    for name, content in lines.items():
        (folder / name).write_text("".join(content), encoding="utf-8", newline="\n")


def programs(cleaner: str) -> dict[str, Program]:
    """The programs to measure, by name; sclite only where it is installed."""
    kaldi = "score --ref-text ref --hyp-text hyp --utt2spk utt2spk --outdir out"
    trn = "score --ref-trn ref.trn --hyp-trn hyp.trn --outdir out.trn"
    call = "from jstasr import cli\nassert cli.main({!r}.split()) == 0"

    def python(code: str) -> Program:
        return Program([sys.executable, "-c", REPORT_USE + code], is_python=True)

    found = {
        f"jstasr score, cleaner {cleaner}": python(call.format(f"{kaldi} --cleaner {cleaner}")),
        "jstasr score, cleaner none": python(call.format(kaldi)),
        "jstasr score, trn files": python(call.format(trn)),
    }
    sctk = shutil.which("sctk")
    if sctk:
        files = ["-r", "ref.trn", "trn", "-h", "hyp.trn", "trn"]
        command = [sctk, "sclite", *files, "-i", "rm", "-o", "all", "stdout"]
        found["sclite, the same report"] = Program(command, is_python=False)
    found["jiwer, one number"] = python(JIWER)
    return found


def measure(program: Program, folder: Path) -> Usage:
    """Run a program in `folder`."""
    use = folder / "use"
    use.unlink(missing_ok=True)
    begin = time.perf_counter()
    with open(folder / "log", "wb") as log:
        done = subprocess.run(
            program.command, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=log, stderr=log
        )
    wall = time.perf_counter() - begin
    if done.returncode:
        tail = (folder / "log").read_bytes()[-500:].decode(errors="replace")
        raise JstasrError(f"{program.command[0]} ended with status {done.returncode}: {tail}")
    if not program.is_python:
        return Usage(wall, None, None)
    processor, peak = use.read_text().split()
    return Usage(wall, float(processor), float(peak) / 1024)


def run(utterances: int, words: int, script: str, cleaner: str, report: Callable[[str], None] = print) -> None:
    """Measure every program once, and report a table line by line.

    Args:
        utterances, words, script: of the test set, as in `write_set`.
        cleaner: of jstasr.
        report: takes each line.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_set(folder, utterances, words, script)
        report(f"{utterances} utterances of {words} words ({script}), each program once, on one thread")
        report(f"{'':<30} {'seconds':>8} {'of processor':>13} {'MiB':>6}")
        for name, program in programs(cleaner).items():
            wall, processor, memory = measure(program, folder)
            cells = "" if processor is None else f"{processor:>13.2f} {memory:>6.0f}"
            report(f"{name:<30} {wall:>8.2f} {cells}".rstrip())
        if not shutil.which("sctk"):
            report("sclite is not installed (Debian: apt-get install sctk)")
