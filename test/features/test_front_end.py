"""Normalisation: what it computes, against the definitions, and that a stream gets the same."""

import numpy as np
import pytest
import torch
from scipy.fft import dct

from jstasr.features.front_end import FrontEnd, cosine_transform
from jstasr.model.joint import JointModel

TOLERANCE = dict(atol=2e-5, rtol=1e-4)
KINDS = {
    "global": dict(online_cmn=0),
    "mean": dict(online_cmn=7),
    "mean and variance": dict(online_cmn=7, online_variance=True),
    "cepstra": dict(online_cmn=0, cepstra=6),
    "cepstra, mean and variance": dict(online_cmn=3, online_variance=True, cepstra=6),
}


def front_end_of(config):
    return FrontEnd(config.num_mel_bins, config.online_cmn, config.online_variance, config.cepstra)


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def chosen(small_config, request):
    for name, value in request.param.items():
        setattr(small_config, name, value)
    return small_config


@pytest.mark.parametrize("pieces", [[1, 2, 40, 7, 0, 31], [81], [16] * 5 + [1], [64, 17]])
def test_streaming_piece_by_piece_equals_the_whole_utterance(chosen, pieces):
    torch.manual_seed(0)
    model = JointModel(chosen).eval()
    model.audio_encoder.front_end.set_cmvn(torch.randn(20), torch.rand(20) + 0.5)
    features = torch.randn(sum(pieces), 20)
    state = model.new_stream()
    with torch.inference_mode():
        outputs = [
            model.encode_stream(piece, state, last=index == len(pieces) - 1)
            for index, piece in enumerate(features.split(pieces))
        ]
        whole = model.encode_speech(features[None], torch.tensor([len(features)])).streaming[0]
    assert torch.allclose(torch.cat(outputs), whole, **TOLERANCE)


def test_no_frame_depends_on_a_later_one(chosen):
    front_end = front_end_of(chosen)
    features = torch.randn(2, 10, 20)
    normal = front_end(features)
    features[:, 6:] += 9
    assert torch.equal(front_end(features)[:, :6], normal[:, :6])


def test_mean_and_variance_are_those_of_the_frames_so_far_and_of_some_global_ones(small_config):
    small_config.online_cmn, small_config.online_variance = 3, True
    front_end = front_end_of(small_config)
    mean, std = torch.randn(20), torch.rand(20) + 0.5
    front_end.set_cmvn(mean, std)
    features = 4 * torch.randn(1, 10, 20) + 1
    normal = front_end(features)
    for frame in range(10):
        # three frames of the global mean and variance: their first moment is the mean, their second adds the variance
        heard = features[0, : frame + 1] - mean
        count = frame + 4
        running_mean = heard.sum(0) / count
        running_variance = (heard.square().sum(0) + 3 * std**2) / count - running_mean**2
        expected = (heard[-1] - running_mean) / running_variance.sqrt()
        assert torch.allclose(normal[0, frame], expected, **TOLERANCE)


def test_a_constant_signal_is_not_divided_by_nothing(small_config):
    small_config.online_cmn, small_config.online_variance = 1, True
    assert front_end_of(small_config)(torch.full((1, 3000, 20), 5.0)).isfinite().all()


@pytest.mark.parametrize(("bins", "coefficients"), [(20, 20), (80, 13), (1, 1)])
def test_cepstra_are_those_of_the_orthonormal_cosine_transform(bins, coefficients):
    features = np.random.default_rng(0).standard_normal((7, bins))
    expected = dct(features, type=2, norm="ortho")[:, :coefficients]
    assert features @ cosine_transform(bins, coefficients).numpy() == pytest.approx(expected, abs=1e-5)


def test_the_spread_of_cepstra_of_independent_and_of_equal_bins_frames_what_is_assumed(small_config):
    """Equal bins: all variance is in the first coefficient. What is assumed lies between that and white noise."""
    small_config.cepstra = 20
    front_end = front_end_of(small_config)
    front_end.set_cmvn(torch.zeros(20), torch.full((20,), 2.0))
    assert float(front_end.std.square().sum()) == pytest.approx(20 * 4.0, rel=1e-4)  # the transform is orthonormal
    assert 4.0 < float(front_end.std[0] ** 2) < 80.0
    assert (front_end.std[1:] < front_end.std[:-1] + 1e-6).all()
