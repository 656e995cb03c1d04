"""A loss that is one new file and its line in LOSSES is configured, trained, logged and plotted like the others."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import jstasr

LOSS = """
from jstasr.losses.record import Loss, Setting


def value(model, encodings, batch, losses):
    return (encodings.speech.full.square().mean() - losses.energy_target) ** 2


LOSSES = (
    Loss(
        name="energy",
        unit="frames",
        label="mean energy",
        colour="#123456",
        settings=(
            Setting("energy", 0.5, "Weight of the squared error of the mean energy."),
            Setting("energy_target", 2.0, "Mean energy that is aimed at."),
        ),
        weight=lambda losses: losses.energy,
        value=value,
        trains=("audio_encoder", "shared_encoder", "full_encoder"),
    ),
)
"""


@pytest.fixture
def package(tmp_path):
    """A copy of the package with one loss more; the folder that PYTHONPATH names."""
    root = tmp_path / "path"
    shutil.copytree(Path(jstasr.__file__).parent, root / "jstasr", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "jstasr/losses/energy.py").write_text(LOSS)
    listed = root / "jstasr/losses/__init__.py"
    text = listed.read_text("utf-8")
    text = text.replace("import consistency, ctc, ", "import consistency, ctc, energy, ")
    text = text.replace("*consistency.LOSSES)", "*consistency.LOSSES, *energy.LOSSES)")
    assert text.count("energy") == 2
    listed.write_text(text, "utf-8")
    return root


def python(package, *words):
    environment = os.environ | {"PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *words], cwd=package, env=environment, capture_output=True, text=True)


def test_a_new_loss_is_trained_logged_and_plotted(package, training):
    words = training.words(training.config(steps=4, interval=4), "exp", "--set", "losses.energy_target=3.5")
    settings = ["--set", "losses.warmup={energy: [2, 0]}"]
    run = python(package, *words[1:], *settings)
    assert run.returncode == 0, run.stderr
    losses = training.losses("exp")
    assert "energy" not in losses[2] and "energy" in losses[3]
    log = training.log("exp")
    assert "energy" in next(line for line in log.splitlines() if "dev after step 4" in line)
    expdir = training.folder / "exp"
    assert "energy_target: 3.5" in (expdir / "config.yaml").read_text()
    events = EventAccumulator(str(expdir / "tensorboard"))
    events.Reload()
    assert {"train/energy", "dev_loss/energy"} <= set(events.Tags()["scalars"])
    program = (
        "import sys; from pathlib import Path; from jstasr.report.curves import read_curves;"
        "from jstasr.report.plots import loss_plot; print(loss_plot(read_curves(Path(sys.argv[1]))))"
    )
    plot = python(package, "-c", program, str(expdir / "tensorboard"))
    assert "mean energy" in plot.stdout and "#123456" in plot.stdout


def test_its_settings_are_checked_like_the_others(package, training):
    words = training.words(training.config(steps=1, interval=1), "exp", "--set", "losses.energy_targett=1")
    run = python(package, *words[1:])
    assert run.returncode == 1
    assert "unknown key losses.energy_targett (did you mean losses.energy_target?)" in run.stderr
