"""A file is whole or absent."""

import os
import stat

import pytest

from jstasr.kaldi.files import atomic_write, first_few


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
