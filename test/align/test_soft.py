"""Soft alignments against enumeration and against the package POT."""

import math

import pytest
import torch

from jstasr.align import best_alignment_from_cost
from jstasr.align.soft import soft_alignment_cost, transport_cost, transport_plan


def batch(seed, n=5, m=4, d=3, items=4):
    generator = torch.Generator().manual_seed(seed)
    speech = torch.randn(items, n, d, generator=generator, dtype=torch.float64)
    text = torch.randn(items, m, d, generator=generator, dtype=torch.float64)
    return speech, text, torch.tensor([5, 4, 5, 1]), torch.tensor([3, 4, 1, 1])


@pytest.mark.parametrize("gamma", [0.05, 1.0, 20.0])
@pytest.mark.parametrize("topology", ["skip", "noskip", "dtw"])
def test_soft_minimum_equals_the_sum_over_all_paths(oracles, topology, gamma):
    speech, text, *lengths = batch(1)
    value = soft_alignment_cost(speech, text, *lengths, topology, "sqeuclidean", gamma)
    for b, (n, m) in enumerate(zip(*(x.tolist() for x in lengths))):
        cost = torch.cdist(speech[b], text[b]).square()
        logs = [-sum(cost[i, j].item() for i, j in path) / gamma for path in oracles.all_paths(n, m, topology)]
        high = max(logs)
        expected = -gamma * (high + math.log(math.fsum(math.exp(x - high) for x in logs)))
        assert value[b].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("topology", ["skip", "noskip", "dtw"])
def test_soft_minimum_tends_to_the_best_alignment(topology):
    speech, text, *lengths = batch(2)
    best = best_alignment_from_cost(torch.cdist(speech, text).square(), *lengths, topology).cost
    soft = soft_alignment_cost(speech, text, *lengths, topology, "sqeuclidean", 1e-6)
    torch.testing.assert_close(soft, best, rtol=1e-5, atol=1e-5)


def test_soft_minimum_of_long_inputs_neither_overflows_nor_underflows():
    speech, text = torch.randn(1, 400, 8) * 30, torch.randn(1, 200, 8) * 30
    lengths = torch.tensor([400]), torch.tensor([200])
    for gamma in (1e-3, 1e3):
        speech.requires_grad_()
        value = soft_alignment_cost(speech, text, *lengths, "dtw", "sqeuclidean", gamma)
        (grad,) = torch.autograd.grad(value.sum(), speech)
        assert value.isfinite().all() and grad.isfinite().all()


@pytest.mark.parametrize("prior_width", [0.2, math.inf])
@pytest.mark.parametrize("gamma", [0.05, 0.5])
def test_transport_plan_equals_that_of_pot(monkeypatch, gamma, prior_width):
    import ot

    monkeypatch.setattr("jstasr.align.soft.TRANSPORT_TOLERANCE", 1e-10)
    monkeypatch.setattr("jstasr.align.soft.TRANSPORT_ITERATIONS", 100_000)
    torch.manual_seed(3)
    n, m = torch.tensor([12, 9, 5]), torch.tensor([7, 9, 8])
    cost = torch.rand(3, 12, 9, dtype=torch.float64)
    plan = transport_plan(cost, n, m, gamma, prior_width)
    for b, (frames, positions) in enumerate(zip(n.tolist(), m.tolist())):
        time = (torch.arange(frames) + 0.5)[:, None] / frames - (torch.arange(positions) + 0.5) / positions
        with_prior = cost[b, :frames, :positions] + gamma * time.double().square() / (2 * prior_width**2)
        expected = ot.sinkhorn(
            [1 / frames] * frames, [1 / positions] * positions, with_prior.numpy(), gamma, method="sinkhorn_log",
            stopThr=1e-12, numItermax=100_000,
        )  # fmt: skip
        torch.testing.assert_close(plan[b, :frames, :positions], torch.as_tensor(expected), rtol=1e-6, atol=1e-12)
        assert not plan[b, frames:].any() and not plan[b, :, positions:].any()


def test_transport_plan_has_its_marginals_and_is_a_scaled_kernel():
    """The two conditions that make it the one solution: masses, and zero interaction in log plan + cost/gamma."""
    torch.manual_seed(4)
    cost, gamma = torch.rand(2, 10, 6, dtype=torch.float64) * 3, 0.1
    n, m = torch.tensor([10, 7]), torch.tensor([4, 6])
    plan = transport_plan(cost, n, m, gamma, math.inf)
    for b in range(2):
        part = plan[b, : n[b], : m[b]]
        torch.testing.assert_close(part.sum(1), torch.full((n[b],), 1 / n[b], dtype=torch.float64))
        torch.testing.assert_close(part.sum(0), torch.full((m[b],), 1 / m[b], dtype=torch.float64), rtol=2e-3, atol=0)
        potential = part.log() + cost[b, : n[b], : m[b]] / gamma
        interaction = potential - potential.mean(0) - potential.mean(1, keepdim=True) + potential.mean()
        assert interaction.abs().max() < 1e-9


def test_transport_prefers_the_diagonal():
    plan = transport_plan(torch.zeros(1, 20, 20), torch.tensor([20]), torch.tensor([20]), 0.1)[0]
    assert plan.diagonal().sum() > 2 / 20 and plan[0, 19] < 1e-4


def test_transport_cost_of_single_frames_and_positions():
    speech, text = torch.tensor([[[1.0, 0]], [[0, 0]]]), torch.tensor([[[0.0, 2]], [[3, 4]]])
    cost = transport_cost(speech, text, torch.tensor([1, 1]), torch.tensor([1, 1]), "sqeuclidean", 0.1)
    torch.testing.assert_close(cost, torch.tensor([5.0, 25.0]))


def test_small_gamma_is_stable():
    torch.manual_seed(5)
    cost = torch.rand(1, 30, 12) * 100
    plan = transport_plan(cost, torch.tensor([30]), torch.tensor([12]), 1e-2)
    assert plan.isfinite().all()
    torch.testing.assert_close(plan.sum(2), torch.full((1, 30), 1 / 30))
