"""Words of two overlapping segments, joined: each comes once, and they follow each other in time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jstasr.decode.greedy import Hypothesis
from jstasr.decode.results import Word
from jstasr.decode.segments import SpeechSegment
from jstasr.decode.stitch import Decoded, stitch

RATE = 1000


def decoded(begin, end, overlap, words):
    """A segment whose words, of one label each, are (text, begin, end)."""
    part = SpeechSegment(begin, np.zeros(int((end - begin) * RATE), np.float32), RATE, [(begin, end)], 1.0, overlap)
    labels = list(range(1, len(words) + 1))
    slices = [slice(number, number + 1) for number in range(len(words))]
    return Decoded(part, Hypothesis(labels, labels, 0.0), [Word(*word, 0.9) for word in words], slices)


@st.composite
def words_between(draw, begin, end):
    """Words that follow each other from `begin` on, until `end` at most."""
    found, time = [], begin
    for text in draw(st.lists(st.sampled_from("abc"), max_size=8)):
        start = time + draw(st.sampled_from([0.0, 0.1, 0.4]))
        time = start + draw(st.sampled_from([0.04, 0.3, 1.0, 2.5]))
        if time > end:
            break
        found.append((text, round(start, 3), round(time, 3)))
    return found


@given(words_between(0.0, 10.0), words_between(8.0, 18.0))
def test_words_follow_each_other_in_time(first, second):
    before, after = stitch(decoded(0.0, 10.0, 0.0, first), decoded(8.0, 18.0, 2.0, second))
    joined = [*before.words, *after.words]
    for word in joined:
        assert word.begin <= word.end
    for one, other in zip(joined, joined[1:]):
        assert one.end <= other.begin
    texts = "".join(text for text, _, _ in [*first, *second])
    assert "".join(word.text for word in before.words) == texts[: len(before.words)]
    assert "".join(word.text for word in after.words) == texts[len(texts) - len(after.words) :]
    for part in (before, after):
        assert len(part.found.labels) == len(part.words)


def test_a_word_that_is_longer_than_what_they_share_meets_the_next_one():
    """Both heard it, and otherwise: the first as `long`, of which the second took the end for another word."""
    before, after = decoded(0.0, 10.0, 0.0, [("long", 7.0, 10.0)]), decoded(8.0, 18.0, 2.0, [("on", 8.8, 9.6)])
    before, after = stitch(before, after)
    assert [(word.text, word.begin, word.end) for word in (*before.words, *after.words)] == [
        ("long", 7.0, 9.4),
        ("on", 9.4, 9.6),
    ]
