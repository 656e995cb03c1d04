"""Beam search against the sum over all alignments of all label sequences."""

import math
import random

import pytest
import torch

from jstasr.decode.beam import beam_search, merge_equal
from jstasr.decode.greedy import search
from jstasr.experiment.search import SearchConfig

NOTHING = float("-inf")


def config_for(**values):
    return SearchConfig(search="beam", **values)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("vocab_size, frames, max_symbols", [(3, 4, 1), (4, 3, 1), (2, 3, 3), (3, 3, 2)])
def test_a_beam_as_large_as_the_space_is_exact(oracle, make_decoder, seed, vocab_size, frames, max_symbols):
    decoder = make_decoder(vocab_size, seed, scale=2.0)
    encoded = torch.randn(1, frames, 5)
    totals = oracle.all_sequences(decoder, encoded[0], max_symbols)
    expected = max(totals, key=totals.get)
    config = config_for(beam_size=len(totals) + 3, max_symbols=max_symbols)
    found = beam_search(decoder, encoded, torch.tensor([frames]), config)[0]
    assert tuple(found.labels) == expected
    assert found.score == pytest.approx(math.log(totals[expected]), abs=1e-4)
    assert found.frames == sorted(found.frames) and all(0 <= frame < frames for frame in found.frames)


@pytest.mark.parametrize("seed", range(4))
def test_the_internal_language_model_is_subtracted_and_a_start_conditions(oracle, make_decoder, seed):
    decoder = make_decoder(4, seed)
    encoded = torch.randn(1, 3, 5)

    def bonus(history, label):
        return -0.3 * oracle.internal_lm(decoder, history)[label]

    totals = oracle.all_sequences(decoder, encoded[0], 1, start=[2], bonus=bonus)
    expected = max(totals, key=totals.get)
    config = config_for(beam_size=len(totals), max_symbols=1, internal_lm_weight=0.3)
    found = beam_search(decoder, encoded, torch.tensor([3]), config, start=torch.tensor([2]))[0]
    assert (2, *found.labels) == expected
    assert found.score == pytest.approx(math.log(totals[expected]), abs=1e-4)


@pytest.mark.parametrize("length_bonus", [0.7, -0.7])
def test_each_label_adds_the_length_bonus(oracle, make_decoder, length_bonus):
    decoder = make_decoder(4, 3)
    encoded = torch.randn(1, 3, 5)
    totals = oracle.all_sequences(decoder, encoded[0], 1, bonus=lambda history, label: length_bonus)
    expected = max(totals, key=totals.get)
    config = config_for(beam_size=len(totals), max_symbols=1, length_bonus=length_bonus)
    found = beam_search(decoder, encoded, torch.tensor([3]), config)[0]
    assert tuple(found.labels) == expected
    assert found.score == pytest.approx(math.log(totals[expected]), abs=1e-4)


@pytest.mark.parametrize("beam_size", [1, 3, 8])
def test_a_padded_batch_gives_what_each_utterance_gives_alone(make_decoder, beam_size):
    decoder = make_decoder(6, 1, scale=2.0)
    lengths = torch.tensor([10, 3, 7, 1])
    encoded = torch.randn(4, 10, 5)
    encoded[torch.arange(10)[None] >= lengths[:, None]] = float("nan")  # padding may hold anything
    config = config_for(beam_size=beam_size)
    together = beam_search(decoder, encoded, lengths, config)
    for index, length in enumerate(lengths.tolist()):
        alone = beam_search(decoder, encoded[index : index + 1, :length], torch.tensor([length]), config)[0]
        assert (alone.labels, alone.frames) == (together[index].labels, together[index].frames)
        assert alone.score == pytest.approx(together[index].score, abs=1e-4)


def test_a_wider_beam_finds_no_worse_sequences(oracle, make_decoder):
    """The true probability of what is found, over many lattices, grows with the beam."""
    gains = []
    for seed in range(20):
        decoder = make_decoder(4, seed, scale=2.0)
        encoded = torch.randn(1, 4, 5)
        totals = oracle.all_sequences(decoder, encoded[0], 1)
        narrow, wide = (
            beam_search(decoder, encoded, torch.tensor([4]), config_for(beam_size=size, max_symbols=1))[0]
            for size in (1, 20)
        )
        gains.append(math.log(totals[tuple(wide.labels)] / totals[tuple(narrow.labels)]))
        assert totals[tuple(wide.labels)] >= 0.999 * math.exp(wide.score)  # a beam only loses alignments
    assert min(gains) >= 0.0 and max(gains) > 0.0


def test_a_beam_of_one_follows_the_greedy_path_of_a_confident_model(oracle, make_decoder):
    compared = 0
    for seed in range(60):
        decoder = make_decoder(5, seed, scale=2.0)
        with torch.no_grad():  # decisions of 0.999 and more
            for layer in (decoder.blank, decoder.labels):
                layer.weight.mul_(30)
                layer.bias.mul_(30)
        encoded = torch.randn(1, 12, 5)
        labels, frames, _ = oracle.greedy(decoder, encoded[0], 3)
        if not labels or max(frames.count(frame) for frame in frames) == 3:
            continue  # greedy search was cut off, which is no path of the lattice
        found = beam_search(decoder, encoded, torch.tensor([12]), config_for(beam_size=1))[0]
        assert (found.labels, found.frames) == (labels, frames)
        compared += 1
    assert compared >= 3


def test_equal_candidates_are_added_and_the_most_probable_remains():
    scores = torch.tensor([[math.log(0.1), math.log(0.3), math.log(0.2), NOTHING, NOTHING, NOTHING]])
    hashes = torch.tensor([[7, 7, 5, 7, 9, 9]])
    merged = merge_equal(scores, hashes)[0].exp().tolist()
    assert merged == pytest.approx([0.0, 0.4, 0.2, 0.0, 0.0, 0.0])


def test_an_empty_slot_never_takes_the_place_of_an_equal_live_one():
    merged = merge_equal(torch.tensor([[NOTHING, -1.0]]), torch.tensor([[3, 3]]))
    assert merged.tolist() == [[NOTHING, -1.0]]


def test_merging_any_pattern_keeps_the_mass_of_each_sequence():
    draw = random.Random(0)
    for _ in range(200):
        size = draw.randint(1, 8)
        hashes = [draw.randint(0, 3) for _ in range(size)]
        masses = [draw.choice([0.0, 0.5, draw.random()]) for _ in range(size)]
        scores = torch.tensor([[math.log(mass) if mass else NOTHING for mass in masses]])
        merged = merge_equal(scores, torch.tensor([hashes]))[0].exp().tolist()
        for value in set(hashes):
            members = [index for index in range(size) if hashes[index] == value]
            assert sum(merged[i] for i in members) == pytest.approx(sum(masses[i] for i in members), abs=1e-6)
            assert sum(merged[i] > 0 for i in members) <= 1


def test_hashes_of_all_short_sequences_differ():
    from jstasr.decode.beam import HASH_BASE

    hashes = {0}
    layer, total = [0], 1
    for _ in range(6):
        layer = [(value * HASH_BASE + label) % 2**64 for value in layer for label in range(1, 8)]
        hashes.update(layer)
        total += len(layer)
    assert len(hashes) == total


@pytest.mark.parametrize("seed", range(4))
def test_the_others_of_an_exhaustive_beam_are_all_sequences_by_probability(oracle, make_decoder, seed):
    decoder, encoded = make_decoder(3, seed, scale=2.0), torch.randn(1, 3, 5)
    totals = oracle.all_sequences(decoder, encoded[0], 1, start=[1])
    config = config_for(beam_size=len(totals) + 3, max_symbols=1, nbest=2)
    found = search(decoder, encoded, torch.tensor([3]), config, start=torch.tensor([1]))[0]
    listed = [found, *found.others]
    assert {tuple(one.labels): pytest.approx(math.exp(one.score), abs=1e-5) for one in listed} == totals
    assert [one.score for one in listed] == sorted((one.score for one in listed), reverse=True)
