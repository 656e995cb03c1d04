"""What shards hold of single utterances, features or audio, each by a read of its own range of bytes."""

import os
import zlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jstasr.errors import JstasrError
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.shards.index import SHARDS_SCP, parse_entry, place_of
from jstasr.shards.store import Store

LOST_REMEDY = "Copy or write it again (jstasr shards); data.max_lost_shards=N goes on without up to N shards"
CONCURRENT_READS = 16  # of each process, at a URL: an object store answers one in some ten milliseconds


class LostShard(JstasrError):
    """A shard that is missing or damaged. The message begins with its name."""


class ShardReader:
    """Random access to what the shards of a set hold, by row of shards.scp.

    It may be used on both sides of a fork (data loader workers) and may be pickled.

    Args:
        folder: of the index; the shards lie there, or at the URL of which the index is a copy.
    """

    def __init__(self, folder: str | Path):
        self.name = str(Path(folder) / SHARDS_SCP)
        self.table = IndexedTable(self.name)
        self.store: Store = place_of(folder)
        self._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name, "table": self.table, "store": self.store}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()

    def _forget(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._coming: dict[int, Future[bytes]] = {}
        self._owner = os.getpid()

    def prefetch(self, rows: Sequence[int]) -> None:
        """Begin to read some rows, all at once where the shards are at a URL; others that were begun are forgotten."""
        if not self.store.remote:
            return
        if self._owner != os.getpid():  # threads do not survive a fork
            self._forget()
        if self._pool is None:
            self._pool = ThreadPoolExecutor(CONCURRENT_READS)
        for future in self._coming.values():
            future.cancel()
        self._coming = {row: self._pool.submit(self._read, row) for row in dict.fromkeys(rows)}

    def shard_of(self, row: int) -> str:
        """Path or URL of the shard that holds the utterance on a line of shards.scp (from 0)."""
        return self.store.name_of(parse_entry(self.table.value(row), self.name).shard)

    def read(self, row: int) -> bytes:
        """The bytes of the utterance on a line of shards.scp (from 0).

        Raises:
            LostShard: its shard is missing, or is not what was written.
            JstasrError: the shard cannot be read now.
        """
        coming = self._coming.pop(row, None) if self._owner == os.getpid() else None
        return self._read(row) if coming is None else coming.result()

    def _read(self, row: int) -> bytes:
        utterance, value = self.table.line(row)
        entry = parse_entry(value, self.name)
        name = self.store.name_of(entry.shard)
        try:
            content = self.store.read(entry.shard, entry.offset, entry.end)
        except JstasrError:  # object stores refuse a range behind the end
            if (self.store.sizes().get(entry.shard) or entry.end) >= entry.end:
                raise
            content = b""
        except FileNotFoundError:
            raise LostShard(f"{name}: no such shard; it holds {utterance} and others. {LOST_REMEDY}") from None
        if zlib.crc32(content) != entry.crc32:
            fault = "is cut short" if len(content) < entry.size else "is damaged: another checksum"
            raise LostShard(f"{name}: {fault} at {utterance}. {LOST_REMEDY}")
        return content
