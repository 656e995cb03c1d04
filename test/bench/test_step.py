"""`jstasr bench step` runs the real model, with the transcripts in the text batch, and reports every part."""

import pytest
import torch

from jstasr.bench import step
from jstasr.cli import main
from jstasr.losses.consistency import ConsistencyConfig
from jstasr.losses.step import StepLosses
from jstasr.model.config import DecoderConfig, ModelConfig

TINY = ModelConfig(
    vocab_size=9, phone_size=7, num_mel_bins=8, dim=8, heads=2, ff_dim=16, audio_layers=1, shared_layers=1,
    full_layers=1, decoder=DecoderConfig(embed_dim=8, joint_dim=8),
)  # fmt: skip


def test_table_has_each_way_of_training_and_the_alignments(monkeypatch, capsys):
    monkeypatch.setattr(step, "config_of_5m", lambda: TINY)
    monkeypatch.setattr("jstasr.bench.timing.SHORTEST", 1e-4)
    assert main(["bench", "step", "--batch", "2", "--rounds", "1", "--seconds", "0"]) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][2:]
    assert [row[0].split(" ")[1] for row in rows] == ["without", "with", "with", "of"]
    assert rows[0][2].startswith("1.00x") and "3 alignments" in rows[3][0]


@pytest.mark.parametrize("weight, losses", [(0.0, set()), (0.1, {"consistency"})])
def test_a_step_trains_the_model_with_the_losses_that_it_is_for(monkeypatch, weight, losses):
    torch.manual_seed(0)
    model = step.JointModel(TINY).train()
    seen = []
    forward = StepLosses.forward
    monkeypatch.setattr(StepLosses, "forward", lambda *given: seen.append(forward(*given)) or seen[-1])
    before = [parameter.clone() for parameter in model.text_encoder.parameters()]
    step.stepper(model, step.ConsistencyJob(batch=2, texts=2), ConsistencyConfig(weight=weight))()
    assert set(seen[0]) & {"consistency"} == losses
    assert {"streaming", "full", "text_streaming", "text_full"} <= set(seen[0])
    assert any(not torch.equal(old, new) for old, new in zip(before, model.text_encoder.parameters()))


def test_numbers_below_one_are_errors(capsys):
    assert main(["bench", "step", "--batch", "0"]) == 1
    assert "at least 1" in capsys.readouterr().err
