"""How sure an error rate is: the bootstrap (Bisani and Ney, ICASSP 2004), over utterances or over speakers.

A replicate draws as many blocks as there are, with replacement, and takes the error rate of what it drew; the
interval is between percentiles of the replicates. A block is an utterance, or all utterances of a speaker:
those are not independent, so the interval by speaker is the honest one when each speaker says many things.
"""

import numpy as np

REPLICATES = 1000
LEVEL = 95
SEED = 0
MAX_CHUNK = 1 << 22  # draws held at a time


def block_sums(values, block_of=None):
    """(blocks,) sums of (U,) values; each utterance a block when `block_of` is None."""
    values = np.asarray(values, np.float64)
    return values if block_of is None else np.bincount(block_of, weights=values)


def replicate_sums(columns, replicates, seed=SEED):
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
    step = max(1, MAX_CHUNK // max(blocks, 1))
    for start in range(0, replicates, step):
        rows = min(step, replicates - start)
        drawn = generator.integers(0, blocks, (rows, blocks), dtype=np.int32)
        for column in range(columns.shape[1]):
            sums[start : start + rows, column] = columns[drawn, column].sum(1)
    return sums


def error_rate_interval(errors, words, block_of=None, level=LEVEL, replicates=REPLICATES, seed=SEED):
    """Bootstrap interval of an error rate.

    Args:
        errors, words: (U,) int, errors and reference words of each utterance.
        block_of: (U,) int, the block of each utterance; None: each its own.
        level: percent.
    Returns:
        dict: low, high (percent), level, replicates, blocks; None with fewer than two blocks or no words.
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


def difference_interval(errors_a, errors_b, words, block_of=None, level=LEVEL, replicates=REPLICATES, seed=SEED):
    """Bootstrap of the difference between two systems on the same utterances.

    Args:
        errors_a, errors_b, words: (U,) int.
    Returns:
        dict: difference (B - A in percent points), low, high, level, replicates, blocks, and
        `probability_of_improvement`: the share of replicates in which B makes fewer errors than A, ties half.
        None with fewer than two blocks or no words.
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
