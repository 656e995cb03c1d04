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
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

CHUNK = 1 << 20
OPENERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\x00", lzma.open))
BROKEN = (EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile)


class BrokenArchive(JstasrError):
    """What is in the archive is at fault, not this machine."""


class StrictEntry(tarfile.TarInfo):
    """tarfile takes a broken header for the end of the archive; the end is two blocks of zeros."""

    @classmethod
    def fromtarfile(cls, tar):
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:
            raise
        except tarfile.HeaderError as error:
            raise EOFError(f"{error} at byte {tar.offset}") from None


def unpack(archive, folder, member=None):
    """Unpack a tar (plain, gz, bz2, xz) or zip file into a folder, which appears complete or not at all.

    Args:
        archive: path; what kind it is, its first bytes tell.
        folder: to be made; nothing happens where it exists.
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
            _only(work, member, archive, tops).replace(folder)
        except BROKEN as error:
            raise BrokenArchive(f"{archive} is no whole archive ({error or type(error).__name__})") from None
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            remedy = f"; free some of {folder.parent}, then run again: the archive is kept" if full else ""
            raise JstasrError(f"cannot unpack {archive} to {folder}: {error.strerror}{remedy}") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)


def _only(work, member, archive, tops):
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


def _belongs(name, member):
    """Is an entry `member`, or inside it?"""
    parts, wanted = PurePosixPath(name).parts, PurePosixPath(member or "").parts
    return len(parts) >= len(wanted) and all(fnmatchcase(part, one) for part, one in zip(parts, wanted, strict=False))


def _extract(archive, work, member):
    """Write the entries that belong to `member`; all are checked. Returns the names at the archive's top."""
    tops = set()
    with open(archive, "rb") as file:
        start = file.read(6)
    if start.startswith(b"PK"):
        return _extract_zip(archive, work, member)
    opener = next((opener for magic, opener in OPENERS if start.startswith(magic)), open)
    with opener(archive, "rb") as stream:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=StrictEntry) as tar:
            for entry in tar:
                path = _place(entry.name, work, archive)
                tops.update(path.relative_to(work).parts[:1])
                if not (entry.isfile() or entry.isdir()):
                    raise BrokenArchive(f"{archive}: {entry.name} is a link or a device, which no corpus needs")
                if _belongs(entry.name, member):
                    if entry.isdir():
                        path.mkdir(parents=True, exist_ok=True)
                    else:
                        _write(tar.extractfile(entry), path)
        while stream.read(CHUNK):  # to the end, where the decompressor compares its checksum
            pass
    return tops


def _extract_zip(archive, work, member):
    tops = set()
    with zipfile.ZipFile(archive) as content:
        for entry in content.infolist():
            path = _place(entry.filename, work, archive)
            tops.update(path.relative_to(work).parts[:1])
            if (entry.external_attr >> 16) & 0o170000 not in (0, 0o100000, 0o040000):
                raise BrokenArchive(f"{archive}: {entry.filename} is a link or a device, which no corpus needs")
            if entry.is_dir() or not _belongs(entry.filename, member):
                continue
            with content.open(entry) as source:
                _write(source, path)
    return tops


def _place(name, work, archive):
    """Where an entry goes; JstasrError for names that lead elsewhere."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise BrokenArchive(f"{archive}: refuses {name!r}, which leads outside the archive's folder")
    return work.joinpath(*parts)


def _write(source, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as target:
        shutil.copyfileobj(source, target, CHUNK)
