"""The model as it trains, in float32 with kernels, against the same model from torch's operations alone."""

import copy
from dataclasses import replace

import torch

from jstasr.kernels import fused
from jstasr.losses.config import LossConfig, loss_weights
from jstasr.losses.consistency import ConsistencyConfig
from jstasr.losses.step import StepLosses


def test_losses_and_gradients_are_those_of_torchs_operations_in_double_precision(model, batch):
    losses = LossConfig(consistency=ConsistencyConfig(weight=1.0, alignment="framewise"))
    model.train()
    model.config.text.mask_ratio = 0.0
    exact = copy.deepcopy(model).double()
    assert not fused.takes(next(exact.parameters())), "double precision is the one that kernels do not take"
    results = []
    for which, speech in ((model, batch.speech), (exact, batch.speech.double())):
        values = StepLosses(which, losses)(replace(batch, speech=speech), loss_weights(0, losses))
        sum(values.values()).backward()
        results.append((values, {name: p.grad for name, p in which.named_parameters()}))
    (values, gradients), (exact_values, exact_gradients) = results
    assert set(values) == set(exact_values) and len(values) == 7
    for name, value in values.items():
        torch.testing.assert_close(value.double(), exact_values[name].double(), atol=1e-5, rtol=1e-5)
    for name, gradient in gradients.items():
        largest = exact_gradients[name].abs().max().clamp(min=1e-3)
        torch.testing.assert_close(
            gradient / largest, exact_gradients[name] / largest, atol=5e-5, rtol=0, check_dtype=False
        )


def test_losses_under_bfloat16_autocast_are_those_of_float32_to_its_precision(model, batch):
    losses = LossConfig(consistency=ConsistencyConfig(weight=1.0, alignment="framewise"))
    model.train()
    model.config.text.mask_ratio = 0.0
    step, weights = StepLosses(model, losses), loss_weights(0, losses)
    plain = step(batch, weights)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = step(batch, weights)
    sum(rounded.values()).backward()
    for name, value in plain.items():
        torch.testing.assert_close(rounded[name].float(), value, atol=0.02, rtol=0.02)
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)
