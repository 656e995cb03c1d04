"""Log-mel features against the definition written out in float64, and against other libraries."""

import kaldi_native_fbank
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchaudio.compliance import kaldi

from jstasr.errors import JstasrError
from jstasr.features.fbank import BLOCK, Fbank, StreamingFbank


def noise(length, seed=0):
    """Noise of changing level with an offset, (N,) float32."""
    rng = np.random.default_rng(seed)
    level = 0.02 + 0.1 * np.abs(np.sin(np.arange(length) / 3000))
    return (level * rng.normal(size=length) + 0.01).astype(np.float32)


def mel(hertz):
    return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)


def windows(kind, length, window, shift):
    """Samples of each frame, (T, window) indices into the signal."""
    if kind == "kaldi":
        return np.arange(0, length - window + 1, shift)[:, None] + np.arange(window)
    centres = shift * np.arange((length + shift // 2) // shift) + shift // 2
    index = centres[:, None] - window // 2 + np.arange(window)
    index = np.where(index < 0, -1 - index, index)
    return np.where(index >= length, 2 * length - 1 - index, index)


def definition(kind, samples, rate, bins):
    """compute-fbank-feats --dither=0; for lhotse --snip-edges=false --high-freq=-400 and samples in [-1, 1]."""
    scale, top = (32768, rate / 2) if kind == "kaldi" else (1, rate / 2 - 400)
    window, shift = rate * 25 // 1000, rate * 10 // 1000
    size = 1 << (window - 1).bit_length()
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / (window - 1))) ** 0.85
    corners = np.linspace(mel(20), mel(top), bins + 2)
    frequencies = mel(np.arange(size // 2) * rate / size)
    rising = (frequencies - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - frequencies) / np.diff(corners)[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    rows = []
    for index in windows(kind, len(samples), window, shift):
        frame = samples[index].astype(np.float64) * scale
        frame -= frame.mean()
        frame -= 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(frame * povey, size)[:-1]) ** 2
        rows.append(np.log(np.maximum(filters @ power, np.finfo(np.float32).eps)))
    return np.array(rows)


def sherpa(samples, rate, bins):
    """Features by kaldi-native-fbank with the options of sherpa-onnx."""
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = rate
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = bins
    options.mel_opts.high_freq = -400
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(rate, samples.tolist())
    fbank.input_finished()
    return np.stack([fbank.get_frame(frame) for frame in range(fbank.num_frames_ready)])


@pytest.mark.parametrize("kind", ["lhotse", "kaldi"])
@pytest.mark.parametrize("rate, bins", [(16000, 80), (8000, 40), (8000, 80), (11025, 80), (44100, 80)])
def test_features_follow_the_definition(kind, rate, bins):
    samples = noise(rate // 2)
    features = Fbank(rate, bins, kind)(samples)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, definition(kind, samples, rate, bins), atol=2e-3)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 44099])
@pytest.mark.parametrize("extra", [0, 1, 79, 80, 81, 159, 160, 4321])
def test_new_features_are_those_of_lhotse_icefall_and_sherpa(rate, extra):
    samples = noise(int(rate * 0.025) + extra)
    features = Fbank(rate)(samples)
    np.testing.assert_allclose(features, sherpa(samples, rate, 80), atol=2e-3)
    by_torchaudio = kaldi.fbank(
        torch.from_numpy(samples)[None],
        sample_frequency=rate,
        num_mel_bins=80,
        dither=0.0,
        snip_edges=False,
        high_freq=-400.0,
    )
    np.testing.assert_allclose(features, by_torchaudio, atol=1e-4)


def test_kaldi_features_are_those_of_torchaudio_to_the_bit():
    samples = noise(16000)
    expected = kaldi.fbank(torch.from_numpy(samples)[None] * 32768.0, num_mel_bins=80, dither=0.0)
    assert Fbank(kind="kaldi")(samples).tobytes() == expected.numpy().tobytes()


@pytest.mark.parametrize("length", [400, 401, 479, 480, 559, 560, 16000])
def test_the_number_of_frames_is_known_from_that_of_the_samples(length):
    whole, centred = Fbank(kind="kaldi"), Fbank()
    samples = np.ones(length, np.float32)
    assert len(whole(samples)) == whole.num_frames(length) == 1 + (length - 400) // 160
    assert len(centred(samples)) == centred.num_frames(length) == (length + 80) // 160


@pytest.mark.parametrize("kind", ["lhotse", "kaldi"])
def test_long_signals_are_computed_in_blocks_without_a_seam(kind):
    samples = noise(160 * (BLOCK + 300) + 55)
    features, fbank = Fbank(16000, 80, kind)(samples), Fbank(16000, 80, kind)
    assert len(features) == fbank.num_frames(len(samples)) > BLOCK
    first = (BLOCK - 50) * 160  # a frame begins there, whatever the kind
    np.testing.assert_allclose(features[BLOCK - 45 : BLOCK + 45], fbank(samples[first:])[5:95], atol=1e-4)


@pytest.mark.parametrize("kind", ["lhotse", "kaldi"])
def test_the_same_audio_gives_the_same_bytes(kind):
    samples = noise(8000, seed=1)
    assert Fbank(kind=kind)(samples).tobytes() == Fbank(kind=kind)(samples.copy()).tobytes()


@pytest.mark.parametrize("kind", ["lhotse", "kaldi"])
def test_silence_is_finite(kind):
    assert np.isfinite(Fbank(kind=kind)(np.zeros(16000, np.float32))).all()


@pytest.mark.parametrize("kind", ["lhotse", "kaldi"])
def test_less_than_a_window_is_refused(kind):
    with pytest.raises(JstasrError, match="399 samples are less than one window, 400"):
        Fbank(kind=kind)(np.zeros(399, np.float32))
    assert Fbank(kind=kind).num_frames(399) == 0


def test_more_bins_than_the_spectrum_resolves_are_refused():
    with pytest.raises(JstasrError, match="use fewer bins"):
        Fbank(8000, 128)


def test_an_unknown_kind_is_refused():
    with pytest.raises(JstasrError, match="'espnet' is not one of lhotse kaldi"):
        Fbank(kind="espnet")


@pytest.mark.parametrize("kind", ["lhotse", "kaldi"])
@pytest.mark.parametrize("rate", [8000, 11025, 16000])
@given(
    length=st.integers(0, 6000),
    sizes=st.lists(st.sampled_from([0, 1, 2, 37, 120, 160, 399, 400, 401, 1600, 5000]), min_size=1, max_size=8),
    ends_with_samples=st.booleans(),
    group=st.sampled_from([1, 2, 7, 64]),
)
@settings(max_examples=60, deadline=None)
def test_a_stream_has_the_frames_of_the_whole(kind, rate, length, sizes, ends_with_samples, group):
    fbank, samples = Fbank(rate, 40, kind), noise(length, seed=length)
    stream, frames, first = StreamingFbank(fbank, group), [], 0
    for size in sizes:
        frames.append(stream.accept(samples[first : first + size]))
        first += size
    rest = samples[first:]
    if not ends_with_samples:
        frames.append(stream.accept(rest))
        rest = rest[:0]
    assert all(len(part) % group == 0 for part in frames)
    frames.append(stream.accept(rest, last=True))
    streamed = np.concatenate(frames)
    if length < fbank.window:
        assert streamed.shape == (0, 40)
    else:
        np.testing.assert_allclose(streamed, fbank(samples), atol=5e-4)


def test_a_frame_of_a_stream_comes_with_its_last_sample():
    stream, samples = StreamingFbank(Fbank()), noise(800)
    arrived = [len(stream.accept(samples[i : i + 1])) for i in range(800)]
    # the window of frame t ends 160 t + 280 samples into the signal; the first needs a whole window all the same
    assert np.flatnonzero(arrived).tolist() == [399, 439, 599, 759]
    assert arrived[399] == 1


@pytest.mark.parametrize("group", [2, 4])
def test_a_group_comes_with_the_last_sample_of_its_last_frame(group):
    alone, together, samples = StreamingFbank(Fbank()), StreamingFbank(Fbank(), group), noise(4000)
    expected = np.cumsum([len(alone.accept(samples[i : i + 1])) for i in range(4000)])
    found = np.cumsum([len(together.accept(samples[i : i + 1])) for i in range(4000)])
    np.testing.assert_array_equal(found, expected // group * group)


def test_a_stream_keeps_its_own_copy_of_the_samples():
    fbank, samples, buffer = Fbank(), noise(4000), np.zeros(100, dtype=np.float32)
    stream, frames = StreamingFbank(fbank, group=8), []
    for first in range(0, 4000, 100):
        buffer[:] = samples[first : first + 100]  # as a microphone's library fills the same memory each time
        frames.append(stream.accept(buffer))
    frames.append(stream.accept(buffer[:0], last=True))
    np.testing.assert_allclose(np.concatenate(frames), fbank(samples), atol=1e-4)
