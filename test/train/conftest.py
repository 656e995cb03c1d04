"""A small training on made-up features: in this process by `training.run`, as a command by `training.start`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from jstasr.experiment.checkpoints import load_checkpoint
from jstasr.experiment.config import config_yaml
from jstasr.train.loop import train


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def cmvn(data):
    frames = np.concatenate([data.features(index) for index in range(len(data))])
    return frames.mean(axis=0), frames.std(axis=0)


class Training:
    """Eight utterances, sixteen texts, a tiny model."""

    cmvn = staticmethod(cmvn)

    def __init__(self, toy, folder: Path):
        self.toy, self.folder = toy, folder
        texts = toy.texts(24)
        self.speech, self.text = toy.speech("train", texts[:8]), toy.text("text", texts[8:])

    def config(self, steps: int, interval: int, **model):
        config = self.toy.config(**model)
        config.optim.max_steps, config.optim.warmup_steps, config.optim.learning_rate = steps, 5, 4e-3
        config.valid.interval, config.valid.utterances = interval, 0
        config.data.batch_frames, config.data.text_batch_phones = 500, 100
        config.losses.consistency.weight, config.losses.consistency.layers = 0.1, [-1]
        config.log_interval = 1
        return config

    @staticmethod
    def fabric(**options):
        return Fabric(accelerator="cpu", devices=1, **options)

    def run(self, config, name: str, stop=None, speech=None, precision="32-true", after=None):
        """Train in exp `name`; `stop`: the step after whose validation the run is killed. Returns the last weights."""
        expdir = self.folder / name
        expdir.mkdir(exist_ok=True)

        def after_validation(model, step):
            if after is not None:
                after(model, step)
            if step == stop:
                raise KeyboardInterrupt

        try:
            stats, tokenizer, fabric = self.cmvn(self.speech), self.toy.lists()[0], self.fabric(precision=precision)
            chosen = self.speech if speech is None else speech
            train(config, chosen, self.text, self.speech, tokenizer, stats, expdir, fabric, after_validation)
        except KeyboardInterrupt:
            assert stop is not None
        return self.weights(name)

    def weights(self, name: str, key="model"):
        return load_checkpoint(max((self.folder / name / "checkpoints").glob("step*.pth"), key=number))[key]

    def log(self, name: str) -> str:
        return (self.folder / name / "train.log").read_text()

    def losses(self, name: str) -> dict[int, str]:
        """Step -> what its last progress line says of losses, learning rate and gradient."""
        found = {}
        for line in self.log(name).splitlines():
            if "(train) step " in line and " | " in line:
                _, shown, rest = line.split(" | ")
                found[int(line.split("(train) step ")[1].split("/")[0])] = shown + rest.split(" audio-s/s")[0]
        return found

    def words(self, config, name: str, *options, launcher=()) -> list[str]:
        """The command that trains in exp `name`."""
        (self.folder / "config.yaml").write_text(config_yaml(config))
        if not (self.folder / "cmvn.ark").exists():
            frames = np.concatenate([self.speech.features(i) for i in range(8)]).astype(np.float64)
            stats = np.stack([np.append(frames.sum(0), len(frames)), np.append(np.square(frames).sum(0), 0)])
            kaldiio.save_mat(str(self.folder / "cmvn.ark"), stats)
        toy, folder = self.toy, self.folder
        paths = ["--train-dir", toy.folder / "fbank/train", "--valid-dir", toy.folder / "fbank/train"]
        paths += ["--text-dir", toy.folder / "text/text", "--cmvn", folder / "cmvn.ark", "--expdir", folder / name]
        paths += ["--token-list", toy.token_list, "--phone-list", toy.phone_list, "--config", folder / "config.yaml"]
        return [sys.executable, "-m", *(launcher or ["jstasr"]), "train", *map(str, paths), *options]

    def start(self, words: list[str]) -> subprocess.Popen:
        def heed_signals() -> None:  # in a job of the background, or under nohup, the tests themselves do not
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with open(self.folder / "output", "a") as output:
            return subprocess.Popen(
                words, env=environment, stdout=output, stderr=output, start_new_session=True, preexec_fn=heed_signals
            )

    def finish(self, words: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(words, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)

    def wait_for(self, process: subprocess.Popen, name: str, words: str, seconds=120) -> None:
        """Until train.log holds the words."""
        end = time.monotonic() + seconds
        while not ((self.folder / name / "train.log").exists() and words in self.log(name)):
            assert process.poll() is None, (self.folder / "output").read_text()[-3000:]
            assert time.monotonic() < end
            time.sleep(0.02)

    def kill_all(self, process: subprocess.Popen) -> None:
        """kill -9 to the command and all that it started."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def number(path: Path) -> int:
    return int(path.stem[4:])


@pytest.fixture
def training(toy, tmp_path):
    return Training(toy, tmp_path)
