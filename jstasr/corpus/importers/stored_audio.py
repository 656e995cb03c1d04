"""Audio that a source holds inside its files: written out beside the data directory, or only measured."""

import io
from pathlib import Path

import soundfile

from jstasr.corpus.importers.entries import ImportFaults, ReadOptions
from jstasr.kaldi.audio import audio_fault

STARTS = (  # of a file's content -> its ending
    (b"RIFF", ".wav"),
    (b"fLaC", ".flac"),
    (b"OggS", ".ogg"),
    (b"ID3", ".mp3"),
    (b"\xff", ".mp3"),
)


def ending_of(content: bytes) -> str:
    """The ending of an audio file of this content: ".flac"; ".wav" where nothing tells."""
    return next((ending for start, ending in STARTS if content.startswith(start)), ".wav")


def store_audio(
    content: bytes, name: str, where: str, options: ReadOptions, faults: ImportFaults
) -> tuple[str, float | None]:
    """Write an audio file below `options.extracted`; without that folder measure it, which gives its seconds.

    Args:
        name: path of the file below that folder.
        where: to name in a fault.
    Returns:
        The path that it will have, and seconds or None; ("", None) where it is no audio, which goes to `faults`.
    """
    if options.extracted is None:
        try:
            return name, soundfile.info(io.BytesIO(content)).duration
        except soundfile.SoundFileError as error:
            faults.add_row(where, f"cannot be read as audio ({audio_fault(error)})", "unreadable audio")
            return "", None
    target = options.extracted / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    assert options.listed_as is not None, "a folder for extracted audio has a final path"
    return str(options.listed_as / name), None


def stored_now(audio: str, options: ReadOptions) -> Path:
    """Where an audio file is during the import, whatever path it will have."""
    path = Path(audio)
    if options.extracted and options.listed_as and path.is_relative_to(options.listed_as):
        return options.extracted / path.relative_to(options.listed_as)
    return path
