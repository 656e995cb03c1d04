"""Segments that overlap, because speech went on without a pause, joined so that each word comes once and whole."""

from dataclasses import dataclass, field, replace

from jstasr.decode.greedy import Hypothesis
from jstasr.decode.results import Alternative, Segment, Word
from jstasr.decode.segments import SpeechSegment
from jstasr.features.frames import ENCODER_FRAME_SECONDS
from jstasr.text.tokens import Tokenizer

SAME_TIME = 0.3  # seconds between the middles of the same word in two segments, at most


@dataclass(frozen=True)
class Decoded:
    """A segment, what was found in it, its words, the labels of each word, and its most probable texts if asked for."""

    part: SpeechSegment
    found: Hypothesis
    words: list[Word]
    slices: list[slice]
    nbest: list[Alternative] = field(default_factory=list)

    def keep(self, first: int, last: int) -> "Decoded":
        """The words from `first` on and before `last`, with their labels."""
        begin = self.slices[first].start if 0 < first < len(self.words) else 0 if first == 0 else len(self.found.labels)
        end = self.slices[last - 1].stop if 0 < last < len(self.words) else 0 if last == 0 else len(self.found.labels)
        found = Hypothesis(self.found.labels[begin:end], self.found.frames[begin:end], self.found.score)
        slices = [slice(where.start - begin, where.stop - begin) for where in self.slices[first:last]]
        return replace(self, found=found, words=self.words[first:last], slices=slices, nbest=[])

    def results(self, tokenizer: Tokenizer) -> list[Segment]:
        """The segment as a result; none where nothing was found."""
        if not self.found.labels:
            return []
        part, begin = self.part, self.part.begin
        end = begin + len(part.samples) / part.rate
        return [
            Segment(
                begin=round(begin, 3),
                end=round(end, 3),
                text=tokenizer.decode(self.found.labels),
                tokens=tokenizer.tokens(self.found.labels),
                timestamps=[round(begin + frame * ENCODER_FRAME_SECONDS, 3) for frame in self.found.frames],
                score=self.found.score,
                words=self.words,
                speech=None if part.probability is None else round(part.probability, 4),
                nbest=self.nbest,
            )
        ]


def stitch(before: Decoded, after: Decoded) -> tuple[Decoded, Decoded]:
    """Two segments that overlap, without the words that both have.

    Where both have the same word at the same time, one goes on from the other at the one nearest to the middle of what
    they share. Without such a word, words belong to the side of the middle on which their own middle lies.
    """
    middle = after.part.begin + after.part.overlap / 2
    common = [
        (abs(centre(one) - middle), first, second)
        for first, one in enumerate(before.words)
        for second, other in enumerate(after.words)
        if one.text == other.text and abs(centre(one) - centre(other)) <= SAME_TIME
    ]
    if common:
        _, first, second = min(common)
        return one_after_the_other(before.keep(0, first + 1), after.keep(second + 1, len(after.words)))
    kept = sum(centre(word) < middle for word in before.words)
    dropped = sum(centre(word) < middle for word in after.words)
    return one_after_the_other(before.keep(0, kept), after.keep(dropped, len(after.words)))


def one_after_the_other(before: Decoded, after: Decoded) -> tuple[Decoded, Decoded]:
    """Two segments whose words follow each other in time: where the last and the first overlap, they meet halfway."""
    if not before.words or not after.words or after.words[0].begin >= before.words[-1].end:
        return before, after
    last, first = before.words[-1], after.words[0]
    meeting = round(min(max((last.end + first.begin) / 2, last.begin), max(first.end, last.begin)), 3)
    last, first = replace(last, end=meeting), replace(first, begin=meeting, end=max(first.end, meeting))
    return replace(before, words=[*before.words[:-1], last]), replace(after, words=[first, *after.words[1:]])


def centre(word: Word) -> float:
    """The middle of a word, seconds."""
    return (word.begin + word.end) / 2
