"""Feature matrices in Kaldi archives, one utterance at a time."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.indexed_table import IndexedTable

MAX_OPEN_ARCHIVES = 64
HEADER_BYTES = 22
# Kaldi's binary matrices: token -> bytes per value; the compressed kinds have other sizes in front of the values
PLAIN = {b"FM ": 4, b"DM ": 8}
COMPRESSED = {b"CM ": 1, b"CM2 ": 2, b"CM3 ": 1}
COLUMN_HEADER = 8  # bytes, in CM


class UnusableFeatures(JstasrError):
    """Features that were read as they were written, and are not finite or all zero: of this one utterance."""


def check_features(features: np.ndarray, utterance: str, source: str) -> np.ndarray:
    """Refuse a matrix that would spoil training: not (T, D), empty, not finite, or all zero.

    Args:
        features: (T, D), any type of number.
        utterance, source: what to name in an error.
    Returns:
        (T, D) float32.
    """
    if features.ndim != 2 or 0 in features.shape:
        raise JstasrError(f"{utterance}: features in {source} are {features.shape}, expected (T, D)")
    features = features.astype(np.float32, copy=False)
    # One pass without a temporary: the float64 sum of finite float32 values is finite.
    if not np.isfinite(features.sum(dtype=np.float64)):
        raise UnusableFeatures(f"{utterance}: NaN or infinity in its features ({source}); extract again")
    if not features.any():
        raise UnusableFeatures(f"{utterance}: its features ({source}) are all zero; check its audio")
    return features


class ArchivedFeatures:
    """Random access to the matrices of a feats.scp, by utterance or by row.

    Paths in the scp are relative to the current folder, as in Kaldi. Open archives belong to the process that
    opened them: a reader may be used on both sides of a fork (data loader workers) and may be pickled.

    Args:
        scp: path of feats.scp.
    """

    def __init__(self, scp: str | Path):
        self.name = str(scp)
        self.table = IndexedTable(scp)
        self._files: dict[str, BinaryIO] = {}
        self._owner = os.getpid()

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, utterance: str) -> bool:
        return self.table.find(utterance) >= 0

    def __iter__(self) -> Iterator[str]:
        return self.table.keys()

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name, "table": self.table}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _files={}, _owner=os.getpid())

    def __getitem__(self, utterance: str) -> np.ndarray:
        """Features of an utterance.

        Returns:
            (T, D) float32.
        Raises:
            JstasrError: naming the utterance: not in the scp, archive missing or cut short, an empty matrix,
                a value that is not finite, or nothing but zeros.
        """
        row = self.table.find(utterance)
        if row < 0:
            raise JstasrError(f"{self.name}: no features of utterance {utterance}")
        return self.read(row)

    def read(self, row: int) -> np.ndarray:
        """Features (T, D) float32 of the utterance on a line of the scp (from 0); errors as of `reader[utterance]`."""
        utterance, entry = self.table.line(row)
        return check_features(self._load(utterance, entry), utterance, entry)

    def shape(self, row: int) -> tuple[int, int] | None:
        """Frames and dimensions from the header of the matrix, without reading its values.

        Returns:
            (T, D), or None for a kind of matrix that has no such header.
        Raises:
            JstasrError: naming the utterance: no archive, or one that ends before the matrix does.
        """
        utterance, entry = self.table.line(row)
        path, colon, offset = entry.rpartition(":")
        if not colon or not offset.isdigit():
            return None
        file = self._archive(utterance, entry, path)
        head = os.pread(file.fileno(), HEADER_BYTES, int(offset))
        space = head.find(b" ")
        token = head[2 : space + 1]
        if head[:2] == b"\0B" and token in PLAIN and len(head) >= space + 11:
            frames, dimensions = struct.unpack_from("<xixi", head, space + 1)
            size = space + 11 + frames * dimensions * PLAIN[token]
        elif head[:2] == b"\0B" and token in COMPRESSED and len(head) >= space + 17:
            frames, dimensions = struct.unpack_from("<8xii", head, space + 1)
            size = space + 17 + frames * dimensions * COMPRESSED[token]
            size += dimensions * COLUMN_HEADER if token == b"CM " else 0
        elif len(head) < HEADER_BYTES or head[:2] != b"\0B":
            raise JstasrError(f"{utterance}: {entry} is no matrix: the archive is cut short or damaged")
        else:
            return None
        if int(offset) + size > os.fstat(file.fileno()).st_size:
            raise JstasrError(f"{utterance}: the archive of {entry} is cut short; extract this set again")
        return frames, dimensions

    def _own_files(self) -> dict[str, BinaryIO]:
        if self._owner != os.getpid():  # a file offset is shared across fork: leave the parent's handles
            self._files, self._owner = {}, os.getpid()
        if len(self._files) > MAX_OPEN_ARCHIVES:
            self.close()
        return self._files

    def _archive(self, utterance: str, entry: str, path: str) -> BinaryIO:
        files = self._own_files()
        if path not in files:
            try:
                files[path] = open(path, "rb")
            except FileNotFoundError:
                self._no_archive(utterance, entry)
        return files[path]

    def _no_archive(self, utterance: str, entry: str) -> NoReturn:
        raise JstasrError(
            f"{utterance}: no archive {entry} (seen from {Path.cwd()}); paths in {self.name} are "
            "relative to the recipe's folder: start there, or extract the set again"
        ) from None

    def _load(self, utterance: str, entry: str) -> np.ndarray:
        import kaldiio

        try:
            matrix = kaldiio.load_mat(entry, fd_dict=self._own_files())
        except FileNotFoundError:
            self._no_archive(utterance, entry)
        except Exception as error:  # kaldiio: assertion, struct.error, ValueError on damaged data
            raise JstasrError(
                f"{utterance}: cannot read its features from {entry}: the archive is cut short or damaged "
                f"({type(error).__name__}: {error}); extract this set again"
            ) from error
        if not isinstance(matrix, np.ndarray):
            raise JstasrError(f"{utterance}: {entry} holds audio, not features")
        return matrix

    def close(self) -> None:
        """Close the open archives; the next read opens its archive again."""
        for file in self._files.values():
            file.close()
        self._files = {}
