"""Training end to end on made-up features: it learns, resumes, names what is wrong, runs on two processes."""

import copy
import os
import subprocess
import sys

import kaldiio
import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from jstasr.errors import JstasrError
from jstasr.model.joint import JointModel
from jstasr.train.checkpoint import load_checkpoint
from jstasr.train.config import config_yaml, load_config
from jstasr.train.loop import train
from jstasr.train.validate import validate

# Fabric only says that srun is there
pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*")


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def fabric():
    return Fabric(accelerator="cpu", devices=1)


def cmvn(data):
    frames = np.concatenate([data.features(index) for index in range(len(data))])
    return frames.mean(axis=0), frames.std(axis=0)


def small_config(toy, steps, interval, **model):
    config = toy.config(**model)
    config.optim.max_steps, config.optim.warmup_steps, config.optim.learning_rate = steps, 5, 4e-3
    config.valid.interval, config.valid.utterances = interval, 0
    config.data.batch_frames, config.data.text_batch_phones = 500, 100
    config.losses.consistency.weight, config.losses.consistency.layers = 0.1, [-1]
    return config


@pytest.fixture
def sets(toy):
    texts = toy.texts(24)
    return toy.speech("train", texts[:8]), toy.text("text", texts[8:])


def run(toy, config, sets, expdir, stop=None):
    """Train; `stop`: the step after which the run is killed. Returns the last checkpoint's weights."""
    expdir.mkdir(exist_ok=True)
    speech, text = sets

    def kill(model, step):
        if step == stop:
            raise KeyboardInterrupt

    try:
        train(config, speech, text, speech, toy.lists()[0], cmvn(speech), expdir, fabric(), kill)
    except KeyboardInterrupt:
        assert stop is not None
    steps = sorted(expdir.glob("checkpoints/step*.pth"), key=lambda path: int(path.stem[4:]))
    return load_checkpoint(steps[-1])["model"]


@pytest.mark.slow
def test_a_model_overfits_eight_utterances_with_both_decoders(toy, sets, tmp_path):
    speech, _ = sets
    assert len(set(speech.texts)) == 8
    config = small_config(toy, steps=600, interval=600)
    config.data.batch_frames = 2000
    config.specaug.freq_masks = config.specaug.time_masks = 0
    weights = run(toy, config, sets, tmp_path / "exp")
    model = JointModel(config.model)
    model.load_state_dict(weights)
    found = validate(model, speech, toy.lists()[0], config.losses, config.valid, torch.device("cpu"))
    assert found.wer["streaming"] == 0.0 and found.wer["full"] == 0.0


@pytest.mark.parametrize("workers", [0, 1])
def test_a_resumed_run_ends_with_the_same_bits(toy, sets, tmp_path, workers):
    config = small_config(toy, steps=12, interval=6, dropout=0.1)
    config.data.num_workers = workers
    whole = run(toy, config, sets, tmp_path / "whole")
    half = run(toy, config, sets, tmp_path / "parts", stop=6)
    resumed = run(toy, config, sets, tmp_path / "parts")
    assert any(not torch.equal(half[name], whole[name]) for name in whole)
    assert [name for name in whole if not torch.equal(resumed[name], whole[name])] == []


def test_a_finished_run_is_left_alone(toy, sets, tmp_path):
    config = small_config(toy, steps=3, interval=3)
    first = run(toy, config, sets, tmp_path / "exp")
    again = run(toy, config, sets, tmp_path / "exp")
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert "nothing to do" in (tmp_path / "exp" / "train.log").read_text()


def poison(speech, ids):
    """Make the features of some utterances such that every loss is NaN."""
    read = speech.features

    def features(index):
        found = read(index)
        return np.full_like(found, np.nan) if speech.ids[index] in ids else found

    speech.features = features


def test_a_step_that_is_not_finite_is_named_and_skipped(toy, sets, tmp_path):
    config = small_config(toy, steps=12, interval=12)
    config.valid.utterances = 0
    speech, text = copy.copy(sets[0]), sets[1]
    clean = copy.copy(sets[0])
    poison(speech, {"train-003"})
    expdir = tmp_path / "exp"
    expdir.mkdir()
    train(config, speech, text, clean, toy.lists()[0], cmvn(clean), expdir, fabric())
    skipped = [line for line in (expdir / "train.log").read_text().splitlines() if "skipped" in line]
    assert skipped and all("train-003" in line and "nan" in line for line in skipped)
    weights = load_checkpoint(expdir / "checkpoints" / "step12.pth")["model"]
    assert all(value.isfinite().all() for value in weights.values())


def test_steps_that_stay_non_finite_end_the_run(toy, sets, tmp_path):
    config = small_config(toy, steps=30, interval=30)
    speech, clean = copy.copy(sets[0]), copy.copy(sets[0])
    poison(speech, set(speech.ids))
    with pytest.raises(JstasrError, match="steps in a row were skipped.*train-00"):
        (tmp_path / "exp").mkdir()
        train(config, speech, sets[1], clean, toy.lists()[0], cmvn(clean), tmp_path / "exp", fabric())


@pytest.mark.parametrize(
    "text, message",
    [
        ("optim:\n  learning_rat: 1", r"unknown key optim\.learning_rat \(did you mean optim\.learning_rate\?\)"),
        ("max_steps: 5", r"unknown key max_steps \(did you mean optim\.max_steps\?\)"),
        ("optim: 3", "optim"),
        ("model:\n  dim: wide", "dim|Integer"),
        ("a: [", "yaml"),
    ],
)
def test_a_wrong_configuration_names_the_key(tmp_path, text, message):
    (tmp_path / "train.yaml").write_text(text + "\n")
    with pytest.raises(JstasrError, match=message):
        load_config(tmp_path / "train.yaml")


def command(toy, folder, config, *options):
    """Run `jstasr train` on the sets of `sets`."""
    (folder / "config.yaml").write_text(config_yaml(config))
    frames = np.concatenate([toy.features(text, seed) for seed, text in enumerate(toy.texts(8))]).astype(np.float64)
    stats = np.stack([np.append(frames.sum(0), len(frames)), np.append(np.square(frames).sum(0), 0)])
    kaldiio.save_mat(str(folder / "cmvn.ark"), stats)
    paths = ["--train-dir", toy.folder / "fbank/train", "--valid-dir", toy.folder / "fbank/train"]
    paths += ["--text-dir", toy.folder / "text/text", "--cmvn", folder / "cmvn.ark", "--expdir", folder / "exp"]
    paths += ["--token-list", toy.token_list, "--phone-list", toy.phone_list, "--config", folder / "config.yaml"]
    words = [sys.executable, "-m", "jstasr", "train", *map(str, paths), *options]
    return subprocess.run(words, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)


@pytest.mark.slow
def test_two_processes_train_one_model(toy, sets, tmp_path):
    """The consistency loss is off at first: nothing may wait for gradients that do not come."""
    config = small_config(toy, steps=8, interval=4)
    config.losses.consistency.start_step = 4
    done = command(toy, tmp_path, config, "--num-procs", "2")
    assert done.returncode == 0, done.stderr[-3000:]
    log = (tmp_path / "exp" / "train.log").read_text()
    assert "on 2 x cpu" in log and "step 8/8" in log and log.count("dev after step") == 2
    assert sorted(path.name for path in (tmp_path / "exp" / "checkpoints").glob("*.pth")) == ["step4.pth", "step8.pth"]


@pytest.mark.slow
def test_the_command_continues_a_run_and_refuses_another(toy, sets, tmp_path):
    config = small_config(toy, steps=4, interval=2)
    assert command(toy, tmp_path, config).returncode == 0
    (tmp_path / "exp" / "checkpoints" / "step4.pth").unlink()
    again = command(toy, tmp_path, config)
    assert again.returncode == 0 and "continuing after step 2" in again.stderr
    other = command(toy, tmp_path, config, "--set", "model.dim=64")
    assert other.returncode == 1 and "Traceback" not in other.stderr
    assert "was trained with other settings: model.dim (32 -> 64)" in other.stderr
