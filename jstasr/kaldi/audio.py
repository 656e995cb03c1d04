"""Reading, resampling and writing of speech: files through libsndfile, `command |` entries through bash."""

import io
import os
import subprocess
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

MIN_RATE, MAX_RATE = 4000, 384000


def parse_rate(text):
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


def is_pipe(source):
    """Is a wav.scp value a command whose output is the audio?"""
    return source.rstrip().endswith("|")


def _run_pipe(source):
    """Output of `command |`, run in bash with pipefail; a failure is an error with its last words."""
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
        last_words = done.stderr.decode("utf-8", "replace").strip()[-500:] or "nothing on stderr"
        raise JstasrError(f"`{command}` failed with exit code {done.returncode}: {last_words}")
    if not done.stdout:
        raise JstasrError(f"`{command}` wrote nothing to stdout")
    return done.stdout


@contextmanager
def _opened(source):
    """The soundfile of a path or pipe; errors name the source."""
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
        raise JstasrError(f"{name}: cannot read as audio: {reason(error)}") from error


def reason(error):
    """What libsndfile or the system says of a file, without its name."""
    said = getattr(error, "error_string", "") or getattr(error, "strerror", "") or str(error)
    # So it calls a file that begins with no frame of mp3.
    return "unknown format" if said.startswith("File does not exist or is not a regular file") else said.rstrip(".")


def read_audio(source, start=None, end=None, channel=None):
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
    with _opened(source) as file:
        rate = file.samplerate
        column = _channel_index(source, file.channels, channel)
        first = 0 if start is None else round(start * rate)
        last = None if end is None else round(end * rate)
        # The frame count in a header may be a guess (pipes, mp3): cut by what is really there.
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


def _outside(start, end, seconds):
    part = f"{start or 0:g} to {'the end' if end is None else f'{end:g}'} s"
    return f"{part} lies outside the recording of {seconds:.3f} s"


def parse_channel(text):
    """Channel of a command line: a number from 1, or `mix`."""
    if text == "mix" or (text.isdigit() and int(text) > 0):
        return text if text == "mix" else int(text)
    raise JstasrError(f"--channel must be a number from 1, or mix, not {text!r}")


def _channel_index(source, channels, channel):
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


def audio_info(path):
    """Sampling rate (Hz), channels and samples a channel of a file, from its header alone."""
    with _opened(path) as file:
        return file.samplerate, file.channels, file.frames


@lru_cache(maxsize=8)
def _resampler(rate, new_rate):
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


def resample(samples, rate, new_rate):
    """Resample samples (N,) float32 from rate to new_rate (Hz); ceil(N * new_rate / rate) samples."""
    if rate == new_rate:
        return samples
    import torch

    with torch.inference_mode():
        return _resampler(rate, new_rate)(torch.from_numpy(samples)).numpy()


def write_wav(path, samples, rate):
    """Write samples (N,) as 16-bit wav, whole or not at all; what exceeds [-1, 1] is clipped."""
    with atomic_write(path, "wb", sync=False) as file:  # one of thousands: the tables that name it are synced
        soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
