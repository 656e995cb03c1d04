"""The end of a training with data loading workers, which do not heed signals: the process ends, and its workers too."""

import multiprocessing
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from jstasr.train.signals import heed_parent_only

SECONDS = 60  # from the error on, on a busy machine; a worker that heeds nothing is waited for without end


def children(process: subprocess.Popen) -> list[int]:
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in found]


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_error(training, seconds=120) -> None:
    end = time.monotonic() + seconds
    while "jstasr train: error: " not in (training.folder / "output").read_text():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("what", ["experiment", "archive"])
def test_a_training_that_loses_its_folder_or_data_ends_with_its_workers(training, what):
    config = training.config(steps=100_000, interval=2 if what == "experiment" else 100_000)
    config.data.num_workers = 2
    process = training.start(training.words(config, "exp"))
    try:
        training.wait_for(process, "exp", "step 3/", seconds=200)
        workers = children(process)
        assert len(workers) >= 2
        if what == "experiment":
            shutil.rmtree(training.folder / "exp", ignore_errors=True)
            shutil.rmtree(training.folder / "exp", ignore_errors=True)  # a file may have come meanwhile
        else:
            archive = training.toy.folder / "fbank/train/feats.ark"
            archive.write_bytes(archive.read_bytes()[:100])
        wait_for_error(training)
        assert process.wait(timeout=SECONDS) == 1
        assert not any(map(running, workers))
    finally:
        if process.poll() is None:
            training.kill_all(process)


def test_workers_heed_the_signals_of_their_parent_only():
    worker = multiprocessing.get_context("fork").Process(target=lambda: (heed_parent_only(0), time.sleep(300)))
    worker.start()
    time.sleep(1)
    subprocess.run(["sh", "-c", f"kill -TERM {worker.pid}; kill -INT {worker.pid}; kill -HUP {worker.pid}"], check=True)
    worker.join(2)
    assert worker.is_alive()
    worker.terminate()
    worker.join(SECONDS)
    assert worker.exitcode == 0
