"""What readers of a set's features have in common, whether they are stored or computed."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.shards.reader import ShardReader


class FeatureReader(ABC):
    """Features by utterance or by row of a table, read like ArchivedFeatures.

    Args:
        name: of the table, for errors.
        table: its rows are the utterances.
        shards: that hold the set; None: it is not in shards.
    """

    def __init__(self, name: str, table: IndexedTable, shards: ShardReader | None):
        self.name, self.table, self.shards = name, table, shards

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, utterance: str) -> bool:
        return self.table.find(utterance) >= 0

    def __getitem__(self, utterance: str) -> np.ndarray:
        """Features of an utterance, (T, D) float32; errors as of ArchivedFeatures."""
        row = self.table.find(utterance)
        if row < 0:
            raise JstasrError(f"{self.name}: has no utterance {utterance}")
        return self.read(row)

    def prefetch(self, rows: Sequence[int]) -> None:
        """Begin to read some rows, where they are in shards at a URL."""
        if self.shards is not None:
            self.shards.prefetch(rows)

    @abstractmethod
    def read(self, row: int) -> np.ndarray:
        """Features (T, D) float32 of the utterance on a line of the table (from 0).

        Raises:
            LostShard: its shard is missing or damaged.
            JstasrError: as of ArchivedFeatures.
        """

    def shape(self, row: int) -> None:
        """None: the number of frames is known only when the features or the audio have been read."""
        return None
