"""Cutting a recording into segments at pauses, as its samples arrive, in memory that does not grow with its length."""

from dataclasses import dataclass, replace

import numpy as np

from jstasr.decode.arguments import is_number
from jstasr.decode.listener import Listener
from jstasr.decode.vad import FRAME_SECONDS, Vad
from jstasr.errors import JstasrError

MAX_SEGMENT = 20.0  # seconds of the longest segment
LEAST_MAX_SEGMENT = 2.0
ON, OFF = 0.5, 0.35  # probability at which speech begins, and below which it may end
MIN_PAUSE = 0.3  # seconds without speech at which a long recording is cut
MIN_GAP = 0.1  # seconds without speech that separate two words
MARGIN = 0.08  # seconds that a segment keeps on either side of its speech
WHOLE_PAUSE = 1.0  # a short recording without a longer pause is one utterance: one segment, uncut
OVERLAP = 2.0  # seconds that two segments share where speech has no pause


def check_max_segment(seconds: float) -> None:
    """Refuse a length of segments that holds no words, or that is no number."""
    if not is_number(seconds) or seconds < LEAST_MAX_SEGMENT:
        raise JstasrError(f"max_segment {seconds!r}: must be {LEAST_MAX_SEGMENT:g} seconds or more")


@dataclass(frozen=True)
class SpeechSegment:
    """The samples (N,) float32 of a segment that begins `begin` seconds after the recording.

    `rate`: Hz. `speech`: (begin, end) of each stretch of speech without a gap, in seconds of the recording.
    `probability`: mean probability of speech in them, None where it was not judged. `overlap`: seconds that it shares
    with the segment before, 0 after a pause. `recording`: number of the recording, where several are decoded together.
    """

    begin: float
    samples: np.ndarray
    rate: int
    speech: list[tuple[float, float]]
    probability: float | None
    overlap: float = 0.0
    recording: int = 0


@dataclass(frozen=True)
class Region:
    """Speech between two frames.

    `before`, `after`: seconds of the margins on either side. `shared`: seconds in common with the region before.
    """

    begin: int
    end: int
    before: float = MARGIN
    after: float = MARGIN
    shared: float = 0.0


class Segmenter:
    """Cuts the samples of one recording. What is no evidence of speech (`Listener`) is in no segment.

    A recording of at most `max_seconds` whose pauses are all short is one segment, as it is. Any other is cut at every
    pause of MIN_PAUSE or more. Where speech goes on for longer than `max_seconds`, it is cut in a shorter pause; if it
    has none, the two segments overlap around its least speech-like frame, so that each word is whole in one of them.
    """

    def __init__(self, vad: Vad, rate: int, max_seconds: float = MAX_SEGMENT, live: bool = False):
        """rate: Hz of the samples; live: return each segment at its pause, however short the recording may be."""
        self.listener, self.rate, self.live = Listener(vad), rate, live
        self.max_seconds = max_seconds
        self.overlap = min(OVERLAP, max_seconds / 4)
        self.max_frames = int((max_seconds - 2 * MARGIN) / FRAME_SECONDS)
        self.buffer = np.zeros(0, dtype=np.float32)
        self.buffer_start = self.total = 0  # samples
        self.first = 0  # frame of the first of `probabilities`
        self.probabilities: list[float] = []
        self.frame = 0  # the next one
        self.current: Region | None = None  # the speech of now, whose end is not known
        self.voiced = 0  # its last frame so far
        self.regions: list[Region] = []  # that have ended and were not returned
        self.evident = False  # there is evidence that the speech of now is speech

    @property
    def duration(self) -> float:
        """Seconds of the samples so far."""
        return self.total / self.rate

    def accept(self, samples: np.ndarray) -> list[SpeechSegment]:
        """The segments that the next samples (N,) float32 complete."""
        self.buffer = np.concatenate([self.buffer, samples])
        self.total += len(samples)
        self.advance(self.listener.vad.accept(samples))
        if self.duration <= self.max_seconds and not self.live:
            return []  # it may be one utterance
        return self.take()

    def finish(self) -> list[SpeechSegment]:
        """The last segments."""
        self.advance(self.listener.vad.finish())
        if self.current is not None:
            self.close(self.voiced + 1)
        is_short = self.duration <= self.max_seconds and not self.live
        if is_short and self.regions and self.longest_pause() <= WHOLE_PAUSE:
            begin, end = self.regions[0].begin, self.regions[-1].end
            return [SpeechSegment(0.0, self.buffer, self.rate, *self.speech_of(begin, end))]
        return self.take()

    def longest_pause(self) -> float:
        """Seconds of the longest stretch without speech; the whole recording is in `regions`."""
        edges = [0.0]
        for region in self.regions:
            edges += [region.begin * FRAME_SECONDS, region.end * FRAME_SECONDS]
        edges.append(max(self.duration, edges[-1]))
        return max(end - begin for begin, end in zip(edges[::2], edges[1::2]))

    def advance(self, probabilities: np.ndarray) -> None:
        """Take the probabilities (F,) of the next frames."""
        for probability in probabilities.tolist():
            self.probabilities.append(probability)
            sure = self.listener.note(probability)
            if self.current is None and probability >= ON:
                self.current, self.evident = Region(self.frame, self.frame), False
            self.evident |= sure
            if self.current is not None:
                if probability >= OFF:
                    self.voiced = self.frame
                if (self.frame - self.voiced) * FRAME_SECONDS >= MIN_PAUSE:
                    self.close(self.voiced + 1)
                elif self.frame + 1 - self.current.begin >= self.max_frames:
                    self.cut(self.current)
            self.frame += 1

    def close(self, end: int, after: float = MARGIN) -> None:
        """End the speech of now in front of a frame, with a margin of so many seconds; it is left out if it is none."""
        assert self.current is not None
        if self.evident:
            self.regions.append(replace(self.current, end=end, after=after))
        self.current = None

    def cut(self, region: Region) -> None:
        """Cut the speech of now, which is as long as a segment may be, in its second half."""
        middle, reserve = region.begin + self.max_frames // 2, int(self.overlap / FRAME_SECONDS / 2) + 1
        candidates = np.array(self.probabilities[middle - self.first : -reserve])
        smooth = np.convolve(np.pad(candidates, 1, mode="edge"), np.ones(3) / 3, mode="valid")
        place = middle + int(smooth.argmin())
        if smooth.min() < OFF:
            self.close(place, after=0.0)
            self.current = Region(place, place, before=0.0)
        else:
            self.close(place + reserve, after=0.0)
            begin = place - reserve
            self.current = Region(begin, begin, before=0.0, shared=2 * reserve * FRAME_SECONDS)

    def take(self) -> list[SpeechSegment]:
        """The segments of all speech that has ended; forgets the samples up to there."""
        found = []
        for region in self.regions:
            first = max(0, round((region.begin * FRAME_SECONDS - region.before) * self.rate))
            last = round((region.end * FRAME_SECONDS + region.after) * self.rate)
            samples = self.buffer[first - self.buffer_start : last - self.buffer_start]
            about = self.speech_of(region.begin, region.end)
            found.append(SpeechSegment(first / self.rate, samples, self.rate, *about, region.shared))
        self.regions = []
        self.forget(self.frame if self.current is None else self.current.begin)
        return found

    def speech_of(self, begin: int, end: int) -> tuple[list[tuple[float, float]], float]:
        """Stretches of speech between two frames, in seconds, and their mean probability."""
        values = np.array(self.probabilities[begin - self.first : end - self.first])
        voiced = np.flatnonzero(values >= OFF)
        if not len(voiced):
            return [(begin * FRAME_SECONDS, end * FRAME_SECONDS)], float(values.mean())
        gaps = np.flatnonzero(np.diff(voiced) * FRAME_SECONDS > MIN_GAP + FRAME_SECONDS)
        starts = begin + voiced[np.concatenate([[0], gaps + 1])]
        ends = begin + voiced[np.append(gaps, len(voiced) - 1)] + 1
        stretches = [(int(first) * FRAME_SECONDS, int(last) * FRAME_SECONDS) for first, last in zip(starts, ends)]
        return stretches, float(values[voiced].mean())

    def forget(self, frame: int) -> None:
        """Drop the samples and probabilities that no segment from this frame on can need."""
        self.probabilities = self.probabilities[frame - self.first :]
        self.first = frame
        start = max(self.buffer_start, round((frame * FRAME_SECONDS - MARGIN) * self.rate))
        self.buffer = self.buffer[start - self.buffer_start :]
        self.buffer_start = start
