"""Entries as data directories, which appear whole or not at all."""

import shutil
from contextlib import contextmanager
from pathlib import Path

import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi.audio import is_pipe, reason
from jstasr.kaldi.tables import spk2utt_of, write_table

OURS = {"wav.scp", "text", "utt2spk", "spk2utt", "utt2lang", "segments", "audio", "skipped"}


def write_data_dir(folder, entries):
    """Write wav.scp, text, utt2spk, spk2utt, and segments and utt2lang where there are any."""
    tables = {
        "wav.scp": {entry.recording or entry.id: entry.audio for entry in entries},
        "text": {entry.id: entry.text for entry in entries},
        "utt2spk": {entry.id: entry.speaker for entry in entries},
        "spk2utt": spk2utt_of({entry.id: entry.speaker for entry in entries}),
    }
    if any(entry.start is not None for entry in entries):
        tables["segments"] = {entry.id: _segment(entry) for entry in entries}
    if all(entry.lang for entry in entries):
        tables["utt2lang"] = {entry.id: entry.lang for entry in entries}
    for name, table in tables.items():
        write_table(folder / name, table)


def _segment(entry):
    end = audio_seconds(entry) if entry.end is None else entry.end
    return f"{entry.recording or entry.id} {entry.start or 0:.3f} {end:.3f}"


def audio_seconds(entry):
    """Length of the whole recording of an entry, seconds."""
    if entry.seconds is not None:
        return entry.seconds
    if is_pipe(entry.audio):
        raise JstasrError(f"{entry.where}: the segment has no end, and that of a command's output is not known: add it")
    try:
        return soundfile.info(entry.audio).duration
    except soundfile.SoundFileError as error:
        raise JstasrError(f"{entry.where}: cannot read {entry.audio} as audio: {reason(error)}") from None


@contextmanager
def replacing(folder):
    """A folder beside `folder` to write in, which takes its place at the end; after an error nothing has changed.

    Raises:
        JstasrError: `folder` holds something else than a data directory.
    """
    folder = Path(folder)
    others = sorted(path.name for path in folder.iterdir() if path.name not in OURS) if folder.is_dir() else []
    if others and not (folder / "text").is_file():
        raise JstasrError(
            f"{folder}: is there and is no data directory (it holds {', '.join(others[:3])}): not replaced"
        )
    work = folder.parent / f".{folder.name}.importing"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        yield work
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def summary(name, entries):
    """One line about a set: its size, speakers and languages."""
    languages = sorted({entry.lang for entry in entries if entry.lang})
    told = f" of {' '.join(languages)}" if languages else ""
    return f"{name}: {len(entries)} utterances{told}, {len({entry.speaker for entry in entries})} speakers"
