"""A file is whole or absent."""

import os
import re
import stat

import pytest

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, file_stem, first_few


def test_content_appears_under_its_name_only_when_complete(tmp_path):
    target = tmp_path / "new" / "text"
    with atomic_write(target) as file:
        file.write("é\n")
        assert not target.exists()
    assert target.read_bytes() == "é\n".encode()
    assert os.listdir(target.parent) == ["text"]


def test_an_error_leaves_the_old_file_and_no_temporary(tmp_path):
    target = tmp_path / "text"
    target.write_text("old")
    with pytest.raises(KeyError), atomic_write(target) as file:
        file.write("new")
        raise KeyError
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["text"]


def test_a_symbolic_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with atomic_write(tmp_path / "link", "wb") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_permissions_follow_the_umask(tmp_path):
    (tmp_path / "plain").write_text("")
    with atomic_write(tmp_path / "atomic") as file:
        file.write("")
    modes = [stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("plain", "atomic")]
    assert modes[0] == modes[1]


def test_long_lists_are_cut_for_messages():
    assert first_few("abc", shown=2) == "a, b (and 1 more)"
    assert first_few("ab", shown=2) == "a, b"


@pytest.mark.parametrize("path", ["n" * 300, "n" * 250, "file/text"])
def test_a_place_where_nothing_can_be_written_is_named(tmp_path, path):
    (tmp_path / "file").touch()
    with pytest.raises(JstasrError, match=path[:10]), atomic_write(tmp_path / path) as file:
        file.write("new")


LONG = [
    "あ" * 34,
    "あ" * 84,
    "あ" * 83 + "い",
    "x" * 255,
    "x" * 254 + "y",
    "%" * 200,
    "🙂" * 63,
    "a/b" * 80,
    "r&b " * 60,
]


def test_the_stem_of_any_name_is_plain_and_short_and_its_own(tmp_path):
    names = [*LONG, "take (1)", "o'clock", "ann-1", "..", ".", "-n", "é", "e\u0301"]
    stems = [file_stem(name) for name in names]
    assert len(set(stems)) == len(names)
    for stem in stems:
        assert re.fullmatch(r"[\w.~%+-]{1,120}", stem, re.ASCII)
        with atomic_write(tmp_path / f"{stem}.wav", "wb") as file:
            file.write(b"")
    assert len(os.listdir(tmp_path)) == len(names)
    assert file_stem("ann-1") == "ann-1"
