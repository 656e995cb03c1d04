"""The results of a sweep in a folder that can be committed: every table is computed from these files alone.

    sweep.yaml                        the plan
    cells.csv                         a row for each cell, decoding, test set and mode
    <condition>.<test set>.csv.gz     a row for each utterance, its errors in each decoding in a column
    page.md                           the tables

A cell is finished when its rows are in cells.csv, which is written last.
"""

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

PLAN, CELLS, PAGE = "sweep.yaml", "cells.csv", "page.md"
UTTERANCES = ".csv.gz"
UTTERANCE_COLUMNS = ("utterance", "words", "group")
SEPARATOR = "/"  # in the name of a column: system/seed/decoding/mode


@dataclass
class Row:
    """A decoding of a test set by one mode.

    Attributes:
        decoding: name of the folder without decode_.
        dev: lowest error rate on the dev set during training, mean of the trained decoders, in percent.
        seconds: of the training (stages 6 and 7); "" where it was interrupted.
        total_seconds: with decoding and scoring.
        commit, data, config, search: what names the cell and its decoding.
    """

    condition: str
    system: str
    seed: int
    decoding: str
    test_set: str
    mode: str
    errors: int
    words: int
    dev: str
    seconds: str
    total_seconds: str
    commit: str
    data: str
    config: str
    search: str

    @property
    def key(self) -> tuple[str, str, int]:
        """(condition, system, seed): whose row it is."""
        return self.condition, self.system, self.seed

    @property
    def column(self) -> str:
        """Its column in the file of the utterances."""
        return SEPARATOR.join((self.system, str(self.seed), self.decoding, self.mode))

    @property
    def file(self) -> tuple[str, str]:
        """(condition, test set): its file of utterances."""
        return self.condition, self.test_set


COLUMNS = tuple(item.name for item in fields(Row))
NUMBERS = ("seed", "errors", "words")


@dataclass
class Utterances:
    """The errors in a test set, of U utterances.

    Attributes:
        ids, groups: U str; a group is a language, "" where none is known.
        words: (U,) int, reference words.
        errors: column -> (U,) int.
    """

    ids: list[str]
    words: np.ndarray
    groups: list[str]
    errors: dict[str, np.ndarray] = field(default_factory=dict)

    def is_same_set(self, other: "Utterances") -> bool:
        """Have both the same utterances with the same references, as far as the numbers of words tell?"""
        return self.ids == other.ids and self.groups == other.groups and np.array_equal(self.words, other.words)


def utterance_file(folder: Path, condition: str, test_set: str) -> Path:
    """The file of a test set's utterances."""
    return folder / f"{condition}.{test_set.replace('/', '+')}{UTTERANCES}"


def read_cells(folder: Path) -> list[Row]:
    """The rows of cells.csv; none where there is no such file.

    Raises:
        JstasrError: a damaged file.
    """
    path = folder / CELLS
    if not path.is_file():
        return []
    with open(path, encoding="utf-8", newline="") as file:
        heading, *lines = list(csv.reader(file)) or [[]]
    if tuple(heading) != COLUMNS:
        raise JstasrError(f"{path}:1: expected the columns {','.join(COLUMNS)}")
    rows = []
    for number, line in enumerate(lines, 2):
        try:
            values = dict(zip(COLUMNS, line, strict=True))
            rows.append(Row(**{name: int(value) if name in NUMBERS else value for name, value in values.items()}))  # type: ignore[arg-type]
        except ValueError as error:
            raise JstasrError(f"{path}:{number}: not a row of a sweep: {error}") from None
    return rows


def write_cells(folder: Path, rows: Iterable[Row]) -> None:
    """Write cells.csv."""
    with atomic_write(folder / CELLS) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)


def read_utterances(path: Path) -> Utterances:
    """Read the file of a test set's utterances.

    Raises:
        JstasrError: missing or damaged.
    """
    try:
        heading, *lines = list(csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode("utf-8"))))
        if tuple(heading[:3]) != UTTERANCE_COLUMNS:
            raise ValueError(f"the columns are {','.join(heading[:3])}")
        if any(len(line) != len(heading) for line in lines):
            raise ValueError("lines of different length")
        numbers = np.array([[int(value) for value in (line[1], *line[3:])] for line in lines], np.int64)
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such file, though {CELLS} beside it has rows of it") from None
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise JstasrError(f"{path}: damaged: {error}") from None
    numbers = numbers.reshape(len(lines), len(heading) - 2)
    return Utterances(
        [line[0] for line in lines],
        numbers[:, 0],
        [line[2] for line in lines],
        {name: numbers[:, place] for place, name in enumerate(heading[3:], 1)},
    )


def read_records(folder: Path) -> tuple[list[Row], dict[tuple[str, str], Utterances]]:
    """The rows whose utterances are there too, and the utterances by (condition, test set).

    A sweep that was killed while it wrote may leave rows without utterances, or with those of another cell.
    """
    rows = read_cells(folder)
    tables = {}
    for name in dict.fromkeys(row.file for row in rows):
        path = utterance_file(folder, *name)
        if path.is_file():
            tables[name] = read_utterances(path)
    complete = []
    for row in rows:
        column = tables[row.file].errors.get(row.column) if row.file in tables else None
        if column is not None and int(column.sum()) == row.errors:
            complete.append(row)
    return complete, tables


def write_utterances(path: Path, utterances: Utterances) -> None:
    """Write the file of a test set's utterances; the same content is the same bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*UTTERANCE_COLUMNS, *utterances.errors])
    columns = [column.tolist() for column in utterances.errors.values()]
    writer.writerows(zip(utterances.ids, utterances.words.tolist(), utterances.groups, *columns, strict=True))
    with atomic_write(path, "wb") as file:
        file.write(gzip.compress(text.getvalue().encode(), 9, mtime=0))


def add_cell(folder: Path, new: Sequence[tuple[Row, Utterances]], order: Sequence[tuple[str, str, int]]) -> None:
    """Put the rows of a finished decoding into the files; they replace earlier ones of their cell and decoding, and all
    of the cell that come from other data, configuration or code.

    Args:
        new: rows, each with utterances whose one column is the row's.
        order: keys of all cells in the order of the plan.
    Raises:
        JstasrError: the test set is not that of the other cells.
    """
    fresh = {(row.key, row.decoding, row.test_set, row.mode) for row, _ in new}
    versions = {row.key: (row.commit, row.data, row.config) for row, _ in new}
    kept, dropped = [], []
    for row in read_records(folder)[0]:
        is_old = row.key in versions and versions[row.key] != (row.commit, row.data, row.config)
        replaced = (row.key, row.decoding, row.test_set, row.mode) in fresh
        (dropped if is_old or replaced else kept).append(row)
    by_file: dict[tuple[str, str], list[tuple[Row, Utterances]]] = {}
    for row, utterances in new:
        by_file.setdefault(row.file, []).append((row, utterances))
    for name in dict.fromkeys([*by_file, *(row.file for row in dropped)]):
        _update_utterances(
            utterance_file(folder, *name),
            by_file.get(name, []),
            {row.column for row in kept if row.file == name},
        )
    rank = {key: place for place, key in enumerate(order)}
    rows = [*kept, *(row for row, _ in new)]
    rows.sort(key=lambda r: (rank.get(r.key, len(rank)), r.key, r.decoding, r.test_set, r.mode != "streaming"))
    write_cells(folder, rows)


def _update_utterances(path: Path, new: Sequence[tuple[Row, Utterances]], kept: set[str]) -> None:
    old = read_utterances(path) if path.is_file() else None
    table = old or new[0][1]
    columns = {name: values for name, values in old.errors.items() if name in kept} if old else {}
    for row, utterances in new:
        if not table.is_same_set(utterances):
            if columns:
                raise JstasrError(
                    f"{path}: the test set has other utterances or references than in the cells before "
                    f"({', '.join(list(columns)[:3])}): remove this file and {CELLS}, or give the sweep another name"
                )
            table = utterances
        columns[row.column] = utterances.errors[row.column]
    if not columns:
        path.unlink(missing_ok=True)
        return
    write_utterances(path, Utterances(table.ids, table.words, table.groups, dict(sorted(columns.items()))))


def error_columns(utterances: Utterances, names: Sequence[str]) -> np.ndarray:
    """(C, U) errors of some columns."""
    return np.stack([utterances.errors[name] for name in names])


def group_numbers(utterances: Utterances) -> tuple[list[str], np.ndarray]:
    """The names of the groups, and (U,) the number of each utterance's group."""
    names = sorted(set(utterances.groups))
    place = {name: number for number, name in enumerate(names)}
    return names, np.array([place[name] for name in utterances.groups], np.int64)
