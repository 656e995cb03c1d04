"""Recordings are cut at pauses: every stretch of speech is in a segment, none is longer than allowed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.decode.segments import MARGIN, Segmenter
from jstasr.errors import JstasrError

RATE = 1000
FRAME = 32  # samples


class Script:
    """A detector that knows the probability of each frame beforehand, and tells them as the samples arrive."""

    def __init__(self, probabilities):
        self.probabilities = list(probabilities)
        self.samples = self.frames = 0

    def accept(self, samples):
        self.samples += len(samples)
        return self.take(self.samples // FRAME)

    def finish(self):
        return self.take(len(self.probabilities))

    def take(self, until):
        part = self.probabilities[self.frames : until]
        self.frames = max(self.frames, until)
        return np.array(part, dtype=np.float32)


def cut(probabilities, max_seconds, piece=997):
    """Segments of a recording whose sample i is i, and the longest buffer that was held, in seconds."""
    samples = np.arange(len(probabilities) * FRAME, dtype=np.float32)
    segmenter = Segmenter(Script(probabilities), RATE, max_seconds)
    found, held = [], 0
    for first in range(0, len(samples), piece):
        found += segmenter.accept(samples[first : first + piece])
        held = max(held, len(segmenter.buffer))
    return found + segmenter.finish(), held / RATE


def seconds(*parts):
    """Probabilities of (seconds, probability) after each other."""
    return [value for length, value in parts for _ in range(round(length / 0.032))]


def span(segment):
    return segment.begin, segment.begin + len(segment.samples) / RATE


def test_a_short_recording_without_a_long_pause_is_one_segment_as_it_is():
    found, _ = cut(seconds((0.5, 0.0), (2, 1.0), (0.6, 0.0), (2, 1.0), (0.5, 0.0)), 10)
    assert len(found) == 1 and len(found[0].samples) == len(seconds((5.6, 0))) * FRAME
    assert [(round(a, 1), round(b, 1)) for a, b in found[0].speech] == [(0.5, 2.5), (3.1, 5.1)]


def test_a_long_pause_is_left_out_of_a_short_recording():
    found, _ = cut(seconds((3, 0.0), (2, 1.0), (0.2, 0.0)), 10)
    begin, end = span(found[0])
    assert (
        len(found) == 1 and begin == pytest.approx(3 - MARGIN, abs=0.04) and end == pytest.approx(5 + MARGIN, abs=0.04)
    )


def test_a_long_recording_is_cut_at_every_pause():
    found, _ = cut(seconds(*[(2, 1.0), (0.5, 0.0)] * 8), 10)
    assert len(found) == 8
    for number, segment in enumerate(found):
        begin, end = span(segment)
        assert begin == pytest.approx(max(0, 78 * 0.032 * number - MARGIN), abs=0.1) and 2 <= end - begin < 2.3


def test_speech_without_a_long_pause_is_cut_in_a_short_one():
    found, _ = cut(seconds((6.4, 1.0), (0.1, 0.1), (8, 1.0)), 10)
    assert len(found) == 2 and not found[1].overlap
    assert span(found[0])[1] == pytest.approx(6.45, abs=0.1) == pytest.approx(span(found[1])[0], abs=0.1)


def test_speech_without_any_pause_is_cut_with_an_overlap():
    found, _ = cut(seconds((25, 1.0)), 10)
    assert len(found) > 2
    for before, after in zip(found, found[1:]):
        assert span(before)[1] - span(after)[0] == pytest.approx(after.overlap, abs=0.04) and after.overlap > 1.5


def test_silence_and_clicks_have_no_segments():
    assert cut(seconds((30, 0.1)), 10)[0] == []
    assert cut(seconds((1, 0.0), (0.032, 0.9), (1, 0.0)), 10)[0] == []
    assert cut(seconds((1, 0.0), (0.064, 1.0), (1, 0.0)), 10)[0] == []
    assert cut(seconds((1, 0.0), (5, 0.59), (1, 0.0)), 10)[0] == []  # never sure
    assert len(cut(seconds((1, 0.0), (0.16, 1.0), (1, 0.0)), 10)[0]) == 1
    assert len(cut(seconds((1, 0.0), (3, 0.5), (0.16, 0.7), (3, 0.5)), 10)[0]) == 1


def test_the_probability_of_speech_is_that_of_its_frames():
    found, _ = cut(seconds((1.5, 0.0), (2, 0.8), (2, 0.0)), 10)
    assert found[0].probability == pytest.approx(0.8)


@pytest.mark.parametrize("length", [0, 1.9, -1, float("nan"), float("inf"), "20", None, True])
def test_lengths_that_hold_no_words_are_refused(length):
    from jstasr.decode.segments import check_max_segment

    with pytest.raises(JstasrError, match="max_segment"):
        check_max_segment(length)


stretches = st.lists(st.tuples(st.floats(0.03, 9), st.sampled_from([0.0, 0.2, 0.4, 0.6, 1.0])), min_size=1, max_size=12)


@given(parts=stretches, max_seconds=st.floats(2, 12), pieces=st.tuples(st.integers(1, 400), st.integers(401, 9000)))
@settings(max_examples=150, deadline=None)
def test_any_recording(parts, max_seconds, pieces):
    probabilities = seconds(*parts)
    found, held = cut(probabilities, max_seconds, pieces[0] + 100)
    again, _ = cut(probabilities, max_seconds, pieces[1])
    assert [span(segment) for segment in found] == [span(segment) for segment in again]
    assert held <= 2 * max_seconds + (pieces[0] + 100) / RATE
    covered = np.zeros(len(probabilities) * FRAME, dtype=bool)
    for segment in found:
        begin, end = span(segment)
        assert 0 < end - begin <= max_seconds + 0.001
        first = round(segment.begin * RATE)
        assert (segment.samples == np.arange(first, first + len(segment.samples))).all()  # its own samples
        covered[first : first + len(segment.samples)] = True
    for before, after in zip(found, found[1:]):
        assert span(before)[0] < span(after)[0]
        assert span(before)[1] - span(after)[0] <= after.overlap + 0.04
    # what is sure for long enough is in a segment
    loud = np.array(probabilities) >= 0.6
    edges = np.flatnonzero(np.diff(np.concatenate([[0], loud.astype(int), [0]])))
    for begin, end in edges.reshape(-1, 2):
        if end - begin > 4:
            assert covered[begin * FRAME : end * FRAME].all()
