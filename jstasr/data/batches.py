"""Which utterances go into which step: length buckets under a frame budget, a function of (seed, epoch)."""

from collections.abc import Iterator

import numpy as np

TEXT_BUCKETS = 16  # at most
MIN_BATCHES_OF_BUCKET = 4  # fewer would leave small last batches too often


def bucketed_batches(lengths: np.ndarray, budget: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Cut a shuffled corpus into batches of similar lengths.

    Args:
        lengths: (N,) int, frames or positions of each utterance.
        budget: largest padded size of a batch, utterances times the longest length; one utterance may exceed it.
        rng: draws which equal-length utterances meet, and the order of the batches.
    Returns:
        Index arrays, the whole of 0 .. N-1 once, in random order.
    """
    # a jitter of a few per cent varies the company of each utterance between epochs at little padding
    noisy = lengths * rng.uniform(0.97, 1.03, size=len(lengths))
    order = np.argsort(noisy, kind="stable")
    batches, start, longest = [], 0, 0
    for end, index in enumerate(order):
        longest = max(longest, int(lengths[index]))
        if end > start and longest * (end + 1 - start) > budget:
            batches.append(rng.permutation(order[start:end]))
            start, longest = end, int(lengths[index])
    if start < len(order):
        batches.append(rng.permutation(order[start:]))
    return [batches[i] for i in rng.permutation(len(batches))]


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
    bucket gives all its texts once, in batches of similar lengths, before it gives one again.
    """

    def __init__(self, lengths: np.ndarray, budget: int, seed: int):
        """lengths: (N,) int, phonemes of each text; budget: padded phonemes of a batch."""
        self.lengths, self.budget = lengths, budget
        order = np.argsort(lengths, kind="stable")
        size = lengths[order].cumsum()
        count = int(np.clip(size[-1] // (MIN_BATCHES_OF_BUCKET * budget), 1, TEXT_BUCKETS))
        # a text belongs where its middle lies
        share = (size - lengths[order] / 2) / size[-1]
        cuts = np.searchsorted(share, np.arange(1, count) / count)
        self.buckets = [part for part in np.split(order, cuts) if len(part)]
        self.rngs = [np.random.default_rng((seed, 1, bucket)) for bucket in range(len(self.buckets))]
        self.waiting: list[list[np.ndarray]] = [[] for _ in self.buckets]

    def draw(self, quantile: float) -> np.ndarray:
        """The next batch of the bucket at `quantile` in [0, 1)."""
        number = min(int(quantile * len(self.buckets)), len(self.buckets) - 1)
        bucket = self.buckets[number]
        if not self.waiting[number]:
            self.waiting[number] = bucketed_batches(self.lengths[bucket], self.budget, self.rngs[number])
        return bucket[self.waiting[number].pop()]


class StepSampler:
    """The (speech, text) index pairs of every step, without end, from the first epoch on.

    A pure function of its arguments: a run that is resumed skips the steps it has done.
    """

    def __init__(
        self,
        speech_lengths: np.ndarray,
        batch_frames: int,
        text_lengths: np.ndarray | None,
        text_budget: int,
        seed: int,
    ):
        """speech_lengths: (N,) frames; text_lengths: (M,) phonemes, or None; budgets in frames and phonemes."""
        self.speech_lengths, self.batch_frames = speech_lengths, batch_frames
        self.text_lengths, self.text_budget, self.seed = text_lengths, text_budget, seed

    def epoch_batches(self, epoch: int) -> list[np.ndarray]:
        return bucketed_batches(self.speech_lengths, self.batch_frames, np.random.default_rng((self.seed, 0, epoch)))

    def __iter__(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield (epoch, speech indexes, text indexes)."""
        with_text = self.text_lengths is not None and len(self.text_lengths) and self.text_budget > 0
        stream = TextStream(self.text_lengths, self.text_budget, self.seed) if with_text else None
        epoch = 0
        while True:
            batches = self.epoch_batches(epoch)
            quantiles = length_quantiles(self.speech_lengths, batches, np.random.default_rng((self.seed, 2, epoch)))
            for speech, quantile in zip(batches, quantiles):
                text = np.zeros(0, dtype=np.int64) if stream is None else stream.draw(quantile)
                yield epoch, speech, text
            epoch += 1
