"""Linear probes: what a linear classifier reads from vectors, cross-validated."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from jstasr.score.bootstrap import LEVEL, REPLICATES, block_sums, replicate_sums

FOLDS = 5
ITERATIONS = 200  # of L-BFGS; it converges in fewer


class Accuracy(NamedTuple):
    """Percent of the utterances that are classified correctly, and its bootstrap interval over speakers.

    `chance`: percent that have the most frequent class.
    """

    percent: float
    low: float
    high: float
    chance: float


def fit_logistic(vectors: Tensor, classes: Tensor, count: int) -> Tensor:
    """Weights of multinomial logistic regression: they minimise sum_i -log p(class_i | vector_i) + ||W||^2 / 2.

    Args:
        vectors: (N, C) float64, standardised.
        classes: (N,) int64, 0 .. count - 1.
    Returns:
        (C + 1, count) float64; the last row is the bias, on which there is no penalty.
    """
    inputs = torch.cat([vectors, vectors.new_ones(len(vectors), 1)], 1)
    weights = vectors.new_zeros(inputs.shape[1], count, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights], max_iter=ITERATIONS, tolerance_grad=1e-6, tolerance_change=1e-10, line_search_fn="strong_wolfe"
    )

    def objective() -> Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(inputs @ weights, classes, reduction="sum")
        loss = (loss + weights[:-1].square().sum() / 2) / len(vectors)
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(objective)  # pyright: ignore[reportArgumentType]
    return weights.detach()


def cross_validated(vectors: np.ndarray, classes: np.ndarray, fold_of: np.ndarray) -> np.ndarray:
    """Class of each utterance, predicted by a classifier that was trained on the other folds.

    Args:
        vectors: (U, C) float.
        classes: (U,) int, from 0.
        fold_of: (U,) int.
    Returns:
        (U,) int.
    """
    inputs, labels = torch.from_numpy(vectors).double(), torch.from_numpy(classes).long()
    predicted = np.empty(len(classes), np.int64)
    for fold in np.unique(fold_of):
        test = torch.from_numpy(fold_of == fold)
        mean, scale = inputs[~test].mean(0), inputs[~test].std(0, correction=0)
        standard = (inputs - mean) / torch.where(scale > 0, scale, 1.0)
        weights = fit_logistic(standard[~test], labels[~test], int(labels.max()) + 1)
        predicted[test.numpy()] = (standard[test] @ weights[:-1] + weights[-1]).argmax(1).numpy()
    return predicted


def folds_within(groups: np.ndarray, seed: int = 0) -> np.ndarray:
    """(U,) int: a fold for each utterance; those of each group, (U,) int, are dealt to the folds in turn."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    folds = np.empty(len(groups), np.int64)
    folds[order] = np.arange(len(groups)) % FOLDS
    return folds


def folds_by_speaker(speakers: np.ndarray, classes: np.ndarray, seed: int = 0) -> np.ndarray:
    """(U,) int: a fold for each utterance, one for all of a speaker; the speakers of each class are dealt in turn."""
    _, first, speaker_of = np.unique(speakers, return_index=True, return_inverse=True)
    return folds_within(classes[first], seed)[speaker_of]


def accuracy(predicted: np.ndarray, classes: np.ndarray, speakers: np.ndarray) -> Accuracy:
    """Share of the correct predictions; all arguments (U,) int. A speaker's utterances are drawn together."""
    correct = predicted == classes
    _, block_of = np.unique(speakers, return_inverse=True)
    columns = np.column_stack([block_sums(correct, block_of), block_sums(np.ones(len(classes)), block_of)])
    sums = replicate_sums(columns, REPLICATES)
    low, high = np.percentile(100 * sums[:, 0] / sums[:, 1], [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return Accuracy(
        100 * float(correct.mean()), float(low), float(high), 100 * float(np.bincount(classes).max() / len(classes))
    )
