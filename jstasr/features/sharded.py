"""Features in shards, read like those in Kaldi's archives."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.feature_archive import check_features
from jstasr.shards.reader import ShardReader


class ShardedFeatures:
    """Features of a set in shards, read like ArchivedFeatures.

    Args:
        folder: of the index.
    """

    def __init__(self, folder: str | Path):
        self.shards = ShardReader(folder)
        self.name, self.table = self.shards.name, self.shards.table

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, utterance: str) -> bool:
        return self.table.find(utterance) >= 0

    def __getitem__(self, utterance: str) -> np.ndarray:
        """Features of an utterance, (T, D) float32; errors as of ArchivedFeatures."""
        row = self.table.find(utterance)
        if row < 0:
            raise JstasrError(f"{self.name}: no features of utterance {utterance}")
        return self.read(row)

    def prefetch(self, rows: Sequence[int]) -> None:
        """Begin to read some rows."""
        self.shards.prefetch(rows)

    def read(self, row: int) -> np.ndarray:
        """Features (T, D) float32 of the utterance on a line of shards.scp (from 0).

        Raises:
            LostShard: its shard is missing or damaged.
            JstasrError: as of ArchivedFeatures.
        """
        content = self.shards.read(row)
        utterance, entry = self.table.line(row)
        return check_features(np.load(io.BytesIO(content), allow_pickle=False), utterance, entry)

    def shape(self, row: int) -> None:
        """None: what a shard holds was checked when it was written."""
        return None
