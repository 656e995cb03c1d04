"""Features on the fly: the same numbers as extracted ones, computed from audio whenever they are read."""

from pathlib import Path
from typing import Any

import numpy as np

from jstasr.errors import JstasrError
from jstasr.features.compute import FeatureComputer, feature_computer
from jstasr.features.reader import FeatureReader
from jstasr.features.settings import EXTRACT_AGAIN, SETTINGS, read_settings
from jstasr.features.sharded import ShardedFeatures
from jstasr.kaldi.audio import read_audio
from jstasr.kaldi.data_dir import FEATS_SCP, WAV_SCP
from jstasr.kaldi.feature_archive import ArchivedFeatures, check_features
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.shards.index import AUDIO, INDEX, read_index
from jstasr.shards.reader import ShardReader


def read_at_rate(source: str, computer: FeatureComputer, content: bytes | None = None) -> np.ndarray:
    """Samples (N,) float32 of a formatted set's audio; JstasrError where its rate is not that of the features.

    Args:
        content: of the audio file, where it has been read already.
    """
    samples, rate = read_audio(source, content=content)
    if rate != computer.sample_rate:
        raise JstasrError(f"{rate} Hz, not {computer.sample_rate}; run stage 2 with this --fs")
    return samples


class ComputedFeatures(FeatureReader):
    """Features that are computed from audio: of dump/raw/<set> (wav.scp and fbank.json), or of shards of such a set.

    Args:
        folder: dump/raw/<set>, or that of the index of the shards.
    """

    def __init__(self, folder: str | Path):
        folder = Path(folder)
        settings = read_settings(folder / SETTINGS)
        if settings is None:
            raise JstasrError(f"{folder / SETTINGS}: no such file. {EXTRACT_AGAIN}")
        shards = ShardReader(folder) if (folder / INDEX).exists() else None
        name = str(folder / WAV_SCP) if shards is None else shards.name
        super().__init__(name, IndexedTable(name) if shards is None else shards.table, shards)
        self.computer = feature_computer(settings)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "computer": self.computer.settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, computer=feature_computer(state["computer"]))

    def read(self, row: int) -> np.ndarray:
        """As of FeatureReader."""
        utterance, source = self.table.line(row)
        content = None
        if self.shards is not None:
            content, source = self.shards.read(row), self.shards.shard_of(row)
        try:
            features = self.computer(read_at_rate(source, self.computer, content))
        except JstasrError as error:
            raise JstasrError(f"{utterance}: {error}") from error
        return check_features(features, utterance, source)


def open_features(folder: str | Path) -> ArchivedFeatures | ComputedFeatures | ShardedFeatures:
    """The features of a set: in shards, those of its feats.scp, or computed where there is none (dump/raw/<set>).

    Shards of audio are computed from, as dump/raw/<set> is.
    """
    folder = Path(folder)
    index = read_index(folder)
    if index is not None:
        return ComputedFeatures(folder) if index.holds == AUDIO else ShardedFeatures(folder)
    if not (folder / FEATS_SCP).exists() and (folder / SETTINGS).exists():
        return ComputedFeatures(folder)
    return ArchivedFeatures(folder / FEATS_SCP)
