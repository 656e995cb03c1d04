"""Tables of recordings: TSV, CSV and JSON lines (NeMo's manifests are such lines)."""

import csv
import io
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from jstasr.corpus.importers.columns import Columns
from jstasr.corpus.importers.entries import (
    AUDIO_ENDINGS,
    Entry,
    ImportFaults,
    ReadOptions,
    read_text_file,
    split_lines,
)
from jstasr.errors import JstasrError

WRONG_NUMBER = "another number of fields than the header has"


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
    """Entries of a table with a header line, and commas, semicolons or `|` between its fields."""
    return _entries(path, csv_table(path, faults), options, faults)


def read_jsonl(path: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of JSON objects: one a line, or all in one list."""
    return _entries(path, json_table(path, faults), options, faults)


def _entries(path: str | Path, table: Table, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    return table_entries(path, table, replace(options, audio_dir=options.audio_dir or folder_of(path)), faults)


def folder_of(path: str | Path) -> Path:
    """Where relative audio paths of a table begin."""
    return Path(path).absolute().parent


def table_entries(path: str | Path, table: Table, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a table's rows; those with faults are left out."""
    if not table.columns:
        if not faults.rows and not faults.fatal:
            raise JstasrError(f"{path}: is empty; expected a header line and rows, or JSON objects")
        return []
    columns = Columns(table.columns, options, faults, f"{path}:1")
    if not columns.complete:
        return []
    entries = (columns.entry(row, where, faults) for where, row in table.rows)
    return [entry for entry in entries if entry is not None]


def tsv_table(path: str | Path, faults: ImportFaults) -> Table:
    """Content of a TSV file; quotes that do not enclose a whole field are part of it."""
    lines = split_lines(read_text_file(path))
    if not lines:
        return Table([], [])
    header = [unquote(name).strip() for name in lines[0].split("\t")]
    rows = []
    for number, line in enumerate(lines[1:], 2):
        fields = line.split("\t")
        where = f"{path}:{number}"
        if not line.strip():
            continue
        faults.found += 1
        if len(fields) != len(header):
            faults.add_row(where, f"{len(fields)} fields, where the header has {len(header)}", WRONG_NUMBER)
            continue
        rows.append((where, dict(zip(header, map(unquote, fields), strict=True))))
    return Table([(name, f"{path}:1") for name in header], rows)


def unquote(field: str) -> str:
    """'"He said ""no""."' -> 'He said "no".': as spreadsheets and Common Voice write quotes."""
    if len(field) > 1 and field[0] == field[-1] == '"' and '"' not in field[1:-1].replace('""', ""):
        return field[1:-1].replace('""', '"')
    return field


def csv_table(path: str | Path, faults: ImportFaults) -> Table:
    """Content of a CSV file: `,` or `;` between fields and quotes as in RFC 4180, or `|` and no quotes."""
    content = read_text_file(path)
    first = content.split("\n", 1)[0]
    separator = max(",;|", key=first.count)
    quoting = csv.QUOTE_NONE if separator == "|" else csv.QUOTE_MINIMAL
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=separator, quoting=quoting, strict=True)
    header: list[str] = []
    rows: list[tuple[str, dict[str, str]]] = []
    while True:
        number = reader.line_num + 1
        where = f"{path}:{number}"
        try:
            fields = next(reader, None)
        except csv.Error as error:
            remedy = "" if quoting else "; a quote inside a field is written twice, in a field with quotes around it"
            faults.add(where, f"not CSV from here on: {error}{remedy}")
            break
        if fields is None:
            break
        if not any(field.strip() for field in fields):
            continue
        if not header:
            header = [name.strip() for name in fields]
            continue
        faults.found += 1
        if len(fields) != len(header):
            hint = "; a field that holds the separator needs quotes around it" if len(fields) > len(header) else ""
            faults.add_row(where, f"{len(fields)} fields, where the header has {len(header)}{hint}", WRONG_NUMBER)
        elif reader.line_num > number and _holds_rows(fields, separator, len(header)):
            closed = f"a quote opens here and closes on line {reader.line_num}, around what looks like rows"
            faults.add(where, f"{closed}; a quote inside a field is written twice")
        else:
            rows.append((where, dict(zip(header, fields, strict=True))))
    return Table([(name, f"{path}:1") for name in header], rows)


def _holds_rows(fields: Sequence[str], separator: str, width: int) -> bool:
    """Does a field hold a line that names a recording, with as many fields as a row has?"""
    for field in fields:
        for line in field.splitlines()[1:]:
            inner = [part.strip('" ') for part in line.split(separator)]
            if len(inner) == width and any(part.lower().endswith(AUDIO_ENDINGS) for part in inner):
                return True
    return False


def json_table(path: str | Path, faults: ImportFaults) -> Table:
    """Content of JSON objects; keys may differ from line to line."""
    content = read_text_file(path)
    objects: list[tuple[str, object]] = []
    broken: list[tuple[str, Exception]] = []
    if content.lstrip().startswith("["):
        try:
            items = json.loads(content, object_pairs_hook=_json_object)
        except (ValueError, RecursionError) as error:
            raise JstasrError(f"{path}: not a JSON list: {error}") from None
        objects = [(f"{path}: item {number}", item) for number, item in enumerate(items, 1)]
    else:
        for number, line in enumerate(split_lines(content), 1):
            if not line.strip():
                continue
            try:
                objects.append((f"{path}:{number}", json.loads(line, object_pairs_hook=_json_object)))
            except (ValueError, RecursionError) as error:
                if not objects and "\n" in content.strip() and _is_json(content):
                    raise JstasrError(
                        f"{path}: is one JSON value over several lines; expected a list [...] of objects, or an object "
                        f"on each line: jq -c '.[]' {shlex.quote(str(path))} > lines.jsonl makes lines of its parts"
                    ) from None
                broken.append((f"{path}:{number}", error))
    if not objects and len(broken) > 1:
        raise JstasrError(f"{path}: none of its lines is a JSON object; of the first: {broken[0][1]}")
    for where, error in broken:
        faults.found += 1
        faults.add_row(where, f"not JSON: {error}", "not JSON")
    first_seen: dict[str, str] = {}
    rows: list[tuple[str, Mapping[str, object]]] = []
    for where, item in objects:
        faults.found += 1
        if not isinstance(item, dict):
            faults.add_row(where, f"not a JSON object: {str(item)[:40]!r}", "not JSON")
            continue
        for key in item:
            first_seen.setdefault(key, where)
        rows.append((where, item))
    return Table(list(first_seen.items()), rows)


def _is_json(content: str) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


def _json_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object; ValueError where a key is there twice, of which one value would be lost."""
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} is there twice")
        found[key] = value
    return found
