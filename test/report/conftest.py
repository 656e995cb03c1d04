"""A tiny experiment with random weights, and a data set that fits it."""

import kaldiio
import numpy as np
import pytest
import torch

from jstasr.experiment.config import TrainConfig, config_yaml
from jstasr.kaldi.tables import write_table
from jstasr.model.config import DecoderConfig, ModelConfig, TextInputConfig
from jstasr.model.joint import JointModel

PHONES = ["<pad>", "<mask>", "<unk>", "_", "a", "b", "k", "t"]
TOKENS = ["<blank>", "<unk>", "<space>", "a", "b", "k", "t"]
FRAMES = {"s1-u1": 83, "s1-u2": 61, "s2-u3": 120, "s2-u4": 97, "s2-u5": 40}


def make_config() -> TrainConfig:
    config = TrainConfig()
    config.model = ModelConfig(
        vocab_size=len(TOKENS),
        phone_size=len(PHONES),
        num_mel_bins=20,
        dim=16,
        heads=2,
        ff_dim=24,
        kernel_size=5,
        dropout=0.0,
        audio_layers=1,
        text_layers=1,
        shared_layers=1,
        full_layers=2,
        chunk_size=4,
        left_chunks=2,
        text=TextInputConfig(repeat_min=2, repeat_max=2),
        decoder=DecoderConfig(context=2, embed_dim=8, joint_dim=12),
    )
    return config


@pytest.fixture
def config():
    return make_config()


@pytest.fixture
def model(config):
    torch.manual_seed(0)
    return JointModel(config.model).eval()


@pytest.fixture
def expdir(tmp_path, config, model):
    folder = tmp_path / "exp" / "tiny"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(config_yaml(config), encoding="utf-8")
    (folder / "tokens.txt").write_text("".join(f"{token}\n" for token in TOKENS), encoding="utf-8")
    (folder / "phones.txt").write_text("".join(f"{phone}\n" for phone in PHONES), encoding="utf-8")
    torch.save({"model": model.state_dict(), "steps": [1]}, folder / "valid.wer.ave.pth")
    return folder


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "dump" / "dev"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    with kaldiio.WriteHelper(f"ark,scp:{folder}/feats.ark,{folder}/feats.scp") as writer:
        for utt, frames in FRAMES.items():
            writer(utt, random.standard_normal((frames, 20)).astype(np.float32))
    write_table(folder / "utt2num_frames", {utt: str(frames) for utt, frames in FRAMES.items()})
    texts = ["ba ka", "tak", "kab ta", "abba", "ta"]
    write_table(folder / "text", dict(zip(FRAMES, texts)))
    write_table(folder / "phones", {utt: " ".join(text.replace(" ", "_")) for utt, text in zip(FRAMES, texts)})
    return folder
