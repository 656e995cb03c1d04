"""Log-mel features against Kaldi's definition, written out in float64."""

import numpy as np
import pytest

from jstasr.errors import JstasrError
from jstasr.features.fbank import Fbank


def mel(hertz):
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


def definition(samples, rate, bins):
    """compute-fbank-feats, default options but --dither=0, frame by frame."""
    window, shift = rate * 25 // 1000, rate * 10 // 1000
    size = 1 << (window - 1).bit_length()
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / (window - 1))) ** 0.85
    corners = np.linspace(mel(20), mel(rate / 2), bins + 2)
    frequencies = mel(np.arange(size // 2) * rate / size)
    rising = (frequencies - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - frequencies) / np.diff(corners)[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    rows = []
    for start in range(0, len(samples) - window + 1, shift):
        frame = samples[start : start + window].astype(np.float64) * 32768
        frame -= frame.mean()
        frame -= 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(frame * povey, size)[:-1]) ** 2
        rows.append(np.log(np.maximum(filters @ power, np.finfo(np.float32).eps)))
    return np.array(rows)


@pytest.mark.parametrize("rate, bins", [(16000, 80), (8000, 40), (8000, 80)])
def test_features_follow_the_definition(rate, bins):
    samples = np.random.default_rng(0).normal(scale=0.1, size=rate // 2).astype(np.float32)
    features = Fbank(rate, bins)(samples)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, definition(samples, rate, bins), atol=2e-3)


@pytest.mark.parametrize("length", [400, 401, 559, 560, 16000])
def test_frames_are_the_full_windows(length):
    fbank = Fbank()
    samples = np.ones(length, np.float32)
    assert len(fbank(samples)) == fbank.num_frames(length) == 1 + (length - 400) // 160


def test_the_same_audio_gives_the_same_bytes():
    samples = np.random.default_rng(1).normal(scale=0.1, size=8000).astype(np.float32)
    assert Fbank()(samples).tobytes() == Fbank()(samples.copy()).tobytes()


def test_silence_is_finite():
    assert np.isfinite(Fbank()(np.zeros(16000, np.float32))).all()


def test_less_than_a_window_is_refused():
    with pytest.raises(JstasrError, match="399 samples are less than one window, 400"):
        Fbank()(np.zeros(399, np.float32))
    assert Fbank().num_frames(399) == 0


def test_more_bins_than_the_spectrum_resolves_are_refused():
    with pytest.raises(JstasrError, match="use fewer bins"):
        Fbank(8000, 128)
