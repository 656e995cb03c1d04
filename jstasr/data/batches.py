"""Which utterances go into which step: length buckets under a frame budget, a function of (seed, epoch)."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

TEXT_BUCKETS = 16  # at most
MIN_BATCHES_OF_BUCKET = 4  # fewer would leave small last batches too often
MOST_PADDING = 0.045  # of the speech of an epoch
HALVINGS = 10  # of the share of padding at which a batch ends


def cuts(ordered: np.ndarray, budget: int, most_padding: float) -> np.ndarray:
    """Where batches begin if each takes as many of what follows as fit.

    Args:
        ordered: (N,) int, lengths, about ascending.
        budget: largest padded size; one utterance may exceed it.
        most_padding: largest share of padding in a batch.
    Returns:
        (B,) int, ascending from 0.
    """
    starts, start = [], 0
    while start < len(ordered):
        starts.append(start)
        most = max(1, budget // max(1, int(ordered[start])))  # no more can fit: the first is about the shortest
        part = ordered[start : start + most]
        padded = np.maximum.accumulate(part) * np.arange(1, len(part) + 1)
        fits = (padded <= budget) & (part.cumsum() >= (1.0 - most_padding) * padded)
        start += len(part) if fits.all() else max(1, int(fits.argmin()))
    return np.asarray(starts, dtype=np.int64)


def padding(ordered: np.ndarray, starts: np.ndarray) -> float:
    """Share of padding in the batches that begin at `starts`."""
    longest = np.maximum.reduceat(ordered, starts).astype(np.int64)
    return 1.0 - float(ordered.sum(dtype=np.int64)) / float((longest * np.diff(starts, append=len(ordered))).sum())


def bucketed_batches(
    lengths: np.ndarray, budget: int, rng: np.random.Generator, most_padding: float = 1.0
) -> list[np.ndarray]:
    """Cut a shuffled corpus into batches of similar lengths.

    Where a set fills only few batches of the budget, their lengths differ much: above `most_padding` the batches are
    made smaller, those with the most padding first. A set that fits into one batch stays whole.

    Args:
        lengths: (N,) int, frames or positions of each utterance.
        budget: largest padded size of a batch, utterances times the longest length; one utterance may exceed it.
        rng: draws which equal-length utterances meet, and the order of the batches.
        most_padding: largest share of padding in all of them together.
    Returns:
        Index arrays, the whole of 0 .. N-1 once, in random order.
    """
    if not len(lengths):
        return []
    # a jitter of a few per cent varies the company of each utterance between epochs at little padding
    noise = rng.uniform(0.97, 1.03, size=len(lengths))
    order = np.argsort(lengths * noise, kind="stable")
    starts = cuts(lengths[order], budget, 1.0)
    if len(starts) > 1 and padding(lengths[order], starts) > most_padding:
        order = np.argsort(lengths * (1.0 + (noise - 1.0) / 3.0), kind="stable")
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            enough = padding(lengths[order], cuts(lengths[order], budget, middle)) <= most_padding
            low, high = (middle, high) if enough else (low, middle)
        starts = cuts(lengths[order], budget, low)
    batches = [rng.permutation(batch) for batch in np.split(order, starts[1:])]
    return [batches[i] for i in rng.permutation(len(batches))]


def language_weights(languages: np.ndarray, amounts: np.ndarray, temperature: float) -> np.ndarray:
    """How often each item is drawn in an epoch, so that a language's share of the data is ~ amount^(1 / temperature).

    Args:
        languages: (N,) of any kind, the language of each item.
        amounts: (N,) frames or phonemes of each item.
        temperature: 1: as in the data; above: nearer to equal shares.
    Returns:
        (N,) float64; the same for all items of a language. They keep the total amount.
    """
    _, language = np.unique(languages, return_inverse=True)
    amount = np.bincount(language, amounts)
    share = (amount / amount.sum()) ** (1.0 / temperature)
    return (share / share.sum() * amount.sum() / amount)[language]


def draw_by_weight(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each index floor(weight) times, and once more with the probability of the rest; all once for weights of 1."""
    return np.repeat(np.arange(len(weights)), np.floor(weights + rng.random(len(weights))).astype(np.int64))


def length_quantiles(lengths: np.ndarray, batches: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Place of each batch in the order of their mean lengths, in [0, 1).

    Uniform whatever the lengths, also over the epochs of a set of few batches: the place is drawn from the batch's
    own stretch of the order.
    """
    means = np.asarray([lengths[batch].mean() for batch in batches])
    places = np.empty(len(batches))
    places[np.argsort(means, kind="stable")] = (np.arange(len(batches)) + rng.random(len(batches))) / len(batches)
    return places


class TextStream:
    """An endless stream of text batches; each is near in length to the speech batch that it accompanies.

    The text, sorted by length, is cut into buckets of equally many symbols, hence of equally many batches. Where the
    quantiles asked for are uniform, each bucket is asked equally often, and each text is drawn equally often. A
    bucket gives all its texts once (or as their weights say), in batches of similar lengths, before it begins again.
    """

    def __init__(self, lengths: np.ndarray, budget: int, seed: int, weights: np.ndarray | None = None):
        """lengths: (N,) int, phonemes of each text; budget: padded phonemes of a batch; weights: (N,), see above."""
        self.lengths, self.budget, self.seed, self.weights = lengths, budget, seed, weights
        order = np.argsort(lengths, kind="stable")
        size = (lengths if weights is None else lengths * weights)[order].cumsum()
        count = int(np.clip(size[-1] // (MIN_BATCHES_OF_BUCKET * budget), 1, TEXT_BUCKETS))
        # a text belongs where its middle lies
        share = (size - np.diff(size, prepend=0) / 2) / size[-1]
        cuts = np.searchsorted(share, np.arange(1, count) / count)
        self.buckets = [part for part in np.split(order, cuts) if len(part)]
        self.given = [(0, 0)] * len(self.buckets)  # (passes over the bucket, batches given of this one)
        self.batches: list[list[np.ndarray] | None] = [None] * len(self.buckets)  # of this pass; None: not yet cut

    def cut(self, number: int) -> list[np.ndarray]:
        """The batches of the bucket's present pass."""
        rng = np.random.default_rng((self.seed, 1, number, self.given[number][0]))
        chosen = self.buckets[number]
        if self.weights is not None:
            drawn = draw_by_weight(self.weights[chosen], rng)
            chosen = chosen[drawn] if len(drawn) else chosen
        return [chosen[batch] for batch in bucketed_batches(self.lengths[chosen], self.budget, rng)]

    def draw(self, quantile: float) -> np.ndarray:
        """The next batch of the bucket at `quantile` in [0, 1)."""
        number = min(int(quantile * len(self.buckets)), len(self.buckets) - 1)
        if self.batches[number] is None:
            self.batches[number] = self.cut(number)
        done, given = self.given[number]
        batch = self.batches[number][given]
        self.given[number] = (done, given + 1)
        if given + 1 == len(self.batches[number]):
            self.given[number], self.batches[number] = (done + 1, 0), None
        return batch


class Step(NamedTuple):
    """One batch of one process, and where the stream stands after it (after the whole step, with many processes)."""

    epoch: int
    speech: np.ndarray  # indexes of the paired set
    text: np.ndarray  # indexes of the text set
    after: dict


class StepSampler:
    """The batches of every step, without end: a pure function of its arguments and of the position to start from."""

    def __init__(
        self,
        speech_lengths: np.ndarray,
        batch_frames: int,
        text_lengths: np.ndarray | None,
        text_budget: int,
        seed: int,
        speech_weights: np.ndarray | None = None,
        text_weights: np.ndarray | None = None,
        start: dict | None = None,
    ):
        """speech_lengths: (N,) frames; text_lengths: (M,) phonemes, or None; budgets in frames and phonemes.

        speech_weights (N,), text_weights (M,): how often each is drawn in an epoch; None: once.
        start: `Step.after` of the last step done; None: the first epoch.
        """
        self.speech_lengths, self.batch_frames = speech_lengths, batch_frames
        self.text_lengths, self.text_budget, self.seed = text_lengths, text_budget, seed
        self.speech_weights, self.text_weights, self.start = speech_weights, text_weights, start

    def epoch_batches(self, epoch: int) -> list[np.ndarray]:
        rng = np.random.default_rng((self.seed, 0, epoch))
        if self.speech_weights is None:
            return bucketed_batches(self.speech_lengths, self.batch_frames, rng, MOST_PADDING)
        chosen = draw_by_weight(self.speech_weights, rng)
        cut = bucketed_batches(self.speech_lengths[chosen], self.batch_frames, rng, MOST_PADDING)
        return [chosen[batch] for batch in cut]

    def __iter__(self) -> Iterator[Step]:
        stream = None
        if self.text_lengths is not None and len(self.text_lengths) and self.text_budget > 0:
            stream = TextStream(self.text_lengths, self.text_budget, self.seed, self.text_weights)
        start = self.start or {"epoch": 0, "batch": 0, "text": None}
        if stream is not None and start["text"] is not None:
            stream.given = [tuple(given) for given in start["text"]]
        epoch, first = start["epoch"], start["batch"]
        while True:
            batches = self.epoch_batches(epoch)
            quantiles = length_quantiles(self.speech_lengths, batches, np.random.default_rng((self.seed, 2, epoch)))
            for number in range(first, len(batches)):
                text = np.zeros(0, dtype=np.int64) if stream is None else stream.draw(quantiles[number])
                given = None if stream is None else list(stream.given)
                yield Step(epoch, batches[number], text, {"epoch": epoch, "batch": number + 1, "text": given})
            epoch, first = epoch + 1, 0


def share_of(steps: Iterator[Step], rank: int, processes: int) -> Iterator[Step]:
    """What one of several processes does: each takes one of `processes` batches in a row."""
    while True:
        group = list(islice(steps, processes))
        yield group[rank]._replace(after=group[-1].after)
