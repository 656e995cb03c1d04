"""Hotwords: the automaton against counting in the text, the search against all label sequences."""

import math
import random

import pytest
import torch

from jstasr.decode.beam import beam_search
from jstasr.experiment.search import SearchConfig
from jstasr.lm.hotwords import HotwordGraph

PIECES = ["", "<unk>", " a", " ab", "b", "a", " ", "ba"]  # spellings of tokens: several for most texts


def occurrences(phrase, text):
    """How often a phrase stands in a text as whole words."""
    padded, wanted = f" {' '.join(text.split())} ", f" {phrase} "
    return sum(padded[begin : begin + len(wanted)] == wanted for begin in range(len(padded)))


def own_scores(phrases):
    """What an occurrence of each phrase adds: its score without that of the phrases in it."""
    own = {}
    for phrase in sorted(phrases, key=len):
        own[phrase] = max(0.0, phrases[phrase] - sum(own[part] * occurrences(part, phrase) for part in own))
    return own


def bonus_of(text, phrases):
    return sum(score * occurrences(phrase, text) for phrase, score in own_scores(phrases).items())


def total_bonus(graph, labels):
    """Bonus of labels, token by token, and at the end."""
    state, total = torch.tensor([graph.start_state]), 0.0
    for label in labels:
        total += float(graph.bonus(state)[0, label])
        state = graph.advance(state, torch.tensor([label]))
    return total + float(graph.end_bonus(state)[0])


def random_phrases(generator):
    words = ["a", "b", "ab", "ba", "aab", "abb"]
    return {
        " ".join(generator.choices(words, k=generator.randint(1, 3))): generator.choice([0.5, 1.0, 2.5])
        for _ in range(generator.randint(1, 6))
    }


@pytest.mark.parametrize("seed", range(40))
def test_the_bonus_of_a_text_is_that_of_its_phrases_however_it_is_cut(seed):
    generator = random.Random(seed)
    phrases = random_phrases(generator)
    graph = HotwordGraph(phrases, PIECES)
    for _ in range(30):
        labels = generator.choices(range(len(PIECES)), k=generator.randint(0, 9))
        text = "".join(PIECES[label] for label in labels)
        assert total_bonus(graph, labels) == pytest.approx(bonus_of(text, phrases), abs=1e-4), (text, phrases)


@pytest.mark.parametrize("seed", range(6))
def test_an_exhaustive_beam_finds_what_rescoring_finds(oracle, make_decoder, seed):
    phrases = random_phrases(random.Random(seed))
    pieces = PIECES[:5]
    decoder = make_decoder(len(pieces), seed, scale=2.0)
    encoded = torch.randn(1, 4, 5)
    plain = oracle.all_sequences(decoder, encoded[0], 1)
    totals = {
        labels: math.log(mass) + bonus_of("".join(pieces[label] for label in labels), phrases)
        for labels, mass in plain.items()
    }
    expected = max(totals, key=totals.__getitem__)
    config = SearchConfig(search="beam", beam_size=len(totals), max_symbols=1)
    graph = HotwordGraph(phrases, pieces)
    found = beam_search(decoder, encoded, torch.tensor([4]), config, hotwords=graph)[0]
    assert tuple(found.labels) == expected
    assert found.score == pytest.approx(totals[expected], abs=1e-4)
