"""Intervals over seeds and utterances cover a known truth; Holm's procedure is a closed test."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from jstasr.sweep.statistics import Rates, difference, further_run, holm, mean_over_seeds, replicate_rates, student

TRIALS, UTTERANCES, WORDS = 250, 60, 5


def draw(generator, seeds, of_seed, of_utterance, of_both, utterance=None):
    """(S, U) errors whose mean over all possible seeds and utterances is 10 in each utterance."""
    if utterance is None:
        utterance = generator.normal(size=(1, UTTERANCES))
    noise = of_seed * generator.normal(size=(seeds, 1)) + of_utterance * utterance
    return 10 + noise + of_both * generator.normal(size=(seeds, UTTERANCES))


def rates(errors):
    return replicate_rates(errors, np.full(errors.shape[1], WORDS), replicates=800)


@pytest.mark.parametrize(
    "seeds, of_seed, of_utterance, of_both",
    [(1, 0, 1, 0), (2, 0.3, 0.3, 0.3), (3, 0.3, 0, 0), (3, 0.2, 1, 0.5), (5, 0.3, 0.3, 0.3), (5, 0, 1, 0.3)],
)
def test_an_interval_holds_the_truth_as_often_as_it_says(seeds, of_seed, of_utterance, of_both):
    generator = np.random.default_rng(1)
    held = 0
    for _ in range(TRIALS):
        found = mean_over_seeds(rates(draw(generator, seeds, of_seed, of_utterance, of_both)))
        held += found.low <= 100 * 10 / WORDS <= found.high
    assert 0.91 <= held / TRIALS <= 0.995  # 95% with four standard errors, and a little more where sources mix


def test_equal_systems_seem_different_as_seldom_as_the_p_value_says():
    generator = np.random.default_rng(2)
    p = []
    for _ in range(TRIALS):
        utterance = generator.normal(size=(1, UTTERANCES))
        a, b = (rates(draw(generator, 4, 0.3, 1, 0.3, utterance)) for _ in range(2))
        p.append(difference(a, b).p)
    assert 0.005 <= np.mean(np.array(p) < 0.05) <= 0.10
    assert 0.3 <= np.mean(np.array(p) < 0.5) <= 0.65


def test_the_seeds_alone_give_the_interval_of_student():
    errors = np.repeat([[9.0], [10.0], [12.0], [10.5], [11.0], [9.5]], UTTERANCES, axis=1)
    found = mean_over_seeds(replicate_rates(errors, np.full(UTTERANCES, WORDS)))
    full = 100 * errors[:, 0] / WORDS
    low, high = stats.t.interval(0.95, len(full) - 1, full.mean(), stats.sem(full))
    assert found.value == pytest.approx(full.mean())
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.02)


def test_a_further_run_lies_in_its_interval_as_often_as_it_says():
    generator = np.random.default_rng(8)
    held = 0
    for _ in range(2000):
        *known, new = 20 + generator.normal(size=5)
        found = further_run(Rates(np.array(known), np.empty((0, 4))))
        held += found.low <= new <= found.high
    assert 0.935 <= held / 2000 <= 0.965
    assert further_run(Rates(np.array([1.0]), np.empty((0, 1)))) is None


@pytest.mark.parametrize("freedom", [1, 2, 4, 9])
def test_the_quantile_of_student(freedom):
    assert student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.02)


def test_one_seed_gives_the_interval_of_the_ratio_of_sums():
    generator = np.random.default_rng(3)
    words = generator.integers(1, 12, 900)
    errors = generator.binomial(words, 0.2)
    found = mean_over_seeds(replicate_rates(errors[None], words))
    rate = errors.sum() / words.sum()
    deviation = 100 * np.sqrt(((errors - rate * words) ** 2).sum()) / words.sum()
    assert found.value == pytest.approx(100 * rate)
    assert (found.low, found.high) == pytest.approx(
        (100 * rate - 1.96 * deviation, 100 * rate + 1.96 * deviation), rel=0.01
    )


def test_seeds_without_an_effect_do_not_widen_the_interval():
    errors = np.random.default_rng(4).binomial(9, 0.2, (1, 300))
    words = np.full(300, 9)
    assert mean_over_seeds(replicate_rates(np.repeat(errors, 4, axis=0), words)) == mean_over_seeds(
        replicate_rates(errors, words)
    )


def test_what_both_systems_find_hard_cancels():
    generator = np.random.default_rng(5)
    shared = generator.normal(size=(1, UTTERANCES))
    a, b = (rates(draw(generator, 5, 0.02, 2, 0.02, shared)) for _ in range(2))
    found = difference(a, b)
    alone = mean_over_seeds(a)
    assert found.absolute.high - found.absolute.low < (alone.high - alone.low) / 4


def test_seeds_are_paired():
    a = np.repeat([[5.0], [9.0], [7.0]], UTTERANCES, axis=1)
    found = difference(rates(a), rates(a - 1))
    assert found.absolute.value == found.absolute.low == found.absolute.high == pytest.approx(-100 / WORDS)
    assert found.relative.value == pytest.approx(-100 / 7)
    assert found.p < 0.005 and found.seeds == 3


def test_equal_errors_are_no_difference():
    errors = np.random.default_rng(6).integers(0, 3, (3, UTTERANCES))
    found = difference(rates(errors), rates(errors))
    assert (found.absolute.value, found.absolute.low, found.absolute.high, found.p) == (0, 0, 0, 1)


def test_a_system_without_errors_has_no_relative_difference():
    errors = np.random.default_rng(7).integers(0, 3, (2, UTTERANCES))
    assert difference(rates(0 * errors), rates(errors)).relative is None


def test_the_macro_average_weighs_groups_alike():
    words = np.array([10, 10, 10, 10, 1, 1])
    errors = np.array([[1, 1, 1, 1, 1, 0]])
    found = replicate_rates(errors, words, np.array([0, 0, 0, 0, 1, 1]), replicates=2000)
    assert found.full == pytest.approx((10 + 50) / 2)
    # the second group has 0, 50 or 100% with probabilities 1/4, 1/2, 1/4
    values, counts = np.unique(found.replicates.round(6), return_counts=True)
    assert values.tolist() == [5, 30, 55]
    assert counts / 2000 == pytest.approx([0.25, 0.5, 0.25], abs=0.04)


def test_a_test_set_without_words_is_refused():
    with pytest.raises(ValueError, match="no words"):
        replicate_rates(np.array([[1, 2]]), np.array([0, 0]))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(p):
    tests = range(len(p))
    subsets = [subset for size in range(1, len(p) + 1) for subset in combinations(tests, size)]
    expected = [
        max(min(1, len(subset) * min(p[j] for j in subset)) for subset in subsets if i in subset) for i in tests
    ]
    assert holm(p) == pytest.approx(expected)
