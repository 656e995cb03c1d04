"""`jstasr bench train --device` and `jstasr bench align --device`: what they count, not how fast it is."""

import json

import pytest
import torch

from jstasr.bench import device, train_device
from jstasr.bench.train_device import ALIGNMENT, BACKWARD, CONSISTENCY, ENCODERS, Parts, write_data
from jstasr.cli import main

CONFIG = "egs/TEMPLATE/asr1/conf/train_smoke.yaml"


@pytest.fixture
def root(request):
    return request.config.rootpath


@pytest.fixture(autouse=True)
def small_products(monkeypatch):
    monkeypatch.setattr(device, "PRODUCT_SIZE", {"cpu": 64, "cuda": 8192})
    monkeypatch.setattr(device, "PRODUCT_SECONDS", 0.01)


def test_figures_of_each_precision_and_batch_size(root, tmp_path, capsys):
    output = tmp_path / "figures.json"
    options = ["--steps", "2", "--utterances", "12", "--batch-frames", "1500 3000", "--json", str(output)]
    assert main(["bench", "train", "--device", "cpu", "--config", str(root / CONFIG), *options]) == 0
    found = json.loads(output.read_text())
    rows = found["rows"]
    assert [(row["precision"], row["batch_frames"]) for row in rows] == [
        (precision, size) for precision in ("fp32", "bf16") for size in (1500, 3000)
    ]
    for row in rows:
        parts = row["parts"]
        assert row["parameters"] == rows[0]["parameters"] > 1e5 and row["peak"] > 1e6
        assert 0 <= row["padding"] < 1 and 0 <= row["wait"] < 1 and row["flops"] > 0
        assert 0 < parts[ALIGNMENT] < parts[CONSISTENCY] < parts["step"] and parts[BACKWARD] > parts[ENCODERS] > 0
        assert sum(parts.values()) - parts[ALIGNMENT] - parts["step"] == pytest.approx(parts["step"])
    assert rows[1]["audio_per_second"] * rows[1]["step"] > 1.2 * rows[0]["audio_per_second"] * rows[0]["step"]
    shown = capsys.readouterr().out
    assert "| fp32 | 1500 |" in shown and shown.count("| part of a step in") == 2


def test_audio_per_second_is_that_of_the_batches(root, tmp_path, monkeypatch):
    """A step that takes a second: the speech in it, without padding."""
    seen = []

    def step(config, model, bank, optimiser, fabric, stream, number, meter, *_):
        _, _, batch = next(stream)
        seen.append(int(batch.speech_lengths.sum()) / 100)
        meter.end_step(batch.counts(), 0.25)
        clock[0] += 1.0
        return False, "", 0.0, (0, {})

    clock = [0.0]
    monkeypatch.setattr(train_device, "train_step", step)
    monkeypatch.setattr(train_device.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(Parts, "by_step", lambda self, count: {})
    speech, text = write_data(tmp_path, 80, 30)
    config = train_device.of_size(train_device.load_config(root / CONFIG), 3000, speech)
    found = train_device.measure(config, speech, text, torch.device("cpu"), 5, tmp_path)
    assert found["audio_per_second"] == pytest.approx(sum(seen[train_device.WARM_UP :][:5]) / 5)
    assert found["step"] == 1.0 and found["wait"] == 0.25


def test_measuring_the_parts_leaves_the_functions_as_they_were(root, tmp_path):
    import jstasr.losses.step as step

    before = step.LOSSES, step.StepLosses.forward, train_device.jstasr.align.consistency.align_embeddings
    speech, text = write_data(tmp_path, 80, 12)
    config = train_device.of_size(train_device.load_config(root / CONFIG), 1500, speech)
    train_device.measure(config, speech, text, torch.device("cpu"), 1, tmp_path)
    assert before == (step.LOSSES, step.StepLosses.forward, train_device.jstasr.align.consistency.align_embeddings)


def test_alignment_on_a_device(tmp_path):
    output = tmp_path / "figures.json"
    sizes = ["--sizes", "20x8 40x16", "--repeats", "1", "--seconds", "0"]
    assert main(["bench", "align", "--device", "cpu", *sizes, "--json", str(output)]) == 0
    rows = json.loads(output.read_text())["rows"]
    assert [(row["frames"], row["positions"]) for row in rows] == [(20, 8), (40, 16)]
    assert all(len(row["seconds"]) == 5 and min(row["seconds"].values()) > 0 for row in rows)


@pytest.mark.parametrize(
    "words, message",
    [
        (["train", "--device", "tpu", "--config", "x.yaml"], "expected one of cpu cuda"),
        (["train", "--device", "cpu"], "name a training configuration"),
        (["train", "--device", "cpu", "--config", "x.yaml", "--batch-frames", "many"], "are numbers"),
        (["train", "--device", "cpu", "--config", "x.yaml", "--steps", "0"], "at least 1"),
        (["align", "--device", "tpu"], "expected one of cpu cuda"),
    ],
)
def test_wrong_options_are_errors(words, message, capsys):
    assert main(["bench", *words]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there(capsys):
    assert main(["bench", "align", "--device", "cuda"]) == 1
    assert "PyTorch sees no GPU here" in capsys.readouterr().err
