"""LJSpeech's layout: wavs/<id>.wav, and metadata.csv with lines `id|transcript` or `id|raw|normalised`, no header.

The columns are called by their numbers, 1, 2 and 3.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from jstasr.corpus.importers.columns import ROLE_OF
from jstasr.corpus.importers.entries import (
    AUDIO_ENDINGS,
    Entry,
    ImportFaults,
    ReadOptions,
    printable,
    read_text_file,
    split_lines,
)
from jstasr.corpus.importers.manifests import WRONG_NUMBER, Table, table_entries
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

METADATA = "metadata.csv"
WAVS = "wavs"
LOOKED_AT = 200  # lines that show what the fields are
SAME_WORDS = 0.5  # of a raw transcript are in its normalised form, in most lines


def metadata_file(source: str | Path) -> Path:
    """The table of a folder, or the file itself."""
    source = Path(source)
    return source / METADATA if source.is_dir() else source


def is_ljspeech(source: str | Path) -> bool:
    """Is there a table with `|` between fields and without a header?"""
    path = metadata_file(source)
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        head = file.read(1 << 16).decode("utf-8", "replace").removeprefix("\ufeff")
    lines = [line for line in split_lines(head) if line.strip()][:LOOKED_AT]
    return bool(lines) and not is_header(lines[0]) and all("|" in line for line in lines[:-1] or lines)


def is_header(line: str) -> bool:
    """Does a line name columns?"""
    return sum(name.strip().strip('"').lower() in ROLE_OF for name in line.split("|")) > 1


def read_ljspeech(source: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a folder or its table; the normalised transcript is taken where there are two."""
    path = metadata_file(source)
    rows = []
    lines = [(n, line.split("|")) for n, line in enumerate(split_lines(read_text_file(path)), 1) if line.strip()]
    if not lines:
        raise JstasrError(f"{path}: is empty; expected lines `id|transcript` or `id|raw|normalised`")
    width = Counter(len(fields) for _, fields in lines).most_common(1)[0][0]
    faults.found += len(lines)
    for number, fields in lines:
        if len(fields) == width:
            rows.append((f"{path}:{number}", [field.strip() for field in fields]))
        else:
            message = f"{len(fields)} fields between |, where most lines have {width}"
            faults.add_row(f"{path}:{number}", message, WRONG_NUMBER)
    base = options.audio_dir or path.absolute().parent
    columns = {"audio": "1", **options.columns}
    if "text" not in columns:
        columns["text"] = str(_text_column([fields for _, fields in rows], path) + 1)
    names = [str(number + 1) for number in range(width)]
    recordings = _recordings(base)
    audio = int(columns["audio"]) - 1 if columns["audio"] in names else 0
    named: set[str] = set()
    values = []
    for where, fields in rows:
        row: dict[str, object] = dict(zip(names, fields, strict=True))
        if key := fields[audio]:
            found = recordings.get(key, f"{key}.wav")
            named.add(found)
            row[names[audio]] = found
        values.append((where, row))
    unnamed = sorted({path for path in recordings.values() if path not in named})
    if unnamed:
        faults.note(f"{len(unnamed)} recording(s) that no line of {path.name} names: {first_few(unnamed, 3)}")
    table = Table([(name, f"{path}:1") for name in names], values)
    return table_entries(path, table, replace(options, columns=columns, audio_dir=base), faults)


def _text_column(rows: Sequence[Sequence[str]], path: Path) -> int:
    """Index of the transcript among the fields.

    Raises:
        JstasrError: three fields that are no raw and normalised transcript, or more; asks which one it is.
    """
    sample = rows[:LOOKED_AT]
    width = len(rows[0])
    if width == 2:
        return 1
    if width == 3:
        if not any(fields[2] for fields in sample):
            return 1
        normalised = [fields for fields in sample if fields[2]]
        same = sum(_share_words(fields[1], fields[2]) for fields in normalised)
        if 2 * same > len(normalised):
            return 2
    shown = printable("|".join(rows[0]))[:80]
    raise JstasrError(
        f"{path}: which of the {width} fields of `{shown}` is the transcript? Say --columns text=2 (the fields are 1 "
        f"to {width}), and where one is the speaker, --columns speaker=3"
    )


def _share_words(raw: str, normalised: str) -> bool:
    """Are these two forms of one sentence?"""
    first, second = (set(re.findall(r"\w+", text.lower())) for text in (raw, normalised))
    return bool(first and second) and len(first & second) >= SAME_WORDS * min(len(first), len(second))


def _recordings(base: Path) -> dict[str, str]:
    """Name or path of a recording in `base` or its wavs/, with or without ending -> its path from `base`."""
    found: dict[str, str] = {}
    for folder in (base, base / WAVS):
        if folder.is_dir():
            for file in sorted(folder.iterdir()):
                if file.suffix.lower() in AUDIO_ENDINGS and not file.name.startswith("."):
                    inner = file.relative_to(base)
                    for key in (file.name, file.stem, str(inner), str(inner.with_suffix(""))):
                        found[key] = str(inner)
    return found
