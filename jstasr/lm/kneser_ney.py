"""Estimation of n-gram models: interpolated modified Kneser-Ney smoothing (Chen and Goodman, 1999, section 3).

    p(w|h) = (a(hw) - D(a(hw))) / sum_v a(hv) + gamma(h) p(w|h')

h' is h without its first word. a is the count at the highest order and for n-grams that begin with <s>, else the
number of different words seen before the n-gram. gamma(h) makes the sum 1; below the unigrams is the uniform
distribution over all tokens and </s>.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from jstasr.errors import JstasrError
from jstasr.lm.arpa import NEVER, Ngrams

FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)  # where the counts of counts do not determine them, as in small or odd texts


@dataclass
class NgramTypes:
    """The different n-grams of one length.

    Args:
        words: (M, n) int, the words of each.
        count: (M,) int, how often it occurs.
        prefix, suffix: (M,) int, its index without the last (without the first) word among the shorter n-grams.
    """

    words: np.ndarray
    count: np.ndarray
    prefix: np.ndarray
    suffix: np.ndarray


def estimate(sequences: Iterable[Sequence[int]], vocab_size: int, order: int) -> list[Ngrams]:
    """Estimate a model.

    Args:
        sequences: token ids of each sentence (1 .. vocab_size - 1; 0 is the blank).
        vocab_size: V, of the token list.
        order: 1 or more.
    Returns:
        The n-grams of each order, every token among the unigrams.
    Raises:
        JstasrError: no text.
    """
    begin, end = vocab_size, vocab_size + 1
    sentences = [np.asarray(sequence, dtype=np.int64) for sequence in sequences]
    if not any(len(sentence) for sentence in sentences):
        raise JstasrError("no text to make a language model from")
    stream = np.concatenate([part for sentence in sentences for part in ([begin], sentence, [end])])
    last = np.cumsum([len(sentence) + 2 for sentence in sentences]) - 1  # positions of </s>
    room = np.repeat(last, [len(sentence) + 2 for sentence in sentences]) - np.arange(len(stream)) + 1
    types = count_types(stream, room, vocab_size + 2, order)
    tables: list[Ngrams] = []
    lower = np.full(vocab_size + 2, 1.0 / vocab_size)  # V - 1 tokens without the blank, and </s>
    for length, part in enumerate(types, 1):
        counts = part.count
        if length < order:
            preceded = np.bincount(types[length].suffix, minlength=len(counts))
            counts = np.where(part.words[:, 0] == begin, counts, preceded)
        prob, gamma = smooth(part, counts, lower, begin)
        if tables:
            tables[-1].log10_backoff[:] = np.log10(np.where(gamma > 0, gamma, 1.0))
        with np.errstate(divide="ignore"):
            log10_prob = np.maximum(np.log10(prob), NEVER)
        tables.append(Ngrams(part.words, log10_prob, np.zeros(len(prob))))
        lower = prob
    return tables


def count_types(stream: np.ndarray, room: np.ndarray, base: int, order: int) -> list[NgramTypes]:
    """The different n-grams of each length.

    Args:
        stream: (L,) int, words of all sentences with <s> and </s>.
        room: (L,) int, words from each position to the end of its sentence.
        base: number of words.
        order: the largest length.
    Returns:
        N-grams of length 1 .. order; all unigrams but the blank are there, whether seen or not.
    """
    words = np.arange(base)
    nothing = np.zeros(base - 1, dtype=np.int64)  # the one n-gram of length 0
    types = [NgramTypes(words[1:, None], np.bincount(stream, minlength=base)[1:], prefix=nothing, suffix=nothing)]
    index = stream - 1  # of the n-gram that begins at each position
    starts = np.arange(len(stream))
    for length in range(2, order + 1):
        starts = starts[room[starts] >= length]
        key = index[starts] * base + stream[starts + length - 1]
        _, first, inverse, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
        at = starts[first]
        windows = stream[at[:, None] + np.arange(length)]
        types.append(NgramTypes(windows, count, prefix=index[at], suffix=index[at + 1]))
        index = index.copy()
        index[starts] = inverse.reshape(-1)
    return types


def discounts(counts: np.ndarray) -> np.ndarray:
    """What is subtracted from a count of 0, 1, 2, and 3 or more (Chen and Goodman, 1999, equation 26).

    Args:
        counts: (M,) int, of all n-grams of one length.
    Returns:
        (4,) float64.
    """
    n1, n2, n3, n4 = (int((counts == value).sum()) for value in (1, 2, 3, 4))
    if min(n1, n2, n3, n4) > 0:
        share = n1 / (n1 + 2 * n2)
        found = (1 - 2 * share * n2 / n1, 2 - 3 * share * n3 / n2, 3 - 4 * share * n4 / n3)
        if all(0 < taken < value for value, taken in enumerate(found, 1)):
            return np.asarray([0.0, *found])
    return np.asarray([0.0, *FALLBACK_DISCOUNTS])


def smooth(part: NgramTypes, counts: np.ndarray, lower: np.ndarray, begin: int) -> tuple[np.ndarray, np.ndarray]:
    """Interpolated probabilities of the n-grams of one length.

    Args:
        part: the n-grams.
        counts: (M,) int, adjusted (a in the formula).
        lower: (K,) float64, probabilities of the shorter n-grams.
        begin: id of <s>.
    Returns:
        Probabilities (M,), and gamma (K,) of the shorter n-grams, 0 where one has no continuation; float64.
    """
    counts = np.where(part.words[:, -1] == begin, 0, counts)  # <s> is given, never predicted
    context = part.prefix
    taken = discounts(counts)[np.minimum(counts, 3)]
    total = np.bincount(context, counts, minlength=len(lower))
    with np.errstate(invalid="ignore", divide="ignore"):
        gamma = np.where(total > 0, np.bincount(context, taken, minlength=len(lower)) / total, 0.0)
    prob = (counts - taken) / np.where(total > 0, total, 1.0)[context] + gamma[context] * lower[part.suffix]
    return np.where(part.words[:, -1] == begin, 0.0, prob), gamma
