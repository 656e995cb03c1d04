"""Measures of agreement, on inputs whose answer is known."""

import math

import pytest
import torch

from jstasr.align import best_alignment
from jstasr.align.measure import alignment_distances, path_agreement


def repeated_text(repeat=3):
    """Speech that is its own text, each position repeated."""
    torch.manual_seed(0)
    text = torch.randn(4, 8, 16)
    return text.repeat_interleave(repeat, 1), text, torch.tensor([24, 18, 24, 12]), torch.tensor([8, 6, 8, 4])


@pytest.mark.parametrize("topology", ["skip", "noskip", "dtw"])
def test_speech_that_repeats_its_text_is_at_no_distance_from_it(topology):
    measured = alignment_distances(*repeated_text(), topology=topology)
    torch.testing.assert_close(measured.best, torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(measured.framewise, torch.zeros(4), atol=1e-5, rtol=0)
    assert measured.positions.tolist() == [8, 6, 8, 4] and (measured.position_share == 1).all()
    assert (measured.random > 0.1).all() and (measured.other > 0.5).all()
    summary = measured.summary()
    assert summary["own_to_other"] < 1e-4 and summary["best_to_random"] < 1e-4


def test_unrelated_speech_is_no_nearer_to_its_own_text():
    torch.manual_seed(1)
    speech, text = torch.randn(64, 40, 32), torch.randn(64, 12, 32)
    summary = alignment_distances(speech, text, [40] * 64, [12] * 64).summary()
    assert summary["own_to_other"] == pytest.approx(1, abs=0.01)
    assert summary["best"] < summary["framewise"] == pytest.approx(2, abs=0.1)
    assert summary["random"] == pytest.approx(2, abs=0.1)


def test_best_is_the_cost_per_frame_and_positions_those_of_its_path():
    torch.manual_seed(2)
    speech, text = torch.randn(3, 20, 4), torch.randn(3, 9, 4)
    lengths = torch.tensor([20, 11, 15]), torch.tensor([9, 9, 5])
    measured = alignment_distances(speech, text, *lengths, layer_norm=False)
    path, cost = best_alignment(speech, text, *lengths)
    torch.testing.assert_close(measured.best, cost / lengths[0])
    assert measured.positions.tolist() == [len(set(row.tolist()) - {-1}) for row in path]
    _, swapped = best_alignment(speech, text.roll(-1, 0), lengths[0], lengths[1].roll(-1))
    torch.testing.assert_close(measured.other, swapped / lengths[0])


def test_one_utterance_has_no_other():
    measured = alignment_distances(torch.randn(1, 9, 4), torch.randn(1, 3, 4), [9], [3])
    assert measured.other.isnan().all() and math.isnan(measured.summary()["own_to_other"])


def test_another_text_that_does_not_fit_is_left_out_under_noskip():
    measured = alignment_distances(torch.randn(2, 9, 4), torch.randn(2, 8, 4), [9, 4], [8, 2], topology="noskip")
    assert measured.other.isnan().tolist() == [False, True]


def test_equal_paths_agree():
    path = torch.tensor([[0, 0, 1, 2, 2, 3], [0, 1, 1, 1, -1, -1]])
    assert path_agreement(path, path, [4, 2], 40) == (0, 1, 1, 1, 1, 1)


def test_a_late_boundary_counts_by_its_time():
    reference = torch.tensor([[0, 0, 0, 1, 1, 1, 2, 2, 2]])
    path = torch.tensor([[0, 0, 0, 0, 0, 1, 2, 2, 2]])  # position 1 begins 2 frames late
    agreement = path_agreement(path, reference, [3], 20)
    assert agreement.boundary_error_ms == pytest.approx(20)  # of 40 and 0 ms
    assert agreement.boundaries_within_20_ms == 0.5 and agreement.boundaries_within_50_ms == 1
    assert agreement.frames_within_20_ms == pytest.approx(8 / 9) and agreement.frames_within_50_ms == 1
    assert agreement.same_frames == pytest.approx(7 / 9)


def test_a_skipped_position_begins_where_it_is_passed():
    reference = torch.tensor([[0, 0, 1, 2]])
    path = torch.tensor([[0, 0, 2, 2]])
    agreement = path_agreement(path, reference, [3], 10)
    assert agreement.boundary_error_ms == pytest.approx(5)  # position 1 at frame 2 in both, 2 one frame early


def test_paths_of_different_lengths_are_an_error():
    with pytest.raises(ValueError, match="same shape and lengths"):
        path_agreement(torch.tensor([[0, 1]]), torch.tensor([[0, -1]]), [2], 10)
