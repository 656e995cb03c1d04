"""Cepstral mean and variance statistics in Kaldi's format.

Kaldi's matrix is (2, D + 1) float64: row 0 the sum of each dimension and, in the last column, the number of
frames; row 1 the sum of squares and 0.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

MIN_STD = 1e-3  # log-mel values have about 2: a constant dimension must not amplify noise


class MeanStd(NamedTuple):
    """Mean and standard deviation of each dimension, (D,) float32 both; the latter at least MIN_STD."""

    mean: np.ndarray
    std: np.ndarray


class CmvnStats:
    """Accumulates statistics of log-mel frames.

    Args:
        dim: D, features per frame.
    """

    def __init__(self, dim: int):
        self.matrix = np.zeros((2, dim + 1), dtype=np.float64)

    @property
    def dim(self) -> int:
        """D, features per frame."""
        return self.matrix.shape[1] - 1

    @property
    def count(self) -> int:
        """Number of frames seen."""
        return int(round(self.matrix[0, -1]))

    def add(self, features: np.ndarray) -> None:
        """Add one utterance: features (T, D)."""
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise ValueError(f"expected features of shape (T, {self.dim}), not {features.shape}")
        wide = features.astype(np.float64)
        self.matrix[0, :-1] += wide.sum(axis=0)
        self.matrix[1, :-1] += np.square(wide).sum(axis=0)
        self.matrix[0, -1] += len(wide)

    def merge(self, other: "CmvnStats") -> None:
        """Add the statistics of another part of the same set."""
        if other.dim != self.dim:
            raise JstasrError(f"CMVN statistics of {other.dim} dimensions cannot join those of {self.dim}")
        self.matrix += other.matrix

    def mean_std(self) -> MeanStd:
        """Mean and standard deviation; JstasrError without a frame."""
        if self.count < 1:
            raise JstasrError("CMVN statistics hold no frames; extract the training set (stage 5) again")
        mean = self.matrix[0, :-1] / self.matrix[0, -1]
        variance = self.matrix[1, :-1] / self.matrix[0, -1] - np.square(mean)
        std = np.sqrt(np.maximum(variance, MIN_STD**2))
        return MeanStd(mean.astype(np.float32), std.astype(np.float32))

    def save(self, path: str | Path) -> None:
        """Write Kaldi's binary matrix, whole or not at all."""
        import kaldiio

        with atomic_write(path, "wb") as file:
            kaldiio.save_mat(file, self.matrix)

    @classmethod
    def load(cls, path: str | Path) -> "CmvnStats":
        """Read a Kaldi matrix of statistics.

        Raises:
            JstasrError: no such file, or not finite statistics of shape (2, D + 1).
        """
        matrix = _read_matrix(path)
        if matrix.ndim != 2 or matrix.shape[0] != 2 or matrix.shape[1] < 2:
            raise JstasrError(f"{path}: expected CMVN statistics of shape (2, D + 1); run stage 5 again")
        if not np.isfinite(matrix).all():
            raise JstasrError(f"{path}: CMVN statistics are not finite; run stage 5 again")
        stats = cls(matrix.shape[1] - 1)
        stats.matrix[:] = matrix
        return stats


def _read_matrix(path: str | Path) -> np.ndarray:
    import kaldiio

    try:
        matrix = kaldiio.load_mat(str(path))
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such file; run the feature extraction (stage 5) first") from None
    except Exception as error:  # kaldiio raises assertions and struct errors on a damaged file
        raise JstasrError(f"{path}: not a Kaldi matrix ({error}); run stage 5 again") from error
    if not isinstance(matrix, np.ndarray):
        raise JstasrError(f"{path}: holds audio, not CMVN statistics; run stage 5 again")
    return matrix


def load_cmvn(path: str | Path) -> MeanStd:
    """Mean and standard deviation from a file of statistics; errors as of `CmvnStats.load`."""
    return CmvnStats.load(path).mean_std()
