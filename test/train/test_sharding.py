"""Sharded processes train what processes with copies train, and leave checkpoints that anyone can read."""

import re

import pytest
import torch

from jstasr.experiment.checkpoints import average_checkpoints, load_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*srun.*")]


def numbers(training, name):
    """Step -> losses, learning rate and gradient norm of its progress line."""
    found = training.losses(name)
    return {step: [float(value) for value in re.findall(r" (-?\d[\d.e+-]*)", line)] for step, line in found.items()}


def run(training, config, name, *options):
    done = training.finish(training.words(config, name, "--num-procs", "2", *options))
    assert done.returncode == 0, done.stderr[-3000:]
    return load_checkpoint(training.folder / name / "checkpoints/step8.pth")


def largest_difference(one, two):
    assert one.keys() == two.keys()
    return max(float((one[name].double() - two[name].double()).abs().max()) for name in one)


def test_shards_train_as_copies_do_and_go_on_from_each_others_checkpoints(training):
    config = training.config(steps=8, interval=4, dropout=0.1)
    config.optim.accumulate, config.optim.ema, config.losses.consistency.start_step = 2, 0.5, 2
    copies = run(training, config, "copies")
    shards = run(training, config, "shards", "--set", "strategy=fsdp")
    wanted, found = numbers(training, "copies"), numbers(training, "shards")
    assert wanted.keys() == found.keys() == set(range(1, 9))
    for step, values in wanted.items():
        assert found[step] == pytest.approx(values, rel=2e-3, abs=2e-3), step
    for part in ("model", "trained"):
        assert largest_difference(copies[part], shards[part]) < 1e-4
    assert max(training.log("shards").count(f"dev after step {step}") for step in (4, 8)) == 1

    folder = training.folder / "shards/checkpoints"
    mean = average_checkpoints([folder / "step4.pth", folder / "step8.pth"])  # what is decoded with
    assert {name: value.shape for name, value in mean.items()} == {n: v.shape for n, v in copies["model"].items()}
    for options, largest in ((["--set", "strategy=fsdp"], 0.0), ([], 1e-4)):
        (folder / "step8.pth").unlink()
        again = run(training, config, "shards", *options)
        assert training.log("shards").splitlines()[-1].endswith("all 8 steps are done")
        assert largest_difference(again["trained"], shards["trained"]) <= largest
        for index, state in shards["optimiser"]["state"].items():
            torch.testing.assert_close(again["optimiser"]["state"][index], state, atol=max(largest, 1e-9), rtol=0)
    assert training.log("shards").count("continuing after step 4") == 2


def test_a_step_that_is_not_finite_is_skipped_by_all_shards(training):
    """NaN on one process, in a batch whose alignment refuses it."""
    config = training.config(steps=8, interval=8)
    config.data.check_features, config.strategy = 0, "fsdp"
    program = training.folder / "poisoned.py"
    program.write_text(
        "import sys\n"
        "from jstasr import cli\n"
        "from jstasr.data.speech_set import SpeechSet\n"
        "import torch\n"
        "def factor(utterance):  # in training alone: the same set is validated with\n"
        "    bad = utterance == 'train-003' and not torch.is_inference_mode_enabled()\n"
        "    return float('nan') if bad else 1.0\n"
        "read = SpeechSet.features\n"
        "SpeechSet.features = lambda self, i: read(self, i) * factor(self.ids[i])\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(cli.main())\n"
    )
    words = training.words(config, "exp", "--num-procs", "2")
    words = [words[0], str(program), *words[words.index("train") :]]
    done = training.finish(words)
    assert done.returncode == 0, done.stderr[-3000:]
    skipped = [line for line in training.log("exp").splitlines() if "skipped" in line]
    assert skipped and all("train-003" in line for line in skipped)
    state = load_checkpoint(training.folder / "exp/checkpoints/step8.pth")
    assert all(value.isfinite().all() for value in state["model"].values())
