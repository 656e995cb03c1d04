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
seeds: [1, 2]
conditions:
  small: {n_paired: 60, n_text: 60, n_dev: 6, n_test: 8, nbpe: 40, average_num: 1, train_procs: 1,
          inference_modes: full, metrics: wer, disk_gb: 1}
systems:
  B: {losses.consistency.weight: 0, optim.max_steps: 5, valid.interval: 5}
  C: {optim.max_steps: 5, valid.interval: 5, losses.consistency.start_step: 1}
comparisons: [C - B]
"""
PATIENCE = 280  # seconds for each step, on a busy machine


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


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")
def test_a_sweep_survives_kills_of_itself_and_of_a_training(tmp_path):
    plan = tmp_path / "minute.yaml"
    plan.write_text(PLAN)
    work, results = tmp_path / "work", tmp_path / "results"
    options = ["--work", work, "--output", results, "--jobs", "1", "--allow-dirty"]
    command = [sys.executable, "-m", "jstasr", "sweep", plan, *options]

    def starts():
        return {path: path.read_text().count("start") for path in work.glob("*/jobs/cell_*/train.times")}

    first = subprocess.Popen(command, cwd=ROOT)
    wait_for(lambda: processes(work.resolve()))
    first.send_signal(signal.SIGKILL)
    first.wait()
    (old,) = starts()
    second = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    wait_for(lambda: len(starts()) == 2)
    (young,) = starts().keys() - {old}
    wait_for(lambda: processes(young.with_suffix("")))
    os.kill(processes(young.with_suffix(""))[0], signal.SIGKILL)
    output, _ = second.communicate(timeout=2 * PATIENCE)
    assert second.returncode == 0 and "4 of 4 cells done" in output
    # the training of the killed sweep went on, and only the killed one was started again
    assert sorted(starts().values()) == [1, 1, 1, 2] and starts()[young] == 2
    with open(results / "cells.csv") as file:
        rows = list(csv.DictReader(file))
    cells = {(row["system"], row["seed"], row["decoding"]) for row in rows}
    assert len(rows) == len(cells) == 8 and {row["decoding"] for row in rows} == {"beam4", "beam4_lm"}
    assert all(int(row["words"]) > 20 and row["dev"] for row in rows)
    assert sum(row["seconds"] == "" for row in rows) == 2  # of the training that was started twice
    page = (results / "page.md").read_text()
    assert "4 of 4 cells are done" in page and page.count("| C - B | small |") == 2
    begin = time.time()
    done = subprocess.run([*command, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "0 of 4 cells to run" in done.stdout
    subprocess.run(command, cwd=ROOT, check=True)
    assert time.time() - begin < 60 and sum(starts().values()) == 5
