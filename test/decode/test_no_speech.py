"""Where nobody speaks there are no words, by a model that hears words in noise; every result tells how sure it is."""

import json

import numpy as np
import pytest
import soundfile

from jstasr import Transcriber
from jstasr.decode.vad import has_silero
from jstasr.features.fbank import Fbank
from jstasr.features.settings import KALDI

RATE = 16000
DETECTORS = ["energy", pytest.param("silero", marks=pytest.mark.skipif(not has_silero(), reason="no extra vad"))]
needs_silero = pytest.mark.skipif(not has_silero(), reason="the extra vad is not installed")
SOUNDS = ["white, 40 dB", "rain", "wind", "typing", "knocks", "bursts"]


@pytest.fixture
def expdir(make_experiment, toy, sounds):
    """A model that is talkative in noise."""
    noise = np.concatenate([sounds.made(name, 3) for name in SOUNDS])
    return make_experiment(Fbank(RATE, toy.dim, KALDI)(noise))


@pytest.fixture
def transcriber(expdir):
    return Transcriber.from_pretrained(expdir)


def streamed(transcriber, samples, **options):
    """The partial transcripts of a stream in pieces of 0.1 s, and the last one."""
    *partial, last = transcriber.stream(np.array_split(samples, len(samples) // 1600), **options)
    return partial, last


@pytest.mark.parametrize("vad", DETECTORS)
@pytest.mark.parametrize("mode", ["full", "streaming"])
def test_noise_has_no_words(transcriber, sounds, vad, mode):
    recordings = [sounds.made(name, 6) for name in SOUNDS]
    for found in transcriber.transcribe_batch(recordings, mode=mode, vad=vad):
        assert (found.text, found.segments) == ("", []) and found.speech < 0.6
    heard = [transcriber.transcribe(samples, mode=mode, vad="none") for samples in recordings]
    assert sum(bool(found.text) for found in heard) > 3  # so the test can fail
    for found in heard:  # what was asked for: nobody has judged it
        assert found.speech is None and all(segment.speech is None for segment in found.segments)


@needs_silero
def test_a_stream_of_noise_has_no_words(transcriber, sounds):
    noise = np.concatenate([sounds.made(name, 4) for name in SOUNDS])
    partial, last = streamed(transcriber, noise)
    assert last.text == "" and last.speech < 0.6 and all(part.text == "" and part.speech < 0.6 for part in partial)
    partial, last = streamed(transcriber, noise, vad="none")
    assert last.text and last.speech is None and all(part.speech is None for part in partial)


@needs_silero
def test_speech_in_noise_has_its_words_at_their_time(transcriber, sounds, spoken):
    """What a stream finds in the speech is what it finds without a detector, and nothing else far from it."""
    speech, (begin, end) = spoken
    noise = sounds.made("white, 40 dB", 8)
    samples = np.concatenate([noise, speech, noise])
    begin, end = begin + 8, end + 8
    partial, last = streamed(transcriber, samples)
    free = streamed(transcriber, samples, vad="none")[1]
    assert free.timestamps[0] < begin - 2 and free.timestamps[-1] > end + 3
    assert last.tokens and begin - 1.3 < last.timestamps[0] and last.timestamps[-1] < end + 2
    inside = [moment for moment in free.timestamps if begin - 0.3 <= moment <= end + 0.5]
    assert [moment for moment in last.timestamps if begin - 0.3 <= moment <= end + 0.5] == inside
    before, after = partial[int(10 * (begin - 0.5))], partial[int(10 * end)]
    assert before.speech < 0.6 < 0.9 < after.speech == last.speech


@pytest.mark.parametrize("vad", DETECTORS)
@pytest.mark.parametrize("mode", ["full", "streaming"])
def test_speech_is_told_by_every_result(transcriber, spoken, vad, mode):
    found = transcriber.transcribe(spoken[0], mode=mode, vad=vad)
    assert 0.8 < found.speech <= 1 and all(0.8 < segment.speech <= 1 for segment in found.segments)
    assert transcriber.transcribe(np.zeros(RATE, np.float32), mode=mode, vad=vad).speech < 0.1


@pytest.mark.parametrize("mode", ["full", "streaming"])
def test_without_a_detector_nobody_listens(transcriber, spoken, mode, monkeypatch):
    expected = transcriber.transcribe(spoken[0], mode=mode, vad="none").text

    def listened(*_):
        raise AssertionError("a detector was opened")

    for place in ("stream", "recording", "vad"):
        monkeypatch.setattr(f"jstasr.decode.{place}.open_vad", listened)
    found = transcriber.transcribe(spoken[0], mode=mode, vad="none")
    assert found.text == expected and found.speech is None
    assert [segment.speech for segment in found.segments] == [None] * bool(found.text)
    with transcriber.stream(vad="none") as stream:
        assert stream.accept(spoken[0]).speech is None
    assert stream.transcript.speech is None


@pytest.mark.parametrize("vad", DETECTORS)
def test_verdict_and_words_of_a_stream_are_those_of_any_pieces(transcriber, sounds, spoken, vad):
    noise = sounds.made("rain", 3)
    samples = np.concatenate([noise, spoken[0], noise, spoken[0] * 0.5, noise])
    expected = list(transcriber.stream([samples], vad=vad))[-1]
    assert expected.speech > 0.6 and expected.tokens
    for size in (160, 320, 1000, 5120, 17_000):
        *partial, last = transcriber.stream(np.split(samples, range(size, len(samples), size)), vad=vad)
        assert (last.speech, last.tokens, last.timestamps) == (expected.speech, expected.tokens, expected.timestamps)
        verdicts = [part.speech for part in partial]
        assert verdicts == sorted(verdicts) and verdicts[-1] <= last.speech  # what was heard stays heard
        assert verdicts[-1] > 0.6 or vad == "energy"


def test_the_command_tells_it(jstasr, expdir, sounds, spoken, tmp_path):
    soundfile.write(tmp_path / "noise.wav", sounds.made("rain", 5), RATE)
    soundfile.write(tmp_path / "speech.wav", spoken[0], RATE)
    for vad in ("auto", "energy", "none"):
        done = jstasr("transcribe", expdir, tmp_path / "noise.wav", tmp_path / "speech.wav", "--json", "--vad", vad)
        noise, speech = map(json.loads, done.stdout.splitlines())
        assert all("speech" in part for part in speech["segments"])
        if vad == "none":
            assert noise["speech"] is None and speech["speech"] is None and noise["text"] != ""
        else:
            assert noise["speech"] < 0.6 < 0.8 < speech["speech"] and noise["text"] == ""


@needs_silero
def test_a_long_piece_has_the_words_of_short_ones(transcriber, sounds, spoken):
    samples = np.concatenate([spoken[0], sounds.made("typing", 50), spoken[0]])
    expected = streamed(transcriber, samples)[1]
    assert expected.timestamps[0] < 10 and expected.timestamps[-1] > 50
    found = list(transcriber.stream([samples]))[-1]
    assert (found.tokens, found.timestamps) == (expected.tokens, expected.timestamps)
