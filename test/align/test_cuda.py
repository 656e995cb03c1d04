"""Inputs on a GPU: the same alignments as on the CPU, results and gradients where the inputs are."""

import numpy as np
import pytest
import torch

from jstasr.align import best_alignment, best_alignment_from_cost, consistency_loss
from jstasr.align.measure import alignment_distances

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
TOPOLOGIES = ("skip", "noskip", "dtw")


def batch(device, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    # whole numbers: the distances are exact on either device
    speech = torch.randint(-4, 5, (9, 50, 12), generator=generator).to(device, dtype)
    text = torch.randint(-4, 5, (9, 20, 12), generator=generator).to(device, dtype)
    lengths = torch.randint(20, 51, (9,), generator=generator), torch.randint(1, 21, (9,), generator=generator)
    return speech, text, *(x.to(device) for x in lengths)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_paths_are_those_of_the_cpu(topology, dtype):
    ours = best_alignment(*batch("cuda", dtype), topology)
    expected = best_alignment(*batch("cpu", dtype), topology)
    assert ours.cost.is_cuda and torch.equal(ours.cost.cpu(), expected.cost)
    for a, b in zip(ours.path, expected.path):
        assert np.array_equal(a if topology == "dtw" else a.cpu(), b)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_costs_are_aligned_as_on_the_cpu(topology):
    cost = torch.rand(5, 30, 12)
    lengths = [30] * 5, [12] * 5
    ours, expected = (best_alignment_from_cost(x, *lengths, topology) for x in (cost.cuda(), cost))
    assert torch.equal(ours.cost.cpu(), expected.cost)
    assert all(np.array_equal(torch.as_tensor(a).cpu(), b) for a, b in zip(ours.path, expected.path))


@pytest.mark.parametrize("kind", ["best", "framewise", "random", "soft_dtw", "sinkhorn", "none"])
def test_loss_and_gradient_are_those_of_the_cpu(kind):
    results = []
    for device in ("cuda", "cpu"):
        speech, text, *lengths = batch(device)
        speech.requires_grad_(), text.requires_grad_()
        generator = torch.Generator().manual_seed(1)
        loss = consistency_loss(speech, text, *lengths, kind, layer_norm=False, gamma=20.0, generator=generator)
        assert loss.device.type == device
        results.append([loss, *torch.autograd.grad(loss, (speech, text))])
    for ours, expected in zip(*results):
        torch.testing.assert_close(ours.cpu(), expected, rtol=1e-4, atol=1e-5)


def test_measures_are_those_of_the_cpu():
    ours, expected = (alignment_distances(*batch(device)).best for device in ("cuda", "cpu"))
    torch.testing.assert_close(ours.cpu(), expected)
