"""Weights to start from."""

import pytest
import torch

from jstasr.errors import JstasrError
from jstasr.experiment.initial import STATISTICS, initial_weights
from jstasr.model.config import ModelConfig
from jstasr.model.joint import JointModel


def small(vocab_size=7, seed=0):
    torch.manual_seed(seed)
    config = ModelConfig(
        vocab_size=vocab_size,
        phone_size=9,
        dim=16,
        heads=2,
        ff_dim=16,
        audio_layers=1,
        text_layers=1,
        shared_layers=1,
        full_layers=1,
    )
    return JointModel(config)


@pytest.fixture
def saved(tmp_path):
    model = small(seed=1)
    model.audio_encoder.front_end.set_cmvn(torch.full((80,), 5.0), torch.full((80,), 3.0))
    torch.save({"model": model.state_dict()}, tmp_path / "valid.wer.ave.pth")
    return model, tmp_path


def test_all_weights_but_the_statistics_are_taken(saved):
    model, folder = saved
    for source in (folder, folder / "valid.wer.ave.pth"):
        network = small(seed=2)
        line = initial_weights(network, source)
        for name, value in network.state_dict().items():
            assert torch.equal(value, model.state_dict()[name]) != (name in STATISTICS), name
        assert "starting from" in line and str(source) in line


def test_weights_that_do_not_fit_are_refused_or_left_at_random(saved):
    model, folder = saved
    network = small(vocab_size=8, seed=2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(JstasrError, match="another size.*--ignore-init-mismatch"):
        initial_weights(network, folder)
    initial_weights(network, folder, ignore_mismatch=True)
    taken = [name for name, value in network.state_dict().items() if not torch.equal(value, before[name])]
    assert taken and all(model.state_dict()[name].shape == before[name].shape for name in taken)
    assert any(model.state_dict()[name].shape != before[name].shape for name in before)


def test_a_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(JstasrError, match="--init .*none.pth: no such model"):
        initial_weights(small(), tmp_path / "none.pth")
