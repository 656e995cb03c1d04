"""The aligner's own properties; that its choices are sclite's is tested with the reports."""

from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.score.alignment import CORRECT, DELETION, INSERTION, SUBSTITUTION, align_sets, align_words

SENTENCES = st.lists(st.sampled_from("abc"), max_size=8)
COST = {CORRECT: 0, SUBSTITUTION: 4, DELETION: 3, INSERTION: 3}


def least_cost(ref, hyp):
    """The least cost of an alignment by plain recursion."""

    @cache
    def best(i, j):
        if i == len(ref) or j == len(hyp):
            return 3 * (len(ref) - i + len(hyp) - j)
        return min(best(i + 1, j + 1) + 4 * (ref[i] != hyp[j]), best(i + 1, j) + 3, best(i, j + 1) + 3)

    return best(0, 0)


@settings(max_examples=300, deadline=None)
@given(SENTENCES, SENTENCES)
def test_alignment_is_cheapest_and_spells_both_sentences(ref, hyp):
    steps = align_words(ref, hyp)
    assert sum(COST[mark] for mark, _, _ in steps) == least_cost(tuple(ref), tuple(hyp))
    assert [word for _, word, _ in steps if word is not None] == ref
    assert [word for _, _, word in steps if word is not None] == hyp
    for mark, ref_word, hyp_word in steps:
        assert (mark == CORRECT) == (ref_word == hyp_word)
        assert (mark == INSERTION) == (ref_word is None)
        assert (mark == DELETION) == (hyp_word is None)


def test_only_ascii_letters_fold():
    alignment = align_sets([b"(s-1)"], ["A É Я".encode()], ["a é я".encode()])
    assert alignment.counts.tolist() == [[1, 2, 0, 0]]


def test_speakers_in_order_of_appearance():
    alignment = align_sets([b"(b-1)", b"(a-1)", b"(b-2)"], [b"x"] * 3, [b"x"] * 3)
    assert alignment.speakers == [b"b", b"a"]
    assert alignment.speaker_index.tolist() == [0, 1, 0]


def test_empty_word_counts_as_nothing():
    alignment = align_sets([b"(s-1)"], [b"@ a @"], [b"a"])
    assert alignment.counts.tolist() == [[1, 0, 0, 0]]
    assert alignment.null_words == 2
    assert alignment.steps(0) == [(CORRECT, b"a", b"a")]


def test_no_words_at_all():
    alignment = align_sets([b"(s-1)"], [b""], [b""])
    assert alignment.counts.tolist() == [[0, 0, 0, 0]]
    assert alignment.steps(0) == []


def test_long_transcripts():
    rng = np.random.default_rng(0)
    ref = rng.integers(0, 50, 4000)
    hyp = np.delete(ref, [10, 2000, 3999])
    steps = align_words(ref.tolist(), hyp.tolist())
    assert [k for k, (mark, _, _) in enumerate(steps) if mark != CORRECT] and len(steps) == 4000
    assert sum(mark == DELETION for mark, _, _ in steps) == 3


def test_example_of_the_docs():
    steps = align_words("a b c".split(), "a x".split())
    assert steps == [(CORRECT, "a", "a"), (DELETION, "b", None), (SUBSTITUTION, "c", "x")]
