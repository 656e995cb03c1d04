"""Kaldi tables and data directories."""

import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jstasr.errors import JstasrError
from jstasr.kaldi.data_dir import DataDir, Segment
from jstasr.kaldi.tables import read_table, spk2utt_of, write_table

no_space = st.characters(exclude_categories=["Cs"], exclude_characters=" \t\r\n\x00")
keys = st.text(no_space, min_size=1, max_size=8).filter(lambda key: not key.startswith("\ufeff"))
values = st.lists(st.text(no_space, min_size=1, max_size=5), min_size=1, max_size=4).map(" ".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.dictionaries(keys, values, min_size=1, max_size=8))
def test_a_written_table_is_read_back_and_sorted_as_by_sort(tmp_path, table):
    path = tmp_path / "table"
    write_table(path, table)
    assert read_table(path) == table
    order = subprocess.run(
        ["sort", "-c", "-k1,1", "-t", " "], env={**os.environ, "LC_ALL": "C"}, stdin=path.open(), check=False
    )
    assert order.returncode == 0


@pytest.mark.parametrize(
    "content, words",
    [
        (b"\xef\xbb\xbfa x\n", ["table:1", "byte-order mark", "sed"]),
        (b"a x\r\nb y\r\n", ["table:1", "CR LF", "sed"]),
        (b"a x\nb \xe9t\xe9\n", ["table:2", "not UTF-8", "0xe9", "iconv"]),
        (b"a x\nb y\na z\n", ["table:3", "a is already on line 1"]),
        (b"a x\nb\n", ["table:2", "nothing after b"]),
        (b"a x\n\nb y\n", ["table:2", "blank line"]),
        (b"a x\nb\ny\n\xff z\n", ["table:2", "table:3", "table:4"]),
    ],
)
def test_a_damaged_table_is_refused_with_file_and_line(tmp_path, content, words):
    path = tmp_path / "table"
    path.write_bytes(content)
    with pytest.raises(JstasrError) as error:
        read_table(path)
    assert all(word in str(error.value) for word in words), error.value


def test_many_faults_are_counted_not_printed(tmp_path):
    (tmp_path / "text").write_text("".join(f"u{n}\n" for n in range(50)))
    with pytest.raises(JstasrError) as error:
        read_table(tmp_path / "text")
    assert str(error.value).count("nothing after") == 10
    assert "40 more" in str(error.value)


def test_only_space_and_tab_separate(tmp_path):
    (tmp_path / "text").write_bytes("a\tx  y\u00a0z\u2028w \nb   v".encode())
    assert read_table(tmp_path / "text") == {"a": "x  y\u00a0z\u2028w", "b": "v"}


def test_a_missing_table_names_itself(tmp_path):
    with pytest.raises(JstasrError, match="wav.scp: no such file"):
        read_table(tmp_path / "wav.scp")


def test_empty_values_can_be_allowed(tmp_path):
    write_table(tmp_path / "text", {"a": "", "b": "x"})
    assert read_table(tmp_path / "text", allow_empty=True) == {"a": "", "b": "x"}


@pytest.mark.parametrize("table", [{"a b": "x"}, {"": "x"}, {"a": "x\ny"}])
def test_a_table_that_cannot_be_read_back_is_not_written(tmp_path, table):
    with pytest.raises(JstasrError):
        write_table(tmp_path / "text", table)
    assert not (tmp_path / "text").exists()


def make_dir(path, **tables):
    path.mkdir()
    for name, lines in tables.items():
        (path / name.replace("wav_scp", "wav.scp")).write_text("".join(f"{line}\n" for line in lines))
    return DataDir(path)


def test_segments_are_read_as_seconds(tmp_path):
    data = make_dir(tmp_path / "d", segments=["u r 1.5 2", "v r 0 -1"])
    assert data.segments == {"u": Segment("r", 1.5, 2.0), "v": Segment("r", 0.0, -1.0)}


@pytest.mark.parametrize("line", ["u r 2 1", "u r 1", "u r x 2", "u r -1 2", "u r nan 2", "u r 1 1"])
def test_a_bad_segment_names_its_utterance(tmp_path, line):
    with pytest.raises(JstasrError, match="segments: u: expected"):
        _ = make_dir(tmp_path / "d", segments=[line]).segments


def test_all_disagreements_of_a_data_dir_are_told_at_once(tmp_path):
    data = make_dir(tmp_path / "d", wav_scp=["a a.wav", "b b.wav"], text=["a x", "c y"], utt2spk=["a s", "b s", "c s"])
    with pytest.raises(JstasrError) as error:
        data.check()
    message = str(error.value)
    assert "text: lacks 1" in message and "wav.scp: lacks 1" in message and "fix_data_dir.sh" in message


def test_segments_of_unknown_recordings_are_named(tmp_path):
    data = make_dir(tmp_path / "d", wav_scp=["r r.wav"], text=["u x"], utt2spk=["u s"], segments=["u q 0 1"])
    with pytest.raises(JstasrError, match="wav.scp lacks: u"):
        data.check()


def test_a_text_only_set_needs_only_text(tmp_path):
    data = make_dir(tmp_path / "d", text=["a x", "b y"])
    data.check(with_audio=False)
    assert data.utt2lang is None and data.utterances == ["a", "b"]


def test_spk2utt_inverts_utt2spk():
    assert spk2utt_of({"b": "s", "a": "s", "c": "t"}) == {"s": "a b", "t": "c"}
