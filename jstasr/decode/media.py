"""Recordings in pieces: through libsndfile, or through an installed ffmpeg what that cannot read (m4a, webm, video)."""

import os
import re
import shutil
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile
from typing import IO, NamedTuple

import numpy as np
import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi.audio import (
    MAX_RATE,
    MIN_RATE,
    UNKNOWN_FRAMES,
    Channel,
    audio_fault,
    channel_index,
    is_pipe,
    one_channel,
    read_audio,
    read_blocks,
)
from jstasr.kaldi.audio_parts import place_in_archive

STDIN = "-"
AU_HEADER = struct.Struct(">4s5I")  # magic, offset of the samples, their bytes, kind, Hz, channels
SAMPLE_BYTES = 4
COPY_BYTES = 1 << 20
SPOOLED = re.compile(r"\S*/jstasr-\w+\.audio")  # name of the temporary file with standard input
LONGEST_HEADER = 4096  # bytes of a file without samples


class _Decoder(NamedTuple):
    """A running ffmpeg that writes big-endian float32 samples, channel after channel."""

    output: IO[bytes]
    rate: int
    channels: int


def read_recording(path: str, seconds: float, channel: Channel | None = None) -> Iterator[tuple[np.ndarray, int]]:
    """Consecutive blocks of one channel of a recording, of so many seconds and a shorter last one.

    Args:
        path: a file.
        channel: number from 1, or "mix", their mean; needed where there is more than one.
    Yields:
        samples (N,) float32, rate in Hz.
    Raises:
        JstasrError: the path is no file; nobody can read it; it is cut off; several channels, NaN, another scale.
    """
    refuse_what_is_no_file(path)
    fault = libsndfile_fault(path)
    if not fault:
        yield from read_blocks(path, seconds, channel)
        return
    with _decoder(path, fault) as decoder:
        column = channel_index(path, decoder.channels, channel)
        size = round(seconds * decoder.rate) * decoder.channels * SAMPLE_BYTES
        while block := decoder.output.read(size):
            whole = len(block) - len(block) % (decoder.channels * SAMPLE_BYTES)
            samples = np.frombuffer(block[:whole], dtype=">f4").astype(np.float32).reshape(-1, decoder.channels)
            yield one_channel(path, samples, column), decoder.rate


def read_command(source: str, seconds: float, channel: Channel | None = None) -> Iterator[tuple[np.ndarray, int]]:
    """`read_recording` of a path or of the output of `command |`, an entry of wav.scp."""
    if place_in_archive(source) is not None:
        yield from read_blocks(source, seconds, channel)
        return
    if not is_pipe(source):
        yield from read_recording(source, seconds, channel)
        return
    samples, rate = read_audio(source, channel=channel)
    size = round(seconds * rate)
    for first in range(0, len(samples), size):
        yield samples[first : first + size], rate


def number_of_channels(path: str) -> int:
    """Channels of a recording; errors as of `read_recording`."""
    refuse_what_is_no_file(path)
    fault = libsndfile_fault(path)
    if not fault:
        return soundfile.info(path).channels
    with _decoder(path, fault, seconds=0.1) as decoder:
        decoder.output.read()
        return decoder.channels


def seconds_by_header(path: str) -> float | None:
    """What the header of a file says of its length; None: nothing, or nobody can read it."""
    with suppress(soundfile.SoundFileError, OSError):
        info = soundfile.info(path)
        if 0 < info.frames < UNKNOWN_FRAMES and info.samplerate > 0:
            return info.frames / info.samplerate
    return None


def refuse_what_is_no_file(path: str) -> None:
    """Refuse what cannot be opened as a file, and say what it is."""
    if "://" in path:
        raise JstasrError(f"{path}: is an address. Download it first")
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if os.path.islink(path):
            raise JstasrError(f"{path}: no such audio file: a link to {os.readlink(path)}, which is missing") from error
        if isinstance(error, FileNotFoundError):
            raise JstasrError(f"{path}: no such audio file (seen from {os.getcwd()})") from error
        raise JstasrError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # a zero byte
        raise JstasrError(f"{path!r}: is no path: {error}") from error
    if stat.S_ISDIR(mode):
        raise JstasrError(f"{path}: is a directory, not an audio file")
    if not stat.S_ISREG(mode):
        raise JstasrError(f"{path}: is no regular file. Give its sound on standard input: `jstasr transcribe MODEL -`")
    if os.path.getsize(path) == 0:
        raise JstasrError(f"{path}: the file is empty")


def libsndfile_fault(path: str) -> str:
    """Why libsndfile cannot open a file, or "" if it can."""
    try:
        with soundfile.SoundFile(path) as file:
            if file.format == "RAW":
                return "it has no header of an audio file"
            is_silent_about_it = file.frames == 0 and os.path.getsize(path) > LONGEST_HEADER
            return "its header states a length of 0, but it holds more" if is_silent_about_it else ""
    except (soundfile.SoundFileError, OSError) as error:
        return audio_fault(error)


@contextmanager
def _decoder(path: str, fault: str, seconds: float | None = None) -> Iterator[_Decoder]:
    """ffmpeg on the first sound stream of a file, or on its first seconds, whose output must be read to its end.

    fault: why libsndfile does not read the file.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise JstasrError(
            f"{path}: cannot read as audio: {fault}. Is it sound? With ffmpeg installed, all that it reads is read"
        )
    if not os.access(path, os.R_OK):
        raise JstasrError(f"{path}: cannot read as audio: {fault}")
    # AU is the simplest format whose header tells rate and channels, and whose length may stay unknown
    command = [program, "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0"]
    command += ([] if seconds is None else ["-t", str(seconds)]) + ["-c:a", "pcm_f32be", "-f", "au", "-"]
    with (
        TemporaryFile() as report,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=report) as process,
    ):
        assert process.stdout is not None
        try:
            header = process.stdout.read(AU_HEADER.size)
            if len(header) == AU_HEADER.size:
                _, offset, _, _, rate, channels = AU_HEADER.unpack(header)
                process.stdout.read(offset - AU_HEADER.size)
                if not MIN_RATE <= rate <= MAX_RATE:
                    raise JstasrError(f"{path}: has a sampling rate of {rate} Hz, not {MIN_RATE} to {MAX_RATE} Hz")
                yield _Decoder(process.stdout, rate, channels)
        except BaseException:
            process.kill()
            raise
        process.stdout.close()
        code = process.wait()
        report.seek(0)
        said = report.read().decode("utf-8", "replace").strip()
        if len(header) < AU_HEADER.size:
            raise JstasrError(f"{path}: cannot read as audio: {fault}; nor can ffmpeg: {_last_line(said, path)}")
        if code or said:
            raise JstasrError(f"{path}: is damaged or cut off: ffmpeg says: {_last_line(said, path) or f'exit {code}'}")


def _last_line(said: str, path: str) -> str:
    """The last thing that ffmpeg said, without the name of the file and of its own part."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return last.replace(f"file:{path}: ", "").split("] ")[-1].rstrip(".")


@contextmanager
def spooled_stdin() -> Iterator[str]:
    """A temporary file with all of standard input: most formats need to be read from more than one place."""
    with NamedTemporaryFile(prefix="jstasr-", suffix=".audio") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, COPY_BYTES)
        file.flush()
        if Path(file.name).stat().st_size == 0:
            raise JstasrError("standard input: is empty")
        yield file.name
