"""Tar files that hold a data set: their files in order, with an error where a tar file is damaged or cut short."""

import itertools
import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import file_stem

GET_AGAIN = "get the file again"
DAMAGES = (tarfile.TarError, EOFError, OSError, zlib.error)


def tar_files(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file of a tar file, which may be compressed, in their order.

    Raises:
        JstasrError: the tar file is missing, damaged or cut short.
    """
    last = ""
    refuse_cut_short(path)
    try:
        with tarfile.open(path, "r:*") as tar:
            for member in tar:
                opened = tar.extractfile(member) if member.isfile() else None
                if opened is None:
                    continue
                content = opened.read()
                if len(content) < member.size:
                    raise JstasrError(f"{path}: is cut short at {member.name}; {GET_AGAIN}")
                yield member.name, content
                last = member.name
    except DAMAGES as error:
        behind = f" behind {last}" if last else ""
        raise JstasrError(f"{path}: is damaged{behind}: {error}; {GET_AGAIN}") from None


def tar_names(path: str | Path) -> list[str]:
    """Names of all that a tar file holds; errors as of `tar_files`."""
    refuse_cut_short(path)
    try:
        with tarfile.open(path, "r:*") as tar:
            return tar.getnames()
    except DAMAGES as error:
        raise JstasrError(f"{path}: is damaged: {error}; {GET_AGAIN}") from None


def first_names(path: str | Path, count: int) -> list[str]:
    """Names of the first files of a tar file; [] where it is none."""
    try:
        with tarfile.open(path, "r:*") as tar:
            return [member.name for member in itertools.islice((one for one in tar if one.isfile()), count)]
    except DAMAGES:
        return []


def refuse_cut_short(path: str | Path) -> None:
    """JstasrError where a plain tar file lacks the zeros at its end: tarfile reads to there and says nothing."""
    try:
        with open(path, "rb") as file:
            head = file.read(tarfile.BLOCKSIZE)
            if head[257:262] != b"ustar":  # compressed, or no tar file, which the reader says
                return
            file.seek(-tarfile.BLOCKSIZE, os.SEEK_END)
            if any(file.read()):
                raise JstasrError(f"{path}: is cut short: a tar file ends in zeros; {GET_AGAIN}")
    except OSError as error:
        raise JstasrError(f"{path}: cannot read: {error.strerror}") from None


def path_below(name: str) -> str:
    """The name of a file of a tar file as a path that is safe to write: plain names, none of which leads upwards."""
    return "/".join(file_stem(part) for part in name.split("/") if part not in ("", ".", ".."))
