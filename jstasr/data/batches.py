"""Which utterances go into which step: length buckets under a frame budget, a function of (seed, epoch)."""

from collections.abc import Iterator

import numpy as np

TEXT_BUCKETS = 16


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


def padding_share(lengths: np.ndarray, batches: list[np.ndarray]) -> float:
    """Share of the padded frames that are padding."""
    padded = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return 1.0 - float(lengths.sum()) / max(padded, 1)


class TextStream:
    """An endless stream of text batches; each is near in length to the speech batch that it accompanies.

    The text is cut by length into quantile buckets, each with its own endless shuffle, so that no padding is
    wasted on a short text beside a long transcript. Over time every text is drawn about equally often.
    """

    def __init__(self, lengths: np.ndarray, seed: int):
        """lengths: (N,) int, phonemes of each text."""
        order = np.argsort(lengths, kind="stable")
        self.buckets = [part for part in np.array_split(order, TEXT_BUCKETS) if len(part)]
        self.lengths = lengths
        self.rngs = [np.random.default_rng((seed, 1, bucket)) for bucket in range(len(self.buckets))]
        self.waiting: list[list[int]] = [[] for _ in self.buckets]

    def draw(self, quantile: float, budget: int) -> np.ndarray:
        """Texts whose padded size (count times longest) fits the budget, from the bucket at `quantile` in [0, 1)."""
        bucket = min(int(quantile * len(self.buckets)), len(self.buckets) - 1)
        drawn, longest = [], 0
        while True:
            if not self.waiting[bucket]:
                self.waiting[bucket] = list(self.rngs[bucket].permutation(self.buckets[bucket]))
            longest = max(longest, int(self.lengths[self.waiting[bucket][-1]]))
            if drawn and (longest * (len(drawn) + 1) > budget or len(drawn) == len(self.buckets[bucket])):
                return np.asarray(drawn)
            drawn.append(int(self.waiting[bucket].pop()))


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
        ranks = np.empty(len(speech_lengths))
        ranks[np.argsort(speech_lengths, kind="stable")] = np.arange(len(speech_lengths)) / len(speech_lengths)
        self.ranks = ranks

    def epoch_batches(self, epoch: int) -> list[np.ndarray]:
        return bucketed_batches(self.speech_lengths, self.batch_frames, np.random.default_rng((self.seed, 0, epoch)))

    def __iter__(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield (epoch, speech indexes, text indexes)."""
        stream = None if self.text_lengths is None else TextStream(self.text_lengths, self.seed)
        epoch = 0
        while True:
            for speech in self.epoch_batches(epoch):
                text = np.zeros(0, dtype=np.int64)
                if stream is not None:
                    text = stream.draw(float(self.ranks[speech].mean()), self.text_budget)
                yield epoch, speech, text
            epoch += 1
