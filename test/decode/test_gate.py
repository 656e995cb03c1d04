"""A stream is searched where there is evidence of speech, whatever the pieces in which its samples come."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.decode.gate import HOLD, SpeechGate
from jstasr.decode.greedy import Hypothesis
from jstasr.decode.listener import EVIDENCE, SURE, Listener

FRAME, CHUNK = 0.032, 16  # seconds; encoder frames of 0.04 s


class Known:
    """A detector whose samples are its probabilities."""

    prompt = True

    def accept(self, samples):
        return np.asarray(samples, dtype=np.float32)

    def finish(self):
        return np.zeros(0, dtype=np.float32)


class Echo:
    """A search that finds a label in every frame, the number that the frame holds, and gives it `late` frames later."""

    def __init__(self, late):
        self.late, self.seen, self.given = late, [], 0

    def accept(self, encoded):
        self.seen += encoded[:, 0].int().tolist()
        return self.take(max(self.given, len(self.seen) - self.late))

    def finish(self):
        return self.take(len(self.seen))

    def take(self, until):
        first, self.given = self.given, until
        return Hypothesis(self.seen[first:until], list(range(first, until)), -float(len(self.seen)))


def heard(*probabilities):
    listener = Listener(Known())
    listener.accept(probabilities)
    return listener


def test_evidence_is_a_mean_over_several_frames():
    assert heard(0, 0, 1, 0, 0).speech == pytest.approx(1 / EVIDENCE)
    assert heard(*[0.8] * EVIDENCE, 0, 0).speech == pytest.approx(0.8)
    assert heard().speech == 0.0
    assert not heard(*[SURE - 0.01] * 50).hears(0, 100) and heard(*[SURE + 0.01] * EVIDENCE).hears(0, 100)


def test_evidence_lies_between_two_moments():
    listener = heard(*[0.0] * 20, *[1.0] * 5, *[0.0] * 20)  # 0.64 to 0.8 s: its means are sure from 0.736 to 0.864 s
    assert listener.hears(0, 0.74) and listener.hears(0.86, 2)
    assert not listener.hears(0, 0.73) and not listener.hears(0.87, 2)


def test_memory_is_that_of_the_pauses():
    listener = heard(*([1.0] * 50_000 + [0.0] * 50_000 + [1.0] * 50_000))
    assert len(listener.sure) == 2 and listener.hears(0, 1) and not listener.hears(1700, 3000)


stretches = st.lists(st.tuples(st.integers(1, 120), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=8)


@given(parts=stretches, late=st.integers(0, 40), sizes=st.lists(st.integers(1, 90), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_a_chunk_is_searched_where_somebody_speaks_in_it_beside_it_or_shortly_before(parts, late, sizes):
    probabilities = [value for count, value in parts for _ in range(count)]
    listener, search = Listener(Known()), Echo(late)
    gate = SpeechGate(search, listener.hears, CHUNK)
    total = int(len(probabilities) * FRAME / 0.04)  # encoder frames
    given_frames = encoded = turn = 0
    labels, frames = [], []

    def take(found):
        labels.extend(found.labels)
        frames.extend(found.frames)

    while given_frames < len(probabilities):
        size, turn = sizes[turn % len(sizes)], turn + 1
        listener.accept(probabilities[given_frames : given_frames + size])
        given_frames += size
        last = given_frames >= len(probabilities)
        known = min(total, int(given_frames * FRAME / 0.04))
        until = total if last else known // CHUNK * CHUNK
        if until > encoded:
            take(gate.accept(torch.arange(encoded, until)[:, None].float()))
            encoded = until
    take(gate.finish())

    ends = [
        (frame + 1) * FRAME
        for frame in range(len(probabilities))
        if sum(probabilities[max(0, frame - EVIDENCE + 1) : frame + 1]) / EVIDENCE >= SURE
    ]
    chunks = [range(first, min(first + CHUNK, total)) for first in range(0, total, CHUNK)]
    spoken = [any(chunk[0] * 0.04 - HOLD <= end <= (chunk[-1] + 1) * 0.04 - FRAME for end in ends) for chunk in chunks]
    searched = [frame for chunk, *near in zip(chunks, spoken, [*spoken[1:], False]) if any(near) for frame in chunk]
    assert labels == frames == searched
