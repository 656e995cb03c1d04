"""Experiments as they lie on the disk, of few files."""

import dataclasses
import json
import os
import time
from pathlib import Path

import pytest

from jstasr.kaldi.locks import LOCK, Holder

HEAD = "0.08M parameters, 8 paired utterances (0.00 h), 16 unpaired texts, 3000 steps on 1 x cpu"


def step(number: int, left="4:12", wait="1.3") -> str:
    return (
        f"step {number}/3000 epoch 3 left {left} | loss 4.166 streaming 3.051 full 2.900 | "
        f"lr 6.0e-04 grad 0.64 audio-s/s 65 pad 3.1% wait {wait}% text 1.32x"
    )


def dev(number: int, streaming: float, full: float) -> str:
    return (
        f"dev after step {number}: WER% streaming {streaming} full {full} text_streaming 90.0 text_full 80.0 | "
        "CER% streaming 9.0 full 8.0 | loss streaming 1.888 full 1.910 | 0.1 s"
    )


class Experiment:
    """exp/<tag> under a temporary folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        (folder / "checkpoints").mkdir(parents=True)
        self.minute = 0
        self.lines: list[str] = []
        (folder / "config.yaml").write_text("seed: 1\noptim:\n  max_steps: 3000\n")
        (folder / "tokens.txt").write_text("<blank>\n")

    def log(self, *messages: str, old: float = 3600.0) -> "Experiment":
        """Add lines to train.log, a minute apart; old: seconds since the last was written."""
        for message in messages:
            self.lines.append(f"2026-03-01T10:{self.minute:02}:00 (train) {message}\n")
            self.minute += 1
        return self.text("".join(self.lines), old)

    def text(self, text: str | bytes, old: float = 3600.0) -> "Experiment":
        """The whole train.log."""
        path = self.folder / "train.log"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        os.utime(path, (time.time() - old,) * 2)
        return self

    def checkpoints(self, *steps: int, **scores: float) -> "Experiment":
        """Checkpoints, which nobody opens, and scores by `step<N>`."""
        for number in steps:
            (self.folder / f"checkpoints/step{number}.pth").write_bytes(b"no weights")
        if scores:
            (self.folder / "checkpoints/scores.json").write_text(
                json.dumps({name.removeprefix("step"): score for name, score in scores.items()})
            )
        return self

    def lock(self, old: float = 0.0, **changes) -> "Experiment":
        """The lock of a training of this very process, or of what `changes`; old: seconds since its last touch."""
        holder = dataclasses.replace(
            Holder.this_process(), command="jstasr train --expdir x", since="2026-03-01 09:00:00"
        )
        holder = dataclasses.replace(holder, **changes)
        path = self.folder / LOCK
        path.write_text(json.dumps(dataclasses.asdict(holder)))
        os.utime(path, (time.time() - old,) * 2)
        return self


@pytest.fixture
def make(tmp_path):
    """make(tag) -> Experiment in exp."""
    return lambda tag="one": Experiment(tmp_path / "exp" / tag)


@pytest.fixture
def status(jstasr):
    """What `jstasr status --json` says of one experiment."""

    def read(experiment: Experiment) -> dict:
        done = jstasr("status", experiment.folder, "--json")
        (one,) = json.loads(done.stdout)
        assert done.stderr == "" and one["experiment"] == str(experiment.folder)
        return one

    return read
