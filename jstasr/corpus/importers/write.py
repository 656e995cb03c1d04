"""Writing of data directories, which appear whole or not at all."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import soundfile

from jstasr.corpus.importers.entries import Entry
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import audio_fault, is_pipe
from jstasr.kaldi.data_dir import SEGMENTS, SPK2UTT, TEXT, UTT2LANG, UTT2SPK, WAV_SCP
from jstasr.kaldi.tables import spk2utt_of, write_table

AUDIO = "audio"  # folder of the recordings that a source holds inside its files
SKIPPED = "skipped"  # list of the rows left out
REPORT = "report.txt"  # what was found, taken and left out
OURS = {WAV_SCP, TEXT, UTT2SPK, SPK2UTT, UTT2LANG, SEGMENTS, AUDIO, SKIPPED, REPORT}


def write_data_dir(folder: Path, entries: Sequence[Entry]) -> None:
    """Write wav.scp, text, utt2spk, spk2utt, and segments and utt2lang where there are any."""
    tables = {
        WAV_SCP: {entry.recording or entry.id: entry.audio for entry in entries},
        TEXT: {entry.id: entry.text for entry in entries},
        UTT2SPK: {entry.id: entry.speaker for entry in entries},
        SPK2UTT: spk2utt_of({entry.id: entry.speaker for entry in entries}),
    }
    if any(entry.start is not None for entry in entries):
        tables[SEGMENTS] = {entry.id: _segment(entry) for entry in entries}
    if all(entry.lang for entry in entries):
        tables[UTT2LANG] = {entry.id: entry.lang for entry in entries}
    for name, table in tables.items():
        write_table(folder / name, table)


def _segment(entry: Entry) -> str:
    end = audio_seconds(entry) if entry.end is None else entry.end
    return f"{entry.recording or entry.id} {entry.start or 0:.3f} {end:.3f}"


def audio_seconds(entry: Entry) -> float:
    """Length of the whole recording of an entry, seconds."""
    if entry.seconds is not None:
        return entry.seconds
    if is_pipe(entry.audio):
        raise JstasrError(f"{entry.where}: the segment has no end, and that of a command's output is not known: add it")
    try:
        return soundfile.info(entry.audio).duration
    except soundfile.SoundFileError as error:
        raise JstasrError(f"{entry.where}: cannot read {entry.audio} as audio: {audio_fault(error)}") from None


@contextmanager
def replacing(folder: str | Path) -> Iterator[Path]:
    """A temporary folder to write in, which replaces `folder` at the end; after an error nothing has changed.

    Raises:
        JstasrError: `folder` holds something else than a data directory, or cannot be written.
    """
    folder = Path(folder)
    others = sorted(path.name for path in folder.iterdir() if path.name not in OURS) if folder.is_dir() else []
    if others and not (folder / TEXT).is_file():
        raise JstasrError(
            f"{folder}: is there and is no data directory (it holds {', '.join(others[:3])}): not replaced"
        )
    if folder.exists() and not folder.is_dir():
        raise JstasrError(f"{folder}: is there and is no folder: not replaced")
    work = folder.parent / f".{folder.name}.importing"
    try:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        yield work
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    except OSError as error:
        raise JstasrError(f"{error.filename or folder}: {error.strerror}: {folder} is not written") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
