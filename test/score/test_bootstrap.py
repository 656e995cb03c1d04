"""Intervals: against the normal approximation, against exact enumeration, and their coverage."""

import itertools

import numpy as np
import pytest

from jstasr.score.bootstrap import difference_interval, error_rate_interval


def test_by_utterance_agrees_with_the_normal_approximation_of_a_ratio():
    rng = np.random.default_rng(1)
    words = rng.integers(5, 30, 2000)
    errors = rng.binomial(words, 0.1)
    rate = errors.sum() / words.sum()
    # delta method: variance of a ratio of means
    deviation = np.sqrt(((errors - rate * words) ** 2).sum()) / words.sum()
    interval = error_rate_interval(errors, words, replicates=4000)
    assert interval["low"] == pytest.approx(100 * (rate - 1.96 * deviation), abs=0.06)
    assert interval["high"] == pytest.approx(100 * (rate + 1.96 * deviation), abs=0.06)


def test_percentiles_of_three_blocks_agree_with_all_27_draws():
    errors, words = np.array([0, 3, 10]), np.array([10, 12, 14])
    draws = [sum(errors[list(d)]) / sum(words[list(d)]) for d in itertools.product(range(3), repeat=3)]
    interval = error_rate_interval(errors, words, replicates=20000, level=80)
    assert interval["low"] == pytest.approx(100 * np.percentile(draws, 10), abs=1e-3)
    assert interval["high"] == pytest.approx(100 * np.percentile(draws, 90), abs=1e-3)


def test_blocks_of_alike_utterances_widen_the_interval():
    speaker = np.repeat(np.arange(20), 50)
    errors = np.repeat(np.random.default_rng(0).integers(0, 5, 20), 50)
    words = np.full(1000, 10)
    wide = error_rate_interval(errors, words, speaker)
    narrow = error_rate_interval(errors, words)
    assert wide["blocks"] == 20
    assert wide["high"] - wide["low"] > 4 * (narrow["high"] - narrow["low"])


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        words = rng.integers(5, 20, 100)
        interval = error_rate_interval(rng.binomial(words, 0.2), words, replicates=400)
        covered += interval["low"] <= 20 <= interval["high"]
    assert 0.89 <= covered / 200 <= 0.99


def test_the_same_numbers_give_the_same_interval():
    errors, words = np.arange(50) % 3, np.full(50, 7)
    assert error_rate_interval(errors, words) == error_rate_interval(errors, words)


@pytest.mark.parametrize(("errors", "words"), [([1], [5]), ([1, 2], [0, 0])])
def test_no_interval_where_there_is_nothing_to_draw(errors, words):
    assert error_rate_interval(np.array(errors), np.array(words)) is None


def test_difference_of_a_better_system():
    rng = np.random.default_rng(5)
    words = np.full(500, 20)
    a, b = rng.binomial(words, 0.2), rng.binomial(words, 0.15)
    found = difference_interval(a, b, words)
    assert found["difference"] == pytest.approx(100 * (b.sum() - a.sum()) / words.sum(), abs=1e-4)
    assert found["low"] < found["difference"] < found["high"] < 0
    assert found["probability_of_improvement"] > 0.99
    assert difference_interval(b, a, words)["probability_of_improvement"] < 0.01


def test_equal_systems_improve_half_the_time():
    words = np.full(100, 10)
    assert difference_interval(words // 2, words // 2, words)["probability_of_improvement"] == 0.5
