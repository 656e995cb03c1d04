"""Archives become folders: whole ones or none, and nothing outside."""

import bz2
import errno
import fcntl
import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO, Any

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

CHUNK = 1 << 20
OPENERS: tuple[tuple[bytes, Callable[..., IO[Any]]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
    (b"", open),
)  # first bytes of a file -> what opens it
BROKEN = (EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile)


class BrokenArchive(JstasrError):
    """The content of the archive is at fault, not this machine."""


class StrictEntry(tarfile.TarInfo):
    """An entry that refuses a broken header: tarfile takes one for the end of the archive, which is two zero blocks."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "StrictEntry":
        try:
            return super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            if type(error).__name__ == "EOFHeaderError":  # the end; tarfile does not export the class
                raise
            raise EOFError(f"{error} at byte {tar.offset}") from None


def unpack(archive: str | Path, folder: str | Path, member: str | None = None) -> None:
    """Unpack a tar (plain, gz, bz2, xz) or zip file into a folder, which appears complete or not at all.

    Args:
        archive: its first bytes tell the kind, not its name.
        folder: where it goes; nothing happens if it exists.
        member: the part of the archive that becomes `folder` (a folder or a file), as "LibriSpeech/dev-clean";
            `*` stands for any one name. Nothing else is written. None: the whole content.
    Raises:
        BrokenArchive: the archive is not whole, holds a name that leads outside, a link or a device, or lacks
            `member`.
        JstasrError: it cannot be read or written here. Nothing is left behind either way.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = folder.parent / f".unpacking.{folder.name}"
    with open(folder.parent / f".unpacking.{folder.name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JstasrError(f"another process is unpacking {folder}: wait for it, or end it") from None
        try:
            shutil.rmtree(work, ignore_errors=True)  # of an earlier run that was killed
            work.mkdir()
            tops = _extract(archive, work, member)
            _the_member(work, member, archive, tops).replace(folder)
        except BROKEN as error:
            raise BrokenArchive(f"{archive} is no whole archive ({error or type(error).__name__})") from None
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            remedy = f"; free some of {folder.parent}, then run again: the archive is kept" if full else ""
            raise JstasrError(f"cannot unpack {archive} to {folder}: {error.strerror}{remedy}") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)


def _the_member(work: Path, member: str | None, archive: Path, tops: set[str]) -> Path:
    """The one unpacked path that `member` means; `tops`: the names at the archive's top."""
    if member is None:
        return work
    found = sorted(work.glob(member))
    if len(found) == 1:
        return found[0]
    if found:
        raise BrokenArchive(f"{archive}: {member} is not one thing: {first_few(path.name for path in found)}")
    what = first_few(sorted(tops), 5) or "nothing"
    raise BrokenArchive(f"{archive} has no {member}, but {what}: is it another corpus?")


def _belongs(name: str, member: str | None) -> bool:
    """Is an entry `member`, or inside it?"""
    parts, wanted = PurePosixPath(name).parts, PurePosixPath(member or "").parts
    return len(parts) >= len(wanted) and all(fnmatchcase(part, one) for part, one in zip(parts, wanted, strict=False))


def _extract(archive: Path, work: Path, member: str | None) -> set[str]:
    """Write the entries that belong to `member`; all are checked. Returns the names at the archive's top."""
    tops: set[str] = set()
    with open(archive, "rb") as file:
        start = file.read(6)
    if start.startswith(b"PK"):
        return _extract_zip(archive, work, member)
    opener = next(opener for magic, opener in OPENERS if start.startswith(magic))
    with opener(archive, "rb") as stream:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=StrictEntry) as tar:
            for entry in tar:
                path = _entry_path(entry.name, work, archive)
                tops.update(path.relative_to(work).parts[:1])
                if not (entry.isfile() or entry.isdir()):
                    raise BrokenArchive(f"{archive}: {entry.name} is a link or a device, which no corpus needs")
                if _belongs(entry.name, member):
                    if entry.isdir():
                        path.mkdir(parents=True, exist_ok=True)
                    else:
                        content = tar.extractfile(entry)
                        assert content is not None, "a regular file has content"
                        _write(content, path)
        while stream.read(CHUNK):  # to the end, where the decompressor compares its checksum
            pass
    return tops


def _extract_zip(archive: Path, work: Path, member: str | None) -> set[str]:
    tops: set[str] = set()
    with zipfile.ZipFile(archive) as content:
        for entry in content.infolist():
            path = _entry_path(entry.filename, work, archive)
            tops.update(path.relative_to(work).parts[:1])
            if (entry.external_attr >> 16) & 0o170000 not in (0, 0o100000, 0o040000):
                raise BrokenArchive(f"{archive}: {entry.filename} is a link or a device, which no corpus needs")
            if entry.is_dir() or not _belongs(entry.filename, member):
                continue
            with content.open(entry) as source:
                _write(source, path)
    return tops


def _entry_path(name: str, work: Path, archive: Path) -> Path:
    """Where an entry goes; BrokenArchive for names that lead elsewhere."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise BrokenArchive(f"{archive}: refuses {name!r}, which leads outside the archive's folder")
    return work.joinpath(*parts)


def _write(source: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as target:
        shutil.copyfileobj(source, target, CHUNK)
