"""Tables on disk: the same as read_table gives, by row and by key."""

import pickle
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.errors import JstasrError
from jstasr.kaldi import indexed_table
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.kaldi.tables import read_table

NO_TEXT = ("Cs",)  # lone halves of surrogate pairs
KEYS = st.text(st.characters(blacklist_categories=NO_TEXT, blacklist_characters=" \t\r\n\ufeff"), min_size=1)
VALUES = st.text(st.characters(blacklist_categories=NO_TEXT, blacklist_characters="\r\n\ufeff"), max_size=20)


def written(path, text):
    path.write_bytes(text.encode())
    return path


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=30), st.integers(8, 300))
def test_rows_and_keys_give_what_read_table_gives(tmp_path_factory, table, chunk):
    path = tmp_path_factory.mktemp("lines") / "text"
    written(path, "".join(f"{key} {value}\n" for key, value in table.items()))
    expected = read_table(path, allow_empty=True)
    before, indexed_table.CHUNK = indexed_table.CHUNK, chunk
    try:
        found = IndexedTable(path, allow_empty=True)
    finally:
        indexed_table.CHUNK = before
    assert [found.line(row) for row in range(len(found))] == list(expected.items())
    assert all(found.key(found.find(key)) == key for key in expected)
    assert found.find("not there") == (-1 if "not there" not in expected else found.find("not there"))


def test_tables_are_joined_by_key(tmp_path):
    rng = np.random.default_rng(0)
    keys = [f"utt{i}" for i in rng.permutation(1000)]
    one = IndexedTable(written(tmp_path / "one", "".join(f"{key} {i}\n" for i, key in enumerate(keys))))
    part = [key for key in sorted(keys) if rng.random() < 0.7] + ["foreign"]
    two = IndexedTable(written(tmp_path / "two", "".join(f"{key}\tx\n" for key in part)))
    rows = one.rows_of(two)
    assert [keys[row] if row >= 0 else "foreign" for row in rows] == part
    assert one.rows_of(one).tolist() == list(range(1000))


@pytest.mark.parametrize(
    "text, message",
    [
        ("a 1\nb 2\na 3\n", r":3: a is already on line 1"),
        ("a 1\n\nb 2\n", r":2: blank line"),
        ("a 1\nb\n", r":2: nothing after b"),
        ("a 1\nb  \t\n", r":2: nothing after b"),
        ("a 1\r\n", "Windows line end"),
        ("\ufeffa 1\n", "byte-order mark"),
        (" a 1\n", "begin with a blank"),
    ],
)
def test_faults_name_file_and_line(tmp_path, text, message):
    with pytest.raises(JstasrError, match=message):
        IndexedTable(written(tmp_path / "table", text))


def test_bytes_that_are_no_text_are_named(tmp_path):
    (tmp_path / "table").write_bytes(b"a 1\nb \xff\n")
    with pytest.raises(JstasrError, match=r"table:2: not UTF-8"):
        IndexedTable(tmp_path / "table")


def test_the_last_line_needs_no_end(tmp_path):
    table = IndexedTable(written(tmp_path / "table", "a 1\nb 2"))
    assert [table.line(0), table.line(1)] == [("a", "1"), ("b", "2")]


def test_a_file_that_was_overwritten_is_noticed(tmp_path):
    table = IndexedTable(written(tmp_path / "table", "a 1\nb 2\nc 3\n"))
    written(tmp_path / "table", "alpha 1\nb 2\nc 3\n")
    with pytest.raises(JstasrError, match="was changed while it was in use"):
        table.line(1)


def _read(table, queue):
    queue.put(all(table.line(row) == (f"u{row}", str(row)) for _ in range(20) for row in range(50)))


def test_forked_processes_read_the_same(tmp_path):
    table = IndexedTable(written(tmp_path / "table", "".join(f"u{i} {i}\n" for i in range(50))))
    table.line(3)
    assert pickle.loads(pickle.dumps(table)).line(7) == ("u7", "7")
    context = get_context("fork")
    queue = context.Queue()
    workers = [context.Process(target=_read, args=(table, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert all(queue.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
