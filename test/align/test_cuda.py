"""Inputs on a GPU: the same alignments as on the CPU, results and gradients where the inputs are."""

import numpy as np
import pytest
import torch

from jstasr.align import best_alignment, best_alignment_from_cost, consistency_loss
from jstasr.align.measure import alignment_distances
from jstasr.kernels.device import unavailable

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


ON_GPU = ("skip", "noskip")


def test_the_gpu_finds_the_paths_itself():
    """Else the tests here compare the CPU with itself."""
    assert unavailable(torch.device("cuda", 0)) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["ties", "uniform", "zeros of either sign"])
@pytest.mark.parametrize("n, m", [(1, 1), (33, 32), (70, 65), (300, 257), (1500, 1000), (2600, 2500)])
@pytest.mark.parametrize("topology", ON_GPU)
def test_paths_and_costs_of_the_kernels_are_those_of_the_cpu_to_the_last_bit(topology, n, m, kind, dtype):
    """From one column to three launches of columns; ragged lengths, NaN past them."""
    generator = torch.Generator().manual_seed(n)
    items = 5
    cost = {
        "ties": lambda: torch.randint(-2, 3, (items, n, m), generator=generator).to(dtype),
        "uniform": lambda: torch.rand(items, n, m, generator=generator, dtype=dtype),
        "zeros of either sign": lambda: (torch.rand(items, n, m, generator=generator, dtype=dtype) - 0.5) * 0.0,
    }[kind]()
    lengths = [torch.randint(1, x + 1, (items,), generator=generator) for x in (n, m)]
    lengths[0][0], lengths[1][0] = n, m
    if topology == "noskip":
        lengths[0] = torch.maximum(*lengths)
    for b, (frames, positions) in enumerate(zip(*(x.tolist() for x in lengths))):
        cost[b, frames:], cost[b, :, positions:] = torch.nan, torch.nan
    ours, expected = (best_alignment_from_cost(x, *lengths, topology) for x in (cost.cuda(), cost))
    assert ours.path.is_cuda and torch.equal(ours.path.cpu(), expected.path)
    assert ours.cost.cpu().numpy().tobytes() == expected.cost.numpy().tobytes()


@pytest.mark.parametrize("topology", ON_GPU)
def test_a_cost_that_is_not_finite_is_an_error_that_names_the_items(topology):
    cost = torch.rand(4, 40, 30)
    cost[[1, 2], 3, 2] = torch.nan
    with pytest.raises(ValueError, match="batch items: 1, 2$"):
        best_alignment_from_cost(cost.cuda(), [40] * 4, [30] * 4, topology)


@pytest.mark.parametrize("topology", ON_GPU)
def test_the_loss_and_its_gradient_wait_for_nothing(topology):
    speech, text, *lengths = batch("cuda")
    lengths = [x.cpu() for x in lengths]
    speech.requires_grad_(), text.requires_grad_()
    loss = consistency_loss(speech, text, *lengths, topology=topology)  # compiles
    torch.cuda.set_sync_debug_mode("error")
    try:
        loss = consistency_loss(speech, text, *lengths, topology=topology)
        loss.backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert loss.isfinite() and speech.grad.isfinite().all()


def test_a_distance_that_is_not_finite_makes_the_loss_nan():
    speech, text, *lengths = batch("cuda")
    text[3, 0] = torch.inf
    assert consistency_loss(speech, text, *lengths).isnan()


def test_measures_are_those_of_the_cpu():
    ours, expected = (alignment_distances(*batch(device)).best for device in ("cuda", "cpu"))
    torch.testing.assert_close(ours.cpu(), expected)
