"""Features on the fly: the same numbers as extracted ones, computed from audio whenever they are read."""

from pathlib import Path
from typing import Any

import numpy as np

from jstasr.errors import JstasrError
from jstasr.features.compute import FeatureComputer, feature_computer
from jstasr.features.settings import EXTRACT_AGAIN, SETTINGS, read_settings
from jstasr.features.sharded import ShardedFeatures
from jstasr.kaldi.audio import read_audio
from jstasr.kaldi.data_dir import FEATS_SCP, WAV_SCP
from jstasr.kaldi.feature_archive import ArchivedFeatures, check_features
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.shards.index import INDEX


def read_at_rate(source: str, computer: FeatureComputer) -> np.ndarray:
    """Samples (N,) float32 of a formatted set's audio; JstasrError where its rate is not that of the features."""
    samples, rate = read_audio(source)
    if rate != computer.sample_rate:
        raise JstasrError(f"{rate} Hz, not {computer.sample_rate}; run stage 2 with this --fs")
    return samples


class ComputedFeatures:
    """Features of dump/raw/<set> (wav.scp and fbank.json), read like ArchivedFeatures.

    Args:
        folder: dump/raw/<set>.
    """

    def __init__(self, folder: str | Path):
        self.name = str(Path(folder) / WAV_SCP)
        self.table = IndexedTable(self.name)
        path = Path(folder) / SETTINGS
        settings = read_settings(path)
        if settings is None:
            raise JstasrError(f"{path}: no such file. {EXTRACT_AGAIN}")
        self.computer = feature_computer(settings)

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name, "table": self.table, "computer": self.computer.settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, computer=feature_computer(state["computer"]))

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, utterance: str) -> bool:
        return self.table.find(utterance) >= 0

    def __getitem__(self, utterance: str) -> np.ndarray:
        """Features of an utterance, (T, D) float32; errors as of ArchivedFeatures."""
        row = self.table.find(utterance)
        if row < 0:
            raise JstasrError(f"{self.name}: no audio of utterance {utterance}")
        return self.read(row)

    def read(self, row: int) -> np.ndarray:
        """Features (T, D) float32 of the utterance on a line of wav.scp (from 0); errors as of ArchivedFeatures."""
        utterance, source = self.table.line(row)
        try:
            features = self.computer(read_at_rate(source, self.computer))
        except JstasrError as error:
            raise JstasrError(f"{utterance}: {error}") from error
        return check_features(features, utterance, source)

    def shape(self, row: int) -> None:
        """None: the number of frames is known only when the audio has been read."""
        return None


def open_features(folder: str | Path) -> ArchivedFeatures | ComputedFeatures | ShardedFeatures:
    """The features of a set: in shards, those of its feats.scp, or computed where there is none (dump/raw/<set>)."""
    folder = Path(folder)
    if (folder / INDEX).exists():
        return ShardedFeatures(folder)
    if not (folder / FEATS_SCP).exists() and (folder / SETTINGS).exists():
        return ComputedFeatures(folder)
    return ArchivedFeatures(folder / FEATS_SCP)
