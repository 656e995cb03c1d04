"""Kaldi tables too large for memory: the offsets of the lines are kept, the lines stay in the file."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.tables import BLANKS, FIRST_BLANK, read_table

CHUNK = 1 << 23  # bytes scanned at a time
SPACE, TAB, NEWLINE = b" \t\n"
BYTE_HASH = np.random.default_rng(20230811).integers(0, 1 << 63, 256, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
HASH_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd: its powers never become 0 modulo 2^64


def hash_keys(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """64-bit hashes of keys: the sum over their bytes of BYTE_HASH[byte] * HASH_BASE^position, modulo 2^64.

    Args:
        data: (B,) uint8, the text.
        starts, ends: (N,) int, key n is data[starts[n]:ends[n]], which is not empty.
    Returns:
        (N,) uint64.
    """
    lengths = ends - starts
    if not len(lengths):
        return np.zeros(0, np.uint64)
    first = lengths.cumsum() - lengths
    position = np.arange(lengths.sum()) - np.repeat(first, lengths)
    powers = np.ones(int(lengths.max()), dtype=np.uint64)
    powers[1:] = HASH_BASE
    powers = np.multiply.accumulate(powers)
    terms = BYTE_HASH[data[np.repeat(starts, lengths) + position]] * powers[position]
    return np.add.reduceat(terms, first)


def scan(path: Path, allow_empty: bool) -> tuple[np.ndarray, np.ndarray]:
    """Where the lines of a table begin, and the hashes of their keys.

    Returns:
        Offsets in bytes, (N + 1,) int64, the last one the size of the file; hashes (N,) uint64.
    Raises:
        JstasrError: as jstasr.kaldi.tables.read_table does.
    """
    starts, hashes, offset, rest = [], [], 0, b""
    try:
        with open(path, "rb") as file:
            while True:
                chunk = file.read(CHUNK)
                chunk, done = rest + chunk, not chunk
                if done and chunk and not chunk.endswith(b"\n"):
                    chunk += b"\n"
                cut = chunk.rfind(b"\n") + 1
                chunk, rest = chunk[:cut], chunk[cut:]
                if chunk:
                    first, found = scan_chunk(chunk, path, allow_empty)
                    starts.append(first + offset)
                    hashes.append(found)
                    offset += len(chunk)
                if done:
                    break
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such file; run the stage that makes it first") from None
    except OSError as error:
        raise JstasrError(f"{path}: cannot read: {error.strerror}") from error
    return np.concatenate([*starts, [offset]]).astype(np.int64), np.concatenate([np.zeros(0, np.uint64), *hashes])


def scan_chunk(chunk: bytes, path: Path, allow_empty: bool) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (N,) of whole lines in `chunk`, and the hashes (N,) uint64 of their keys."""
    data = np.frombuffer(chunk, dtype=np.uint8)
    ends = np.flatnonzero(data == NEWLINE)
    starts = np.concatenate([[0], ends[:-1] + 1])
    blank = (data == SPACE) | (data == TAB)
    blanks = np.append(np.flatnonzero(blank), len(data))
    key_ends = np.minimum(blanks[np.searchsorted(blanks, starts)], ends)
    try:
        chunk.decode("utf-8")
        odd = b"\r" in chunk or chunk.startswith(b"\xef\xbb\xbf") or bool((key_ends == starts).any())
    except UnicodeDecodeError:
        odd = True
    if not odd and not allow_empty:
        unclear = np.flatnonzero((key_ends == ends) | blank[np.minimum(key_ends + 1, ends)] | (key_ends + 1 == ends))
        odd = any(not chunk[key_ends[i] : ends[i]].strip(b" \t") for i in unclear)
    if odd:
        read_table(path, allow_empty)  # says which line and why
        raise JstasrError(f"{path}: lines that begin with a blank; remove it: sed -i 's/^[ \\t]*//' {path}")
    return starts, hash_keys(data, starts, key_ends)


class IndexedTable:
    """A table `key value...` on disk, by row number or by key; 20 bytes per line in memory, 8 after `drop_index`.

    Rows are read with pread, so that a table may be used on both sides of a fork. It may be pickled.

    Args:
        path: the file.
        allow_empty: accept keys without a value.
    Raises:
        JstasrError: as jstasr.kaldi.tables.read_table does.
    """

    def __init__(self, path: str | Path, allow_empty: bool = False):
        self.path = Path(path)
        self.starts, hashes = scan(self.path, allow_empty)
        self._hashes: np.ndarray | None = hashes  # (N,) uint64, of the keys; None after drop_index
        self._order: np.ndarray | None = None  # (N,) int32, rows by hash, once they are sorted
        self._file: BinaryIO | None = None
        self.refuse_duplicates()

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_file": None}

    def line(self, row: int) -> tuple[str, str]:
        """Key and value of a row.

        Raises:
            JstasrError: the file is not the one that was scanned.
        """
        if self._file is None:
            self._file = open(self.path, "rb")
        start, end = int(self.starts[row]), int(self.starts[row + 1])
        before = min(start, 1)  # the newline in front, too: is this still the beginning of a line?
        raw = os.pread(self._file.fileno(), end - start + before, start - before)
        line = raw[before:].decode("utf-8", "replace").removesuffix("\n").strip(BLANKS)
        key, *value = FIRST_BLANK.split(line, maxsplit=1)
        if not key or "\n" in line or (before and raw[:1] != b"\n"):
            raise JstasrError(f"{self.path}: was changed while it was in use; start again")
        return key, value[0].strip(BLANKS) if value else ""

    def key(self, row: int) -> str:
        """Key of a row; errors as of `line`."""
        return self.line(row)[0]

    def value(self, row: int) -> str:
        """Value of a row; errors as of `line`."""
        return self.line(row)[1]

    def keys(self) -> Iterator[str]:
        """All keys, in the file's order."""
        return (self.key(row) for row in range(len(self)))

    @property
    def hashes(self) -> np.ndarray:
        """(N,) uint64, of the keys."""
        assert self._hashes is not None, f"{self.path}: a look-up by key after drop_index"
        return self._hashes

    @property
    def order(self) -> np.ndarray:
        """(N,) int32, the rows sorted by the hashes of their keys."""
        if self._order is None:
            self._order = np.argsort(self.hashes, kind="stable").astype(np.int32)
        return self._order

    def refuse_duplicates(self) -> None:
        """JstasrError naming the lines whose key is already on an earlier line, the first ten."""
        ordered = self.hashes[self.order]
        faults = []
        for rank in np.flatnonzero(ordered[1:] == ordered[:-1])[:10]:
            first, second = sorted(int(row) for row in self.order[rank : rank + 2])
            faults.append(f"{self.path}:{second + 1}: {self.key(second)} is already on line {first + 1}; keep one")
        self._order = None  # tables in the same order, as most are, need it no more
        if faults:
            raise JstasrError("\n".join(faults))

    def rows_of(self, other: "IndexedTable") -> np.ndarray:
        """(M,) int32: this table's row of every key of another one, -1 where it has none."""
        if np.array_equal(self.hashes, other.hashes):
            return np.arange(len(self), dtype=np.int32)
        return self._rows(other.hashes)

    def _rows(self, hashes: np.ndarray) -> np.ndarray:
        if not len(self):
            return np.full(len(hashes), -1, dtype=np.int32)
        order = self.order
        rank = np.searchsorted(self.hashes, hashes, sorter=order).clip(max=len(self) - 1)
        rows = order[rank]
        return np.where(self.hashes[rows] == hashes, rows, np.int32(-1))

    def find(self, key: str) -> int:
        """Row of a key, or -1."""
        data = np.frombuffer(key.encode("utf-8"), dtype=np.uint8)
        if not len(data):
            return -1
        row = int(self._rows(hash_keys(data, np.asarray([0]), np.asarray([len(data)])))[0])
        return row if row >= 0 and self.key(row) == key else -1

    def drop_index(self) -> None:
        """Free what only `find` and `rows_of` need."""
        self._hashes = self._order = None
