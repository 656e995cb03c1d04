"""Hugging Face's AudioFolder: recordings, and metadata.csv, .jsonl or .parquet that names them by `file_name`."""

import os
from dataclasses import replace
from pathlib import Path

from jstasr.corpus.importers.entries import AUDIO_ENDINGS, Entry, ImportFaults, ReadOptions, files_below
from jstasr.corpus.importers.huggingface import column_names, read_arrow_file
from jstasr.corpus.importers.manifests import csv_table, json_table, table_entries
from jstasr.corpus.importers.split import SET_OF
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE_NAMES = ("file_name", "audio_file_name")  # columns
HEAD = 1 << 16  # bytes that hold a header


def metadata_files(folder: Path) -> list[Path]:
    """The tables of an AudioFolder, of the whole and of its sub-folders; [] where it is none."""
    return [path for path in files_below(folder) if path.name in METADATA and _names_files(path)]


def _names_files(path: Path) -> bool:
    """Does a table have a column of file names? A Parquet file of this name has one by its name."""
    if path.suffix == ".parquet":
        return True
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        first = file.read(HEAD).split(b"\n", 1)[0].decode("utf-8", "replace")
    return any(name in first for name in FILE_NAMES)


def read_audiofolder(source: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of all tables of a folder; without a column for it, the split is the name of the sub-folder.

    Recordings that no row names are counted in a note.
    """
    source = Path(source)
    tables = metadata_files(source) if source.is_dir() else [source]
    if not tables:
        raise JstasrError(f"{source}: no {', '.join(METADATA)} with a column file_name there")
    for first, second in zip(tables, tables[1:], strict=False):
        if first.parent == second.parent:
            raise JstasrError(
                f"{source}: has both {first.relative_to(source)} and {second.relative_to(source)}; which one is it? "
                "Name it instead of the folder"
            )
    entries: list[Entry] = []
    for path in tables:
        base = replace(options, audio_dir=options.audio_dir or path.absolute().parent)
        if path.suffix == ".parquet":
            found = read_arrow_file(path, "", _by_file_name(base, column_names(path)), faults)
        else:
            table = (csv_table if path.suffix == ".csv" else json_table)(path, faults)
            names = [name for name, _ in table.columns]
            found = table_entries(path, table, _by_file_name(base, names), faults)
        inner = path.parent.relative_to(source).parts if source.is_dir() else ()
        split = next((part for part in inner if part.lower() in SET_OF), "")
        for entry in found:
            entry.split = entry.split or split
        entries += found
    if source.is_dir():
        _note_unnamed(source, entries, faults)
    return entries


def _by_file_name(options: ReadOptions, names: list[str]) -> ReadOptions:
    """Options by which the audio is what the column `file_name` says."""
    column = next((name for name in FILE_NAMES if name in names), None)
    if column is None or "audio" in options.columns:
        return options
    return replace(options, columns={**options.columns, "audio": column})


def _note_unnamed(folder: Path, entries: list[Entry], faults: ImportFaults) -> None:
    """Count the recordings of a folder that no row names."""
    named = {os.path.realpath(entry.audio) for entry in entries}
    recordings = [path for path in files_below(folder) if path.suffix.lower() in AUDIO_ENDINGS]
    unnamed = [path.relative_to(folder) for path in recordings if os.path.realpath(path) not in named]
    if unnamed:
        faults.note(f"{len(unnamed)} recording(s) that no row names: {first_few(unnamed, 3)}")
