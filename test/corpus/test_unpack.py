"""Archives that are whole, cut short, or mean harm."""

import errno
import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from jstasr.corpus.unpack import BrokenArchive, unpack
from jstasr.errors import JstasrError

FILES = {"corpus/a/1.txt": b"one" * 5000, "corpus/b.txt": b"two", "README": b"hello"}


def tar_of(path, entries, mode="w:gz"):
    with tarfile.open(path, mode) as tar:
        for name, content in entries.items():
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.linkname = content
                tar.addfile(entry)
    return path


def found_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nothing_but(tmp_path, *names):
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar_archives_of_every_kind(tmp_path, mode):
    unpack(tar_of(tmp_path / "x", FILES, mode), tmp_path / "out")
    assert found_in(tmp_path / "out") == FILES
    nothing_but(tmp_path, "x", "out")


def test_zip_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w", zipfile.ZIP_DEFLATED) as content:
        for name, value in FILES.items():
            content.writestr(name, value)
    unpack(tmp_path / "x", tmp_path / "out", "*/a")
    assert found_in(tmp_path / "out") == {"1.txt": FILES["corpus/a/1.txt"]}


def test_what_the_system_s_tar_packs(tmp_path):
    (tmp_path / "deep" / ("d" * 120)).mkdir(parents=True)
    (tmp_path / "deep" / ("d" * 120) / "größe.txt").write_text("x")
    subprocess.run(["tar", "-czf", "x.tgz", "./deep"], cwd=tmp_path, check=True)
    unpack(tmp_path / "x.tgz", tmp_path / "out", "deep")
    assert list(found_in(tmp_path / "out")) == ["d" * 120 + "/größe.txt"]


def test_a_member_becomes_the_folder(tmp_path):
    unpack(tar_of(tmp_path / "x", FILES), tmp_path / "sub/out", "corpus")
    assert sorted(found_in(tmp_path / "sub/out")) == ["a/1.txt", "b.txt"]


def test_a_lacking_member_names_what_is_there(tmp_path):
    with pytest.raises(BrokenArchive, match="has no LibriSpeech/dev, but README, corpus: is it another corpus?"):
        unpack(tar_of(tmp_path / "x", FILES), tmp_path / "out", "LibriSpeech/dev")
    with pytest.raises(BrokenArchive, match=r"\* is not one thing: README, corpus"):
        unpack(tmp_path / "x", tmp_path / "out", "*")
    nothing_but(tmp_path, "x")


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "no archive is needed", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_every_cut_archive_is_refused(tmp_path):
    whole = tar_of(tmp_path / "x", FILES | {"last": bytes(range(256)) * 40}).read_bytes()
    for size in range(0, len(whole), max(1, len(whole) // 50)):
        (tmp_path / "x").write_bytes(whole[:size])
        with pytest.raises(BrokenArchive, match="is no whole archive"):
            unpack(tmp_path / "x", tmp_path / "out")
        nothing_but(tmp_path, "x")
    (tmp_path / "x").write_bytes(whole[:-1])
    with pytest.raises(BrokenArchive):
        unpack(tmp_path / "x", tmp_path / "out")


def test_a_flipped_bit_is_refused(tmp_path):
    whole = bytearray(tar_of(tmp_path / "x", {"noise": bytes(range(256)) * 400}).read_bytes())
    for place in range(20, len(whole), len(whole) // 20):
        whole[place] ^= 1
        (tmp_path / "x").write_bytes(whole)
        with pytest.raises(BrokenArchive):
            unpack(tmp_path / "x", tmp_path / "out")
        whole[place] ^= 1


def test_a_plain_tar_with_a_broken_entry_in_it_is_refused(tmp_path):
    whole = bytearray(tar_of(tmp_path / "x", {"a": b"1" * 512, "b": b"2" * 512}, "w").read_bytes())
    (tmp_path / "x").write_bytes(whole[:1024])  # the whole of the first entry
    with pytest.raises(BrokenArchive):
        unpack(tmp_path / "x", tmp_path / "out")
    whole[1024:1100] = b"\xff" * 76  # the second header
    (tmp_path / "x").write_bytes(whole)
    with pytest.raises(BrokenArchive):
        unpack(tmp_path / "x", tmp_path / "out")


def test_a_page_instead_of_an_archive_is_refused(tmp_path):
    (tmp_path / "x").write_text("<html>Please log in</html>")
    with pytest.raises(BrokenArchive, match="is no whole archive"):
        unpack(tmp_path / "x", tmp_path / "out")


@pytest.mark.parametrize(
    "entries",
    [
        {"../evil": b"x"},
        {"a/../../evil": b"x"},
        {"/tmp/evil": b"x"},
        {"link": (tarfile.SYMTYPE, "/etc"), "link/evil": b"x"},
        {"link": (tarfile.LNKTYPE, "../x")},
        {"pipe": (tarfile.FIFOTYPE, "")},
    ],
    ids=["parent", "inner parent", "absolute", "symbolic link", "hard link", "pipe"],
)
def test_entries_that_lead_outside_are_refused(tmp_path, entries):
    (tmp_path / "in").mkdir()
    archive = tar_of(tmp_path / "x", FILES | entries)
    with pytest.raises(BrokenArchive, match="leads outside|a link or a device"):
        unpack(archive, tmp_path / "in" / "out")
    nothing_but(tmp_path, "x", "in")
    assert list((tmp_path / "in").iterdir()) == []


def test_zip_entries_that_lead_outside_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w") as content:
        content.writestr("../evil", "x")
    with pytest.raises(BrokenArchive, match="leads outside"):
        unpack(tmp_path / "x", tmp_path / "in" / "out")
    assert not (tmp_path / "evil").exists() and not (tmp_path / "in" / "evil").exists()


def test_what_a_killed_run_left_is_in_nobody_s_way(tmp_path):
    (tmp_path / ".unpacking.out/corpus").mkdir(parents=True)
    (tmp_path / ".unpacking.out/corpus/half").write_text("half")
    unpack(tar_of(tmp_path / "x", FILES), tmp_path / "out")
    assert found_in(tmp_path / "out") == FILES


def command(*words):
    return subprocess.run([sys.executable, "-m", "jstasr", "fetch", *map(str, words)], capture_output=True, text=True)


def test_the_command_downloads_unpacks_and_tidies_up(tmp_path):
    source = tar_of(tmp_path / "source.tar.gz", FILES)
    words = (source.as_uri(), tmp_path / "x.tar.gz", "--unpack", tmp_path / "out", "--member", "corpus")
    assert command(*words).returncode == 0
    nothing_but(tmp_path, "source.tar.gz", "out")
    source.unlink()
    assert command(*words).returncode == 0  # it is there


def test_the_command_removes_an_archive_that_is_not_whole(tmp_path):
    source = tmp_path / "source.tar.gz"
    source.write_bytes(gzip.compress(b"no tar")[:-3])
    result = command(source.as_uri(), tmp_path / "x.tar.gz", "--unpack", tmp_path / "out")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert f"it came from {source.as_uri()} and is removed: run again" in result.stderr
    nothing_but(tmp_path, "source.tar.gz")


def test_a_full_disk_is_told_with_its_remedy_and_the_archive_stays(tmp_path, monkeypatch):
    archive = tar_of(tmp_path / "x.tar.gz", FILES)

    def full(source, target, size):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(
        JstasrError, match="No space left on device; free some of .* then run again: the archive is kept"
    ):
        unpack(archive, tmp_path / "x")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar.gz"]
