"""Which loss reaches which part of the model."""

import pytest
import torch

from jstasr.losses import LOSSES
from jstasr.losses.config import LossConfig, loss_weights
from jstasr.losses.consistency import ConsistencyConfig
from jstasr.losses.step import StepLosses


def parts_reached(model, loss):
    """Names of the parts that get a gradient other than 0."""
    model.zero_grad()
    loss.backward()
    reached = set()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and bool(parameter.grad.abs().sum() > 0):
            top = name.split(".")
            reached.add(".".join(top[:2]) if top[0] == "decoders" else top[0])
    return reached


def losses(model, batch, **consistency):
    config = LossConfig(consistency=ConsistencyConfig(**consistency))
    return StepLosses(model, config)(batch, loss_weights(0, config))


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_every_loss_says_which_parts_it_trains(model, batch, loss):
    value = losses(model.train(), batch, weight=1.0)[loss.name]
    assert parts_reached(model, value) == set(loss.trains)


def test_text_losses_reach_the_text_branch_and_the_shared_parts_only(model, batch):
    values = losses(model.train(), batch)
    assert parts_reached(model, values["text_streaming"]) == {"text_encoder", "shared_encoder", "decoders.streaming"}
    values = losses(model, batch)
    assert parts_reached(model, values["text_full"]) == {
        "text_encoder", "shared_encoder", "full_encoder", "decoders.full",
    }  # fmt: skip


def test_speech_losses_never_reach_the_text_encoder(model, batch):
    for name, expected in {
        "streaming": {"audio_encoder", "shared_encoder", "decoders.streaming"},
        "full": {"audio_encoder", "shared_encoder", "full_encoder", "decoders.full"},
        "ctc_label": {"audio_encoder", "shared_encoder", "ctc_label"},
        "ctc_phone": {"audio_encoder", "ctc_phone"},
    }.items():
        assert parts_reached(model, losses(model, batch)[name]) == expected


@pytest.mark.parametrize(
    "stopped, expected",
    [
        ("none", {"audio_encoder", "text_encoder", "shared_encoder", "full_encoder"}),
        ("text", {"audio_encoder", "shared_encoder", "full_encoder"}),
        ("speech", {"text_encoder", "shared_encoder", "full_encoder"}),
    ],
)
@pytest.mark.parametrize("contrast", [0.0, 0.1])
def test_consistency_reaches_the_encoders_of_the_sides_that_are_not_stopped(model, batch, stopped, expected, contrast):
    values = losses(model, batch, weight=1.0, stop_gradient=stopped, contrast=contrast)
    assert parts_reached(model, values["consistency"]) == expected


def test_consistency_at_the_shared_input_leaves_the_shared_encoder_alone(model, batch):
    values = losses(model, batch, weight=1.0, layers=[0])
    assert parts_reached(model, values["consistency"]) == {"audio_encoder", "text_encoder"}


def test_transcripts_in_the_text_batch_leave_the_losses_on_unpaired_text_as_they_are(model, batch):
    alone = losses(model, batch)
    for layers in ([], [0]):
        riding = losses(model, batch, weight=1.0, layers=layers)
        for name in ("text_streaming", "text_full"):
            assert torch.allclose(alone[name], riding[name], atol=1e-5)


@pytest.mark.parametrize("alignment", ["best", "framewise", "random", "forced", "soft_dtw", "sinkhorn"])
def test_every_alignment_gives_a_finite_gradient(model, batch, alignment):
    value = losses(model, batch, weight=1.0, alignment=alignment)["consistency"]
    assert torch.isfinite(value)
    assert "audio_encoder" in parts_reached(model, value)


def test_losses_of_weight_zero_are_not_computed(model, batch):
    config = LossConfig(streaming=1.0, full=0.0, text=0.0, ctc_label=0.0, ctc_phone=0.0)
    assert set(StepLosses(model, config)(batch, loss_weights(0, config))) == {"streaming"}
