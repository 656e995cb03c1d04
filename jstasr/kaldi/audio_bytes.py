"""Audio as the bytes of one file, from which the same samples are read again, bit for bit."""

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from jstasr.kaldi.audio import is_pipe, read_audio

PACKED = {"FLAC": "flac", "OGG": "ogg", "MPEG": "mp3", "MP3": "mp3"}  # formats that stay as they are -> ending
FLAC_KINDS = ((16, "PCM_16"), (24, "PCM_24"))  # bits of a sample


class AudioBytes(NamedTuple):
    """The content of an audio file, its ending, sampling rate (Hz) and number of samples."""

    content: bytes
    ending: str
    rate: int
    num_samples: int


def audio_bytes(source: str) -> AudioBytes:
    """Audio of one channel as a file: flac, ogg, opus and mp3 as they are, all else as FLAC.

    Args:
        source: a wav.scp value, path or `command |`.
    Raises:
        JstasrError: as of `read_audio`.
    """
    samples, rate = read_audio(source)
    ending = "" if is_pipe(source) else PACKED.get(soundfile.info(source).format, "")
    if ending:
        return AudioBytes(Path(source).read_bytes(), ending, rate, len(samples))
    content, ending = lossless_bytes(samples, rate)
    return AudioBytes(content, ending, rate, len(samples))


def lossless_bytes(samples: np.ndarray, rate: int) -> tuple[bytes, str]:
    """A file of samples (N,) float32 that gives them again: FLAC of 16 or 24 bits, else AU of floating point.

    Returns:
        Its content, and its ending.
    """
    buffer = io.BytesIO()
    for bits, subtype in FLAC_KINDS:
        scaled = samples.astype(np.float64) * 2 ** (bits - 1)
        if (scaled == np.round(scaled)).all() and (scaled < 2 ** (bits - 1)).all():
            values = (scaled * 2 ** (32 - bits)).astype(np.int32)  # integers: libsndfile scales floats by 32767
            soundfile.write(buffer, values, rate, format="FLAC", subtype=subtype)
            return buffer.getvalue(), "flac"
    soundfile.write(buffer, samples, rate, format="AU", subtype="FLOAT")  # libsndfile writes the time into a WAV
    return buffer.getvalue(), "au"
