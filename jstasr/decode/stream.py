"""One utterance that is transcribed as it arrives, at a cost that does not depend on how long it has gone on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from jstasr.decode.arguments import as_samples, check_rate
from jstasr.decode.gate import SpeechGate
from jstasr.decode.greedy import Hypothesis
from jstasr.decode.listener import Listener
from jstasr.decode.results import Transcript
from jstasr.decode.streaming import first_hypothesis
from jstasr.decode.vad import AUTO, NONE, check_vad, open_vad
from jstasr.errors import JstasrError
from jstasr.experiment.search import SearchConfig
from jstasr.kaldi.audio import Resampler

if TYPE_CHECKING:
    from types import TracebackType

    from jstasr.decode.transcriber import Transcriber


UNHEARD_SECONDS = 1.0  # that a stream may keep before its listener hears them


class StreamHistory:
    """All that a stream has found, which only grows."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tokens: list[str] = []
        self.timestamps: list[float] = []


@dataclass(frozen=True)
class PartialTranscript:
    """The transcript of a stream so far.

    `new`: what the last piece has added. `score`: log-probability of all. `speech`: how sure it is that somebody has
    spoken so far; None: not judged (vad="none"). The whole is put together when it is asked for: a program that shows
    `new` has the same work at the end of a long stream as at its beginning.
    """

    new: Transcript
    score: float
    speech: float | None
    history: StreamHistory
    num_texts: int
    num_tokens: int

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(islice(self.history.texts, self.num_texts))

    @property
    def tokens(self) -> list[str]:
        """The tokens so far."""
        return self.history.tokens[: self.num_tokens]

    @property
    def timestamps(self) -> list[float]:
        """The time of each token so far, seconds."""
        return self.history.timestamps[: self.num_tokens]


class TranscriptStream:
    """One utterance that is transcribed as it arrives; `Transcriber.stream` for audio that is pushed.

    As a context manager it ends the stream at the end of the block; `transcript` is the whole then.
    """

    def __init__(
        self,
        transcriber: "Transcriber",
        sample_rate: int | None = None,
        lang: str | None = None,
        config: SearchConfig | None = None,
        vad: str = AUTO,
        listener: Listener | None = None,
        begin: float = 0.0,
    ):
        """Arguments as for `Transcriber.stream`.

        listener: the caller's, which has heard each piece before `accept` does; None: one of its own, or with
            vad="none" nobody listens.
        begin: seconds that the listener had heard before the stream began.
        """
        check_vad(vad)
        self.transcriber = transcriber
        self.resampler = Resampler(check_rate(sample_rate, transcriber.sample_rate), transcriber.sample_rate)
        self.own_listener = listener is None and vad != NONE
        self.listener = Listener(open_vad(vad, transcriber.sample_rate)) if self.own_listener else listener
        self.begin = begin
        self.unheard: list[np.ndarray] = []
        self.speech = transcriber.speech_stream(transcriber.settings(config, lang))
        if vad != NONE and self.listener is not None and self.listener.vad.prompt:
            chunk_size = transcriber.experiment.config.model.chunk_size
            self.speech.search = SpeechGate(self.speech.search, self.hears, chunk_size)
        self.search = self.speech.search
        self.history = StreamHistory()
        self.score = 0.0
        self.space = False  # the labels so far end with a space
        self.finished = False
        self.extend(first_hypothesis(self.speech.start))

    def accept(self, samples: ArrayLike) -> PartialTranscript:
        """The transcript so far, after the next samples (N,).

        Raises:
            JstasrError: the stream has ended; no samples, or not finite.
        """
        if self.finished:
            raise JstasrError("the stream has ended: begin another one")
        piece = self.resampler.accept(as_samples(samples, "a piece of the stream"))
        self.keep(piece)
        return self.extend(self.speech.accept(piece))

    def finish(self) -> Transcript:
        """The whole transcript; ends the stream."""
        if not self.finished:
            piece = self.resampler.finish()
            self.keep(piece)
            self.listen()
            if self.own_listener and self.listener is not None:
                self.listener.finish()
            self.extend(self.speech.accept(piece, last=True))
            self.finished = True
        return self.transcript

    @property
    def transcript(self) -> Transcript:
        """The transcript so far."""
        history = self.history
        text, tokens, timestamps = "".join(history.texts), list(history.tokens), list(history.timestamps)
        return Transcript(text, tokens, self.score, timestamps, self.sure)

    @property
    def sure(self) -> float | None:
        """How sure it is that somebody has spoken so far; None: nobody listens."""
        return None if self.listener is None else round(self.listener.speech, 4)

    def __enter__(self) -> "TranscriptStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        if kind is None:
            self.finish()

    def keep(self, piece: np.ndarray) -> None:
        """Keep the next samples for the stream's own listener, for which many at a time are cheaper."""
        if self.own_listener:
            self.unheard.append(piece)
        if sum(map(len, self.unheard)) >= UNHEARD_SECONDS * self.transcriber.sample_rate:
            self.listen()

    def listen(self) -> None:
        """Let the listener hear what was kept."""
        if self.unheard and self.listener is not None:
            self.listener.accept(np.concatenate(self.unheard))
            self.unheard = []

    def hears(self, begin: float, end: float) -> bool:
        """Is there evidence of speech between two moments of the stream, in seconds?

        Where there is some in what was heard, the rest need not be heard for it.
        """
        assert self.listener is not None
        moments = self.begin + begin, self.begin + end
        if self.listener.hears(*moments):
            return True
        self.listen()
        return self.listener.hears(*moments)

    def extend(self, found: Hypothesis) -> PartialTranscript:
        """Append to the transcript, of which only the new labels are converted."""
        speech, history, self.score = self.sure, self.history, found.score
        if not found.labels:
            new = Transcript("", [], found.score, [], speech)
            return PartialTranscript(new, self.score, speech, history, len(history.texts), len(history.tokens))
        new = self.transcriber.transcript(found, speech)
        spaced = self.transcriber.experiment.tokenizer.spaced(found.labels)
        if new.text:
            between = " " if history.texts and (self.space or spaced[0].isspace()) else ""
            history.texts.append(between + new.text)
        if spaced:
            self.space = spaced[-1].isspace()
        history.tokens += new.tokens
        history.timestamps += new.timestamps
        return PartialTranscript(new, self.score, speech, history, len(history.texts), len(history.tokens))


def partial_transcripts(
    stream: TranscriptStream, pieces: Iterable[ArrayLike]
) -> Iterator[PartialTranscript | Transcript]:
    """What a stream has found after each piece, and at its end."""
    for piece in pieces:
        yield stream.accept(piece)
    yield stream.finish()
