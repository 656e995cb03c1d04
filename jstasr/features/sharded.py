"""Features in shards, read like those in Kaldi's archives."""

import io
from pathlib import Path

import numpy as np

from jstasr.features.reader import FeatureReader
from jstasr.kaldi.feature_archive import check_features
from jstasr.shards.reader import ShardReader


class ShardedFeatures(FeatureReader):
    """Features of a set in shards.

    Args:
        folder: of the index.
    """

    shards: ShardReader

    def __init__(self, folder: str | Path):
        shards = ShardReader(folder)
        super().__init__(shards.name, shards.table, shards)

    def read(self, row: int) -> np.ndarray:
        """As of FeatureReader."""
        content = self.shards.read(row)
        utterance, entry = self.table.line(row)
        return check_features(np.load(io.BytesIO(content), allow_pickle=False), utterance, entry)
