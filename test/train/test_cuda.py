"""Training on a GPU: the losses, gradients and spliced speech of the CPU; bfloat16; resuming; two processes."""

import math
import os
import socket
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from jstasr.data.splice import SpliceConfig
from jstasr.losses.config import LossConfig, loss_weights
from jstasr.losses.consistency import ConsistencyConfig
from jstasr.losses.step import StepLosses
from jstasr.train.loader import training_batches

pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*", "ignore:.*deterministic.*")

CONSISTENCY = {
    "best path": dict(topology="skip"),
    "noskip, euclidean": dict(topology="noskip", distance="euclidean"),
    "dtw": dict(topology="dtw"),
    "forced": dict(alignment="forced"),
    "framewise": dict(alignment="framewise"),
    "soft": dict(alignment="soft_dtw"),
    "transport": dict(alignment="sinkhorn"),
    "contrastive": dict(topology="noskip", contrast=0.1),
    "contrastive, forced": dict(alignment="forced", contrast=0.1),
}


def losses_of(model, device, **consistency):
    """StepLosses of the model, without random draws, and the weights of all losses."""
    config = LossConfig(consistency=ConsistencyConfig(weight=0.5, **consistency))
    return StepLosses(deepcopy(model).to(device).eval(), config), loss_weights(0, config)


def step(losses, weights, batch, device):
    """The losses, and the gradient of their weighted sum by the name of the parameter; all on the CPU."""
    values = losses(batch.to(device), weights)
    assert all(value.device.type == device.type for value in values.values())
    sum(weights[name] * value for name, value in values.items()).backward()
    gradients = {name: p.grad.cpu() for name, p in losses.named_parameters() if p.grad is not None}
    return {name: value.detach().cpu() for name, value in values.items()}, gradients


def assert_close(found, expected, rtol):
    """Tensors by name, as close as a share of the largest number of each."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=rtol, atol=rtol * float(value.abs().max()) + 1e-7, msg=name)


@pytest.mark.parametrize("kind", CONSISTENCY)
def test_a_step_has_the_losses_and_the_gradient_of_the_cpu(kind, model, batch, device):
    expected, found = (
        step(*losses_of(model, place, **CONSISTENCY[kind]), batch, place) for place in (torch.device("cpu"), device)
    )
    assert len(expected[0]) == 7 and len(expected[1]) > 100
    assert_close(found[0], expected[0], 1e-4)
    assert_close(found[1], expected[1], 2e-3)


def test_speech_is_spliced_as_on_the_cpu(model, batch, device):
    batches, results = [], []
    # texts of phonemes that the utterances hold
    texts = replace(batch, text_phones=batch.phones[:2, :4], text_phone_lengths=torch.tensor([4, 3]))
    for place in (torch.device("cpu"), device):
        losses, weights = losses_of(model, place, topology="noskip", splice=SpliceConfig(share=0.99))
        step(losses, weights, batch, place)
        losses.zero_grad()
        torch.manual_seed(0)
        batches.append(losses.bank.spliced(texts))
        results.append(step(losses, weights, batches[-1], place))
    assert batches[0].spliced > 0 and batches[0].utt_ids == batches[1].utt_ids
    assert torch.equal(batches[0].speech, batches[1].speech)
    assert_close(results[1][0], results[0][0], 1e-4)
    assert_close(results[1][1], results[0][1], 2e-3)


def test_a_step_in_bfloat16_is_near_that_in_float32(model, batch, device):
    values, gradients = [], []
    for enabled in (False, True):
        losses, weights = losses_of(model, device, topology="noskip", contrast=0.1)
        with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            found = losses(batch.to(device), weights)
        sum(weights[name] * value for name, value in found.items()).backward()
        values.append({name: float(value.detach()) for name, value in found.items()})
        gradients.append(torch.cat([p.grad.flatten() for p in losses.parameters() if p.grad is not None]))
    for name, value in values[0].items():
        assert math.isfinite(value) and values[1][name] == pytest.approx(value, rel=0.05), name
    assert float(torch.nn.functional.cosine_similarity(*gradients, dim=0)) > 0.98


def on(training, device):
    """The training of the fixture, on a device."""
    training.fabric = lambda **options: Fabric(accelerator=device.type, devices=1, **options)
    return training


def test_batches_wait_in_page_locked_memory(training, batch, device):
    config = training.config(steps=2, interval=2)
    fabric = on(training, device).fabric()
    for workers in (0, 1):
        config.data.num_workers = workers
        _, _, first = next(training_batches(config, training.speech, training.text, None, fabric))
        assert first.speech.is_pinned() == first.text_phones.is_pinned() == (device.type == "cuda")


def test_a_resumed_run_ends_with_the_same_bits(training, device):
    """Under torch's deterministic kernels, without which not even the same run twice does."""
    config = on(training, device).config(steps=8, interval=4, dropout=0.1)
    config.losses.consistency.splice.share, config.optim.ema, config.data.num_workers = 0.6, 0.9, 1
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        whole = training.run(config, "whole")
        training.run(config, "parts", stop=4)
        resumed = training.run(config, "parts")
    finally:
        torch.use_deterministic_algorithms(False)
    assert "continuing after step 4" in training.log("parts")
    assert {name for name in whole if not torch.equal(whole[name], resumed[name])} == set()
    assert training.losses("parts") == training.losses("whole")


def test_a_checkpoint_of_the_gpu_goes_on_on_the_cpu_and_back(training, device):
    config = training.config(steps=6, interval=2)
    on(training, device).run(config, "exp", stop=2)
    on(training, torch.device("cpu")).run(config, "exp", stop=4)
    weights = on(training, device).run(config, "exp")
    assert training.log("exp").count("continuing after step") == 2 and "all 6 steps are done" in training.log("exp")
    assert all(value.device.type == "cpu" and value.isfinite().all() for value in weights.values())


@pytest.mark.parametrize("precision", ["auto", "32-true", "bf16-mixed"])
def test_the_command_trains(precision, training, device):
    config = training.config(steps=6, interval=3, dropout=0.1)
    config.precision, config.data.num_workers = precision, 1
    config.losses.consistency.contrast, config.losses.consistency.splice.share = 0.1, 0.5
    done = training.finish(training.words(config, "exp", "--ngpu", str(int(device.type == "cuda"))))
    assert done.returncode == 0, done.stderr[-3000:]
    log = training.log("exp")
    assert f"6 steps on 1 x {device.type}" in log and "all 6 steps are done" in log and "skipped" not in log
    assert log.count("dev after step") == 2 and list((training.folder / "exp/images").glob("step6*.png"))
    assert ("chosen by probing" in log) == (precision == "auto")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def test_two_processes_on_one_gpu_have_the_gradient_of_one(tmp_path, device):
    """Through gloo: NCCL refuses two processes on one device."""
    script, port = Path(__file__).with_name("gradient_of_part.py"), str(free_port())
    parts = [("one", "0", "1"), ("first", "0", "2"), ("second", "1", "2")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    running = [
        subprocess.Popen(
            [sys.executable, str(script), device.type, rank, processes, port, str(tmp_path / f"{name}.pth")],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, rank, processes in parts
    ]
    for process in running:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors[-3000:]
    whole, *halves = (torch.load(tmp_path / f"{name}.pth") for name, _, _ in parts)
    assert len(whole) > 100
    for half in halves:
        assert_close(half, whole, 2e-3)
