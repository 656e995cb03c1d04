"""One utterance that is transcribed as it arrives, at a cost that does not depend on how long it has gone on."""

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from jstasr.decode.arguments import as_samples, check_rate
from jstasr.decode.greedy import Hypothesis
from jstasr.decode.results import Transcript
from jstasr.decode.streaming import first_hypothesis
from jstasr.errors import JstasrError
from jstasr.experiment.search import SearchConfig
from jstasr.kaldi.audio import Resampler

if TYPE_CHECKING:
    from types import TracebackType

    from jstasr.decode.transcriber import Transcriber


class StreamHistory:
    """All that a stream has found, which only grows."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.tokens: list[str] = []
        self.timestamps: list[float] = []


@dataclass(frozen=True)
class PartialTranscript:
    """The transcript of a stream so far.

    `new`: what the last piece has added. `score`: log-probability of all. The whole is put together when it is asked
    for: a program that shows `new` has the same work at the end of a long stream as at its beginning.
    """

    new: Transcript
    score: float
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
    ):
        self.transcriber = transcriber
        self.resampler = Resampler(check_rate(sample_rate, transcriber.sample_rate), transcriber.sample_rate)
        self.speech = transcriber.speech_stream(transcriber.settings(config, lang))
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
        return self.extend(self.speech.accept(piece))

    def finish(self) -> Transcript:
        """The whole transcript; ends the stream."""
        if not self.finished:
            self.extend(self.speech.accept(self.resampler.finish(), last=True))
            self.finished = True
        return self.transcript

    @property
    def transcript(self) -> Transcript:
        """The transcript so far."""
        history = self.history
        return Transcript("".join(history.texts), list(history.tokens), self.score, list(history.timestamps))

    def __enter__(self) -> "TranscriptStream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        if kind is None:
            self.finish()

    def extend(self, found: Hypothesis) -> PartialTranscript:
        """Append to the transcript, of which only the new labels are converted."""
        history, new = self.history, self.transcriber.transcript(found)
        spaced = self.transcriber.experiment.tokenizer.spaced(found.labels)
        if new.text:
            between = " " if history.texts and (self.space or spaced[0].isspace()) else ""
            history.texts.append(between + new.text)
        if spaced:
            self.space = spaced[-1].isspace()
        history.tokens += new.tokens
        history.timestamps += new.timestamps
        self.score = new.score
        return PartialTranscript(new, self.score, history, len(history.texts), len(history.tokens))
