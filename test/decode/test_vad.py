"""Voice activity: speech is found, silence and noise are not, in whatever pieces the samples come."""

import subprocess
import sys

import numpy as np
import pytest

from jstasr.decode.vad import FRAME_SECONDS, EnergyVad, SileroVad, best_vad, check_vad, has_silero, open_vad
from jstasr.decode.voice import WINDOW_SECONDS, is_voiced
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import resample

RATE = 16000
needs_silero = pytest.mark.skipif(not has_silero(), reason="the extra vad is not installed")
DETECTORS = ["energy", pytest.param("silero", marks=needs_silero)]


def run(name, samples, rate=RATE, pieces=(8000,)):
    """Probabilities of the frames of a recording that comes in pieces of these sizes, again and again."""
    vad, found, first, turn = open_vad(name, rate), [], 0, 0
    while first < len(samples):
        size = pieces[turn % len(pieces)]
        found.append(vad.accept(samples[first : first + size]))
        first, turn = first + size, turn + 1
    return np.concatenate([*found, vad.finish()])


def noise(seconds, tilt=0.0, level=0.05, seed=0):
    """Noise whose density falls as frequency ** -tilt."""
    count = int(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    spectrum *= np.maximum(np.arange(len(spectrum)), len(spectrum) / 160) ** (-tilt / 2)
    samples = np.fft.irfft(spectrum, count)
    return (level * samples / samples.std()).astype(np.float32)


@pytest.mark.parametrize("name", DETECTORS)
def test_speech_is_found_where_it_is(name, spoken):
    samples, (begin, end) = spoken
    loud = np.flatnonzero(run(name, samples) >= 0.5) * FRAME_SECONDS
    assert loud[0] == pytest.approx(begin, abs=0.15) and loud[-1] + FRAME_SECONDS == pytest.approx(end, abs=0.15)


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize(
    "samples",
    [np.zeros(RATE * 40, np.float32), noise(40), noise(40, 1), noise(40, 2), noise(40, level=1e-3), noise(1)],
    ids=["silence", "white", "pink", "brown", "quiet", "short"],
)
def test_silence_and_steady_noise_are_no_speech(name, samples):
    assert (run(name, samples) < 0.5).all()


@needs_silero
@pytest.mark.parametrize("kind", ["bursts", "clicks", "tones"])
def test_sounds_that_are_no_speech_are_none_for_silero(kind):
    time = np.arange(RATE * 20) / RATE
    samples = {
        "bursts": noise(20) * (np.sin(2 * np.pi * 0.7 * time) > 0),
        "clicks": (np.random.default_rng(0).random(len(time)) < 3e-4) * 0.8,
        "tones": 0.2 * np.sin(2 * np.pi * 700 * time) * (np.sin(2 * np.pi * time) > 0),
    }[kind].astype(np.float32)
    assert (run("silero", samples) >= 0.5).mean() < 0.01


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("kind", ["clicks", "typing", "bursts", "rain", "breathing", "beeps", "birds"])
def test_sounds_without_a_voice_are_no_speech(name, rate, kind, sounds):
    """However far they stand out from silence."""
    samples = resample(np.pad(sounds.made(kind, 12), (RATE * 8, 0)), RATE, rate)
    mean = np.convolve(run(name, samples, rate), np.ones(5) / 5)
    assert mean.max() < (0.6 if name == "silero" else 0.1)


def voice(seconds, pitch=150, rate=RATE):
    """Harmonics, louder around a frequency that wanders, (N,) float32."""
    time = np.arange(int(seconds * rate)) / rate
    colour = 900 + 600 * np.sin(2 * np.pi * 1.7 * time)
    parts = [(pitch * n, np.sin(2 * np.pi * pitch * n * time + n * n)) for n in range(1, int(3500 / pitch))]
    return (0.1 * sum(part / (1 + ((f - colour) / 300) ** 2) for f, part in parts)).astype(np.float32)


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000])
@pytest.mark.parametrize("pitch", [80, 150, 220])
def test_a_voice_repeats_itself(pitch, rate):
    samples, size = voice(1, pitch, rate), round(WINDOW_SECONDS * rate)
    found = [is_voiced(samples[first : first + size], rate) for first in range(0, len(samples) - size, size)]
    assert np.mean(found) > 0.8
    noisy = np.random.default_rng(0).normal(size=(50, size))
    assert not any(is_voiced(part, rate) for part in noisy) and not is_voiced(np.zeros(size), rate)
    time = np.arange(size) / rate
    assert not any(is_voiced(np.sin(2 * np.pi * f * time), rate) for f in (100, 150, 440, 1000, 3000))


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("rate", [8000, 16000, 22050])
def test_there_is_a_probability_for_each_frame_whatever_the_pieces(name, rate, spoken):
    samples = resample(np.tile(spoken[0], 8)[: RATE * 33 + 123], RATE, rate)
    whole = run(name, samples, rate, (len(samples),))
    assert len(whole) == pytest.approx(len(samples) / rate / FRAME_SECONDS, abs=1.01)
    assert np.allclose(run(name, samples, rate, (1, 700, 12345)), whole, atol=1e-3)


def test_the_background_may_change():
    """A voice is found over the noise of its own minute."""
    spoken = voice(1)
    samples = np.concatenate(
        [noise(60, level=0.001), spoken * 0.1, noise(60, level=0.02, seed=1), 3 * spoken, noise(30, level=0.02)]
    )
    loud = np.flatnonzero(run("energy", samples) >= 0.5) * FRAME_SECONDS
    assert ((loud > 60 - 0.1) & (loud < 61 + 0.1)).any() and ((loud > 121 - 0.1) & (loud < 122.1)).any()


def test_energy_holds_no_more_of_a_longer_past():
    vad = EnergyVad(RATE)
    for _ in range(20):
        vad.accept(noise(10))
        assert len(vad.levels) < 4 * 312 and len(vad.pending) < RATE


def test_names_are_checked(monkeypatch):
    with pytest.raises(JstasrError, match="vad 'webrtc': must be auto, silero, energy or none"):
        check_vad("webrtc")
    monkeypatch.setattr("jstasr.decode.vad.has_silero", lambda: False)
    assert best_vad() == "energy"
    with pytest.raises(JstasrError, match=r"pip install 'jstasr\[vad\]'"):
        check_vad("silero")


@needs_silero
def test_the_package_of_silero_is_not_imported():
    program = "import sys; from jstasr.decode.vad import open_vad; open_vad('silero', 16000); "
    program += "print('silero_vad' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@needs_silero
def test_silero_is_the_one_that_is_taken():
    assert best_vad() == "silero" and isinstance(open_vad("silero", RATE), SileroVad)
