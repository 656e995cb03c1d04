"""A sweep of the mini recipe, as small as can be, that is killed, and whose training is killed, and that goes on."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jstasr.sweep.job import MARK

ROOT = Path(__file__).parents[2]
PLAN = """
name: minute
recipe: egs/mini/asr1
test_sets: [test]
seeds: [1]
conditions:
  small: {n_paired: 60, n_text: 60, n_dev: 6, n_test: 8, nbpe: 40, average_num: 1, train_procs: 1,
          inference_modes: full, inference_config: '', metrics: wer, disk_gb: 1}
systems:
  B: {losses.consistency.weight: 0, optim.max_steps: 5, valid.interval: 5, --use_lm: false}
  C: {optim.max_steps: 5, valid.interval: 5, losses.consistency.start_step: 1, --use_lm: false}
comparisons: [C - B]
"""
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")
PATIENCE = 250  # seconds for each step, on a busy machine


def processes(jobs):
    """Training processes of the jobs below a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{MARK}={jobs}".encode() in (entry / "environ").read_bytes()
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if marked and b"python" in words[0] and b"train" in words:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_for(condition):
    end = time.time() + PATIENCE
    while not condition():
        assert time.time() < end, "nothing happened"
        time.sleep(0.2)


class Folder:
    """A plan with its work and its results."""

    def __init__(self, root):
        self.plan, self.work, self.results = root / "minute.yaml", root / "work", root / "results"
        self.plan.write_text(PLAN)
        options = ["--work", self.work, "--output", self.results, "--jobs", "1", "--allow-dirty"]
        self.command = [sys.executable, "-m", "jstasr", "sweep", self.plan, *options]

    def start(self):
        return subprocess.Popen(self.command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def starts(self):
        """How often each training was started."""
        return {path: path.read_text().count("start") for path in self.work.glob("*/jobs/cell_*/train.times")}

    def rows(self):
        with open(self.results / "cells.csv") as file:
            return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Folder(tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def survived(folder):
    """What the second of two sweeps printed: the first was killed while it trained, then a training of the second."""
    first = folder.start()
    wait_for(lambda: processes(folder.work.resolve()))
    first.send_signal(signal.SIGKILL)
    first.wait()
    (old,) = folder.starts()
    second = folder.start()
    wait_for(lambda: len(folder.starts()) == 2)
    (young,) = folder.starts().keys() - {old}
    wait_for(lambda: processes(young.with_suffix("")))
    os.kill(processes(young.with_suffix(""))[0], signal.SIGKILL)
    output, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 0
    return output, old, young


@pytest.mark.slow
@needs_proc
def test_a_sweep_survives_kills_of_itself_and_of_a_training(folder, survived):
    output, old, young = survived
    assert "2 of 2 cells done" in output
    assert folder.starts() == {old: 1, young: 2}  # the training of the killed sweep went on
    rows = folder.rows()
    assert [(row["system"], row["decoding"], row["mode"]) for row in rows] == [
        ("B", "greedy", "full"),
        ("C", "greedy", "full"),
    ]
    assert all(int(row["words"]) > 20 and row["dev"] for row in rows)
    assert sorted(bool(row["seconds"]) for row in rows) == [False, True]  # no time where it was started twice
    page = (folder.results / "page.md").read_text()
    assert "2 of 2 cells are done" in page and page.count("| C - B | small |") == 1


@pytest.mark.slow
@needs_proc
def test_a_new_seed_trains_its_own_cells_alone(folder, survived):
    before = folder.starts()
    folder.plan.write_text(PLAN.replace("[1]", "[1, 2]"))
    listed = subprocess.run([*folder.command, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "2 of 4 cells to run, 1 at a time: about" in listed.stdout
    assert folder.start().wait(PATIENCE) == 0
    after = folder.starts()
    assert {path: after[path] for path in before} == before and sum(after.values()) == sum(before.values()) + 2
    assert {(row["system"], row["seed"]) for row in folder.rows()} == {("B", "1"), ("B", "2"), ("C", "1"), ("C", "2")}
