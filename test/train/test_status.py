"""`jstasr status` beside real trainings: what it says is what they do."""

import json
import signal
import time

import numpy as np
import pytest

from jstasr.errors import JstasrError
from jstasr.report.curves import read_curves
from jstasr.train.read_log import CTRL_C
from jstasr.train.signals import REQUEUE_CODE

pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*")


@pytest.fixture
def status(training, jstasr):
    """What `jstasr status --json` says of exp."""

    def read():
        done = jstasr("status", training.folder / "exp", "--json")
        assert done.stderr == "" and done.returncode == 0
        (one,) = json.loads(done.stdout)
        return one

    return read


def files(folder):
    """Everything about the files that a reader must leave as it is."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        found[path] = (state.st_ino, state.st_mode, state.st_size, state.st_mtime_ns)
    return found


def test_a_finished_training(training, status):
    training.run(training.config(steps=6, interval=2), "exp")
    folder = training.folder / "exp"
    before = files(folder)
    one = status()
    assert files(folder) == before
    assert (one["state"], one["step"], one["max_steps"], one["checkpoint_step"]) == ("finished", 6, 6, 6)
    scores = {int(step): score for step, score in json.loads((folder / "checkpoints/scores.json").read_text()).items()}
    lowest = min(scores.values())
    assert one["best_score"] == lowest and one["best_step"] == max(step for step in scores if scores[step] == lowest)
    for mode in ("streaming", "full"):  # TensorBoard has them too
        steps, rates = read_curves(folder / "tensorboard").scalars[f"dev_wer/{mode}"]
        assert one[f"best_wer_{mode}"] == pytest.approx(rates[steps.index(one["best_step"])], abs=0.051)
    assert one["left_s"] is None and one["fault"] is None and one["notes"] == [] and one["pid"] is None
    assert 0 <= one["log_age_s"] < 60 and one["audio_s_per_s"] > 0


@pytest.mark.slow
def test_one_life(training, status):
    """Running, stopped by a signal, running again, killed."""
    words = training.words(training.config(steps=3000, interval=5), "exp")
    process = training.start(words)
    training.wait_for(process, "exp", "step 7/3000")
    one = status()
    assert (one["state"], one["pid"], one["checkpoint_step"]) == ("running", process.pid, 5)
    assert one["step"] >= 7 and one["max_steps"] == 3000 and one["left_s"] > 0 and one["best_step"] >= 5
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == REQUEUE_CODE
    one = status()
    assert (one["state"], one["notes"], one["pid"]) == ("stopped", ["SIGTERM"], None)
    assert one["step"] == one["checkpoint_step"] >= 7
    stopped = one["step"]

    process = training.start(words)
    seen = []
    while not seen or seen[-1] != "running":
        assert process.poll() is None
        seen.append(status()["state"])
        time.sleep(0.1)
    assert {*seen} == {"stopped", "starting", "running"} and [*dict.fromkeys(seen)] == [
        "stopped",
        "starting",
        "running",
    ]
    assert status()["step"] > stopped
    training.kill_all(process)
    one = status()
    assert one["state"] == "dead" and f"process {process.pid} is gone" in one["notes"]


def test_an_error_is_the_last_fault(training, status):
    class Poisoned:
        def __getattr__(self, name):
            return getattr(training.speech, name)

        def __len__(self):
            return len(training.speech)

        def features(self, index):
            return training.speech.features(index) * np.float32("nan")

    config = training.config(steps=30, interval=30)
    config.optim.max_skipped = 3
    with pytest.raises(JstasrError):
        training.run(config, "exp", speech=Poisoned())
    one = status()
    assert one["state"] == "failed" and one["step"] == 2
    assert one["fault"].startswith("3 steps in a row were skipped; the last, step 3: ")
    assert one["fault_time"] == one["log_time"]


def test_a_ctrl_c_that_ends_at_once_is_a_stop(training, status):
    training.run(training.config(steps=6, interval=2), "exp", stop=2)
    assert status()["state"] == "stopped" and training.log("exp").endswith(f" {CTRL_C}\n")
