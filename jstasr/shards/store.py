"""Folders of shards: local ones, and all that fsspec opens by a URL (s3://, gs://, hf://, memory:// ...)."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

EXTRA = "pip install 'jstasr[shards]'"
WAITS = (1.0, 5.0)  # seconds before another attempt to read from a URL
Value = TypeVar("Value")


def forget_event_loop() -> None:
    """Let fsspec start a loop of its own in a forked process; releases before 2025.5 wait for that of the parent."""
    if "fsspec.asyn" in sys.modules:
        sys.modules["fsspec.asyn"].reset_lock()


os.register_at_fork(after_in_child=forget_event_loop)


def is_url(source: str) -> bool:
    """Is this a URL of fsspec, and not a path?"""
    return "://" in source or "::" in source


class Store:
    """The files of a folder, by their names; it may be used on both sides of a fork, and pickled.

    Args:
        place: a path, or a URL of fsspec.
    """

    def __init__(self, place: str | Path):
        self.place = str(place).rstrip("/")
        self.remote = is_url(self.place)
        self._opened: tuple[int, Any, str] | None = None  # process, file system, path of the folder in it

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def name_of(self, name: str) -> str:
        """Path or URL of a file."""
        return f"{self.place}/{name}"

    def _open(self) -> tuple[Any, str]:
        """The file system, and the folder in it; of its own in each process, as connections do not survive a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            try:
                import fsspec
            except ImportError:
                raise JstasrError(f"{self.place}: shards are read with the package fsspec: {EXTRA}") from None
            try:
                system, folder = fsspec.core.url_to_fs(self.place)
            except ImportError as error:  # of the package behind a protocol
                raise JstasrError(f"{self.place}: cannot be opened: {error} ({EXTRA})") from error
            except ValueError as error:
                raise JstasrError(f"{self.place}: no URL that fsspec opens: {error}") from error
            self._opened = os.getpid(), system, folder
        return self._opened[1:]

    def _attempt(self, name: str, action: Callable[[Any, str], Value]) -> Value:
        """What action(file system, path) returns; tried again where a network may have failed.

        Raises:
            FileNotFoundError: there is no such file.
            JstasrError: it cannot be read.
        """
        system, folder = self._open()
        waits = WAITS if self.remote else ()
        for wait in (*waits, None):
            try:
                return action(system, f"{folder}/{name}" if name else folder)
            except FileNotFoundError:
                raise
            except Exception as error:  # every file system has its own kinds
                if wait is None:
                    raise JstasrError(
                        f"{self.name_of(name)}: cannot be read ({type(error).__name__}: {error}). Check the network "
                        "and your rights there; a training goes on from its last checkpoint with the same command"
                    ) from error
                time.sleep(wait)
        raise AssertionError

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """The bytes start..end of a file, or all; fewer where it ends before. Errors as of `_attempt`."""
        return self._attempt(name, lambda system, path: system.cat_file(path, start=start, end=end))

    def fetch(self, name: str, target: Path) -> None:
        """Copy a file to a local path; errors as of `_attempt`."""
        self._attempt(name, lambda system, path: system.get_file(path, str(target)))

    def sizes(self) -> dict[str, int | None]:
        """Name -> bytes of every file in the folder itself, None where they are not listed; {} without a list.

        Raises:
            JstasrError: as of `_attempt`.
        """

        def listed(system: Any, path: str) -> dict[str, int | None]:
            system.invalidate_cache()
            files = (entry for entry in system.ls(path, detail=True) if entry["type"] == "file")
            return {entry["name"].rsplit("/", 1)[-1]: entry["size"] for entry in files}

        try:
            return self._attempt("", listed)
        except FileNotFoundError:
            return {}

    @contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """A new file, which appears there when it is complete.

        Raises:
            JstasrError: it cannot be written.
        """
        if not self.remote:
            with atomic_write(self.name_of(name), "wb") as file:
                yield file
            return
        with tempfile.NamedTemporaryFile() as file:
            yield file
            file.flush()
            system, folder = self._open()
            try:
                system.put_file(file.name, f"{folder}/{name}")
            except Exception as error:  # every file system has its own kinds
                raise JstasrError(
                    f"{self.name_of(name)}: cannot be written ({type(error).__name__}: {error}). Check the network, "
                    "your rights there, and that the bucket or folder is there"
                ) from error
