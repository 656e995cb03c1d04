"""Times and confidence of words, against every alignment written out."""

import itertools
import math

import numpy as np
import pytest
import torch

from jstasr.decode.greedy import Hypothesis
from jstasr.decode.segment_decoder import word_slices
from jstasr.decode.word_times import LabelTimes, band, boundaries, label_times, word_spans


def all_alignments(decoder, encoded, labels, oracle):
    """Probability of each alignment: {frames of the labels: p}, and log P(label | t, u) and P(blank | t, u)."""
    table = [[oracle.step(decoder, frame, labels[:u]) for u in range(len(labels) + 1)] for frame in encoded]
    found = {}
    for frames in itertools.combinations_with_replacement(range(len(encoded)), len(labels)):
        log = 0.0
        for t in range(len(encoded)):
            before = sum(frame < t for frame in frames)
            here = sum(frame == t for frame in frames)
            log += sum(table[t][u][labels[u]] for u in range(before, before + here)) + table[t][before + here][0]
        found[frames] = math.exp(log)
    return found, table


@pytest.mark.parametrize("seed", range(4))
def test_label_times_are_means_over_all_alignments(make_decoder, oracle, seed):
    decoder = make_decoder(4, seed, scale=1.5)
    rng = np.random.default_rng(seed)
    lengths, labels = [7, 5], [[1, 3, 2], [2]]
    encoded = torch.randn(2, 7, 5)
    found = [Hypothesis(row, sorted(rng.integers(0, n, len(row)).tolist()), 0.0) for row, n in zip(labels, lengths)]
    times = label_times(decoder, encoded, torch.tensor(lengths), found)
    for row, length, frames, own in zip(labels, lengths, encoded, times):
        alignments, table = all_alignments(decoder, frames[:length], row, oracle)
        total = sum(alignments.values())
        for index, label in enumerate(row):
            mean = sum(p * place[index] for place, p in alignments.items()) / total
            assert own.frames[index] == pytest.approx(mean, abs=1e-3)
            sure = {t: math.exp(table[t][index][label]) / (1 - math.exp(table[t][index][0])) for t in range(length)}
            expected = sum(p * sure[place[index]] for place, p in alignments.items()) / total
            assert own.confidence[index] == pytest.approx(expected, abs=1e-3)


def test_utterances_without_labels_are_among_the_others(decoder):
    found = [Hypothesis([], [], 0.0), Hypothesis([1, 2], [1, 2], 0.0)]
    times = label_times(decoder, torch.randn(2, 4, 5), torch.tensor([4, 3]), found)
    assert len(times[0].frames) == 0 and len(times[1].frames) == 2


def test_the_band_is_linear_in_the_length_and_holds_the_path():
    frames = list(range(0, 3000, 5))
    cells = band(frames, 3000)
    assert len(cells) < 3000 + 35 * (len(frames) + 1)
    held = set(map(tuple, cells.tolist()))
    assert all((frame, prefix) in held and (frame, prefix + 1) in held for prefix, frame in enumerate(frames))


@pytest.mark.parametrize("seed", range(8))
def test_boundaries_are_the_best_of_all_increasing_frames(seed):
    rng = np.random.default_rng(seed)
    marks = np.log(rng.uniform(0.01, 0.9, 9))
    expected = np.sort(rng.uniform(0, 9, 3))

    def score(places):
        prior = sum((place - mean) ** 2 for place, mean in zip(places, expected)) / 2 / 2.5**2
        return sum(marks[place] - math.log(1 - math.exp(marks[place])) for place in places) - prior

    best = max(itertools.combinations(range(9), 3), key=score)
    assert tuple(boundaries(marks, expected)) == best


def test_words_in_less_time_than_they_need_have_times_too():
    assert len(boundaries(np.log(np.full(2, 0.5)), np.array([0.5, 0.6, 1.0]))) == 3


def test_words_begin_and_end_at_the_marks_and_at_the_gaps_of_speech():
    marks = np.full(50, -8.0)
    marks[[20, 35]] = -0.1  # of the second word's beginning, and in the gap
    labels = LabelTimes(np.array([12.0, 18.0, 24.0, 41.0]), np.ones(4))
    spans = word_spans([slice(0, 2), slice(2, 3), slice(3, 4)], labels, marks, [(0.4, 1.3), (1.5, 1.9)])
    expected = [(0.4, 0.764), (0.764, 1.3), (1.5, 1.9)]
    assert np.allclose(spans, expected, atol=1e-6)


def test_words_are_in_order_and_none_has_a_negative_length():
    rng = np.random.default_rng(0)
    for _ in range(200):
        count = int(rng.integers(1, 8))
        labels = LabelTimes(np.sort(rng.uniform(0, 30, count)), np.ones(count))
        speech = np.sort(rng.uniform(0, 1.3, 4)).reshape(2, 2).tolist()
        spans = word_spans([slice(i, i + 1) for i in range(count)], labels, np.log(rng.uniform(0, 1, 31)), speech)
        flat = [moment for span in spans for moment in span]
        assert flat == sorted(flat) and flat[0] >= 0


class FakeTokenizer:
    def __init__(self, *tokens):
        self.all = tokens

    def spaced(self, ids):
        return "".join(self.all[index] for index in ids)


@pytest.mark.parametrize(
    "tokens, words",
    [
        ([" he", "llo", " ", "wor", "ld"], ["hello", "world"]),
        ([" ", "a", " b"], ["a", "b"]),
        (["", " a", "", "b"], ["ab"]),
        (["你", "好", " ", "吗"], ["你", "好", "吗"]),
        ([" ok", "你"], ["ok", "你"]),
        ([], []),
        ([" ", ""], []),
    ],
)
def test_labels_are_grouped_into_words(tokens, words):
    tokenizer = FakeTokenizer(*tokens)
    slices = word_slices(list(range(len(tokens))), tokenizer)
    assert ["".join(tokens[where]).strip() for where in slices] == words
