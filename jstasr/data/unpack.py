"""Archives become folders: whole ones or none, and nothing outside."""

import bz2
import fcntl
import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from jstasr.data.io import first_few
from jstasr.errors import JstasrError

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
        member: the part of the archive that becomes `folder`, as "LibriSpeech/dev-clean"; `*` stands for any one
            name. None: the whole content.
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
            _extract(archive, work)
            _only(work, member, archive).replace(folder)
        except BROKEN as error:
            raise BrokenArchive(f"{archive} is no whole archive ({error or type(error).__name__})") from None
        except OSError as error:
            raise JstasrError(f"cannot unpack {archive} to {folder}: {error.strerror}") from error
        finally:
            shutil.rmtree(work, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)


def _only(work, member, archive):
    """The one unpacked path that `member` means."""
    if member is None:
        return work
    found = sorted(work.glob(member))
    if len(found) == 1:
        return found[0]
    if found:
        raise BrokenArchive(f"{archive}: {member} is not one thing: {first_few(path.name for path in found)}")
    top = first_few(sorted(path.name for path in work.iterdir()), 5) or "nothing"
    raise BrokenArchive(f"{archive} has no {member}, but {top}: is it another corpus?")


def _extract(archive, work):
    with open(archive, "rb") as file:
        start = file.read(6)
    if start.startswith(b"PK"):
        _extract_zip(archive, work)
        return
    opener = next((opener for magic, opener in OPENERS if start.startswith(magic)), open)
    with opener(archive, "rb") as stream:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=StrictEntry) as tar:
            for entry in tar:
                path = _place(entry.name, work, archive)
                if entry.isdir():
                    path.mkdir(parents=True, exist_ok=True)
                elif entry.isfile():
                    _write(tar.extractfile(entry), path)
                else:
                    raise BrokenArchive(f"{archive}: {entry.name} is a link or a device, which no corpus needs")
        while stream.read(CHUNK):  # to the end, where the decompressor compares its checksum
            pass


def _extract_zip(archive, work):
    with zipfile.ZipFile(archive) as content:
        for entry in content.infolist():
            path = _place(entry.filename, work, archive)
            if entry.is_dir():
                path.mkdir(parents=True, exist_ok=True)
            elif (entry.external_attr >> 16) & 0o170000 not in (0, 0o100000):
                raise BrokenArchive(f"{archive}: {entry.filename} is a link or a device, which no corpus needs")
            else:
                with content.open(entry) as source:
                    _write(source, path)


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
