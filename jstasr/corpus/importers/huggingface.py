"""Hugging Face datasets on disk: `save_to_disk` folders (Arrow), and Parquet files. Needs pyarrow."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import soundfile

from jstasr.corpus.importers.columns import Columns
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import audio_fault
from jstasr.kaldi.files import file_stem

if TYPE_CHECKING:
    import pyarrow


def is_dataset(folder: Path) -> bool:
    """Does a folder look like a data set on disk?"""
    names = ("dataset_dict.json", "dataset_info.json", "state.json")
    return any((folder / name).is_file() for name in names) or any(_files(folder))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".arrow", ".parquet"))


def read_huggingface(source: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a folder or file; audio that is stored inside is written to `options.extracted`.

    Without a column for it, the split is the name of the sub-folder (`train/`) or of the file
    (`train-00000-of-00001.parquet`).
    """
    _arrow()
    source = Path(source)
    files = [source] if source.is_file() else _files(source)
    files = [path for path in files if not path.name.startswith("cache-")]  # of `map`, not of the data
    if not files:
        raise JstasrError(f"{source}: neither .arrow nor .parquet files there")
    entries: list[Entry] = []
    for path in files:
        table = _read(path)
        where = f"{path}: schema"
        base = replace(options, audio_dir=options.audio_dir or path.absolute().parent)
        columns = Columns([(name, where) for name in table.column_names], base, faults, where)
        if not columns.complete:
            continue
        split = _split_of(path, source)
        audio_column = columns.column_of["audio"]
        used = list(dict.fromkeys(columns.column_of.values()))
        number = 0
        for batch in table.select(used).to_batches(max_chunksize=256):  # audio inside is large
            for row in batch.to_pylist():
                number += 1
                row_where = f"{path}: row {number}"
                audio, seconds = row[audio_column], None
                if isinstance(audio, dict):
                    name = f"{path.stem}-{number:07d}"
                    row[audio_column], seconds = _extract(audio, row_where, name, options, faults)
                    if not row[audio_column]:
                        continue
                _name_classes(table.schema, row)
                entry = columns.entry(row, row_where, faults)
                if entry is not None:
                    entry.split, entry.seconds = entry.split or split, seconds
                    entries.append(entry)
    return entries


def _arrow() -> ModuleType:
    try:
        import pyarrow
    except ImportError:
        raise JstasrError(
            "Hugging Face data sets need pyarrow, which is not installed: pip install 'pyarrow>=15' into .venv, or "
            "pip install '.[hf]'"
        ) from None
    return pyarrow


def _read(path: Path) -> "pyarrow.Table":
    pyarrow = _arrow()
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet

            return pyarrow.parquet.read_table(path)
        source = pyarrow.memory_map(str(path))
        try:
            return pyarrow.ipc.open_stream(source).read_all()
        except pyarrow.ArrowInvalid:
            return pyarrow.ipc.open_file(source).read_all()
    except (pyarrow.ArrowException, OSError) as error:
        raise JstasrError(f"{path}: cannot be read as {path.suffix[1:]}: {error}") from None


def _extract(
    audio: dict[str, Any], where: str, name: str, options: ReadOptions, faults: ImportFaults
) -> tuple[str, float | None]:
    """Path of an audio column's value {path, bytes}; bytes are written out, or measured, which gives their seconds.

    Returns:
        ("", None) where there is a fault, else (path, seconds or None).
    """
    path, content = audio.get("path") or "", audio.get("bytes")
    if not content:
        if not path:
            faults.add_row(where, "neither path nor bytes of the audio")
        return path, None
    known = Path(path).name or f"{name}{_ending(content)}"
    stem, ending = Path(known).stem, Path(known).suffix or _ending(content)
    target = f"{file_stem(name + '-' + re.sub('[^A-Za-z0-9._-]', '_', stem))}{ending}" if path else known
    if options.extracted is None:
        try:
            return target, soundfile.info(io.BytesIO(content)).duration
        except soundfile.SoundFileError as error:
            faults.add_row(where, f"cannot be read as audio ({audio_fault(error)})")
            return "", None
    options.extracted.mkdir(parents=True, exist_ok=True)
    (options.extracted / target).write_bytes(content)
    assert options.listed_as is not None, "a folder for extracted audio has a final path"
    return str(options.listed_as / target), None


def _ending(content: bytes) -> str:
    for start, ending in (
        (b"RIFF", ".wav"),
        (b"fLaC", ".flac"),
        (b"OggS", ".ogg"),
        (b"ID3", ".mp3"),
        (b"\xff", ".mp3"),
    ):
        if content.startswith(start):
            return ending
    return ".wav"


def _split_of(path: Path, source: Path) -> str:
    """The split by the name of a sub-folder or a shard: train/data-00000-of-00002.arrow, dev-00000-of-1.parquet."""
    shard = re.match(r"([A-Za-z]+)-\d{5}-of-\d{5}", path.name)
    if shard and shard[1] != "data":
        return shard[1]
    if path.parent != source and source.is_dir():
        return path.parent.name if path.parent.name != "data" else ""
    return ""


def _name_classes(schema: "pyarrow.Schema", values: dict[str, Any]) -> None:
    """Replace class labels (integers) by the names in the metadata: {"lang_id": 2} becomes {"lang_id": "de"}."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (KeyError, ValueError):
        return
    for key, value in values.items():
        names = features.get(key, {}).get("names") if isinstance(features.get(key), dict) else None
        if names and isinstance(value, int) and 0 <= value < len(names):
            values[key] = names[value]
