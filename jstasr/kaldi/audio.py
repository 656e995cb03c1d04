"""Reading, resampling and writing of speech: files through libsndfile, `command |` entries through bash."""

import io
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

import numpy as np
import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

if TYPE_CHECKING:
    from torchaudio.transforms import Resample

MIN_RATE, MAX_RATE = 4000, 384000  # Hz
UNKNOWN_LENGTH = 0x7FFF0000  # bytes in the header of a WAV file: from here on its writer did not know
CUT_OFF = 0.05  # seconds that a file may lack: headers count themselves, and resampling rounds
TOO_LOUD = 2.0  # peak of floating-point samples: more than what an honest file passes full scale by
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


class _Piped(NamedTuple):
    """What a `command |` wrote, and how the programs in front of its last one failed, or ""."""

    content: bytes
    failure: str


def _run_pipe(source: str) -> _Piped:
    """Output of `command |`, run in bash; a failure of its last program is an error with the end of its stderr.

    As in Kaldi the last program judges a pipeline. One in front of it may end because the next has enough: by
    SIGPIPE, or with the words "Broken pipe".
    """
    command = source.rstrip()[:-1].strip()
    with TemporaryFile() as report:
        # A line of its own: the command may end in a comment.
        statuses = f'{command}\n_s=("${{PIPESTATUS[@]}}"); echo "${{_s[*]}}" >&{report.fileno()}; exit "${{_s[-1]}}"'
        try:
            done = subprocess.run(
                ["bash", "-c", statuses],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                pass_fds=(report.fileno(),),
            )
        except OSError as error:
            raise JstasrError(f"cannot run `{command}`: {error.strerror}") from error
        report.seek(0)
        codes = [int(code) for code in report.read().split()]
    said = done.stderr.decode("utf-8", "replace").strip()
    tail = said[-500:] or "nothing on stderr"
    if done.returncode != 0:
        raise JstasrError(f"`{command}` failed with exit code {done.returncode}: {tail}")
    bad = [code for code in codes[:-1] if code not in (0, 128 + signal.SIGPIPE)]
    failure = f"`{command}`: a program of it failed with exit code {bad[0]}: {tail}" if bad else ""
    if not done.stdout:
        raise JstasrError(failure or f"`{command}` wrote nothing to stdout")
    return _Piped(done.stdout, "" if "broken pipe" in said.lower() else failure)


def missing_seconds(handle: BinaryIO) -> float | None:
    """How much of a WAV file's sound its header promises and is not there; None where the header does not say.

    Writers to a pipe do not know the length, and put 0 or a huge number.
    """
    size = handle.seek(0, os.SEEK_END)
    handle.seek(0)
    if handle.read(4) != b"RIFF" or handle.seek(8) != 8 or handle.read(4) != b"WAVE":
        return None
    bytes_per_second = 0
    while len(header := handle.read(8)) == 8:
        name, length = header[:4], int.from_bytes(header[4:], "little")
        if name == b"data":
            if not bytes_per_second or length == 0 or length >= UNKNOWN_LENGTH:
                return None
            return max(0, length - (size - handle.tell())) / bytes_per_second
        body = handle.tell()
        if name == b"fmt ":
            bytes_per_second = int.from_bytes(handle.read(12)[8:], "little")
        handle.seek(body + length + length % 2)
    return None


@contextmanager
def _open_audio(source: str) -> Iterator[soundfile.SoundFile]:
    """The open audio of a path or pipe; errors name the source."""
    failure = ""
    if is_pipe(source):
        piped = _run_pipe(source)
        name, failure = f"output of `{source}`", piped.failure
        handle = io.BytesIO(piped.content)
    else:
        name = handle = source
        if not os.path.isfile(source):
            raise JstasrError(f"{source}: no such audio file (seen from {os.getcwd()})")
        if os.path.getsize(source) == 0:
            raise JstasrError(f"{source}: the file is empty")
    try:
        if isinstance(handle, str):
            with open(handle, "rb") as raw:
                missing = missing_seconds(raw)
        else:
            missing = missing_seconds(handle)
            handle.seek(0)
        if missing is not None and missing > CUT_OFF:
            raise JstasrError(failure or f"{name}: is cut off: {missing:.2f} s of what its header promises are missing")
        if missing is None and failure:
            raise JstasrError(failure)
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
        samples (N,) float32, full scale [-1, 1], rate in Hz.
    Raises:
        JstasrError: naming the source: missing, unreadable, cut off, several channels, samples that are not finite
            or of another scale, or a part that lies outside the recording.
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
    peak = float(np.abs(samples).max(initial=0.0))
    # Integers written as floating point may be quiet; that all of them are whole numbers gives them away.
    if peak > TOO_LOUD or (peak > 1 and (samples == np.round(samples)).all()):
        raise JstasrError(
            f"{source}: its samples reach {peak:g}, where full scale is 1: integers as floating point? "
            "Divide them by their full scale (32768 for 16 bits)"
        )
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


class AudioInfo(NamedTuple):
    """What a file's header says: sampling rate (Hz), channels, samples per channel, are samples floating point?"""

    rate: int
    channels: int
    frames: int
    is_float: bool


def audio_info(path: str) -> AudioInfo:
    """What the header of a file says, once it is known that no sound is missing."""
    with _open_audio(path) as file:
        is_float = file.subtype in ("FLOAT", "DOUBLE")
        return AudioInfo(file.samplerate, file.channels, file.frames, is_float)


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


def write_audio(path: str | Path, samples: np.ndarray, rate: int) -> None:
    """Write samples (N,) float at `rate` Hz in 16 bits, whole or not at all, as wav or flac by the name of the file.

    Values outside [-1, 1] are clipped.
    """
    with atomic_write(path, "wb", sync=False) as file:  # one of thousands: the tables that name it are synced
        soundfile.write(file, samples, rate, format=Path(path).suffix[1:].upper(), subtype="PCM_16")
