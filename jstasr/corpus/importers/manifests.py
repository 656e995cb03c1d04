"""Tables of recordings: TSV, CSV and JSON lines (NeMo's manifests are such lines)."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from jstasr.corpus.importers.columns import Columns
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions, read_text_file
from jstasr.errors import JstasrError


class Table(NamedTuple):
    """Content of a table.

    Args:
        columns: (name, where it was first seen).
        rows: (where, column -> value: text, or what JSON has).
    """

    columns: list[tuple[str, str]]
    rows: Sequence[tuple[str, Mapping[str, object]]]


def read_tsv(path: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a tab-separated table with a header line."""
    return _entries(path, tsv_table(path, faults), options, faults)


def read_csv(path: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a comma- or semicolon-separated table with a header line."""
    return _entries(path, csv_table(path, faults), options, faults)


def read_jsonl(path: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of JSON objects: one a line, or all in one list."""
    return _entries(path, json_table(path, faults), options, faults)


def _entries(path: str | Path, table: Table, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    options = replace(options, audio_dir=options.audio_dir or Path(path).absolute().parent)
    if not table.columns:
        raise JstasrError(f"{path}: is empty; expected a header line and rows, or JSON objects")
    columns = Columns(table.columns, options, faults, f"{path}:1")
    if not columns.complete:
        return []
    entries = (columns.entry(row, where, faults) for where, row in table.rows)
    return [entry for entry in entries if entry is not None]


def tsv_table(path: str | Path, faults: ImportFaults) -> Table:
    """Content of a TSV file; quotes that do not enclose a whole field are part of it."""
    lines = [line.removesuffix("\r") for line in read_text_file(path).split("\n")]
    if lines[-1] == "":
        lines.pop()
    if not lines:
        return Table([], [])
    header = [name.strip() for name in lines[0].split("\t")]
    rows = []
    for number, line in enumerate(lines[1:], 2):
        fields = line.split("\t")
        where = f"{path}:{number}"
        if not line.strip():
            continue
        if len(fields) != len(header):
            faults.add_row(where, f"{len(fields)} fields, where the header has {len(header)}")
            continue
        rows.append((where, dict(zip(header, map(unquote, fields), strict=True))))
    return Table([(name, f"{path}:1") for name in header], rows)


def unquote(field: str) -> str:
    """'"He said ""no""."' -> 'He said "no".': as spreadsheets and Common Voice write quotes."""
    if len(field) > 1 and field[0] == field[-1] == '"' and '"' not in field[1:-1].replace('""', ""):
        return field[1:-1].replace('""', '"')
    return field


def csv_table(path: str | Path, faults: ImportFaults) -> Table:
    """Content of a CSV file."""
    content = read_text_file(path)
    first = content.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=";" if first.count(";") > first.count(",") else ",")
    header: list[str] = []
    rows: list[tuple[str, dict[str, str]]] = []
    while True:
        where = f"{path}:{reader.line_num + 1}"
        try:
            fields = next(reader, None)
        except csv.Error as error:
            faults.add(where, f"not CSV: {error}")
            break
        if fields is None:
            break
        if not any(field.strip() for field in fields):
            continue
        if not header:
            header = [name.strip() for name in fields]
        elif len(fields) != len(header):
            hint = "; a field that holds the separator needs quotes around it" if len(fields) > len(header) else ""
            faults.add_row(where, f"{len(fields)} fields, where the header has {len(header)}{hint}")
        else:
            rows.append((where, dict(zip(header, fields, strict=True))))
    return Table([(name, f"{path}:1") for name in header], rows)


def json_table(path: str | Path, faults: ImportFaults) -> Table:
    """Content of JSON objects; keys may differ from line to line."""
    content = read_text_file(path)
    if content.lstrip().startswith("["):
        try:
            items = json.loads(content, object_pairs_hook=_json_object)
        except (ValueError, RecursionError) as error:
            raise JstasrError(f"{path}: not a JSON list: {error}") from None
        objects = [(f"{path}: item {number}", item) for number, item in enumerate(items, 1)]
    else:
        objects = []
        for number, line in enumerate(content.split("\n"), 1):
            if not line.strip():
                continue
            try:
                objects.append((f"{path}:{number}", json.loads(line, object_pairs_hook=_json_object)))
            except (ValueError, RecursionError) as error:
                faults.add_row(f"{path}:{number}", f"not JSON: {error}")
    first_seen: dict[str, str] = {}
    rows: list[tuple[str, Mapping[str, object]]] = []
    for where, item in objects:
        if not isinstance(item, dict):
            faults.add_row(where, f"not a JSON object: {str(item)[:40]!r}")
            continue
        for key in item:
            first_seen.setdefault(key, where)
        rows.append((where, item))
    return Table(list(first_seen.items()), rows)


def _json_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; ValueError where a key is there twice, of which one value would be lost."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice")
        found[key] = value
    return found
