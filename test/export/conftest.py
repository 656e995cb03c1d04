"""A tiny random model that sees audio, its export, and utterances for it."""

import numpy as np
import pytest
import torch

from jstasr.cli import main
from jstasr.decode.transcriber import Transcriber
from jstasr.experiment.checkpoints import save_atomically
from jstasr.experiment.files import AVERAGED
from jstasr.experiment.folder import prepare_folder
from jstasr.features.fbank import Fbank
from jstasr.features.settings import LHOTSE
from jstasr.model.joint import JointModel

RATE = 8000


def sounds(seed, seconds=None):
    """Samples of tones and noises that change every few hundredths of a second."""
    rng = np.random.default_rng(seed)
    total = int((seconds or rng.uniform(0.3, 1.2)) * RATE)
    parts = []
    while sum(map(len, parts)) < total:
        time = np.arange(int(rng.uniform(0.03, 0.2) * RATE)) / RATE
        tones = sum(np.sin(2 * np.pi * rng.uniform(100, 3500) * time) for _ in range(3))
        parts.append(rng.uniform(0.01, 0.2) * (tones + rng.uniform(0, 1) * rng.normal(size=len(time))))
    return np.concatenate(parts)[:total].astype(np.float32)


@pytest.fixture(scope="session")
def expdir(makers, tmp_path_factory):
    """exp/ of the model: diffuse alignments, several labels a frame, a running mean and variance."""
    folder = tmp_path_factory.mktemp("export")
    toy = makers.toy(folder / "toy")
    torch.manual_seed(3)
    config = toy.config(online_cmn=50, online_variance=True)
    config.sample_rate, config.features.kind = RATE, LHOTSE
    model = JointModel(config.model).eval()
    fbank = Fbank(RATE, config.model.num_mel_bins, LHOTSE)
    makers.calibrate(model, torch.from_numpy(fbank(sounds(0, 20.0))))
    for decoder in model.decoders.values():
        decoder.blank.bias.data.add_(1.0)  # fewer labels than frames, so that few wait at the end of a stream
    prepare_folder(folder / "exp", config, toy.token_list, None, toy.phone_list)
    save_atomically({"model": model.state_dict()}, folder / "exp" / AVERAGED)
    return folder / "exp"


@pytest.fixture(scope="session")
def transcriber(expdir):
    return Transcriber.from_pretrained(expdir)


@pytest.fixture(scope="session")
def exported(expdir, tmp_path_factory):
    """The folder that `jstasr export` writes."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    assert main(["export", "--format", "sherpa-onnx", str(expdir), str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def rate():
    return RATE


@pytest.fixture(scope="session")
def utterance():
    return sounds
