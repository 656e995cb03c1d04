"""Batched greedy search, by the kernel and by torch's operations, against one utterance at a time in plain Python."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.decode.greedy import first_greedy_state, greedy_search, search
from jstasr.experiment.search import SearchConfig
from jstasr.kernels import instructions
from jstasr.model.config import DecoderConfig
from jstasr.model.hat import HatDecoder


@pytest.fixture(params=[*instructions.INSTRUCTION_SETS, "torch"], autouse=True)
def way(request, monkeypatch):
    """The kernel with every instruction set that the processor has, and torch's operations."""
    if request.param == "torch":
        monkeypatch.setattr("jstasr.decode.greedy.LARGEST_IN_KERNEL", 0)
    elif request.param not in instructions.available():
        pytest.skip(f"this processor has no {request.param}")
    else:
        monkeypatch.setattr("jstasr.decode.greedy.search_frame_by_frame", None)
        instructions.use(request.param)
    yield request.param
    instructions.use()


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


def test_a_state_continues_where_an_earlier_search_stopped(decoder):
    encoded = torch.randn(1, 12, 5)
    whole = greedy_search(decoder, encoded, torch.tensor([12]), 3)[0]
    state = first_greedy_state(decoder, 1, None, encoded.device)
    labels, found = [], None
    for first in range(0, 12, 5):
        piece = encoded[:, first : first + 5]
        found = greedy_search(decoder, piece, torch.tensor([piece.shape[1]]), 3, state)[0]
        labels += found.labels
    assert labels == whole.labels
    assert found.score == pytest.approx(whole.score, abs=1e-5)


def constant_decoder(decoder, blank, label):
    """The decoder with one distribution everywhere: P(blank), and all other probability for one label."""
    with torch.no_grad():
        for layer in (decoder.blank, decoder.labels):
            layer.weight.zero_()
        decoder.blank.bias.fill_(math.log(blank / (1 - blank)))
        decoder.labels.bias.fill_(-100.0)
        decoder.labels.bias[label - 1] = 100.0
    return decoder


@pytest.mark.parametrize("blank, every", [(0.3, 1), (0.6, 2), (0.8, 4), (0.9, 7)])
def test_a_label_that_is_spread_over_frames_is_emitted(decoder, blank, every):
    """P(no label in n frames) = blank^n falls below 1/2 at n = `every`, though blank is the most probable each time."""
    decoder = constant_decoder(decoder, blank, label=2)
    found = greedy_search(decoder, torch.randn(1, 20, 5), torch.tensor([20]), 1)[0]
    assert found.labels[0] == 2 and found.frames[0] == every - 1


def test_silence_stays_silent(decoder):
    decoder = constant_decoder(decoder, 0.999, label=2)
    assert greedy_search(decoder, torch.randn(1, 500, 5), torch.tensor([500]), 3)[0].labels == []


def test_no_frames_no_labels(decoder):
    found = greedy_search(decoder, torch.zeros(1, 0, 5), torch.tensor([0]), 3)[0]
    assert (found.labels, found.frames, found.score) == ([], [], 0.0)


@pytest.mark.parametrize("threads", [1, 3])
@given(
    sizes=st.tuples(*[st.integers(1, 40)] * 4),
    context=st.integers(1, 3),
    lengths=st.lists(st.integers(0, 10), min_size=1, max_size=4),
    max_symbols=st.integers(1, 4),
    seed=st.integers(0, 1000),
)
@settings(max_examples=25, deadline=None)
def test_decoders_of_any_size(oracle, threads, sizes, context, lengths, max_symbols, seed):
    torch.manual_seed(seed)
    width, symbols, embed, joint = sizes
    decoder = HatDecoder(width, symbols + 1, DecoderConfig(context=context, embed_dim=embed, joint_dim=joint)).eval()
    encoded = 3 * torch.randn(len(lengths), max(lengths), width)
    torch.set_num_threads(threads)
    found = greedy_search(decoder, encoded, torch.tensor(lengths), max_symbols)
    torch.set_num_threads(1)
    for hypothesis, frames, length in zip(found, encoded, lengths):
        labels, times, score = oracle.greedy(decoder, frames[:length], max_symbols)
        assert (hypothesis.labels, hypothesis.frames) == (labels, times)
        assert hypothesis.score == pytest.approx(score, abs=1e-4)


def test_what_does_not_suit_the_kernel_is_searched_all_the_same(decoder, monkeypatch):
    encoded, lengths = torch.randn(2, 8, 5), torch.tensor([8, 3])
    monkeypatch.undo()
    expected = greedy_search(decoder, encoded, lengths, 3)
    found = greedy_search(decoder.double(), encoded.double(), lengths, 3)
    assert [hypothesis.labels for hypothesis in found] == [hypothesis.labels for hypothesis in expected]
