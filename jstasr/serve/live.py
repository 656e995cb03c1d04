"""Speech that arrives over a websocket: words at once, and again with times and confidence at each pause.

Two passes: a `Transcriber.stream` gives the words of the utterance so far; voice activity detection finds its end,
where the service's decoder transcribes it as a segment of a recording, and another stream begins.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, TypeVar

import numpy as np
from fastapi import WebSocket, WebSocketDisconnect

from jstasr.decode.arguments import as_samples, check_hotwords, check_rate
from jstasr.decode.formats import as_srt
from jstasr.decode.results import Segment, join_segments
from jstasr.decode.segments import Segmenter, SpeechSegment
from jstasr.decode.stitch import Decoded, stitch
from jstasr.decode.stream import TranscriptStream
from jstasr.decode.vad import open_vad
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import Resampler
from jstasr.serve.guards import has_token, same_token
from jstasr.serve.service import STREAM, Service, expected, known_language

ENCODINGS = {"s16": np.dtype("<i2"), "f32": np.dtype("<f4")}
LONGEST_MESSAGE = 1 << 20  # bytes
START_SECONDS = 10.0  # for the first message
STEP = 0.1  # seconds that are decoded at a time, so that a new stream begins near the end of an utterance
NORMAL, REFUSED, BUSY = 1000, 1008, 1013  # codes of RFC 6455
Event = dict[str, object]
Result = TypeVar("Result")


class LiveTranscript:
    """The events of one stream of samples at any rate."""

    def __init__(self, service: Service, rate: int | None, language: str | None, hotwords: Sequence[str] = ()):
        settings, transcriber = service.settings, service.transcriber
        self.transcriber, self.language = transcriber, language
        config = expected(service, hotwords, language)
        self.config = transcriber.checked(settings.mode, config, language, settings.vad, settings.max_segment)
        self.rate = transcriber.sample_rate
        self.given_rate = check_rate(rate, self.rate)
        self.resampler = Resampler(self.given_rate, self.rate)
        longest = transcriber.longest(settings.mode, self.config, settings.max_segment)
        self.segmenter = Segmenter(open_vad(settings.vad, self.rate), self.rate, longest, live=True)
        self.decoder = transcriber.decoder(settings.mode, self.config)
        self.vad = settings.vad
        self.stream = self.new_stream(0.0)
        self.last: Decoded | None = None  # which the next segment may overlap
        self.number = -1  # of `last`
        self.segments: dict[int, Segment] = {}

    def new_stream(self, begin: float) -> TranscriptStream | None:
        """What gives the words of an utterance before its end; None: the model sees whole utterances.

        begin: seconds that were heard before.
        """
        if not self.transcriber.experiment.config.model.streams:
            return None
        listener = self.segmenter.listener
        return TranscriptStream(self.transcriber, None, self.language, self.config, self.vad, listener, begin)

    def accept(self, samples: np.ndarray) -> list[Event]:
        """What the next samples (N,) tell."""
        return list(self.advance(self.resampler.accept(as_samples(samples, "a piece of the stream"))))

    def advance(self, samples: np.ndarray) -> Iterator[Event]:
        """What the next samples at the model's rate tell."""
        size = round(STEP * self.rate)
        found = False
        for first in range(0, len(samples), size):
            piece = samples[first : first + size]
            if parts := self.segmenter.accept(piece):
                yield from self.decode(parts)
                self.stream = self.new_stream(self.segmenter.duration - len(piece) / self.rate)
                found = True
            if self.stream is not None:
                found |= bool(self.stream.accept(piece).new.tokens)
        if found and self.stream is not None:
            whole = self.stream.transcript  # of the utterance that goes on
            yield {"type": "partial", "text": whole.text, "speech": whole.speech}

    def finish(self) -> list[Event]:
        """The last events."""
        events = list(self.advance(self.resampler.finish()))
        events += self.decode(self.segmenter.finish())
        duration = round(self.segmenter.duration, 3)
        whole = join_segments(list(self.segments.values()), duration, round(self.segmenter.listener.speech, 4))
        sure = {"confidence": round(whole.confidence, 4), "speech": whole.speech}
        text = {"text": whole.text, **sure, "srt": as_srt("", whole)}
        return [*events, {"type": "done", "duration": duration, **text}]

    def decode(self, parts: list[SpeechSegment]) -> Iterator[Event]:
        """The events of segments that are complete; one with an id that was sent before takes its place."""
        for part in parts:
            decoded = self.decoder.decode_batch([part])[0]
            if self.last is not None and part.overlap:  # words that both have come once
                self.last, decoded = stitch(self.last, decoded)
                yield from self.place(self.number, self.last)
            self.last, self.number = decoded, self.number + 1
            yield from self.place(self.number, decoded)

    def place(self, number: int, decoded: Decoded) -> Iterator[Event]:
        """The event of a segment with words."""
        for segment in decoded.results(self.transcriber.experiment.tokenizer):
            self.segments[number] = segment
            yield {
                "type": "segment",
                "id": number,
                "begin": segment.begin,
                "end": segment.end,
                "text": segment.text,
                "confidence": round(segment.confidence, 4),
                "speech": segment.speech,
                "words": [asdict(word) for word in segment.words],
            }


async def serve_stream(socket: WebSocket, service: Service) -> None:
    """Answer one websocket from its first message to its end."""
    await socket.accept()
    if service.streams >= service.settings.max_streams:
        await refuse(socket, f"{service.streams} streams are open; try again later", BUSY)
        return
    service.streams += 1
    service.metrics.add("jstasr_streams", 1)
    try:
        await converse(socket, service)
    except JstasrError as error:
        await refuse(socket, str(error))
    except asyncio.TimeoutError:
        await refuse(socket, f"nothing was sent for {service.settings.timeout:g} s")
    except WebSocketDisconnect:
        pass
    finally:
        service.streams -= 1
        service.metrics.add("jstasr_streams", -1)


async def converse(socket: WebSocket, service: Service) -> None:
    """The messages of one stream.

    Raises:
        JstasrError: what the client sent is wrong.
        asyncio.TimeoutError: it sends nothing.
        WebSocketDisconnect: it has gone.
    """
    settings = service.settings
    start = read_start(await receive(socket, settings.timeout))
    header = socket.headers.get("authorization", "")
    if not (header and has_token(header, settings.token)) and not same_token(
        str(start.get("token", "")), settings.token
    ):
        raise JstasrError("wrong or missing token: send it as `token` of the first message")
    encoding = ENCODINGS[start.get("encoding", "s16")]
    language = known_language(service, str(start.get("language") or ""))
    given = start.get("sample_rate"), language, start.get("hotwords", [])
    live = await in_thread(service, lambda: LiveTranscript(service, *given))
    await send(socket, [{"type": "ready", "sample_rate": live.rate}])
    seconds = 0.0
    while isinstance(message := await receive(socket, settings.timeout), bytes):
        if len(message) > LONGEST_MESSAGE or len(message) % encoding.itemsize:
            raise JstasrError(
                f"a message of {len(message)} bytes: must be whole samples, at most {LONGEST_MESSAGE} bytes"
            )
        samples = np.frombuffer(message, dtype=encoding)
        seconds += len(samples) / live.given_rate
        if seconds > settings.max_seconds:
            raise JstasrError(f"the stream is longer than {settings.max_seconds:g} s")
        await send(socket, await in_thread(service, partial(live.accept, samples.astype(encoding.newbyteorder("=")))))
    if read_object(message).get("type") != "end":
        raise JstasrError('a message in text: must be {"type": "end"}')
    await send(socket, await in_thread(service, live.finish))
    service.metrics.add("jstasr_audio_seconds_total", seconds, STREAM)
    service.metrics.add("jstasr_words_total", sum(len(part.words) for part in live.segments.values()), STREAM)
    await socket.close(NORMAL)


async def receive(socket: WebSocket, timeout: float) -> bytes | str:
    """The next message."""
    message = await asyncio.wait_for(socket.receive(), timeout)
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", NORMAL))
    data = message.get("bytes")
    return message.get("text", "") if data is None else data


async def send(socket: WebSocket, events: list[Event]) -> None:
    """Send events, each a JSON object."""
    for event in events:
        await socket.send_text(json.dumps(event, ensure_ascii=False))


async def refuse(socket: WebSocket, message: str, code: int = REFUSED) -> None:
    """Tell the client what is wrong, and end the stream."""
    try:
        await send(socket, [{"type": "error", "message": message}])
        await socket.close(code)
    except (RuntimeError, WebSocketDisconnect):  # it has gone
        return


async def in_thread(service: Service, call: Callable[[], Result]) -> Result:
    """The result of a call in a thread of streams."""
    begin = time.perf_counter()
    found = await asyncio.get_running_loop().run_in_executor(service.pieces, call)
    service.metrics.add("jstasr_decode_seconds_total", time.perf_counter() - begin, STREAM)
    return found


def read_object(message: bytes | str) -> dict[str, Any]:
    """A message in text as a JSON object."""
    try:
        found = json.loads(message) if isinstance(message, str) else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise JstasrError("a message in text: must be a JSON object")
    return found


def read_start(message: bytes | str) -> dict[str, Any]:
    """The first message: what the samples are."""
    start = read_object(message) if isinstance(message, str) else {}
    if start.get("type") != "start":
        raise JstasrError('the first message: must be {"type": "start", "sample_rate": Hz}')
    if start.get("encoding", "s16") not in tuple(ENCODINGS):
        raise JstasrError(f"encoding {start['encoding']!r}: must be {' or '.join(ENCODINGS)}")
    check_hotwords(start.get("hotwords", []), "hotwords")
    return start
