"""Reading, resampling and writing of speech: files through libsndfile, `command |` entries through bash."""

import io
import os
import re
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi.audio_commands import CommandOutput, command_output
from jstasr.kaldi.audio_headers import (
    copy_without_length,
    is_uncounted_mp3,
    missing_seconds,
    place_of_zero_length,
)
from jstasr.kaldi.audio_parts import archived_wav, place_in_archive, what_it_is, without_tags
from jstasr.kaldi.files import atomic_write

MIN_RATE, MAX_RATE = 4000, 384000  # Hz
UNKNOWN_FRAMES = 2**50  # libsndfile has a huge number where a pipe or a damaged file has none
BLOCK = 1 << 20  # values that are read at a time: what a header says of the length is no reason to ask for memory
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


# What utils/internal/play_through_sox.pl writes for a file that sox may not read: the path is one word of bash.
OWN_READER = re.compile(
    r"jstasr to-wav (?P<path>(?:'[^']*'|\\'|[\w./:=,%+@-]+)+) \| (?P<rest>.+)", re.ASCII | re.DOTALL
)


def _run_pipe(source: str) -> CommandOutput:
    """Output of `command |`; errors as of `command_output`."""
    command = source.rstrip()[:-1].strip()
    if not command:
        raise JstasrError(f"`{source}` names no command before the |")
    if own := OWN_READER.fullmatch(command):  # in this process: starting another for each utterance takes longer
        return command_output(own["rest"], wav_bytes(shlex.split(own["path"])[0]))
    return command_output(command)


class _SoundFile(soundfile.SoundFile):
    """Reads block after block; its parent also seeks behind each, which fails in FLAC files of unknown length."""

    def seekable(self) -> bool:
        return False


class _OpenAudio(NamedTuple):
    """An open file; `guessed`: its number of frames is not known before it is read."""

    file: soundfile.SoundFile
    guessed: bool


@contextmanager
def _through_pipe(handle: str | BinaryIO) -> Iterator[int]:
    """A file descriptor that cannot seek: libsndfile decodes to the end instead of to where it guesses that to be."""
    reader, writer = os.pipe()

    def feed() -> None:
        with suppress(BrokenPipeError), open(writer, "wb") as out:
            with open(handle, "rb") if isinstance(handle, str) else nullcontext(handle) as source:
                copy_without_length(source, out)

    thread = threading.Thread(target=feed, daemon=True)
    thread.start()
    try:
        yield reader
    finally:
        os.close(reader)
        thread.join()


@contextmanager
def _open_audio(source: str, content: bytes | None = None) -> Iterator[_OpenAudio]:
    """The open audio of a path or pipe, or of the content of a file; errors name the source."""
    failure, place = "", None
    if content is not None:
        name, handle = source, io.BytesIO(content)
    elif is_pipe(source):
        piped = _run_pipe(source)
        name, failure = f"output of `{source}`", piped.failure
        handle = piped.content
    elif (place := place_in_archive(source)) is not None:
        name, handle = source, place[0]
    else:
        name = handle = source
        if not os.path.isfile(source):
            raise JstasrError(f"{source}: no such audio file (seen from {os.getcwd()})")
        if os.path.getsize(source) == 0:
            raise JstasrError(f"{source}: the file is empty")
    try:
        with open(handle, "rb") if isinstance(handle, str) else nullcontext(handle) as raw:
            if place is not None:
                raw = handle = archived_wav(raw, place[1])
            if (untagged := without_tags(raw)) is not None:
                raw = handle = untagged
            missing = missing_seconds(raw)
            uncounted = is_uncounted_mp3(raw) or place_of_zero_length(raw) is not None
            raw.seek(0)
            if missing is not None and missing > CUT_OFF:
                raise JstasrError(failure or _cut_off(name, missing))
            if missing is not None and missing < -CUT_OFF:
                raise JstasrError(f"{name}: {_surplus(-missing)}")
            if missing is None and failure:
                raise JstasrError(failure)
            through = _through_pipe(handle) if uncounted else nullcontext(handle)
            with through as opened, _SoundFile(opened, closefd=not uncounted) as file:
                if file.format == "RAW":  # what libsndfile makes of any file that is called .au or .snd
                    raise JstasrError(f"{name}: cannot read as audio: it has no header of an audio file")
                if not MIN_RATE <= file.samplerate <= MAX_RATE:
                    limits = f"{MIN_RATE} to {MAX_RATE} Hz"
                    raise JstasrError(
                        f"{name}: has a sampling rate of {file.samplerate} Hz by its header, not {limits}"
                    )
                yield _OpenAudio(file, guessed=uncounted or file.frames >= UNKNOWN_FRAMES)
    except (soundfile.SoundFileError, OSError) as error:
        fault = what_it_is(handle) or audio_fault(error)
        raise JstasrError(f"{name}: cannot read as audio: {fault}") from error


def _surplus(seconds: float) -> str:
    """The fault of a file that holds so many seconds more than would be read; infinity: nobody knows how many."""
    if seconds == float("inf"):
        return (
            "holds several sounds (streams, chunks of samples, files), one behind the other, of which one would be "
            "read; write them as files of their own, or as one stream"
        )
    return f"holds {seconds:.2f} s of sound behind the end that its header states"


def _cut_off(name: str, missing: float = float("inf")) -> str:
    """The fault of a file that lacks so many seconds; infinity: nobody knows how many."""
    if missing == float("inf"):
        return f"{name}: is cut off or damaged: the end of its sound is missing"
    return f"{name}: is cut off or damaged: {missing:.2f} s of what its header promises are missing"


def audio_fault(error: Exception) -> str:
    """What libsndfile or the system says about a file, without its name."""
    message = getattr(error, "error_string", "") or getattr(error, "strerror", "") or str(error)
    if "SF_INFO struct incomplete" in message:
        return "its header contradicts itself"
    # libsndfile's message for an .mp3 file that does not begin with an mp3 frame.
    if message.startswith("File does not exist or is not a regular file"):
        return "unknown format"
    return message.rstrip(".")


def read_audio(
    source: str | Path,
    start: float | None = None,
    end: float | None = None,
    channel: Channel | None = None,
    content: bytes | None = None,
) -> tuple[np.ndarray, int]:
    """Samples of an audio file or of the output of a command.

    Args:
        source: path of a file that libsndfile reads (wav, flac, ogg, opus, mp3), `command |`, or `wav.ark:123`, the
            place of a WAV file in an archive.
        start, end: part to read, seconds; None is the beginning (end) of the recording.
        channel: number from 1 of the channel to take, or "mix", their mean; needed where there is more than one.
        content: of the file, where it has been read already; `source` is its name in errors then.
    Returns:
        samples (N,) float32, full scale [-1, 1], rate in Hz.
    Raises:
        JstasrError: naming the source: missing, unreadable, cut off, several channels, samples that are not finite
            or of another scale, or a part that lies outside the recording.
    """
    source = str(source)
    with _open_audio(source, content) as (file, guessed):
        rate = file.samplerate
        column = channel_index(source, file.channels, channel)
        first = 0 if start is None else round(start * rate)
        last = None if end is None else round(end * rate)
        skip = first
        if first and not guessed and not is_pipe(source):
            if first >= file.frames:
                raise JstasrError(f"{source}: {_outside(start, end, file.frames / rate)}")
            file.seek(first)
            skip = 0
        wanted = None if last is None else last - first + skip
        samples = np.concatenate([np.zeros((0, file.channels), np.float32), *_blocks(file, wanted)])[skip:]
        promised = 0 if guessed else file.frames if last is None else min(file.frames, last)
    held = first + len(samples)
    if held < promised - CUT_OFF * rate:
        raise JstasrError(_cut_off(source, (promised - held) / rate))
    if (first and not len(samples)) or (last is not None and held < last):
        raise JstasrError(f"{source}: {_outside(start, end, held / rate)}")
    return one_channel(source, samples, column), rate


def read_blocks(source: str | Path, seconds: float, channel: Channel | None = None) -> Iterator[tuple[np.ndarray, int]]:
    """`read_audio` of a whole recording, as consecutive blocks of so many seconds and a shorter last one."""
    source = str(source)
    with _open_audio(source) as (file, guessed):
        rate, held = file.samplerate, 0
        column = channel_index(source, file.channels, channel)
        while len(samples := file.read(round(seconds * rate), dtype="float32", always_2d=True)):
            held += len(samples)
            yield one_channel(source, samples, column), rate
        if not guessed and held < file.frames - CUT_OFF * rate:
            raise JstasrError(_cut_off(source, (file.frames - held) / rate))


def one_channel(source: str, samples: np.ndarray, column: int | None) -> np.ndarray:
    """A column of samples (N, channels), or their mean; refuses what is not finite, or of another scale."""
    if column is not None:
        samples = samples[:, [column]]
    if not np.isfinite(samples).all():
        raise JstasrError(f"{source}: holds samples that are NaN or infinite")
    samples = samples.mean(1) if column is None else np.ascontiguousarray(samples[:, 0])
    peak = float(np.abs(samples).max(initial=0.0))
    # Integers written as floating point may be quiet; that all of them are whole numbers gives them away.
    if peak > TOO_LOUD or (peak > 1 and (samples == np.round(samples)).all()):
        raise JstasrError(
            f"{source}: its samples reach {peak:g}, where full scale is 1: integers as floating point? "
            "Divide them by their full scale (32768 for 16 bits)"
        )
    return samples


def _blocks(file: soundfile.SoundFile, count: int | None = None) -> Iterator[np.ndarray]:
    """The next `count` frames, or as many as there are, in blocks (N, C) float32; None: all."""
    block = max(1, BLOCK // file.channels)
    while count is None or count > 0:
        wanted = block if count is None else min(block, count)
        samples = file.read(wanted, dtype="float32", always_2d=True)
        yield samples
        if len(samples) < wanted:
            return
        count = None if count is None else count - wanted


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


def channel_index(source: str, channels: int, channel: Channel | None) -> int | None:
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
    """Sampling rate (Hz), channels and samples per channel of a file.

    `is_plain`: integers of a fixed size, so that nothing is found by reading them that its size does not show.
    """

    rate: int
    channels: int
    frames: int
    is_plain: bool


def audio_info(path: str) -> AudioInfo:
    """What a file holds, by its header once it is known that its last sample is there; else by decoding it.

    Raises:
        JstasrError: as for `read_audio`.
    """
    with _open_audio(path) as (file, guessed):
        rate, channels, frames = file.samplerate, file.channels, file.frames
        is_plain = file.subtype.startswith("PCM_") and file.format != "FLAC"
        if guessed:
            frames = sum(map(len, _blocks(file)))
        is_whole = guessed or not frames or file.format == "MP3" or _holds_frame(file, frames - 1)
    if not is_whole:  # or of a kind in which libsndfile cannot seek (GSM, G.721)
        frames = sum(len(samples) for samples, _ in read_blocks(path, BLOCK / rate, "mix"))
    return AudioInfo(rate, channels, frames, is_plain)


def _holds_frame(file: soundfile.SoundFile, frame: int) -> bool:
    """Can this frame be found without reading what is before it? Of MP3 it would be found by an estimate."""
    try:
        file.seek(frame)
        return len(file.read(1)) == 1
    except soundfile.SoundFileError:
        return False


def resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Resample a signal: aliases below -120 dB, in time and memory that do not depend on the ratio of the rates.

    Args:
        samples: (N,) float32.
        rate, new_rate: Hz.
    Returns:
        (ceil(N * new_rate / rate),) float32.
    """
    if rate == new_rate:
        return samples
    import soxr

    resampled = soxr.resample(samples, rate, new_rate, quality="HQ")
    length = -(-len(samples) * new_rate // rate)
    return np.pad(resampled, (0, max(0, length - len(resampled))))[:length]


class Resampler:
    """`resample` of a signal that comes in pieces: all that it returns, joined, is what `resample` returns."""

    def __init__(self, rate: int, new_rate: int):
        """rate, new_rate: Hz."""
        self.rate, self.new_rate = rate, new_rate
        self.accepted = self.returned = 0  # samples
        self.stream = None
        if rate != new_rate:
            import soxr

            self.stream = soxr.ResampleStream(rate, new_rate, 1, dtype="float32", quality="HQ")

    def accept(self, samples: np.ndarray) -> np.ndarray:
        """The new samples (M,) float32 that the next ones (N,) float32 complete."""
        self.accepted += len(samples)
        new = samples if self.stream is None else self.stream.resample_chunk(samples)
        self.returned += len(new)
        return new

    def finish(self) -> np.ndarray:
        """The last new samples (M,) float32."""
        if self.stream is None:
            return np.zeros(0, dtype=np.float32)
        last = self.stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
        left = -(-self.accepted * self.new_rate // self.rate) - self.returned
        return np.pad(last, (0, max(0, left - len(last))))[: max(0, left)]


def wav_bytes(path: str) -> bytes:
    """The whole of an audio file, all its channels, as 16-bit WAV; errors as of `read_audio`."""
    with _open_audio(path) as (file, guessed):
        buffer, rate, frames = io.BytesIO(), file.samplerate, 0
        with soundfile.SoundFile(buffer, "w", rate, file.channels, "PCM_16", format="WAV") as wav:
            for block in _blocks(file):
                wav.write(block)
                frames += len(block)
        if not guessed and frames < file.frames - CUT_OFF * rate:
            raise JstasrError(_cut_off(path, (file.frames - frames) / rate))
    return buffer.getvalue()


def write_audio(path: str | Path, samples: np.ndarray, rate: int) -> None:
    """Write samples (N,) float at `rate` Hz in 16 bits, whole or not at all, as wav or flac by the name of the file.

    Values outside [-1, 1] are clipped.
    """
    with atomic_write(path, "wb", sync=False) as file:  # one of thousands: the tables that name it are synced
        soundfile.write(file, samples, rate, format=Path(path).suffix[1:].upper(), subtype="PCM_16")
