"""NeMo's tarred data sets: a manifest whose rows name a shard, `shard_id`, and `audio_0.tar`, `audio_1.tar` ...

NeMo writes their names as one pattern, `audio__OP_0..7_CL_.tar`; here the folder is named that holds them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from jstasr.corpus.importers.columns import Columns
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions
from jstasr.corpus.importers.manifests import json_table
from jstasr.corpus.importers.stored_audio import store_audio
from jstasr.corpus.importers.tars import GET_AGAIN, path_below, tar_files, tar_names
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

SHARD_ID = "shard_id"
WHOLE, PARTS = "tarred_audio_manifest.json", "sharded_manifests"  # NeMo's names; the parts say the same as the whole
NUMBER = re.compile(r"(\d+)\.tar$")
AGAIN = re.compile(r"-sub\d+(?=\.[^.]*$)")  # a row of a recording that other rows name too, which is stored once
HEAD = 1 << 16  # bytes that hold a row

Row = tuple[str, Mapping[str, object]]


def is_tarred_manifest(path: Path) -> bool:
    """Does a manifest name shards?"""
    try:
        with open(path, "rb") as file:
            first = json.loads(file.readline(HEAD))
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and SHARD_ID in first


def manifests_of(folder: Path) -> list[Path]:
    """The manifests of a folder: the whole, else all that name shards, here or in NeMo's folder of parts."""
    if is_tarred_manifest(folder / WHOLE):
        return [folder / WHOLE]
    for place in (folder, folder / PARTS):
        if found := [path for path in sorted(place.glob("*.json*")) if is_tarred_manifest(path)]:
            return found
    return []


def is_nemo_tarred(folder: Path) -> bool:
    """Does a folder hold tar files and a manifest of them?"""
    return bool(_shards_of(folder)) and bool(manifests_of(folder))


def _shards_of(folder: Path) -> dict[int, Path]:
    """Number -> tar file."""
    return {int(number[1]): path for path in sorted(folder.glob("*.tar")) if (number := NUMBER.search(path.name))}


def read_nemo_tarred(source: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a folder, or of one manifest; the tar files are in --audio-dir, else in the folder."""
    source = Path(source)
    manifests = manifests_of(source) if source.is_dir() else [source]
    if not manifests:
        raise JstasrError(f"{source}: no manifest there whose rows have a {SHARD_ID}, such as {WHOLE}")
    folder = options.audio_dir or (source if source.is_dir() else source.parent)
    shards = _shards_of(folder)
    by_shard: dict[int, list[Row]] = {}
    tables = [json_table(path, faults) for path in manifests]
    names = {name: where for table in reversed(tables) for name, where in table.columns}
    of_audio = replace(options, audio_dir=None, ignore=(*options.ignore, SHARD_ID))
    columns = Columns(list(names.items()), of_audio, faults, f"{manifests[0]}:1")
    if not columns.complete:
        return []
    for where, row in (row for table in tables for row in table.rows):
        number = row.get(SHARD_ID)
        if isinstance(number, int):
            by_shard.setdefault(number, []).append((where, row))
        else:
            faults.add_row(where, f"{SHARD_ID} is {number!r}, not a number", "no shard")
    entries: list[Entry] = []
    for number, rows in sorted(by_shard.items()):
        if number not in shards:
            faults.add(folder, f"lacks the tar file of shard {number}, which {rows[0][0]} names; {GET_AGAIN}")
            continue
        try:
            entries += _read_shard(shards[number], rows, columns, options, faults)
        except JstasrError as error:  # all damaged ones are named
            faults.add(folder, str(error))
    if unused := sorted(shards.keys() - by_shard.keys()):
        faults.note(f"tar files that no row names: {first_few([shards[number].name for number in unused], 3)}")
    return entries


def _read_shard(
    shard: Path, rows: Sequence[Row], columns: Columns, options: ReadOptions, faults: ImportFaults
) -> list[Entry]:
    """Entries of the rows of one tar file."""
    column = columns.column_of["audio"]
    held = set(tar_names(shard))
    wanted: dict[str, list[Row]] = {}
    for where, row in rows:
        name = str(row.get(column))
        wanted.setdefault(name if name in held else AGAIN.sub("", name), []).append((where, row))
    entries: list[Entry] = []
    unnamed: list[str] = []
    for name, content in tar_files(shard):
        if name not in wanted:
            unnamed.append(name)
            continue
        members = wanted.pop(name)
        target = f"{path_below(shard.stem)}/{path_below(name)}"
        audio, seconds = store_audio(content, target, members[0][0], options, faults)
        for where, row in members if audio else ():
            entry = columns.entry({**row, column: audio}, where, faults)
            if entry is not None:
                entry.seconds = seconds
                entries.append(entry)
    for name, members in wanted.items():
        for where, _ in members:
            faults.add_row(where, f"{shard} does not hold {name}", "not in its tar file")
    if unnamed:
        faults.note(f"{len(unnamed)} file(s) of {shard.name} that no row names: {first_few(unnamed, 3)}")
    return entries
