"""Streamed Hugging Face data sets: rows are fetched and written one by one, and no copy is kept. Needs datasets.

A source is `OWNER/NAME` or `OWNER/NAME:CONFIG` of the Hub, or a folder of Parquet, Arrow or WebDataset files.
"""

import itertools
import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from jstasr.corpus.importers.columns import Columns
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions
from jstasr.corpus.importers.huggingface import extract
from jstasr.corpus.importers.tars import path_below, refuse_cut_short
from jstasr.corpus.importers.webdataset_tars import SHARD, SampleRow, entries_of_rows, sample_row, without_times
from jstasr.errors import JstasrError

if TYPE_CHECKING:
    from datasets import DatasetBuilder, IterableDataset

KINDS = ("parquet", "arrow", "webdataset")  # builders of datasets whose files hold the audio
HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
KEY = "__key__"  # of a sample of a WebDataset, as datasets has it


def read_hf_stream(source: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a data set, of the splits of `options.tables` (default: all), at most `options.limit` rows of each.

    The audio is written to `options.extracted` as it is stored. Ids are those of `--format huggingface` and
    `webdataset` of the same files.

    Raises:
        JstasrError: datasets is missing, the data set cannot be reached or read, or has no such split.
    """
    builder = _builder(str(source))
    files = _files(builder)
    if missing := [name for name in options.tables if name not in files]:
        raise JstasrError(f"{source}: no split {' '.join(missing)} for --tables; it has {' '.join(files)}")
    if builder.name not in KINDS:
        raise JstasrError(
            f"{source}: holds {builder.name} files, of which {', '.join(KINDS)} can be streamed; download it and "
            "import the folder"
        )
    read = _read_samples if builder.name == "webdataset" else _read_rows
    entries: list[Entry] = []
    for split in options.tables or files:
        entries += read(_rows(builder, split, options.limit), split, str(source), options, faults)
    return entries


Row = tuple[str, int, dict[str, Any]]  # file, number in the file from 1, column -> value


def _read_rows(
    rows: Iterator[Row], split: str, source: str, options: ReadOptions, faults: ImportFaults
) -> Iterator[Entry]:
    """Entries of the rows of Parquet or Arrow files."""
    options = replace(options, audio_dir=None)
    columns = None
    for file, number, row in rows:
        where = f"{file}: row {number}"
        columns = columns or Columns([(name, where) for name in row], options, faults, f"{source}: {split}")
        if not columns.complete:
            return
        faults.found += 1
        audio_column = columns.column_of["audio"]
        audio = row[audio_column]
        if not isinstance(audio, dict) or not audio.get("bytes"):
            message = f"no audio bytes in {audio_column}; download the data set with its audio and import the folder"
            faults.add_row(where, message, "no audio bytes")
            continue
        name = f"{split}/{PurePosixPath(file).stem}-{number:07d}"
        row[audio_column], seconds = extract(audio, where, name, options, faults)
        entry = columns.entry(row, where, faults) if row[audio_column] else None
        if entry is not None:
            entry.seconds, entry.split = seconds, entry.split or split
            yield entry


def _read_samples(
    rows: Iterator[Row], split: str, source: str, options: ReadOptions, faults: ImportFaults
) -> list[Entry]:
    """Entries of the samples of tar files."""
    options = without_times(options)
    found: list[SampleRow] = []
    for file, _, row in rows:
        faults.found += 1
        key, where = row[KEY], f"{file}: {row[KEY]}"
        members = {
            ending: _content(value) for ending, value in row.items() if value is not None and not ending.startswith("_")
        }
        target = f"{path_below(SHARD.sub('', PurePosixPath(file).name))}/{path_below(key)}"
        sample = sample_row(where, f"{split}/{target}", members, options, faults)
        if sample is not None:
            found.append((where, {"split": split, **sample[0]}, sample[1]))
    return entries_of_rows(found, source, options, faults)


def _content(value: object) -> bytes:
    """What a file of a tar file holds, of which datasets has made audio, a text or what a JSON says."""
    if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
        return value["bytes"]
    if isinstance(value, bytes):
        return value
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def _files(builder: "DatasetBuilder") -> dict[str, list[str]]:
    """Split -> paths or URLs of its files."""
    found = cast("Mapping[str, Sequence[str]]", builder.config.data_files or {})
    return {str(split): list(files) for split, files in found.items()}


def _rows(builder: "DatasetBuilder", split: str, limit: int) -> Iterator[Row]:
    """The first `limit` rows of a split (0: all), file by file; classes have their names."""
    return itertools.islice(_all_rows(builder, split), limit or None)


def _all_rows(builder: "DatasetBuilder", split: str) -> Iterator[Row]:
    files = _files(builder)[split]
    file, number = files[0], 0
    try:
        data = _as_stored(cast("IterableDataset", builder.as_streaming_dataset(split=split)))
        if data.num_shards != len(files):  # rows are told by their file, which would not be known
            raise JstasrError(
                f"{split}: datasets reads its {len(files)} files as {data.num_shards} parts; download the data set and "
                "import the folder"
            )
        features = data.features or {}
        names = {column: feature.names for column, feature in features.items() if hasattr(feature, "names")}
        for index, file in enumerate(files):
            number = 0
            if builder.name == "webdataset" and Path(file).is_file():
                refuse_cut_short(file)  # datasets takes the end of a file for the end of the archive
            for number, row in enumerate(data.shard(len(files), index), 1):
                for column, classes in names.items():
                    value = row[column]
                    row[column] = classes[value] if isinstance(value, int) and value >= 0 else value
                yield file, number, row
    except _unreadable() as error:
        behind = f" behind row {number}" if number else ""
        raise JstasrError(
            f"{file}: cannot be read{behind}: {_sentence(error)}; get the file again, or look at the network"
        ) from None


def _as_stored(data: "IterableDataset") -> "IterableDataset":
    """The same rows with audio as {bytes, path}, which is neither decoded nor encoded, and any JSON."""
    from datasets import Audio, Json, Value

    for column, feature in (data.features or {}).items():
        if isinstance(feature, Audio):
            data = data.cast_column(column, {"bytes": Value("binary"), "path": Value("string")})
        elif column.rpartition(".")[2] == "json":  # the first samples need not have all keys
            data = data.cast_column(column, cast(Any, Json()))  # which its annotation lacks
    return data.decode(False)


def _builder(source: str) -> "DatasetBuilder":
    """What datasets knows of a source, before any row is fetched."""
    try:
        from datasets import load_dataset_builder
        from datasets.exceptions import DatasetNotFoundError
    except ImportError:
        raise JstasrError(
            "streamed Hugging Face data sets need datasets, which is not installed: pip install '.[hf-stream]'"
        ) from None
    local = Path(source).is_dir()
    # absolute: datasets would take a folder named parquet for its reader of Parquet
    name, _, config = (str(Path(source).absolute()), "", "") if local else source.partition(":")
    if not local and not HUB_NAME.fullmatch(name):
        raise JstasrError(f"{source}: neither a folder nor OWNER/NAME or OWNER/NAME:CONFIG of the Hugging Face Hub")
    try:
        with TemporaryDirectory() as locks:  # all that datasets writes where rows are streamed
            return load_dataset_builder(name, config or None, cache_dir=locks)
    except ConnectionError as error:
        raise JstasrError(
            f"{source}: the Hub cannot be reached ({_sentence(error)}); connect to the network, or name a folder"
        ) from None
    except DatasetNotFoundError as error:
        raise JstasrError(
            f"{source}: {_sentence(error)}; say OWNER/NAME, or hf auth login where it is not public"
        ) from None
    except _unreadable() as error:
        raise JstasrError(f"{source}: cannot be read as a data set: {_sentence(error)}") from None


def _unreadable() -> tuple[type[Exception], ...]:
    """What datasets raises where a data set or a file cannot be read."""
    import httpx
    import pyarrow
    from datasets.exceptions import DatasetsError

    return (OSError, EOFError, ValueError, tarfile.TarError, DatasetsError, pyarrow.ArrowException, httpx.HTTPError)


def _sentence(error: Exception) -> str:
    """The first line of an error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
