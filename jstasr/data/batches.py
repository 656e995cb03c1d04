"""Which utterances go into which step: length buckets under a frame budget, a function of (seed, epoch)."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np

from jstasr.data.join import JoinedRows, Joins, chain_rows, join_texts, join_utterances
from jstasr.data.join_config import JoinConfig

TEXT_BUCKETS = 16  # largest number of length buckets of the text
MIN_BATCHES_OF_BUCKET = 4  # with fewer, the small last batch of a bucket comes too often
MAX_PADDING = 0.045  # largest share of padding in the speech of an epoch
BISECTIONS = 10  # of the share of padding at which a batch ends


def batch_starts(ordered: np.ndarray, budget: int, max_padding: float) -> np.ndarray:
    """Cut a sorted list into batches: each takes as many of the items that follow as fit.

    Args:
        ordered: (N,) int, lengths in about ascending order.
        budget: largest padded size; one utterance may exceed it.
        max_padding: largest share of padding in a batch.
    Returns:
        (B,) int64, the index of the first item of each batch, ascending from 0.
    """
    starts: list[int] = []
    start = 0
    while start < len(ordered):
        starts.append(start)
        most = max(1, budget // max(1, int(ordered[start])))  # an upper bound: the first item is about the shortest
        part = ordered[start : start + most]
        padded = np.maximum.accumulate(part) * np.arange(1, len(part) + 1)
        fits = (padded <= budget) & (part.cumsum() >= (1.0 - max_padding) * padded)
        start += len(part) if fits.all() else max(1, int(fits.argmin()))
    return np.asarray(starts, dtype=np.int64)


def padding_share(ordered: np.ndarray, starts: np.ndarray) -> float:
    """Share of padding in the batches that begin at `starts`."""
    longest = np.maximum.reduceat(ordered, starts).astype(np.int64)
    return 1.0 - float(ordered.sum(dtype=np.int64)) / float((longest * np.diff(starts, append=len(ordered))).sum())


def bucketed_batches(
    lengths: np.ndarray, budget: int, rng: np.random.Generator, max_padding: float = 1.0
) -> list[np.ndarray]:
    """Cut a shuffled corpus into batches of similar lengths.

    In a set of few batches, the lengths within a batch differ much: above `max_padding` the batches become smaller,
    those with the most padding first. A set that fits into one batch stays whole.

    Args:
        lengths: (N,) int, frames or positions of each utterance.
        budget: largest padded size of a batch, utterances times the longest length; one utterance may exceed it.
        rng: decides which utterances of similar length share a batch, and the order of the batches.
        max_padding: largest share of padding in all batches together.
    Returns:
        Index arrays in random order, which hold each of 0 .. N-1 once.
    """
    if not len(lengths):
        return []
    # a jitter of a few per cent varies between epochs which utterances share a batch, at little padding
    noise = rng.uniform(0.97, 1.03, size=len(lengths))
    order = np.argsort(lengths * noise, kind="stable")
    starts = batch_starts(lengths[order], budget, 1.0)
    if len(starts) > 1 and padding_share(lengths[order], starts) > max_padding:
        order = np.argsort(lengths * (1.0 + (noise - 1.0) / 3.0), kind="stable")
        low, high = 0.0, 1.0
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            enough = padding_share(lengths[order], batch_starts(lengths[order], budget, middle)) <= max_padding
            low, high = (middle, high) if enough else (low, middle)
        starts = batch_starts(lengths[order], budget, low)
    batches = [rng.permutation(batch) for batch in np.split(order, starts[1:])]
    return [batches[i] for i in rng.permutation(len(batches))]


def language_weights(languages: np.ndarray, amounts: np.ndarray, temperature: float) -> np.ndarray:
    """Expected draws of each item in an epoch, so that a language is drawn ~ (its share)^(1 / temperature).

    Args:
        languages: (N,) of any kind, the language of each item.
        amounts: (N,) frames or phonemes of each item.
        temperature: 1: the shares of the data; above 1: nearer to equal shares.
    Returns:
        (N,) float64, equal for all items of a language; the total amount stays the same.
    """
    _, language = np.unique(languages, return_inverse=True)
    amount = np.bincount(language, amounts)
    share = (amount / amount.sum()) ** (1.0 / temperature)
    return (share / share.sum() * amount.sum() / amount)[language]


def draw_by_weight(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each index floor(weight) times, and once more with probability weight - floor(weight): (M,) int64."""
    return np.repeat(np.arange(len(weights)), np.floor(weights + rng.random(len(weights))).astype(np.int64))


def length_quantiles(rows: JoinedRows, batches: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Quantile of each batch among the mean lengths of all, in [0, 1): (number of batches,).

    The mean is that of the single utterances: where rows hold several, those of the text beside them do too. Uniform
    for every distribution of lengths, also over the epochs of a set of few batches: the quantile is drawn from the
    interval of the batch's rank.

    Args:
        batches: indexes of the rows of each batch.
    """
    means = np.asarray([rows.lengths[batch].sum() / rows.counts[batch].sum() for batch in batches])
    places = np.empty(len(batches))
    places[np.argsort(means, kind="stable")] = (np.arange(len(batches)) + rng.random(len(batches))) / len(batches)
    return places


class TextStream:
    """An endless stream of text batches, each of a length similar to that of the speech batch in the same step.

    The text, sorted by length, is cut into buckets of equally many symbols, hence of equally many batches. With
    uniform quantiles, each bucket and so each text is drawn equally often. A bucket gives all its texts once (or as
    often as their weights demand), in batches of similar lengths, before it begins again.
    """

    def __init__(self, lengths: np.ndarray, budget: int, seed: int, weights: np.ndarray | None = None):
        """lengths: (N,) int, phonemes of each text; budget: padded phonemes of a batch; weights: (N,) draws."""
        self.lengths, self.budget, self.seed, self.weights = lengths, budget, seed, weights
        order = np.argsort(lengths, kind="stable")
        size = (lengths if weights is None else lengths * weights)[order].cumsum()
        count = int(np.clip(size[-1] // (MIN_BATCHES_OF_BUCKET * budget), 1, TEXT_BUCKETS))
        # a text belongs to the bucket that its middle symbol falls into
        share = (size - np.diff(size, prepend=0) / 2) / size[-1]
        bounds = np.searchsorted(share, np.arange(1, count) / count)
        self.buckets = [part for part in np.split(order, bounds) if len(part)]
        self.given = [(0, 0)] * len(
            self.buckets
        )  # (complete passes over the bucket, batches given of the present pass)
        self.batches: list[list[np.ndarray] | None] = [None] * len(
            self.buckets
        )  # of the present pass; None: not cut yet

    def cut(self, number: int) -> list[np.ndarray]:
        """The batches of the present pass over a bucket."""
        rng = np.random.default_rng((self.seed, 1, number, self.given[number][0]))
        chosen = self.buckets[number]
        if self.weights is not None:
            drawn = draw_by_weight(self.weights[chosen], rng)
            chosen = chosen[drawn] if len(drawn) else chosen
        return [chosen[batch] for batch in bucketed_batches(self.lengths[chosen], self.budget, rng)]

    def draw(self, quantile: float) -> np.ndarray:
        """The next batch of the bucket at `quantile` in [0, 1)."""
        number = min(int(quantile * len(self.buckets)), len(self.buckets) - 1)
        batches = self.batches[number] or self.cut(number)
        passes, given = self.given[number]
        complete = given + 1 == len(batches)
        self.given[number] = (passes + 1, 0) if complete else (passes, given + 1)
        self.batches[number] = None if complete else batches
        return batches[given]


class Step(NamedTuple):
    """The indexes of one batch of one process, and the position to resume from after it.

    With many processes, `after` is the position after the batches of all of them.
    """

    epoch: int
    speech: np.ndarray  # indexes of the paired set
    text: np.ndarray  # indexes of the text set
    after: dict
    joins: Joins | None = None  # which of them are joined; None: none


class Joining(NamedTuple):
    """How a sampler joins utterances and texts.

    groups: (N,) int, utterances of one number may be joined; max_frames: largest length of a joined one;
    text_groups: (M,) int or None; max_phones: largest length of a joined text.
    """

    config: JoinConfig
    groups: np.ndarray
    max_frames: int
    text_groups: np.ndarray | None
    max_phones: int


class Windows(NamedTuple):
    """Utterances are drawn from some shards at a time, in another order in each epoch.

    shards: (N,) int, the shard of each utterance, from 0; count: of all shards; size: shards at a time, about.
    """

    shards: np.ndarray
    count: int
    size: int

    def split(self, drawn: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        """Cut the utterances of an epoch (M,) into those of each window."""
        windows = -(-self.count // self.size)
        window_of_shard = np.empty(self.count, dtype=np.int64)
        window_of_shard[rng.permutation(self.count)] = np.arange(self.count) * windows // self.count
        window = window_of_shard[self.shards[drawn]]
        order = np.argsort(window, kind="stable")
        return [part for part in np.split(drawn[order], np.flatnonzero(np.diff(window[order])) + 1) if len(part)]


class StepSampler:
    """The batches of every step, endless: a pure function of the arguments, the start position included."""

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
        joining: Joining | None = None,
        windows: Windows | None = None,
    ):
        """
        Args:
            speech_lengths: (N,) int, frames; batch_frames: padded frames of a batch.
            text_lengths: (M,) int, phonemes, or None; text_budget: padded phonemes of a batch.
            speech_weights, text_weights: (N,), (M,) expected draws of each in an epoch; None: once.
            start: `Step.after` of the last step done; None: the beginning of the first epoch.
            joining: None: every utterance and text is a row of its own.
            windows: None: any utterances may share a batch.
        """
        self.speech_lengths, self.batch_frames = speech_lengths, batch_frames
        self.text_lengths, self.text_budget, self.seed = text_lengths, text_budget, seed
        self.speech_weights, self.text_weights, self.start = speech_weights, text_weights, start
        self.joining, self.windows = joining, windows

    def epoch_rows(self, epoch: int) -> tuple[JoinedRows, list[np.ndarray]]:
        """The utterances of an epoch, alone or joined, and the indexes of the rows of each speech batch."""
        rng = np.random.default_rng((self.seed, 0, epoch))
        drawn = np.arange(len(self.speech_lengths))
        if self.speech_weights is not None:
            drawn = draw_by_weight(self.speech_weights, rng)
        parts = [drawn]
        if self.windows is not None:
            parts = self.windows.split(drawn, np.random.default_rng((self.seed, 6, epoch)))
        join_rng = np.random.default_rng((self.seed, 3, epoch))
        rows = [self.rows_of(part, join_rng) for part in parts]
        firsts = np.cumsum([0, *map(len, rows)]).tolist()
        batches = [
            batch + first
            for part, first in zip(rows, firsts)
            for batch in bucketed_batches(part.lengths, self.batch_frames, rng, MAX_PADDING)
        ]
        return chain_rows(rows, self.speech_lengths), batches

    def rows_of(self, drawn: np.ndarray, rng: np.random.Generator) -> JoinedRows:
        """Some utterances, alone or joined."""
        if self.joining is None:
            return JoinedRows(drawn, np.arange(len(drawn)), np.zeros_like(drawn), self.speech_lengths)
        config, groups, max_frames, _, _ = self.joining
        return join_utterances(drawn, self.speech_lengths, groups, config, max_frames, rng)

    def epoch_batches(self, epoch: int) -> list[np.ndarray]:
        """The indexes of the utterances of each speech batch of an epoch."""
        rows, batches = self.epoch_rows(epoch)
        return [rows.take(batch)[0] for batch in batches]

    def join_step(self, step: Step, number: int, counts: np.ndarray, pauses: np.ndarray) -> Step:
        """The step with the joins of its speech, and with as many texts in a row as utterances on average."""
        assert self.joining is not None
        texts, text_counts = step.text, np.ones(len(step.text), dtype=np.int64)
        if len(texts) and self.joining.text_groups is not None and self.text_lengths is not None:
            rng = np.random.default_rng((self.seed, 4, step.epoch, number))
            per_row = int(counts.mean() + rng.random())
            texts, text_counts = join_texts(
                texts, self.text_lengths, self.joining.text_groups, per_row, self.joining.max_phones
            )
        seed = (self.seed, 5, step.epoch, number)
        return step._replace(text=texts, joins=Joins(counts, pauses, text_counts, seed))

    def __iter__(self) -> Iterator[Step]:
        stream = None
        if self.text_lengths is not None and len(self.text_lengths) and self.text_budget > 0:
            stream = TextStream(self.text_lengths, self.text_budget, self.seed, self.text_weights)
        start = self.start or {"epoch": 0, "batch": 0, "text": None}
        if stream is not None and start["text"] is not None:
            stream.given = [(passes, given) for passes, given in start["text"]]
        epoch, first = start["epoch"], start["batch"]
        while True:
            rows, batches = self.epoch_rows(epoch)
            quantiles = length_quantiles(rows, batches, np.random.default_rng((self.seed, 2, epoch)))
            for number in range(first, len(batches)):
                text = np.zeros(0, dtype=np.int64) if stream is None else stream.draw(quantiles[number])
                given = None if stream is None else list(stream.given)
                speech, pauses, counts = rows.take(batches[number])
                step = Step(epoch, speech, text, {"epoch": epoch, "batch": number + 1, "text": given})
                yield step if self.joining is None else self.join_step(step, number, counts, pauses)
            epoch, first = epoch + 1, 0


def steps_of_process(steps: Iterator[Step], rank: int, processes: int) -> Iterator[Step]:
    """The steps of one of several processes: of every `processes` batches in a row it takes the one of its rank."""
    while True:
        group = list(islice(steps, processes))
        yield group[rank]._replace(after=group[-1].after)
