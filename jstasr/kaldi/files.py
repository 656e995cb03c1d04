"""Files that are either whole or absent."""

import os
from contextlib import contextmanager
from pathlib import Path

from jstasr.errors import JstasrError


@contextmanager
def atomic_write(path, mode="w", sync=True):
    """Open a file that takes its name only when it is complete.

    The content goes to a hidden temporary name in the same folder, is fsynced and renamed over `path`; after
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
    text_options = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    try:
        with open(temporary, mode, **text_options) as file:
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


def first_few(items, shown=10):
    """ "a, b, c (and 7 more)": a list short enough for an error message."""
    items = [str(item) for item in items]
    rest = len(items) - shown
    return ", ".join(items[:shown]) + (f" (and {rest} more)" if rest > 0 else "")
