"""Every answer of the service tells how sure it is of speech; noise has no words, not even in passing."""

import io
import json

import numpy as np
import openai
import pytest
import soundfile
from websockets.sync.client import connect

from jstasr.decode.vad import has_silero
from jstasr.features.fbank import Fbank
from jstasr.features.settings import KALDI

RATE = 16000
pytestmark = pytest.mark.skipif(not has_silero(), reason="the extra vad is not installed")


def rain(seconds):
    """Noise with drops, (N,) float32."""
    rng = np.random.default_rng(0)
    count = int(seconds * RATE)
    drops = (rng.random(count) < 0.01) * rng.exponential(0.05, count)
    return (rng.normal(0, 0.01, count) + drops).clip(-1, 1).astype(np.float32)


@pytest.fixture
def expdir(make_experiment, toy):
    """A model that is talkative in noise."""
    return make_experiment(Fbank(RATE, toy.dim, KALDI)(rain(3)))


def ask(service, samples, **parameters):
    """The answer to a recording."""
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV", subtype="FLOAT")
    client = openai.OpenAI(base_url=f"{service.url}v1", api_key="any", max_retries=0, timeout=60)
    return client.audio.transcriptions.create(model="any", file=("a.wav", file.getvalue()), **parameters)


def live(service, samples):
    """The events of a stream."""
    with connect(f"ws://127.0.0.1:{service.port}/v1/audio/stream") as socket:
        socket.send(json.dumps({"type": "start", "sample_rate": RATE, "encoding": "f32"}))
        for piece in np.array_split(samples, len(samples) // 1600):
            socket.send(piece.tobytes())
        socket.send(json.dumps({"type": "end"}))
        return [json.loads(message) for message in socket]


def test_recordings(serve, spoken):
    with serve(vad="silero") as service:
        for answer in ("json", "verbose_json"):
            noise = ask(service, rain(5), response_format=answer)
            assert noise.text == "" and noise.speech < 0.6
            assert ask(service, spoken[0], response_format=answer).speech > 0.9
        segments = ask(service, spoken[0], response_format="verbose_json").segments
        assert segments and all(part.speech == pytest.approx(1 - part.no_speech_prob) for part in segments)
        *deltas, done = ask(service, spoken[0], stream=True)
        assert deltas and all(0.9 < event.speech <= 1 for event in [*deltas, done])


def test_live_speech(serve, transcriber, spoken):
    noise = rain(5)
    assert list(transcriber.stream([noise], vad="none"))[-1].text  # so the test can fail
    with serve(vad="silero") as service:
        ready, done = live(service, noise)
        assert (done["type"], done["text"]) == ("done", "") and done["speech"] < 0.6
        _, *events, done = live(service, np.concatenate([noise, spoken[0]]))
    assert {event["type"] for event in events} == {"partial", "segment"}
    assert done["speech"] > 0.9 and all(event["speech"] > 0.6 for event in events)
    assert all(event["begin"] > 5 for event in events if event["type"] == "segment")
