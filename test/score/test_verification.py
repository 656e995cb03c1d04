"""Equal error rates, against a sweep over every threshold."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from jstasr.score.verification import equal_error_rate, verification_eer

SCORES = st.lists(st.integers(-6, 6), min_size=1, max_size=12)  # with many ties


def by_sweep(same, different):
    """Where the line through the points (accepted, rejected) of all thresholds meets the diagonal."""
    points = []
    for threshold in sorted({*same, *different, max(*same, *different) + 1}):
        rejected = sum(score < threshold for score in same) / len(same)
        accepted = sum(score >= threshold for score in different) / len(different)
        points.append((accepted, rejected))
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 >= y0 and x1 <= y1:
            part = (x0 - y0) / ((x0 - y0) - (x1 - y1))
            assert x0 + part * (x1 - x0) == pytest.approx(y0 + part * (y1 - y0))
            return x0 + part * (x1 - x0)
    raise AssertionError("the rates do not cross")


@given(SCORES, SCORES)
def test_the_rate_is_that_of_a_sweep_over_all_thresholds(same, different):
    found = equal_error_rate(np.array(same, float), np.array(different, float))
    assert found == pytest.approx(by_sweep(same, different))


def test_two_normal_distributions_have_the_rate_of_their_overlap():
    generator = np.random.default_rng(0)
    same, different = generator.normal(2, 1, 200_000), generator.normal(0, 1, 200_000)
    assert equal_error_rate(same, different) == pytest.approx(norm.cdf(-1), abs=0.002)


@pytest.mark.parametrize("same, different, rate", [([2, 3], [0, 1], 0), ([0, 1], [2, 3], 1), ([1, 1], [1, 1], 0.5)])
def test_separated_reversed_and_equal_scores(same, different, rate):
    assert equal_error_rate(np.array(same, float), np.array(different, float)) == rate


def test_no_pairs_of_a_kind_are_an_error():
    with pytest.raises(ValueError, match="of one speaker and of two"):
        verification_eer(np.eye(3), np.array([0, 0, 0]))


def test_vectors_are_compared_by_angle_not_by_length():
    angles = np.radians([0, 1, 90, 91])
    vectors = np.column_stack([np.cos(angles), np.sin(angles)]) * np.array([[1], [50], [2], [0.1]])
    assert verification_eer(vectors, np.array([0, 0, 1, 1])) == 0
    assert verification_eer(vectors, np.array([0, 1, 0, 1])) > 0.5
