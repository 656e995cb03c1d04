"""A tiny decoder, and plain Python oracles of its search."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from jstasr.cli import main
from jstasr.decode.experiment import DEFAULT_MODEL
from jstasr.model.config import DecoderConfig
from jstasr.model.hat import HatDecoder
from jstasr.model.joint import JointModel
from jstasr.train.checkpoint import save_atomically
from jstasr.train.experiment import prepare_folder


@pytest.fixture(autouse=True)
def one_thread_one_seed():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def jstasr(capsys):
    """The `jstasr` command within this process, which has torch loaded already."""

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        output = capsys.readouterr()
        return SimpleNamespace(returncode=code or 0, stdout=output.out, stderr=output.err)

    return run


@pytest.fixture(scope="session")
def oracle():
    """The module oracle.py beside this file."""
    spec = importlib.util.spec_from_file_location("decode_oracle", Path(__file__).with_name("oracle.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


def calibrate(model, features):
    """Make a random model talkative on features (T, F): many labels, many blanks, and no label everywhere."""
    with torch.no_grad():
        model.audio_encoder.front_end.set_cmvn(features.mean(0), features.std(0))
        encoded = model.encode_speech(model.audio_encoder.front_end(features[None]), torch.tensor([len(features)]))
        for mode, decoder in model.decoders.items():
            for layer, scale in ((decoder.encoder_projection, 4), (decoder.blank, 8), (decoder.labels, 8)):
                layer.weight.mul_(scale)
            decoder.embedding.weight.mul_(0.3)  # what is heard decides more than what was said
            outputs = getattr(encoded, mode)[0]
            decoder.encoder_projection.bias.copy_(-decoder.encoder_projection(outputs).mean(0))
            histories = torch.randint(0, decoder.embedding.num_embeddings, (len(outputs), decoder.context))
            blank, labels = decoder.logits(decoder.encoder_projection(outputs), decoder.predict(histories))
            decoder.blank.bias.sub_(blank.median() - 1.0)
            decoder.labels.bias.sub_(labels.mean(0))


@pytest.fixture
def make_experiment(toy, tmp_path):
    def make(features):
        """exp/ of a tiny random model over the lists of `toy`, calibrated on features (T, F)."""
        torch.manual_seed(3)
        config = toy.config()
        model = JointModel(config.model).eval()
        calibrate(model, torch.as_tensor(features))
        expdir = tmp_path / "exp"
        prepare_folder(expdir, config, toy.token_list, None, toy.phone_list)
        save_atomically({"model": model.state_dict()}, expdir / DEFAULT_MODEL)
        return expdir

    return make


@pytest.fixture
def experiment(make_experiment, toy):
    return make_experiment(toy.features("abc def fed cab", 0))
