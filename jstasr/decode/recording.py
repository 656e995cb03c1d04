"""A recording that is read, resampled and cut into segments piece by piece."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from jstasr.decode.arguments import as_samples, check_rate
from jstasr.decode.media import read_recording
from jstasr.decode.segments import Segmenter, SpeechSegment
from jstasr.decode.vad import open_vad
from jstasr.errors import JstasrError
from jstasr.features.frames import FRAME_LENGTH_MS
from jstasr.kaldi.audio import Channel, Resampler, is_pipe

PIECE_SECONDS = 10.0  # that are read and resampled at a time
Audio = str | Path | ArrayLike  # path of a file, or samples (N,): float in [-1, 1], or 16 or 32 bit integers
Blocks = Iterable[tuple[np.ndarray, int]]  # consecutive samples (N,) float32 of a channel, and their rate in Hz


class Recording:
    """The samples of a recording at the rate of a model.

    Args:
        blocks: the samples as they are read.
        name: for messages.
        rate: Hz, of the model.
        window: least number of samples, of the model.
        progress: called with the seconds that have been read, after each block.
    """

    def __init__(
        self,
        blocks: Blocks,
        name: str,
        rate: int,
        window: int,
        progress: Callable[[float], None] | None = None,
    ):
        self.blocks, self.name, self.rate, self.window = blocks, name, rate, window
        self.progress = progress
        self.count = 0  # samples that were returned
        self.speech: float | None = None  # how sure it is that somebody speaks; known behind `segments`

    @property
    def duration(self) -> float:
        """Seconds that were returned: once all are, of the recording."""
        return round(self.count / self.rate, 3)

    def pieces(self) -> Iterator[np.ndarray]:
        """The samples (N,) float32, piece by piece.

        Raises:
            JstasrError: all of them are less than a window; faults of the file.
        """
        resampler, seconds = None, 0.0
        for block, rate in self.blocks:
            resampler = resampler or Resampler(check_rate(rate, self.rate), self.rate)
            piece = resampler.accept(block)
            self.count += len(piece)
            yield piece
            seconds += len(block) / rate
            if self.progress is not None:
                self.progress(seconds)
        if resampler is not None:
            piece = resampler.finish()
            self.count += len(piece)
            yield piece
        if self.count < self.window:
            seconds = self.count / self.rate
            raise JstasrError(f"{self.name}: {seconds:.3f} s of audio is shorter than one {FRAME_LENGTH_MS} ms window")

    def segments(self, vad: str, longest: float) -> Iterator[SpeechSegment]:
        """The segments with speech.

        Args:
            vad: name of the detector, or "auto": the better of those that are installed.
            longest: seconds of the longest segment.
        """
        segmenter = Segmenter(open_vad(vad, self.rate), self.rate, longest)
        for piece in self.pieces():
            yield from segmenter.accept(piece)
        yield from segmenter.finish()
        self.speech = round(segmenter.listener.speech, 4)


def read_blocks_of(audio: Audio, name: str, own_rate: int, sample_rate: int | None, channel: Channel | None) -> Blocks:
    """The samples of a file or array and their rate, in blocks.

    Args:
        name: of the audio, for messages.
        own_rate: Hz, of the model.
        sample_rate: Hz of an array; None: the model's own.
        channel: of a file with several.
    """
    if isinstance(audio, (str, Path)):
        if is_pipe(name):
            raise JstasrError(f"{name}: is a command, not an audio file")
        return read_recording(name, PIECE_SECONDS, channel)
    rate = check_rate(sample_rate, own_rate)
    samples = as_samples(audio, name)
    size = round(PIECE_SECONDS * rate)
    return ((samples[first : first + size], rate) for first in range(0, len(samples), size))
