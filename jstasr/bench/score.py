"""`jstasr score` with its whole report beside sclite and jiwer, on one made-up test set.

Each contestant is a process of its own, on one thread; what is measured is the process from its start to its end,
reading the files included.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from jstasr.errors import JstasrError

LETTERS = {"latin": "abcdefghijklmnopqrstuvwxyz", "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюя"}
SPEAKERS = 500

JIWER = """
import jiwer
sides = [[line.partition(" ")[2] for line in open(name, encoding="utf-8")] for name in ("ref", "hyp")]
jiwer.wer(*sides)
"""

# What the process used, as it ends: seconds of processor and KiB of memory at most.
REPORT_USE = """
import atexit, pathlib, time
def use():
    peak = pathlib.Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    pathlib.Path("use").write_text(f"{time.process_time()} {peak}")
atexit.register(use)
"""


def write_set(folder, utterances, words, script="latin", seed=0):
    """Write a test set with about a tenth of the words wrong.

    Writes the Kaldi files ref, hyp and utt2spk and sclite's ref.trn and hyp.trn.

    Args:
        folder: Path; utterances: how many; words: of each reference; script: "latin" | "cyrillic".
    """
    rng = random.Random(seed)
    letters = LETTERS[script]
    vocabulary = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(20_000)]
    lines = {name: [] for name in ("ref", "hyp", "utt2spk", "ref.trn", "hyp.trn")}
    for number in range(utterances):
        ref = rng.choices(vocabulary, k=words)
        hyp = [rng.choice(vocabulary) if rng.random() < 0.07 else word for word in ref if rng.random() > 0.03]
        speaker = f"s{number * SPEAKERS // utterances:03d}"
        name = f"{speaker}-{number:07d}"
        lines["utt2spk"].append(f"{name} {speaker}\n")
        for side, said in (("ref", ref), ("hyp", hyp)):
            lines[side].append(f"{name} {' '.join(said)}".rstrip() + "\n")
            lines[f"{side}.trn"].append(f"{' '.join(said)} ({name})\n")
    for name, content in lines.items():
        (folder / name).write_text("".join(content), encoding="utf-8", newline="\n")


def contestants(cleaner):
    """dict name -> (command, is it Python, which can tell its memory)."""
    kaldi = "score --ref-text ref --hyp-text hyp --utt2spk utt2spk --outdir out"
    trn = "score --ref-trn ref.trn --hyp-trn hyp.trn --outdir out.trn"
    call = "from jstasr import cli\nassert cli.main({!r}.split()) == 0"
    found = {
        f"jstasr score, cleaner {cleaner}": (
            [sys.executable, "-c", REPORT_USE + call.format(f"{kaldi} --cleaner {cleaner}")],
            True,
        ),
        "jstasr score, cleaner none": ([sys.executable, "-c", REPORT_USE + call.format(kaldi)], True),
        "jstasr score, trn files": ([sys.executable, "-c", REPORT_USE + call.format(trn)], True),
    }
    sctk = shutil.which("sctk")
    if sctk:
        files = ["-r", "ref.trn", "trn", "-h", "hyp.trn", "trn"]
        found["sclite, the same report"] = ([sctk, "sclite", *files, "-i", "rm", "-o", "all", "stdout"], False)
    found["jiwer, one number"] = ([sys.executable, "-c", REPORT_USE + JIWER], True)
    return found


def measure(command, folder, python):
    """(seconds of the clock, seconds of the processor, MiB at most) of a command; None where it cannot tell."""
    use = folder / "use"
    use.unlink(missing_ok=True)
    begin = time.perf_counter()
    with open(folder / "log", "wb") as log:
        done = subprocess.run(command, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=log, stderr=log)
    wall = time.perf_counter() - begin
    if done.returncode:
        tail = (folder / "log").read_bytes()[-500:].decode(errors="replace")
        raise JstasrError(f"{command[0]} ended with status {done.returncode}: {tail}")
    if not python:
        return wall, None, None
    processor, peak = use.read_text().split()
    return wall, float(processor), float(peak) / 1024


def run(utterances, words, script, cleaner, say):
    """Measure every contestant once and print a table.

    Args:
        utterances, words: size of the test set; script: "latin" | "cyrillic"; cleaner: of jstasr.
        say: function of a line.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_set(folder, utterances, words, script)
        say(f"{utterances} utterances of {words} words ({script}), each program once, on one thread")
        say(f"{'':<30} {'seconds':>8} {'of processor':>13} {'MiB':>6}")
        for name, (command, python) in contestants(cleaner).items():
            wall, processor, memory = measure(command, folder, python)
            cells = f"{processor:>13.2f} {memory:>6.0f}" if python else f"{'':>13} {'':>6}"
            say(f"{name:<30} {wall:>8.2f} {cells}".rstrip())
        if not shutil.which("sctk"):
            say("sclite is not installed (Debian: apt-get install sctk)")
