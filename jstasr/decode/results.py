"""What a transcription returns: words with times and confidence, in segments of speech, in a transcript."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from jstasr.text.unspaced import join_unspaced


@dataclass(frozen=True)
class Word:
    """A word of a transcript: `begin` and `end` in seconds of the recording, `confidence` in [0, 1]."""

    text: str
    begin: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Alternative:
    """A text that a segment may have, and its log-probability."""

    text: str
    score: float


@dataclass(frozen=True)
class Segment:
    """A part of a recording with speech.

    `begin`, `end`: seconds. `tokens`, their `timestamps` (seconds at which they were emitted) and their log-probability
    `score`. `speech`: how sure the detector is that somebody speaks, in [0, 1]; None: none was asked (vad="none").
    `channel`: number from 1 where the channels of a recording are kept apart. `nbest`: the most probable texts, this
    one first, where more than one is asked for; none of a segment that shares words with the next.
    """

    begin: float
    end: float
    text: str
    tokens: list[str]
    timestamps: list[float]
    score: float
    words: list[Word]
    speech: float | None
    channel: int | None = None
    nbest: list[Alternative] = field(default_factory=list)

    @property
    def confidence(self) -> float:
        """Mean of the words' confidence; 0 without words."""
        return mean_confidence(self.words)


@dataclass
class Transcript:
    """A transcript: `text`, its `tokens`, their log-probability `score`, and the time of each token in seconds.

    `speech`: how sure the detector is that somebody speaks anywhere in the recording, in [0, 1]; None: none was asked
    (vad="none"). `segments`: the parts with speech, in the order of time. `duration`: of the recording in seconds. A
    stream has no segments.
    """

    text: str
    tokens: list[str]
    score: float
    timestamps: list[float]
    speech: float | None = field(compare=False)
    segments: list[Segment] = field(default_factory=list, compare=False)
    duration: float = field(default=0.0, compare=False)

    @property
    def words(self) -> list[Word]:
        """The words of all segments."""
        return [word for segment in self.segments for word in segment.words]

    @property
    def confidence(self) -> float:
        """Mean of the words' confidence; 0 without words."""
        return mean_confidence(self.words)


def mean_confidence(words: Sequence[Word]) -> float:
    """Mean confidence of words; 0 without words."""
    return sum(word.confidence for word in words) / len(words) if words else 0.0


def join_texts(texts: Iterable[str]) -> str:
    """Texts with spaces between, but for scripts that have none."""
    return join_unspaced(" ".join(text for text in texts if text))


def join_segments(segments: Sequence[Segment], duration: float, speech: float | None) -> Transcript:
    """The transcript of a recording from its segments, which are brought into the order of time."""
    ordered = sorted(segments, key=lambda segment: (segment.begin, segment.channel or 0))
    text = ordered[0].text if len(ordered) == 1 else join_texts(segment.text for segment in ordered)
    return Transcript(
        text=text,
        tokens=[token for segment in ordered for token in segment.tokens],
        score=sum(segment.score for segment in ordered),
        timestamps=[moment for segment in ordered for moment in segment.timestamps],
        segments=ordered,
        speech=speech,
        duration=duration,
    )


def merge_channels(transcripts: Sequence[Transcript]) -> Transcript:
    """One transcript of the channels of a recording, each with its own transcript; their segments say which."""
    segments = [
        replace(segment, channel=number)
        for number, transcript in enumerate(transcripts, 1)
        for segment in transcript.segments
    ]
    return join_segments(
        segments,
        duration=max(transcript.duration for transcript in transcripts),
        speech=surest(transcript.speech for transcript in transcripts),
    )


def surest(speech: Iterable[float | None]) -> float | None:
    """The largest; None where nothing was judged."""
    return max((value for value in speech if value is not None), default=None)
