"""A tiny model and a random batch."""

import pytest
import torch

from jstasr.data.batch import Batch
from jstasr.model.config import DecoderConfig, ModelConfig, TextInputConfig
from jstasr.model.joint import JointModel


@pytest.fixture
def config():
    return ModelConfig(
        vocab_size=11,
        phone_size=9,
        num_mel_bins=20,
        dim=16,
        heads=2,
        ff_dim=24,
        kernel_size=5,
        dropout=0.0,
        audio_layers=1,
        text_layers=1,
        shared_layers=2,
        full_layers=1,
        chunk_size=4,
        left_chunks=2,
        text=TextInputConfig(repeat_min=2, repeat_max=2, mask_ratio=0.3, mask_span=2),
        decoder=DecoderConfig(context=2, embed_dim=8, joint_dim=12),
    )


@pytest.fixture
def model(config):
    torch.manual_seed(0)
    return JointModel(config).eval()


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)

    def symbols(rows, length, high, low=1):
        return torch.randint(low, high, (rows, length), generator=generator)

    return Batch(
        utt_ids=["a", "b", "c"],
        speech=torch.randn(3, 90, 20, generator=generator),
        speech_lengths=torch.tensor([90, 61, 34]),
        labels=symbols(3, 6, 11),
        label_lengths=torch.tensor([6, 4, 2]),
        phones=symbols(3, 9, 9, low=3),
        phone_lengths=torch.tensor([9, 7, 4]),
        text_ids=["s", "t"],
        text_phones=symbols(2, 8, 9, low=3),
        text_phone_lengths=torch.tensor([8, 5]),
        text_labels=symbols(2, 5, 11),
        text_label_lengths=torch.tensor([5, 3]),
    )
