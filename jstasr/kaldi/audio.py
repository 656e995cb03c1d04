"""Reading, resampling and writing of speech: files through libsndfile, `command |` entries through bash."""

import io
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

if TYPE_CHECKING:
    from torchaudio.transforms import Resample

MIN_RATE, MAX_RATE = 4000, 384000  # Hz
Channel = int | Literal["mix"]  # number from 1, or the mean of all channels


def parse_rate(text: str | int) -> int:
    """Sampling rate in Hz of "16k", "16000" or "22.05k"."""
    try:
        value = str(text).strip().lower()
        rate = float(value[:-1]) * 1000 if value.endswith("k") else float(value)
    except ValueError:
        rate = 0.0
    if not MIN_RATE <= rate <= MAX_RATE or rate != int(rate):
        limits = f"{MIN_RATE} to {MAX_RATE} Hz"
        raise JstasrError(f"sampling rate must be like 16k or 16000 ({limits}), not {text!r}")
    return int(rate)


def is_pipe(source: str) -> bool:
    """Is a wav.scp value a command whose output is the audio?"""
    return source.rstrip().endswith("|")


def _run_pipe(source: str) -> bytes:
    """Output of `command |`, run in bash with pipefail; a failure is an error with the end of its stderr."""
    command = source.rstrip()[:-1].strip()
    try:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise JstasrError(f"cannot run `{command}`: {error.strerror}") from error
    if done.returncode != 0:
        tail = done.stderr.decode("utf-8", "replace").strip()[-500:] or "nothing on stderr"
        raise JstasrError(f"`{command}` failed with exit code {done.returncode}: {tail}")
    if not done.stdout:
        raise JstasrError(f"`{command}` wrote nothing to stdout")
    return done.stdout


@contextmanager
def _open_audio(source: str) -> Iterator[soundfile.SoundFile]:
    """The open audio of a path or pipe; errors name the source."""
    if is_pipe(source):
        name, handle = f"output of `{source}`", io.BytesIO(_run_pipe(source))
    else:
        name, handle = source, source
        if not os.path.isfile(source):
            raise JstasrError(f"{source}: no such audio file (seen from {os.getcwd()})")
        if os.path.getsize(source) == 0:
            raise JstasrError(f"{source}: the file is empty")
    try:
        with soundfile.SoundFile(handle) as file:
            yield file
    except (soundfile.SoundFileError, OSError) as error:
        raise JstasrError(f"{name}: cannot read as audio: {audio_fault(error)}") from error


def audio_fault(error: Exception) -> str:
    """What libsndfile or the system says about a file, without its name."""
    message = getattr(error, "error_string", "") or getattr(error, "strerror", "") or str(error)
    # libsndfile's message for an .mp3 file that does not begin with an mp3 frame.
    if message.startswith("File does not exist or is not a regular file"):
        return "unknown format"
    return message.rstrip(".")


def read_audio(
    source: str | Path, start: float | None = None, end: float | None = None, channel: Channel | None = None
) -> tuple[np.ndarray, int]:
    """Samples of an audio file or of the output of a command.

    Args:
        source: path of a file that libsndfile reads (wav, flac, ogg, opus, mp3), or `command |`.
        start, end: part to read, seconds; None is the beginning (end) of the recording.
        channel: number from 1 of the channel to take, or "mix", their mean; needed where there is more than one.
    Returns:
        samples (N,) float32 in [-1, 1], rate in Hz.
    Raises:
        JstasrError: naming the source: missing, unreadable, several channels, samples that are not finite, or
            a part that lies outside the recording.
    """
    source = str(source)
    with _open_audio(source) as file:
        rate = file.samplerate
        column = _channel_index(source, file.channels, channel)
        first = 0 if start is None else round(start * rate)
        last = None if end is None else round(end * rate)
        # The number of samples in a header may be a guess (pipes, mp3): cut by what is really there.
        if first and not is_pipe(source) and file.seekable():
            if first >= file.frames:
                raise JstasrError(f"{source}: {_outside(start, end, file.frames / rate)}")
            file.seek(first)
            samples = file.read(-1 if last is None else last - first, dtype="float32", always_2d=True)
        else:
            samples = file.read(-1 if last is None else last, dtype="float32", always_2d=True)[first:]
    if (first and not len(samples)) or (last is not None and len(samples) < last - first):
        raise JstasrError(f"{source}: {_outside(start, end, (first + len(samples)) / rate)}")
    samples = samples.mean(1) if column is None else np.ascontiguousarray(samples[:, column])
    if not np.isfinite(samples).all():
        raise JstasrError(f"{source}: holds samples that are NaN or infinite")
    return samples, rate


def _outside(start: float | None, end: float | None, seconds: float) -> str:
    part = f"{start or 0:g} to {'the end' if end is None else f'{end:g}'} s"
    return f"{part} lies outside the recording of {seconds:.3f} s"


def parse_channel(text: str) -> Channel:
    """Channel of "mix", "1", "2", ..."""
    if text == "mix":
        return "mix"
    if text.isdigit() and int(text) > 0:
        return int(text)
    raise JstasrError(f"--channel must be a number from 1, or mix, not {text!r}")


def _channel_index(source: str, channels: int, channel: Channel | None) -> int | None:
    """Column of the samples, or None for their mean."""
    if channel == "mix":
        return None
    if channel is None:
        if channels != 1:
            raise JstasrError(f"{source}: {channels} channels; choose one (--channel 1 is the first), or --channel mix")
        return 0
    if not 1 <= channel <= channels:
        raise JstasrError(f"{source}: has {channels} channel(s), not a channel {channel}")
    return channel - 1


def audio_info(path: str) -> tuple[int, int, int]:
    """Sampling rate (Hz), channels and samples per channel of a file, from its header alone."""
    with _open_audio(path) as file:
        return file.samplerate, file.channels, file.frames


@lru_cache(maxsize=8)
def _resampler(rate: int, new_rate: int) -> "Resample":
    from torchaudio.transforms import Resample

    # A long Kaiser-windowed sinc: aliases below -90 dB, flat to 0.9 of the lower Nyquist frequency.
    return Resample(
        rate,
        new_rate,
        resampling_method="sinc_interp_kaiser",
        lowpass_filter_width=64,
        rolloff=0.9475937167399596,
        beta=14.769656459379492,
    )


def resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Resample a signal.

    Args:
        samples: (N,) float32.
        rate, new_rate: Hz.
    Returns:
        (ceil(N * new_rate / rate),) float32.
    """
    if rate == new_rate:
        return samples
    import torch

    with torch.inference_mode():
        return _resampler(rate, new_rate)(torch.from_numpy(samples)).numpy()


def write_wav(path: str | Path, samples: np.ndarray, rate: int) -> None:
    """Write samples (N,) float at `rate` Hz as 16-bit wav, whole or not at all; values outside [-1, 1] are clipped."""
    with atomic_write(path, "wb", sync=False) as file:  # one of thousands: the tables that name it are synced
        soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
