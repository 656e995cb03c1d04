"""A streaming search that gets only what somebody says: where nobody speaks, a model hears words in noise."""

from bisect import bisect_right
from collections.abc import Callable

from torch import Tensor

from jstasr.decode.greedy import Hypothesis
from jstasr.decode.streaming import StreamingSearch, append
from jstasr.decode.vad import FRAME_SECONDS
from jstasr.features.frames import ENCODER_FRAME_SECONDS

HOLD = 0.5  # seconds after speech in which its last labels come
Hears = Callable[[float, float], bool]  # is there evidence of speech between two moments of the stream (seconds)?


class SpeechGate:
    """Lets the encoder frames of speech through to a search, chunk by chunk.

    A chunk is searched if there is evidence of speech in it, in the chunk behind it, or in the HOLD seconds in front of
    it. One that waits for the next is searched with it, so that no label comes later than without the gate where speech
    goes on. What is searched does not depend on the pieces in which samples arrive.
    """

    def __init__(self, search: StreamingSearch, hears: Hears, chunk_size: int):
        """chunk_size: encoder frames that the encoder gives at a time."""
        self.search, self.hears, self.chunk_size = search, hears, chunk_size
        self.waiting: Tensor | None = None  # the last chunk, if it has not been searched
        self.frames = self.searched = 0
        self.starts, self.skipped = [0], [0]  # frames of the search, and how many were left out before each
        self.score = 0.0

    def accept(self, encoded: Tensor) -> Hypothesis:
        """The labels that the next encoder frames (T', C), whole chunks but for the last, add, and the score so far."""
        found = Hypothesis([], [], self.score)
        for chunk in encoded.split(self.chunk_size):
            begin = self.frames * ENCODER_FRAME_SECONDS
            self.frames += len(chunk)
            end = self.frames * ENCODER_FRAME_SECONDS - FRAME_SECONDS  # the detector may be a frame behind
            if self.hears(begin - HOLD, end):
                for part in (chunk,) if self.waiting is None else (self.waiting, chunk):
                    append(found, self.searched_part(part))
                self.waiting = None
            else:
                self.leave_out()
                self.waiting = chunk
        self.score = found.score
        return found

    def finish(self) -> Hypothesis:
        """The labels that the end adds, and the score of the whole."""
        return self.placed(self.search.finish())

    def leave_out(self) -> None:
        """Nobody speaks in the chunk that waits."""
        if self.waiting is None:
            return
        skipped = self.skipped[-1] + len(self.waiting)
        if self.starts[-1] == self.searched:
            self.skipped[-1] = skipped
        else:
            self.starts.append(self.searched)
            self.skipped.append(skipped)

    def searched_part(self, part: Tensor) -> Hypothesis:
        """What the search finds in a chunk."""
        self.searched += len(part)
        return self.placed(self.search.accept(part))

    def placed(self, found: Hypothesis) -> Hypothesis:
        """A hypothesis whose frames are those of the stream, not of the search."""
        frames = [frame + self.skipped[bisect_right(self.starts, frame) - 1] for frame in found.frames]
        return Hypothesis(found.labels, frames, found.score)
