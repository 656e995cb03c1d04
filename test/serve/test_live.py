"""Speech over the websocket: words at once, segments with times and confidence at the pauses."""

import json
from contextlib import suppress

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from jstasr.decode.formats import as_srt
from jstasr.kaldi.audio import resample

RATE = 16000


def pcm(samples):
    return (samples * 32767).astype("<i2").tobytes()


def talk_to(service, data, piece_bytes=3200, **start):
    """The events of a stream of bytes."""
    with connect(f"ws://127.0.0.1:{service.port}/v1/audio/stream") as socket:
        socket.send(json.dumps({"type": "start", "sample_rate": RATE, **start}))
        for first in range(0, len(data), piece_bytes):
            socket.send(data[first : first + piece_bytes])
        socket.send(json.dumps({"type": "end"}))
        events = []
        with suppress(ConnectionClosed):  # one that is refused
            for message in socket:
                events.append(json.loads(message))
        return events


def segments_of(events):
    """The segments that remain: one with the id of another takes its place."""
    return list({event["id"]: event for event in events if event["type"] == "segment"}.values())


@pytest.fixture
def silero(monkeypatch):
    """A detector that hears the synthetic voices as speech without delay, in the place of silero."""
    import jstasr.serve.live

    class Level:
        prompt = True

        def __init__(self, rate):
            self.size, self.pending = round(0.032 * rate), np.zeros(0, np.float32)

        def accept(self, samples):
            self.pending = np.concatenate([self.pending, samples])
            count = len(self.pending) // self.size
            frames, self.pending = np.split(self.pending, [count * self.size])
            return (np.abs(frames.reshape(count, self.size)).max(1, initial=0.0) > 0.02).astype(np.float32)

        def finish(self):
            return np.zeros(0, np.float32)

    monkeypatch.setattr(jstasr.serve.live, "open_vad", lambda name, rate: Level(rate))


def test_words_come_at_once_and_again_at_each_pause(serve, silero, transcriber, talk):
    with serve() as service:
        events = talk_to(service, pcm(talk))
    kinds = [event["type"] for event in events]
    assert kinds[0] == "ready" and kinds[-1] == "done" and kinds.count("done") == 1
    segments = segments_of(events)
    assert len(segments) == 3
    places = [index for index, kind in enumerate(kinds) if kind == "segment"]
    for first, last in zip([0, *places], places):  # words of each utterance in front of its end
        assert "partial" in kinds[first + 1 : last]
        assert any(event["text"] for event in events[first + 1 : last] if event["type"] == "partial")
    begins = [1.0, 5.0, 10.0]
    ends = [3.0, 8.0, 11.5]
    assert [segment["begin"] for segment in segments] == pytest.approx(begins, abs=0.15)
    assert [segment["end"] for segment in segments] == pytest.approx(ends, abs=0.15)
    for segment in segments:
        assert segment["text"] == " ".join(word["text"] for word in segment["words"])
        for word in segment["words"]:
            assert segment["begin"] <= word["begin"] <= word["end"] <= segment["end"]
            assert 0 <= word["confidence"] <= 1
        samples = np.frombuffer(pcm(talk), "<i2")[round(segment["begin"] * RATE) : round(segment["end"] * RATE)]
        assert segment["text"] == transcriber.transcribe(samples, vad="none").text  # the full-context decoder's
    done = events[-1]
    assert done["text"] == " ".join(segment["text"] for segment in segments)
    assert done["duration"] == pytest.approx(len(talk) / RATE)
    assert done["srt"].count(" --> ") >= 3


def test_partial_words_are_those_of_a_stream_of_the_transcriber(serve, transcriber, talk):
    speech = np.frombuffer(pcm(talk[: RATE * 3]), "<i2")
    stream = transcriber.stream(vad="none")
    stream.accept(speech)
    with serve() as service:
        events = talk_to(service, speech.tobytes())
    partial = [event["text"] for event in events if event["type"] == "partial"]
    assert partial[-1] == stream.transcript.text != ""
    assert all(later.startswith(text) for text, later in zip(partial, partial[1:]))


def test_hotwords_are_in_partial_and_final_words(serve, silero, transcriber, talk):
    with serve() as service:
        events = talk_to(service, pcm(talk), hotwords=["fab cab :9"])
    assert any("fab cab" in event["text"] for event in events if event["type"] == "partial")
    assert all("fab cab" in event["text"] for event in segments_of(events))


def test_without_a_pause_segments_overlap_and_their_words_come_once(serve, silero, transcriber, talk):
    from jstasr.decode.segments import Segmenter

    speech = np.concatenate([talk[RATE : RATE * 3], talk[RATE * 5 : RATE * 8], talk[RATE * 5 : RATE * 8]])
    with serve(max_segment=3.0) as service:
        events = talk_to(service, pcm(speech))
    segments = segments_of(events)
    assert len(segments) >= 3
    words = [word for segment in segments for word in segment["words"]]
    centres = [word["begin"] + word["end"] for word in words]
    assert centres == sorted(centres)
    # the same by decoding all segments in one go
    import jstasr.serve.live

    segmenter = Segmenter(jstasr.serve.live.open_vad("", RATE), RATE, 3.0, live=True)
    samples = np.frombuffer(pcm(speech), "<i2").astype(np.float32) / 2**15
    cut = [part for first in range(0, len(samples), 1600) for part in segmenter.accept(samples[first : first + 1600])]
    decoder = transcriber.decoder("full", transcriber.settings(None, None))
    decoded = decoder.decode_all(iter([*cut, *segmenter.finish()]))
    tokenizer = transcriber.experiment.tokenizer
    assert [found.text for part in decoded for found in part.results(tokenizer)] == [part["text"] for part in segments]


@pytest.mark.parametrize("rate, encoding", [(8000, "s16"), (44100, "f32"), (48000, "s16")])
def test_any_rate_and_both_encodings(serve, transcriber, talk, rate, encoding):
    other = resample(talk, RATE, rate)
    data = pcm(other) if encoding == "s16" else other.astype("<f4").tobytes()
    samples = np.frombuffer(data, "<i2" if encoding == "s16" else "<f4")
    stream = transcriber.stream(sample_rate=rate, vad="none")
    stream.accept(samples)
    with serve() as service:
        events = talk_to(service, data, piece_bytes=4096, sample_rate=rate, encoding=encoding)
    partial = [event["text"] for event in events if event["type"] == "partial"]
    assert partial[-1].startswith(stream.transcript.text) and stream.transcript.text
    assert events[-1]["duration"] == pytest.approx(len(talk) / RATE, abs=0.01)


def test_subtitles_are_those_of_the_segments(serve, transcriber, talk):
    """The energy detector gives all at the end, as for a recording that is cut at the same places."""
    with serve() as service:
        events = talk_to(service, pcm(talk))
    expected = transcriber.transcribe(np.frombuffer(pcm(talk), "<i2"), vad="energy")
    assert events[-1]["text"] == expected.text
    assert events[-1]["srt"] == as_srt("", expected)


def test_silence_and_nothing_have_no_words(serve):
    with serve() as service:
        for data in (bytes(2 * RATE * 2), b""):
            events = talk_to(service, data)
            assert [event["type"] for event in events if event["type"] != "partial"] == ["ready", "done"]
            assert (events[-1]["text"], events[-1]["srt"]) == ("", "")


@pytest.mark.parametrize(
    "messages, named",
    [
        ([b"\0\0"], "the first message: must be"),
        (["{"], "must be a JSON object"),
        (["[]"], "must be a JSON object"),
        (['{"type": "start", "sample_rate": 3}'], "sampling rate 3"),
        (['{"type": "start", "sample_rate": "16k"}'], "sampling rate '16k'"),
        (['{"type": "start", "encoding": "mp3"}'], "encoding 'mp3': must be s16 or f32"),
        (['{"type": "start", "encoding": []}'], "encoding"),
        (['{"type": "start", "hotwords": "fab"}'], "hotwords: must be a list of phrases"),
        (['{"type": "start", "hotwords": ["fab", "xyz"]}'], "hotwords, line 2: 'xyz' has characters"),
        (['{"type": "start"}', b"\0"], "must be whole samples"),
        (['{"type": "start"}', '{"type": "stop"}'], 'must be {"type": "end"}'),
        (['{"type": "start", "encoding": "f32"}', np.array([np.nan], "<f4").tobytes()], "NaN"),
        (['{"type": "start"}', bytes(2 * RATE * 2), bytes(2 * RATE * 2)], "longer than 3 s"),
    ],
)
def test_what_is_wrong_is_said_before_the_end(serve, messages, named):
    with serve(max_seconds=3) as service:
        with connect(f"ws://127.0.0.1:{service.port}/v1/audio/stream") as socket:
            for message in messages:
                socket.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                while (event := json.loads(socket.recv(timeout=20)))["type"] != "error":
                    pass
                socket.recv(timeout=20)
        assert named in event["message"] and closed.value.rcvd.code == 1008


def test_a_silent_client_and_one_too_many_are_sent_away(serve):
    with serve(max_streams=1, timeout=0.5) as service:
        with connect(f"ws://127.0.0.1:{service.port}/v1/audio/stream") as first:
            first.send('{"type": "start"}')
            assert json.loads(first.recv())["type"] == "ready"
            with connect(f"ws://127.0.0.1:{service.port}/v1/audio/stream") as second:
                assert "try again later" in json.loads(second.recv())["message"]
            assert "nothing was sent for 0.5 s" in json.loads(first.recv(timeout=20))["message"]
        assert talk_to(service, b"")[-1]["type"] == "done"


def test_a_token_is_asked_for_in_a_header_or_the_first_message(serve):
    with serve(token="secret") as service:
        url = f"ws://127.0.0.1:{service.port}/v1/audio/stream"
        assert "token" in talk_to(service, b"")[-1]["message"]
        assert "token" in talk_to(service, b"", token="Secret")[-1]["message"]
        assert talk_to(service, b"", token="secret")[-1]["type"] == "done"
        with connect(url, additional_headers={"Authorization": "Bearer secret"}) as socket:
            socket.send('{"type": "start"}')
            assert json.loads(socket.recv())["type"] == "ready"


def test_foreign_pages_are_refused(serve):
    with serve() as service, pytest.raises(Exception, match="403"):
        connect(f"ws://127.0.0.1:{service.port}/v1/audio/stream", origin="http://example.org")
