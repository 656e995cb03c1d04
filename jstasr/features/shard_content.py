"""What `jstasr shards` writes of each utterance: its features, or its audio."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jstasr.errors import JstasrError
from jstasr.features.on_the_fly import ComputedFeatures
from jstasr.features.settings import EXTRACT_AGAIN
from jstasr.kaldi.audio_bytes import audio_bytes
from jstasr.shards.writer import Content, features_content

FLAC_SHARE = 0.5  # of the size of 16-bit samples: 0.43 to 0.56 of the corpora of the recipes
MAX_DIFFERENCE = 4  # frames between the length of the audio and what any kind of features makes of it

ContentOf = Callable[[int], Content]  # of a row of utt2num_frames


def features_of(
    reader: Any, rows: np.ndarray, num_frames: np.ndarray, dimensions: int, half: bool
) -> tuple[ContentOf, float]:
    """Features, checked against utt2num_frames.

    Args:
        reader: of features, by row.
        rows: (N,) int, rows of the reader, in the order of utt2num_frames.
        num_frames: (N,) int, its values.
        dimensions: of a frame.
        half: two bytes a value, not four.
    Returns:
        f(row of utt2num_frames), which raises JstasrError, and the bytes of a frame.
    """
    kind = np.float16 if half else np.float32

    def content(row: int) -> Content:
        features = reader.read(int(rows[row]))
        utterance, wanted = reader.table.key(int(rows[row])), (int(num_frames[row]), dimensions)
        if features.shape != wanted:
            raise JstasrError(
                f"{utterance}: its features in {reader.name} are {features.shape}, expected {wanted} (frames, "
                f"dimensions). {EXTRACT_AGAIN}"
            )
        written = features.astype(kind)
        if not np.isfinite(written).all():
            raise JstasrError(f"{utterance}: its features are too large for --half; leave that out")
        return features_content(written)

    return content, dimensions * np.dtype(kind).itemsize


def audio_of(reader: ComputedFeatures, rows: np.ndarray, num_frames: np.ndarray) -> tuple[ContentOf, float]:
    """Audio, of which features are computed later, decoded once; arguments and returns as of `features_of`."""
    rate, frame_ms = reader.computer.sample_rate, reader.computer.settings.frame_ms

    def content(row: int) -> Content:
        utterance, source = reader.table.line(int(rows[row]))
        try:
            audio = audio_bytes(source)
            if audio.rate != rate:
                raise JstasrError(f"{source}: {audio.rate} Hz, not {rate}; run stage 2 with this --fs")
            frames = 1000 * audio.num_samples / rate / frame_ms
            if abs(frames - num_frames[row]) > MAX_DIFFERENCE:
                raise JstasrError(f"{source}: {frames:.0f} frames long, not {num_frames[row]}. {EXTRACT_AGAIN}")
        except JstasrError as error:
            raise JstasrError(f"{utterance}: {error}") from error
        return Content(audio.ending, audio.content)

    return content, FLAC_SHARE * 2 * rate * frame_ms / 1000
