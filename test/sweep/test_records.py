"""The files of a sweep's results: whole after any kill, replaced cell by cell."""

import gzip

import numpy as np
import pytest

from jstasr.errors import JstasrError
from jstasr.sweep import records
from jstasr.sweep.records import Row, Utterances, add_cell, read_cells, read_records, read_utterances, utterance_file

ORDER = [("all", "A", 1), ("all", "B", 1)]
IDS, WORDS = ["u1", "u2", "ü3"], np.array([3, 4, 0])


def result(system="A", errors=(1, 0, 2), commit="c1", decoding="beam", ids=IDS, test_set="test"):
    row = Row("all", system, 1, decoding, test_set, "full", sum(errors), 7, "9.50", "60", "", commit, "d", "k", "s")
    return row, Utterances(list(ids), WORDS, ["en", "it", "en"], {row.column: np.array(errors)})


def test_what_is_added_is_read_again_in_the_order_of_the_plan(tmp_path):
    add_cell(tmp_path, [result("B"), result("B", (0, 0, 1), decoding="beam_lm")], ORDER)
    add_cell(tmp_path, [result("A", (3, 3, 3))], ORDER)
    rows, tables = read_records(tmp_path)
    assert [(row.system, row.decoding, row.errors) for row in rows] == [
        ("A", "beam", 9),
        ("B", "beam", 3),
        ("B", "beam_lm", 1),
    ]
    assert rows[0] == result("A", (3, 3, 3))[0]
    table = tables["all", "test"]
    assert table.ids == IDS and table.words.tolist() == [3, 4, 0] and table.groups == ["en", "it", "en"]
    assert {name: column.tolist() for name, column in table.errors.items()} == {
        "A/1/beam/full": [3, 3, 3],
        "B/1/beam/full": [1, 0, 2],
        "B/1/beam_lm/full": [0, 0, 1],
    }


def test_the_same_results_are_the_same_bytes(tmp_path):
    contents = []
    for name, order in (("x", "AB"), ("y", "BA")):
        for system in order:
            add_cell(tmp_path / name, [result(system)], ORDER)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1] and set(contents[0]) == {"cells.csv", "all.test.csv.gz"}


def test_a_cell_of_new_code_replaces_all_of_the_old(tmp_path):
    add_cell(tmp_path, [result("A"), result("A", decoding="greedy"), result("B")], ORDER)
    add_cell(tmp_path, [result("A", (5, 5, 5), commit="c2")], ORDER)
    rows, tables = read_records(tmp_path)
    assert [(row.system, row.decoding, row.commit) for row in rows] == [("A", "beam", "c2"), ("B", "beam", "c1")]
    assert set(tables["all", "test"].errors) == {"A/1/beam/full", "B/1/beam/full"}


def test_a_test_set_that_changed_is_refused_unless_it_is_all_new(tmp_path):
    add_cell(tmp_path, [result("A"), result("B")], ORDER)
    with pytest.raises(JstasrError, match="other utterances or references than in the cells before"):
        add_cell(tmp_path, [result("A", commit="c2", ids=["u1", "u2", "u4"])], ORDER)
    assert len(read_records(tmp_path)[0]) == 2


@pytest.mark.parametrize("killed_in", ["write_cells", "_update_utterances"])
def test_a_kill_between_the_files_loses_only_the_new_cell(tmp_path, monkeypatch, killed_in):
    add_cell(tmp_path, [result("A"), result("B")], ORDER)
    new = [result("A", (5, 5, 5), commit="c2"), result("A", (1, 1, 1), commit="c2", test_set="other")]

    class Killed(Exception):
        pass

    original, count = getattr(records, killed_in), []

    def kill(*arguments):
        count.append(1)
        if killed_in == "write_cells" or len(count) == 2:
            raise Killed
        original(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(records, killed_in, kill)
        with pytest.raises(Killed):
            add_cell(tmp_path, new, ORDER)
    assert [row.system for row in read_records(tmp_path)[0]] == ["B"]  # A is not finished, and runs again
    add_cell(tmp_path, new, ORDER)
    rows = read_records(tmp_path)[0]
    assert [(row.system, row.test_set, row.errors) for row in rows] == [
        ("A", "other", 3),
        ("A", "test", 15),
        ("B", "test", 3),
    ]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"no archive", "damaged"),
        (gzip.compress(b"a,b,c\n"), "the columns are a,b,c"),
        (gzip.compress(b"utterance,words,group,x\nu,1,en\n"), "different length"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content, message):
    path = utterance_file(tmp_path, "all", "test")
    path.write_bytes(content)
    with pytest.raises(JstasrError, match=message) as error:
        read_utterances(path)
    assert str(path) in str(error.value)


def test_a_damaged_row_is_named(tmp_path):
    add_cell(tmp_path, [result("A")], ORDER)
    path = tmp_path / "cells.csv"
    path.write_text(path.read_text() + "all,A,1,beam,test\n")
    with pytest.raises(JstasrError, match=r"cells.csv:3: not a row of a sweep"):
        read_cells(tmp_path)
