"""A tiny decoder, and plain Python oracles of its search."""

import importlib.util
from pathlib import Path

import pytest
import torch

from jstasr.decode.vad import ENERGY
from jstasr.model.config import DecoderConfig
from jstasr.model.hat import HatDecoder


@pytest.fixture(autouse=True)
def one_thread_one_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def energy_by_default(monkeypatch):
    """The same detector, whether silero is installed or not."""
    monkeypatch.setattr("jstasr.decode.vad.best_vad", lambda: ENERGY)


def module_beside(name):
    """The module `name` beside this file."""
    spec = importlib.util.spec_from_file_location(f"decode_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def oracle():
    """The module oracle.py beside this file."""
    return module_beside("oracle")


@pytest.fixture(scope="session")
def sounds():
    """The module sounds.py beside this file."""
    return module_beside("sounds")


@pytest.fixture(scope="session")
def make_decoder():
    def make(vocab_size, seed, context=2, scale=3.0):
        """A random HAT decoder over 5-dimensional frames whose distributions are far from uniform."""
        torch.manual_seed(seed)
        decoder = HatDecoder(5, vocab_size, DecoderConfig(context=context, embed_dim=4, joint_dim=6)).eval()
        with torch.no_grad():
            for parameter in decoder.parameters():
                parameter.mul_(scale)
        return decoder

    return make


@pytest.fixture
def decoder(make_decoder):
    return make_decoder(4, seed=0)
