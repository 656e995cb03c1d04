"""Batched greedy search against one utterance at a time in plain Python."""

import pytest
import torch

from jstasr.decode.greedy import SearchConfig, greedy_search, search


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("max_symbols", [1, 2, 5])
def test_a_padded_batch_gives_what_each_utterance_gives_alone(oracle, make_decoder, seed, max_symbols):
    decoder = make_decoder(5, seed)
    lengths = torch.tensor([9, 4, 1, 7])
    encoded = torch.randn(4, 9, 5)
    found = greedy_search(decoder, encoded, lengths, max_symbols)
    for hypothesis, frames, length in zip(found, encoded, lengths):
        labels, times, score = oracle.greedy(decoder, frames[:length], max_symbols)
        assert hypothesis.labels == labels
        assert hypothesis.frames == times == sorted(times)
        assert hypothesis.score == pytest.approx(score, abs=1e-4)


def test_padding_may_hold_anything(decoder):
    encoded = torch.randn(2, 8, 5)
    lengths = torch.tensor([8, 3])
    clean = greedy_search(decoder, encoded, lengths, 3)
    encoded[1, 3:] = float("nan")
    assert greedy_search(decoder, encoded, lengths, 3) == clean


def test_max_symbols_bounds_the_labels_of_one_frame(decoder):
    with torch.no_grad():
        decoder.blank.bias.fill_(-50.0)  # never blank
    found = greedy_search(decoder, torch.randn(1, 4, 5), torch.tensor([4]), 3)[0]
    assert found.frames == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("kind", ["greedy", "beam"])
def test_a_given_first_label_conditions_the_rest(oracle, make_decoder, kind):
    decoder = make_decoder(5, 3)
    encoded, lengths = torch.randn(3, 6, 5), torch.tensor([6, 5, 2])
    start = torch.tensor([4, 2, 4])
    found = search(decoder, encoded, lengths, SearchConfig(search=kind, beam_size=4), start=start)
    assert [hypothesis.labels[0] for hypothesis in found] == [4, 2, 4]
    assert all(hypothesis.frames[0] == 0 for hypothesis in found)
    if kind == "greedy":
        for hypothesis, frames, length, label in zip(found, encoded, lengths, [4, 2, 4]):
            labels, times, score = oracle.greedy(decoder, frames[:length], 3, start=[label])
            assert (hypothesis.labels, hypothesis.frames) == (labels, times)
            assert hypothesis.score == pytest.approx(score, abs=1e-4)


def test_a_history_continues_where_an_earlier_search_stopped(decoder):
    encoded = torch.randn(1, 12, 5)
    whole = greedy_search(decoder, encoded, torch.tensor([12]), 3)[0]
    history = torch.zeros(1, 2, dtype=torch.long)
    labels = []
    for first in range(0, 12, 5):
        piece = encoded[:, first : first + 5]
        labels += greedy_search(decoder, piece, torch.tensor([piece.shape[1]]), 3, history)[0].labels
        history = torch.tensor([([0, 0] + labels)[-2:]])
    assert labels == whole.labels


def test_no_frames_no_labels(decoder):
    found = greedy_search(decoder, torch.zeros(1, 0, 5), torch.tensor([0]), 3)[0]
    assert (found.labels, found.frames, found.score) == ([], [], 0.0)
