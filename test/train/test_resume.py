"""A run that is stopped, killed or damaged goes on as if nothing had been."""

import os
import signal

import pytest
import torch

from jstasr.errors import JstasrError
from jstasr.train.signals import REQUEUE_CODE

pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*")


def same(one, two):
    return [name for name in one if not torch.equal(one[name], two[name])] == []


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_run_ends_with_the_same_bits(training, workers):
    """Step 5 lies inside an epoch of speech and inside a pass over the text."""
    config = training.config(steps=12, interval=5, dropout=0.1)
    config.data.num_workers, config.optim.ema = workers, 0.9
    whole = training.run(config, "whole")
    half = training.run(config, "parts", stop=5)
    assert not same(half, whole)
    assert same(training.run(config, "parts"), whole)
    assert same(training.weights("parts", "trained"), training.weights("whole", "trained"))
    assert training.losses("parts") == training.losses("whole")


def test_a_resumed_run_splices_from_the_same_speech(training):
    config = training.config(steps=8, interval=4)
    config.losses.consistency.splice.share = 0.6
    whole = training.run(config, "whole")
    plain = training.config(steps=8, interval=4)
    assert not same(training.run(plain, "plain"), whole)
    training.run(config, "parts", stop=4)
    assert same(training.run(config, "parts"), whole)


def test_a_finished_run_is_left_alone(training):
    config = training.config(steps=3, interval=3)
    first = training.run(config, "exp")
    assert same(training.run(config, "exp"), first)
    assert "nothing to do" in training.log("exp")


def test_checkpoints_without_validation_are_continued_too(training):
    config = training.config(steps=6, interval=6)
    config.valid.save_interval = 2
    whole = training.run(config, "exp")
    (training.folder / "exp/checkpoints/step6.pth").unlink()
    assert same(training.run(config, "exp"), whole)
    assert "continuing after step 4" in training.log("exp")


def test_a_run_killed_while_it_validates_validates_again(training):
    config = training.config(steps=4, interval=2)
    whole = training.run(config, "whole")
    training.run(config, "exp", stop=2)
    scores = training.folder / "exp/checkpoints/scores.json"
    before = scores.read_text()
    scores.unlink()
    assert same(training.run(config, "exp"), whole)
    assert before.strip("{}\n ") in scores.read_text() and training.log("exp").count("dev after step 2") == 2


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_checkpoint_is_replaced_by_the_one_before(training, damage):
    config = training.config(steps=6, interval=2)
    whole = training.run(config, "exp")
    path = training.folder / "exp/checkpoints/step6.pth"
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[len(content) // 2 :]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert same(training.run(config, "exp"), whole)
    log = training.log("exp")
    assert "step6.pth: damaged" in log and "using the one before it" in log and "continuing after step 4" in log


def test_a_run_does_not_begin_again_where_no_checkpoint_can_be_read(training):
    config = training.config(steps=2, interval=1)
    training.run(config, "exp")
    for path in (training.folder / "exp/checkpoints").glob("step*.pth"):
        path.write_bytes(b"")
    with pytest.raises(JstasrError, match="none of the 2 checkpoints in .* can be used"):
        training.run(config, "exp")


def test_a_full_disk_under_the_log_stops_the_run_with_the_reason(training):
    """/dev/full is a disk without room."""
    config = training.config(steps=4, interval=2)
    training.run(config, "exp", stop=2)
    before = (training.folder / "exp/checkpoints/step2.pth").read_bytes()
    (training.folder / "exp/train.log").unlink()
    (training.folder / "exp/train.log").symlink_to("/dev/full")
    with pytest.raises(JstasrError, match=r"train\.log: cannot be written \(No space left on device\)"):
        training.run(config, "exp")
    assert (training.folder / "exp/checkpoints/step2.pth").read_bytes() == before


@pytest.mark.slow
def test_kill_9_at_any_moment_and_the_same_command_gives_the_same_losses(training):
    """Worker processes read ahead; the kills come at fixed lines of the log, which are any moments to the writer."""
    config = training.config(steps=30, interval=10, dropout=0.1)
    config.data.num_workers, config.valid.save_interval = 2, 3
    words = training.words(config, "whole")
    assert training.finish(words).returncode == 0
    words = training.words(config, "exp")
    for moment in ("step 1/30", "step 8/30", "dev after step 10", "step 17/30"):
        process = training.start(words)
        training.wait_for(process, "exp", moment)
        training.kill_all(process)
    assert training.finish(words).returncode == 0
    assert training.log("exp").count("continuing after step") >= 2
    assert training.losses("exp") == training.losses("whole") and len(training.losses("exp")) == 30
    assert same(training.weights("exp"), training.weights("whole"))
    assert not list((training.folder / "exp/checkpoints").glob(".*.tmp"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_saves_a_checkpoint_and_asks_to_be_queued_again(training, number):
    config = training.config(steps=400, interval=400)
    config.data.num_workers = 1
    words = training.words(config, "exp")
    process = training.start(words)
    training.wait_for(process, "exp", "step 5/400")
    os.killpg(process.pid, number)  # as Slurm does: to the readers of data, too
    assert process.wait(timeout=60) == REQUEUE_CODE
    assert (training.folder / "exp/requeue").exists()
    last = max(training.losses("exp"))
    assert f"{number.name}: stopped after step {last}, checkpoint saved" in training.log("exp")
    assert (training.folder / f"exp/checkpoints/step{last}.pth").exists()
    process = training.start(words)
    training.wait_for(process, "exp", f"continuing after step {last}")
    assert not (training.folder / "exp/requeue").exists()
    training.kill_all(process)


@pytest.mark.slow
def test_the_command_refuses_another_configuration(training):
    config = training.config(steps=2, interval=2)
    assert training.finish(training.words(config, "exp")).returncode == 0
    other = training.finish(training.words(config, "exp", "--set", "model.dim=64"))
    assert other.returncode == 1 and "Traceback" not in other.stderr
    assert "was trained with other settings: model.dim (32 -> 64)" in other.stderr
