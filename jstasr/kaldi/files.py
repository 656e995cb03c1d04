"""Files that are either whole or absent."""

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TextIO, overload
from urllib.parse import quote

from jstasr.errors import JstasrError

LONGEST_STEM = 120  # bytes of a file's name: an encrypted file system takes 143, a temporary name has 20 more
KEPT_STEM = 60  # bytes that remain of a longer name, in front of its digest
WRITE_REMEDIES = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some of your quota",
    errno.EROFS: "Its file system is mounted read-only: give a folder elsewhere, or have it mounted for writing",
    errno.EACCES: "Give a folder that you may write, or change its permissions",
    errno.EPERM: "Give a folder that you may write, or change its permissions",
    errno.ENOENT: "Its folder was removed or moved: put it back",
    errno.ENOTDIR: "A part of its path is a file: give another folder",
    errno.EEXIST: "There is a file of that name: give another folder, or remove the file",
    errno.EISDIR: "There is a folder of that name: remove it",
    errno.EFBIG: "It exceeds the largest size of a file here: see `ulimit -f` and the file system",
    errno.ENAMETOOLONG: "Its name is too long: give a shorter one",
    errno.ESTALE: "The file server has lost it: mount it again",
    errno.EIO: "The disk or the file server fails: see `dmesg`",
}


def write_fault(error: OSError) -> tuple[str, str]:
    """What kept a file from being written, in the system's words, and what to do about it."""
    return error.strerror or str(error), WRITE_REMEDIES.get(error.errno or 0, "Look at its disk and its permissions")


def cannot_write(path: str | Path, error: OSError) -> JstasrError:
    """The error of a file or folder that cannot be written."""
    reason, remedy = write_fault(error)
    return JstasrError(f"{path}: cannot be written ({reason}). {remedy}")


def make_folder(path: str | Path) -> None:
    """Make a folder and those above it, where they are missing.

    Raises:
        JstasrError: it cannot be made, or is a file.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if os.path.islink(path) and not os.path.exists(path):
            raise JstasrError(
                f"{path}: is a link to {os.readlink(path)}, which is not there; make that folder, or remove the link"
            ) from error
        raise cannot_write(path, error) from error


@overload
def atomic_write(path: str | Path, mode: Literal["w"] = "w", sync: bool = True) -> AbstractContextManager[TextIO]: ...
@overload
def atomic_write(path: str | Path, mode: Literal["wb"], sync: bool = True) -> AbstractContextManager[BinaryIO]: ...
@contextmanager
def atomic_write(path: str | Path, mode: str = "w", sync: bool = True) -> Iterator[IO[Any]]:
    """Open a file that takes its name only when it is complete.

    The content goes to a hidden temporary file in the same folder, is fsynced and renamed over `path`; after
    an error or a kill the old file, if any, is untouched. The parent folder is made when missing.

    Args:
        path: the file to write; a symbolic link is followed, so that the link stays.
        mode: "w" (UTF-8, newlines as written) or "wb".
        sync: wait until the content is on the disk, so that a power failure cannot leave an empty file.
    Yields:
        The open file.
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"atomic_write: mode must be 'w' or 'wb', not {mode!r}")
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason, remedy = write_fault(error)
        raise JstasrError(f"{path}: cannot make its folder: {reason}. {remedy}") from error
    temporary = target.parent / f".{target.name}.{os.getpid()}.tmp"
    text = mode == "w"
    try:
        with open(temporary, mode, encoding="utf-8" if text else None, newline="\n" if text else None) as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if error.filename is None or Path(error.filename) == temporary:
            raise cannot_write(path, error) from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def file_stem(name: str) -> str:
    """A name, such as an utterance's id, as the stem of a file's name: plain ASCII, short, and no other name's.

    Characters with a meaning for shells, and all beyond ASCII, are percent-encoded. Of what would be too long the
    beginning remains, with `+` and a digest of the whole; no encoded name holds a `+`.
    """
    stem = quote(name, safe="", errors="surrogatepass")
    if len(stem) <= LONGEST_STEM:
        return stem
    characters = ""
    for character in name:
        longer = characters + quote(character, safe="", errors="surrogatepass")
        if len(longer) > KEPT_STEM:
            break
        characters = longer
    return f"{characters}+{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def first_few(items: Iterable[object], shown: int = 10) -> str:
    """ "a, b, c (and 7 more)": a list short enough for an error message."""
    names = [str(item) for item in items]
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" (and {rest} more)" if rest > 0 else "")
