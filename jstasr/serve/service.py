"""Recordings and streams transcribed for many clients at the same time, within limits."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

import numpy as np

from jstasr.decode.hotwords import is_phrase
from jstasr.decode.media import read_recording
from jstasr.decode.recording import PIECE_SECONDS, Recording
from jstasr.decode.results import Segment, Transcript
from jstasr.decode.transcriber import Transcriber, joined
from jstasr.errors import JstasrError
from jstasr.experiment.search import SearchConfig
from jstasr.serve.errors import Refusal
from jstasr.serve.metrics import Metrics
from jstasr.serve.settings import ServeSettings

MOST_HOTWORDS = 50_000  # characters of the phrases of a recording or stream
FILE, STREAM = 'kind="file"', 'kind="stream"'
Result = TypeVar("Result")


class Stopped(Exception):
    """Nobody waits for this recording any longer."""


@dataclass
class Upload:
    """A recording that a client has sent: where it lies, how the client calls it, and its language if it is given.

    `config`: how it is searched; None: as the service's settings say.
    """

    path: str
    name: str
    language: str | None
    config: SearchConfig | None = None


class Service:
    """A model, its limits, and the threads that run it."""

    def __init__(self, transcriber: Transcriber, settings: ServeSettings):
        """Raises: JstasrError: settings that do not fit the model."""
        self.transcriber, self.settings = transcriber, settings
        transcriber.checked(settings.mode, settings.config, None, settings.vad, settings.max_segment)
        self.metrics = Metrics()
        self.recordings = ThreadPoolExecutor(settings.nj, "recording")
        self.pieces = ThreadPoolExecutor(settings.max_streams, "stream")
        self.accepted = self.streams = 0

    async def segments(self, upload: Upload, transcripts: list[Transcript]) -> AsyncGenerator[Segment, None]:
        """The segments of a recording, each as soon as it is known.

        Args:
            transcripts: gets the whole at the end.
        Raises:
            Refusal: no audio, too long, too many recordings at once, out of time.
        """
        if self.accepted >= self.settings.max_waiting:
            raise Refusal(503, f"{self.accepted} recordings are being transcribed or wait; try again later")
        self.accepted += 1
        self.metrics.add("jstasr_recordings", 1)
        stopped, deadline = Event(), time.monotonic() + self.settings.timeout
        found: list[Segment] = []
        try:
            recording, decoded = self.begin(upload, stopped)
            while (segment := await self.run(self.recordings, lambda: next(decoded, None), deadline)) is not None:
                found.append(segment)
                yield segment
            transcript = joined(found, recording)
            self.metrics.add("jstasr_audio_seconds_total", transcript.duration, FILE)
            self.metrics.add("jstasr_words_total", len(transcript.words), FILE)
            transcripts.append(transcript)
        except JstasrError as error:
            raise Refusal(400, str(error).replace(upload.path, upload.name), "file") from error
        finally:
            stopped.set()
            self.accepted -= 1
            self.metrics.add("jstasr_recordings", -1)

    def begin(self, upload: Upload, stopped: Event) -> tuple[Recording, Iterator[Segment]]:
        """A recording and its segments, which are decoded as they are asked for."""
        settings, transcriber = self.settings, self.transcriber

        def blocks() -> Iterator[tuple[np.ndarray, int]]:
            seconds = 0.0
            for samples, rate in read_recording(upload.path, PIECE_SECONDS, "mix"):
                seconds += len(samples) / rate
                if seconds > settings.max_seconds:
                    raise Refusal(413, f"the recording is longer than {settings.max_seconds:g} s", "file")
                if stopped.is_set():
                    raise Stopped
                yield samples, rate

        recording = Recording(blocks(), upload.name, transcriber.sample_rate, transcriber.features.window)
        config = upload.config or settings.config
        arguments = settings.mode, config, upload.language, settings.vad, settings.max_segment
        return recording, timed(transcriber.segments(recording, *arguments), self.spent)

    def spent(self, seconds: float) -> None:
        """Count the time that a recording took."""
        self.metrics.add("jstasr_decode_seconds_total", seconds, FILE)

    async def run(self, threads: ThreadPoolExecutor, call: Callable[[], Result], deadline: float) -> Result:
        """The result of a call in another thread, before the deadline."""
        try:
            waiting = asyncio.get_running_loop().run_in_executor(threads, call)
            return await asyncio.wait_for(waiting, max(0.0, deadline - time.monotonic()))
        except asyncio.TimeoutError:
            raise Refusal(504, f"the recording took longer than {self.settings.timeout:g} s") from None

    def close(self) -> None:
        """End the threads."""
        self.recordings.shutdown(wait=False, cancel_futures=True)
        self.pieces.shutdown(wait=False, cancel_futures=True)


def timed(segments: Iterator[Segment], spent: Callable[[float], None]) -> Iterator[Segment]:
    """The same segments; tells the seconds that each took."""
    while True:
        begin = time.perf_counter()
        segment = next(segments, None)
        spent(time.perf_counter() - begin)
        if segment is None:
            return
        yield segment


def expected(service: Service, hotwords: Sequence[str], language: str | None) -> SearchConfig | None:
    """The search of the service, with the phrases that a client expects, if there are any.

    Raises:
        JstasrError: too many, or what the model cannot spell.
    """
    transcriber, settings = service.transcriber, service.settings
    if not any(map(is_phrase, hotwords)):
        return settings.config
    count = sum(map(len, hotwords))
    if count > MOST_HOTWORDS:
        raise JstasrError(f"hotwords: have {count} characters, may have {MOST_HOTWORDS}")
    config = transcriber.expecting(hotwords, settings.config)
    return transcriber.checked(settings.mode, config, language, settings.vad, settings.max_segment)


def known_language(service: Service, language: str) -> str | None:
    """The language for the model; None: the model has one language, or recognises it.

    Raises:
        JstasrError: the model has others.
    """
    tokens = service.transcriber.experiment.tokenizer.token_list
    if not language or not tokens.languages:
        return None
    try:
        tokens.language_id(language)
    except JstasrError:
        raise JstasrError(f"language {language!r}: the model has {', '.join(tokens.languages)}") from None
    return language
