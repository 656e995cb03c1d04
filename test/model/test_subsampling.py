"""The signal that enters the audio encoder's conformer."""

import pytest
import torch

from jstasr.model.config import ModelConfig
from jstasr.model.encoders import AudioEncoder


def size(frames):
    return frames.detach().pow(2).mean().sqrt()


@pytest.mark.parametrize("dim", [96, 144, 512])
@pytest.mark.parametrize("width", [20, 80])
def test_no_part_of_a_new_block_drowns_the_signal(dim, width):
    torch.manual_seed(1)
    config = ModelConfig(vocab_size=10, phone_size=10, dim=dim, num_mel_bins=width, dropout=0.0, audio_layers=1)
    encoder = AudioEncoder(config)
    added = {}
    block = encoder.conformer.blocks[0]
    for name in ("feed_forward_in", "attention", "convolution", "feed_forward_out"):
        getattr(block, name).register_forward_hook(lambda _, __, out, name=name: added.update({name: size(out)}))
    features, lengths = torch.randn(2, 200, width), torch.tensor([200, 200])
    signals = []
    encoder.subsampling.register_forward_hook(lambda _, __, out: signals.append(out))
    encoder(features, lengths)
    (signal,) = signals
    assert len(added) == 4
    assert max(added.values()) < 0.5 * size(signal), added
