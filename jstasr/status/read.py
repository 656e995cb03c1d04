"""Reading files that others are writing, or that are something else than they are called."""

import os
import stat


def read_regular(path: str | os.PathLike, last: int | None = None) -> str:
    """The text of a file, with U+FFFD for bytes that are not UTF-8.

    Args:
        last: read only so many bytes at its end.
    Raises:
        OSError: it cannot be read, or is a folder, a device or a pipe, which might never end.
    """
    with open(path, "rb", opener=without_waiting) as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise OSError(0, "not a file", os.fspath(path))
        if last is not None and state.st_size > last:
            file.seek(-last, os.SEEK_END)
        return file.read().decode("utf-8", "replace")


def without_waiting(path: str, flags: int) -> int:
    """Open a pipe that has no writer, too."""
    return os.open(path, flags | os.O_NONBLOCK)


def modified(path: str | os.PathLike) -> float | None:
    """Seconds since 1970 of the last change of a file; None: there is none."""
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None
