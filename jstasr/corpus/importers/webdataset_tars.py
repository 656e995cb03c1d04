"""WebDataset's tar files: `<key>.flac` beside `<key>.txt`, `.json` or `.cls`; what belongs together is in a row.

A key ends at the first point of a file's name, as in https://github.com/webdataset/webdataset.
"""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from jstasr.corpus.importers.columns import ALIASES, ROLE_OF, Columns
from jstasr.corpus.importers.entries import AUDIO_ENDINGS, Entry, ImportFaults, ReadOptions, files_below
from jstasr.corpus.importers.split import SET_OF
from jstasr.corpus.importers.stored_audio import store_audio
from jstasr.corpus.importers.tars import first_names, path_below, tar_files
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

SHARD = re.compile(r"\.(tar|tar\.gz|tgz)$", re.IGNORECASE)
TEXTS = ("txt", "text", "transcript", "lab", "cls")  # endings of transcripts, the likeliest first
SampleRow = tuple[str, dict[str, object], float | None]  # where, column -> value, seconds where only measured
INSIDE = ("start", "end")  # times in a JSON are of the recording that the sample was cut from


def shards_below(source: Path) -> list[Path]:
    """The tar files below a folder, sorted; of a file, itself."""
    return [path for path in files_below(source) if SHARD.search(path.name)] if source.is_dir() else [source]


def is_shard(path: Path) -> bool:
    """Does a tar file begin with several files of one key?"""
    names = first_names(path, 2)
    return len(names) == 2 and _key(names[0]) == _key(names[1])


def is_webdataset(folder: Path) -> bool:
    """Does a folder hold such tar files?"""
    shards = [path for path in sorted(folder.iterdir()) if SHARD.search(path.name) and path.is_file()]
    return any(map(is_shard, shards[:3]))  # one may be damaged


def _key(name: str) -> str:
    folder, slash, file = name.rpartition("/")
    return folder + slash + file.partition(".")[0]


def read_webdataset(source: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of all tar files of a folder, or of one; the audio is written to `options.extracted`.

    The transcript is that of the file behind the key, else the JSON's; other keys of the JSON are as the columns of a
    table. Without one for it, the split is the name of the sub-folder or the beginning of the tar file's.
    """
    source = Path(source)
    shards = shards_below(source)
    if not shards:
        raise JstasrError(f"{source}: no tar files there")
    options = without_times(options)
    rows: list[SampleRow] = []
    for shard in shards:
        inner = shard.relative_to(source) if source.is_dir() else Path(shard.name)
        split = _split_of(inner)
        folder = path_below(SHARD.sub("", str(inner)))
        try:
            for key, members in _samples(shard):
                faults.found += 1
                found = sample_row(f"{shard}: {key}", f"{folder}/{path_below(key)}", members, options, faults)
                if found is not None:
                    row, seconds = found
                    rows.append((f"{shard}: {key}", {"split": split, **row} if split else row, seconds))
        except JstasrError as error:  # all damaged ones are named
            faults.add(shard, str(error).removeprefix(f"{shard}: "))
    return entries_of_rows(rows, str(source), options, faults)


def entries_of_rows(rows: Sequence[SampleRow], source: str, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of samples, whose columns are those that any of them has."""
    if not rows:
        return []
    names = dict.fromkeys(name for _, row, _ in rows for name in row)
    columns = Columns([(name, source) for name in names], options, faults, source)
    entries: list[Entry] = []
    for where, row, seconds in rows if columns.complete else ():
        entry = columns.entry(row, where, faults)
        if entry is not None:
            entry.seconds = seconds
            entries.append(entry)
    return entries


def _samples(shard: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Key, and ending -> content, of what a tar file holds; errors as of `tar_files`."""
    files = (file for file in tar_files(shard) if not file[0].rpartition("/")[2].startswith((".", "__")))
    for key, members in itertools.groupby(files, key=lambda file: _key(file[0])):
        yield key, {name[len(key) :].lstrip(".").lower(): content for name, content in members}


def sample_row(
    where: str, name: str, members: dict[str, bytes], options: ReadOptions, faults: ImportFaults
) -> tuple[dict[str, object], float | None] | None:
    """Column -> value of a sample and, where it is only measured, its seconds; None where there are faults."""
    audio = [ending for ending in members if f".{ending.rpartition('.')[2]}" in AUDIO_ENDINGS]
    chosen = options.columns.get("audio", "")
    if chosen in members:
        audio = [chosen]
    if len(audio) != 1:
        held = first_few(list(members), 6)
        message = f"{len(audio)} audio files, name one: --columns audio=ENDING" if audio else "no audio"
        faults.add_row(where, f"{message}; it holds {held}", "not one audio file")
        return None
    row: dict[str, object] = {}
    for ending in members:
        if ending.rpartition(".")[2] == "json":
            try:
                content = json.loads(members[ending])
            except ValueError as error:
                faults.add_row(where, f"its {ending} is not JSON: {error}", "not JSON")
                return None
            row |= content if isinstance(content, dict) else {ending: content}
    texts = {ending: members[ending].decode("utf-8", "surrogateescape") for ending in _texts(members, options)}
    row |= texts
    if transcript := next((ending for ending in TEXTS if ending in texts), ""):
        row["text"] = texts[transcript]
    path, seconds = store_audio(members[audio[0]], f"{name}.{audio[0].rpartition('.')[2]}", where, options, faults)
    row[chosen or "audio"] = path
    return (row, seconds) if path else None


def _texts(members: dict[str, bytes], options: ReadOptions) -> list[str]:
    """Endings of the members that are text."""
    return [ending for ending in members if ending in TEXTS or ending in options.columns.values()]


def without_times(options: ReadOptions) -> ReadOptions:
    """Options that ignore times in a JSON: the audio of a sample is cut already."""
    aliases = " ".join(ALIASES[role] for role in INSIDE).split()
    times = [name for name in aliases if name in ROLE_OF and name not in options.columns.values()]
    return replace(options, ignore=(*options.ignore, *times), audio_dir=None)


def _split_of(path: Path) -> str:
    """The split by the name of a sub-folder, or by the first word of a tar file's name."""
    words = (*path.parts[:-1], re.split(r"[-_.]", path.name)[0])
    return next((word for word in words if word.lower() in SET_OF), "")
