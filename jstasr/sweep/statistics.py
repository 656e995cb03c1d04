"""Intervals and tests for systems that were trained with several seeds and decoded the same test set.

The error rate of a system varies with the seed of its training and with the choice of the test utterances. A replicate
of the bootstrap draws seeds with replacement, then utterances with replacement, the same for all seeds: every seed
decoded the same utterances, so that averaging over seeds does not reduce their share of the variance. Two systems are
compared by their difference for each seed and utterance.

A replicate is the sum of two parts: the mean of all seeds on the drawn utterances, and the deviation of the drawn
seeds, on all utterances, from the mean of all seeds. Drawn seeds on drawn utterances have the same mean, but count
what a seed changes in single utterances once more (Owen, "The pigeonhole bootstrap", 2007).

Few seeds need a correction. The mean of S drawn seeds varies by (S - 1) / S of what it should, and their spread is
itself an estimate. The second part is therefore multiplied by

    sqrt(S / (S - 1)) * sqrt((S - 1) / c),  c from the chi-squared distribution with S - 1 degrees of freedom,

which gives it the tails of Student's t. With one seed, only the utterances are drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

REPLICATES = 10_000
LEVEL = 95
SEED = 0
CHUNK = 1 << 20  # counts of drawn utterances that are in memory at a time


@dataclass
class Rates:
    """Error rates of C decodings of one test set, in percent.

    Attributes:
        full: (C,) on the utterances as they are.
        replicates: (R, C) on the utterances that each replicate draws, the same for all decodings.
    """

    full: np.ndarray
    replicates: np.ndarray

    def of(self, columns: Sequence[int]) -> "Rates":
        """The rates of some decodings."""
        return Rates(self.full[list(columns)], self.replicates[:, list(columns)])


@dataclass
class Estimate:
    """A mean over seeds with its interval of LEVEL percent."""

    value: float
    low: float
    high: float


@dataclass
class Difference:
    """System B against system A, paired by seed and utterance.

    Attributes:
        absolute: of the mean error rates, B - A, in percent points.
        relative: (B - A) / A, in percent; None where A has no errors.
        p: two-sided probability of such a difference between equally good systems.
        seeds: number of seeds that both have.
    """

    absolute: Estimate
    relative: Estimate | None
    p: float
    seeds: int


def replicate_rates(
    errors: np.ndarray, words: np.ndarray, group_of: np.ndarray | None = None, replicates: int = REPLICATES
) -> Rates:
    """Error rates of decodings of one test set, and their replicates over utterances.

    Args:
        errors: (C, U) int, errors of each decoding in each utterance.
        words: (U,) int, reference words.
        group_of: (U,) int, 0 to G - 1; the rate is then the mean of the groups' rates. None: of all words.
        replicates: R.
    Raises:
        ValueError: no words, or none in a group.
    """
    generator = np.random.default_rng(SEED)
    number = len(words)
    groups = np.zeros(number, np.int64) if group_of is None else group_of
    members = [np.flatnonzero(groups == group) for group in range(groups.max() + 1 if number else 0)]
    if not members or any(not words[group].any() for group in members):
        raise ValueError("a test set, or a group of it, has no words")
    full = np.mean([100 * errors[:, group].sum(1) / words[group].sum() for group in members], axis=0)
    columns = np.concatenate([errors, words[None]]).T.astype(np.float32)  # (U, C + 1); sums stay exact below 2 ** 24
    drawn = np.empty((replicates, len(errors)))
    step = max(1, CHUNK // number)
    for start in range(0, replicates, step):
        rows = min(step, replicates - start)
        total = np.zeros((rows, len(errors)))
        for group in members:  # each group keeps its size
            picks = generator.integers(0, len(group), (rows, len(group)))
            picks += np.arange(rows)[:, None] * len(group)
            counts = np.bincount(picks.ravel(), minlength=rows * len(group)).reshape(rows, len(group))
            sums = counts.astype(np.float32) @ columns[group]
            total += 100 * sums[:, :-1] / np.maximum(sums[:, -1:], 1)
        drawn[start : start + rows] = total / len(members)
    return Rates(full, drawn)


def seed_deviations(full: np.ndarray, replicates: int) -> np.ndarray:
    """(R,) the second part of each replicate, for (S,) error rates of S seeds."""
    seeds = len(full)
    if seeds == 1:
        return np.zeros(replicates)
    generator = np.random.default_rng(SEED + 1)
    drawn = full[generator.integers(0, seeds, (replicates, seeds))].mean(1)
    return np.sqrt(seeds / generator.chisquare(seeds - 1, replicates)) * (drawn - full.mean())


def interval(values: np.ndarray) -> tuple[float, float]:
    """The percentiles between which LEVEL percent of the replicates lie."""
    low, high = np.percentile(values, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return float(low), float(high)


def mean_over_seeds(rates: Rates) -> Estimate:
    """The mean error rate of the decodings of S seeds, never below 0."""
    values = rates.replicates.mean(1) + seed_deviations(rates.full, len(rates.replicates))
    low, high = interval(np.maximum(values, 0))
    return Estimate(float(rates.full.mean()), low, high)


@lru_cache
def student(freedom: int) -> float:
    """What |t| of Student's distribution stays below in LEVEL percent of the cases, from draws: to about 1%."""
    draws = np.random.default_rng(SEED + 2).standard_t(freedom, 200 * REPLICATES)
    return float(np.percentile(np.abs(draws), LEVEL))


def further_run(rates: Rates) -> Estimate | None:
    """Where the error rate of one more training with another seed lies, on the same utterances; None with one seed.

    mean +- t * deviation * sqrt(1 + 1 / S), t from Student's distribution with S - 1 degrees of freedom
    """
    seeds = len(rates.full)
    if seeds < 2:
        return None
    width = student(seeds - 1) * float(rates.full.std(ddof=1) * np.sqrt(1 + 1 / seeds))
    mean = float(rates.full.mean())
    return Estimate(mean, max(mean - width, 0.0), mean + width)


def difference(a: Rates, b: Rates) -> Difference:
    """B - A, column s of both being the same seed."""
    mean_a, mean_b = float(a.full.mean()), float(b.full.mean())
    base = a.replicates.mean(1)
    values = b.replicates.mean(1) - base + seed_deviations(b.full - a.full, len(a.replicates))
    relative = None
    if mean_a > 0 and (base > 0).all():
        relative = Estimate(100 * (mean_b - mean_a) / mean_a, *interval(100 * values / base))
    tail = min(int((values <= 0).sum()), int((values >= 0).sum()))
    p = min(1.0, 2 * (tail + 1) / (len(values) + 1))
    return Difference(Estimate(mean_b - mean_a, *interval(values)), relative, p, len(a.full))


def holm(p: Sequence[float]) -> list[float]:
    """The p-values of a family of tests, corrected by Holm's step-down procedure (Holm 1979)."""
    corrected = [1.0] * len(p)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = largest
    return corrected
