"""Files that are either whole or absent."""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TextIO, overload

from jstasr.errors import JstasrError


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
    target.parent.mkdir(parents=True, exist_ok=True)
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
        temporary.unlink(missing_ok=True)
        if error.filename is None or Path(error.filename) == temporary:
            raise JstasrError(f"{path}: cannot write: {error.strerror}") from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def first_few(items: Iterable[object], shown: int = 10) -> str:
    """ "a, b, c (and 7 more)": a list short enough for an error message."""
    names = [str(item) for item in items]
    rest = len(names) - shown
    return ", ".join(names[:shown]) + (f" (and {rest} more)" if rest > 0 else "")
