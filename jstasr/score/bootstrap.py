"""Confidence intervals of error rates by the bootstrap (Bisani and Ney, ICASSP 2004), over utterances or speakers.

A replicate draws as many blocks as there are, with replacement, and takes the error rate of what it drew; the
interval lies between percentiles of the replicates. A block is an utterance, or all utterances of a speaker. The
utterances of one speaker are not independent: where speakers have many utterances, the interval by utterance is
too narrow.
"""

import numpy as np
from numpy.typing import ArrayLike

from jstasr.score.schema import DifferenceInterval, Interval

REPLICATES = 1000
LEVEL = 95
SEED = 0
MAX_DRAWS = 1 << 22  # drawn at a time, which bounds the memory


def block_sums(values: ArrayLike, block_of: np.ndarray | None = None) -> np.ndarray:
    """(blocks,) sums of (U,) values by `block_of` (U,) int; None: each utterance is a block."""
    values = np.asarray(values, np.float64)
    return values if block_of is None else np.bincount(block_of, weights=values)


def replicate_sums(columns: np.ndarray, replicates: int, seed: int = SEED) -> np.ndarray:
    """Sums of each column over the blocks that each replicate draws.

    Args:
        columns: (blocks, C) float64.
        replicates: R.
    Returns:
        (R, C) float64.
    """
    blocks = len(columns)
    generator = np.random.default_rng(seed)
    sums = np.empty((replicates, columns.shape[1]))
    step = max(1, MAX_DRAWS // max(blocks, 1))
    for start in range(0, replicates, step):
        rows = min(step, replicates - start)
        drawn = generator.integers(0, blocks, (rows, blocks), dtype=np.int32)
        for column in range(columns.shape[1]):
            sums[start : start + rows, column] = columns[drawn, column].sum(1)
    return sums


def error_rate_interval(
    errors: np.ndarray,
    words: np.ndarray,
    block_of: np.ndarray | None = None,
    level: float = LEVEL,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> Interval | None:
    """Bootstrap interval of an error rate.

    Args:
        errors, words: (U,) int, errors and reference words of each utterance.
        block_of: (U,) int, the block of each utterance; None: each utterance is a block.
        level: percent.
    Returns:
        The interval; None with fewer than two blocks or no words.
    """
    columns = np.column_stack([block_sums(errors, block_of), block_sums(words, block_of)])
    if len(columns) < 2 or not columns[:, 1].any():
        return None
    sums = replicate_sums(columns, replicates, seed)
    sums = sums[sums[:, 1] > 0]
    low, high = np.percentile(100 * sums[:, 0] / sums[:, 1], [(100 - level) / 2, (100 + level) / 2])
    return {
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "level": level,
        "replicates": replicates,
        "blocks": len(columns),
    }


def difference_interval(
    errors_a: np.ndarray,
    errors_b: np.ndarray,
    words: np.ndarray,
    block_of: np.ndarray | None = None,
    level: float = LEVEL,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> DifferenceInterval | None:
    """Bootstrap of the difference between two systems on the same utterances.

    Args:
        errors_a, errors_b, words: (U,) int, errors of each system and reference words of each utterance.
        block_of, level: as in `error_rate_interval`.
    Returns:
        The interval of B - A; None with fewer than two blocks or no words.
    """
    columns = np.column_stack([block_sums(x, block_of) for x in (errors_a, errors_b, words)])
    if len(columns) < 2 or not columns[:, 2].any():
        return None
    sums = replicate_sums(columns, replicates, seed)
    sums = sums[sums[:, 2] > 0]
    change = sums[:, 1] - sums[:, 0]
    low, high = np.percentile(100 * change / sums[:, 2], [(100 - level) / 2, (100 + level) / 2])
    total = columns.sum(0)
    return {
        "difference": round(float(100 * (total[1] - total[0]) / total[2]), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
        "probability_of_improvement": round(float((change < 0).mean() + (change == 0).mean() / 2), 4),
        "level": level,
        "replicates": replicates,
        "blocks": len(columns),
    }
