"""Hugging Face datasets on disk: `save_to_disk` folders (Arrow), and Parquet files. Needs pyarrow."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from jstasr.corpus.importers.columns import Columns
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions, files_below
from jstasr.corpus.importers.stored_audio import ending_of, store_audio
from jstasr.errors import JstasrError
from jstasr.kaldi.files import file_stem

if TYPE_CHECKING:
    import pyarrow


ENDINGS = (".arrow", ".parquet")


def is_dataset(folder: Path) -> bool:
    """Does a folder look like a data set on disk?"""
    names = ("dataset_dict.json", "dataset_info.json", "state.json")
    return any((folder / name).is_file() for name in names) or any(data_files(folder))


def data_files(folder: Path) -> list[Path]:
    """The Arrow and Parquet files below a folder, sorted; not those that `map` left behind."""
    found = (path for path in files_below(folder) if path.suffix.lower() in ENDINGS)
    return [path for path in found if not path.name.startswith("cache-")]


def read_huggingface(source: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a folder or file; audio that is stored inside is written to `options.extracted`.

    Without a column for it, the split is the name of the sub-folder (`train/`) or of the file
    (`train-00000-of-00001.parquet`).
    """
    _arrow()
    source = Path(source)
    files = [source] if source.is_file() else data_files(source)
    if not files:
        raise JstasrError(f"{source}: neither .arrow nor .parquet files there")
    entries: list[Entry] = []
    for path in files:
        entries += read_arrow_file(path, _split_of(path, source), options, faults)
    return entries


def read_arrow_file(path: Path, split: str, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of one Arrow or Parquet file, in `split` where no column names another."""
    table = _read(path)
    where = f"{path}: schema"
    base = replace(options, audio_dir=options.audio_dir or path.absolute().parent)
    columns = Columns([(name, where) for name in table.column_names], base, faults, where)
    if not columns.complete:
        return []
    used = list(dict.fromkeys(columns.column_of.values()))
    table = table.select(used)
    _refuse_damaged(path, table)
    entries: list[Entry] = []
    for number, row in enumerate(_rows(table), 1):
        faults.found += 1
        row_where = f"{path}: row {number}"
        if row is None:
            faults.add_row(row_where, "holds a text that is not UTF-8", "not UTF-8")
            continue
        entry = _entry(columns, row, row_where, f"{split}/{path.stem}-{number:07d}", table.schema, options, faults)
        if entry is not None:
            entry.split = entry.split or split
            entries.append(entry)
    return entries


def _rows(table: "pyarrow.Table") -> Iterator[dict[str, Any] | None]:
    """The rows of a table; None for one that holds a text that is not UTF-8."""
    for batch in table.to_batches(max_chunksize=256):  # audio inside is large
        try:
            yield from batch.to_pylist()
        except UnicodeDecodeError:
            for number in range(batch.num_rows):
                try:
                    yield from batch.slice(number, 1).to_pylist()
                except UnicodeDecodeError:
                    yield None


def _entry(
    columns: Columns,
    row: dict[str, Any],
    where: str,
    name: str,
    schema: "pyarrow.Schema",
    options: ReadOptions,
    faults: ImportFaults,
) -> Entry | None:
    """The entry of a row, whose audio is written out as `name` where it is stored inside; None where it has faults."""
    audio_column = columns.column_of["audio"]
    audio, seconds = row[audio_column], None
    if isinstance(audio, dict):
        row[audio_column], seconds = extract(audio, where, name, options, faults)
        if not row[audio_column]:
            return None
    _name_classes(schema, row)
    entry = columns.entry(row, where, faults)
    if entry is not None:
        entry.seconds = seconds
    return entry


def column_names(path: Path) -> list[str]:
    """Names of the columns of an Arrow or Parquet file."""
    return _read(path).column_names


def _refuse_damaged(path: Path, table: "pyarrow.Table") -> None:
    """JstasrError where the offsets of a file's columns lead outside of it."""
    try:
        table.validate(full=True)
    except _arrow().ArrowException as error:
        if "UTF8" in str(error):  # a fault of its row
            return
        raise JstasrError(f"{path}: is damaged: {error}; get the file again") from None


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
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet

            return pyarrow.parquet.read_table(path)
        source = pyarrow.memory_map(str(path))
        try:
            return pyarrow.ipc.open_stream(source).read_all()
        except pyarrow.ArrowInvalid:
            return pyarrow.ipc.open_file(source).read_all()
    except (pyarrow.ArrowException, OSError) as error:
        raise JstasrError(f"{path}: cannot be read as {path.suffix[1:]}: {error}") from None


def extract(
    audio: dict[str, Any], where: str, name: str, options: ReadOptions, faults: ImportFaults
) -> tuple[str, float | None]:
    """Path of an audio column's value {path, bytes}; bytes are written out, or measured, which gives their seconds.

    Args:
        audio: the value.
        where: to name in a fault.
        name: "split/name" or "/name" of the file to write, to which the name in `path` is added.
        options: where it is written.
        faults: gets what is wrong with it.
    Returns:
        ("", None) where there is a fault, else (path, seconds or None).
    """
    path, content = audio.get("path") or "", audio.get("bytes")
    if not content:
        if not path:
            faults.add_row(where, "neither path nor bytes of the audio")
        return path, None
    folder, _, name = name.rpartition("/")  # files of two splits may have one name
    known = Path(path).name or f"{name}{ending_of(content)}"
    stem, ending = Path(known).stem, Path(known).suffix or ending_of(content)
    target = f"{file_stem(name + '-' + re.sub('[^A-Za-z0-9._-]', '_', stem))}{ending}" if path else known
    return store_audio(content, f"{folder}/{target}".lstrip("/"), where, options, faults)


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
