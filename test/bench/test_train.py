"""`jstasr bench train` on a job of a few milliseconds: what it counts, not how fast it is."""

import sys

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from jstasr.bench import train
from jstasr.bench.train_job import TrainJob, jstasr
from jstasr.bench.train_parts import part_times
from jstasr.errors import JstasrError

TINY = TrainJob(
    batch=2, frames=42, mels=12, dim=16, heads=2, ff_dim=24, kernel_size=5, layers=8, vocabulary=9, labels=3
)


def products(job):
    """Floating-point operations of the matrix products of a step, from the formulas of its layers."""
    frames, prefixes, d = -(-job.frames // 4), job.labels + 1, job.dim
    rows = job.batch * frames
    layer = rows * (7 * d * d + 4 * d * job.ff_dim) + 2 * rows * frames * d
    decoder = rows * d * d + job.batch * prefixes * 2 * d * d + rows * prefixes * d * job.vocabulary
    first = job.batch * (2 * frames + 1) * 3 * job.mels * d  # no gradient of the features
    second = rows * 3 * d * d
    return 2 * (3 * (job.layers * layer + decoder + second) + 2 * first)


def test_operations_counted_are_those_of_the_layers_formulas():
    _, step = jstasr(TINY)
    with FlopCounterMode(display=False) as counter:
        step(False)
    assert counter.get_total_flops() == products(TINY)


def test_every_step_trains_all_that_the_loss_reaches():
    parameters, step = jstasr(TINY)
    before = [parameter.detach().clone() for parameter in parameters]
    losses = [step(False) for _ in range(30)]
    changed = sum(not torch.equal(old, new) for old, new in zip(before, parameters))
    assert changed == len(parameters) > 8 * 20
    assert sum(losses[-5:]) < sum(losses[:5])


def test_parts_add_up_to_the_step():
    parts = part_times(TINY, autocast=False, steps=2)
    total = parts.pop("all")
    assert sum(parts.values()) == pytest.approx(total)
    for name in ("subsampling", "feed-forward", "attention", "convolution", "joint network and loss"):
        assert parts[f"{name}, forward"] > 0 and parts[f"{name}, backward"] > 0
    assert parts["clip"] > 0 and parts["optimiser"] > 0
    assert torch.Tensor.backward.__name__ == "backward", "what was wrapped is restored"


def test_report_without_the_peer_says_that_it_is_missing():
    lines = []
    results = train.run(TINY, 1, ["fp32"], 1, sys.executable, lines.append)
    found = results["jstasr", "fp32"]
    assert set(results) == {("jstasr", "fp32")} and found["flops"] == products(TINY)
    assert found["parameters"] == sum(parameter.numel() for parameter in jstasr(TINY)[0])
    assert found["peak"] > found["extra"] > 0
    text = "\n".join(lines)
    assert "ESPnet's modules **missing**" in text
    row = next(line for line in lines if line.startswith("| jstasr | fp32"))
    assert float(row.split("|")[3]) == pytest.approx(TINY.audio_seconds / found["cpu"], abs=0.06)


def test_an_implementation_that_fails_is_reported_with_its_last_messages():
    with pytest.raises(
        JstasrError, match="(?s)jstasr in fp32 ended with code 1:.*multiple of twice the number of heads"
    ):
        train.run(TrainJob(dim=15, heads=2), 1, ["fp32"], 1, sys.executable, lambda line: None)


def test_a_python_that_is_not_there_is_named():
    with pytest.raises(JstasrError, match="--espnet-python /no/such/python cannot be run"):
        train.run(TINY, 1, ["fp32"], 1, "/no/such/python", lambda line: None)
