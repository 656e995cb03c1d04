"""Batches out of some shards at a time: nothing repeated or lost, an exact position, any number of processes."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.data.batches import Joining, StepSampler, Windows, bucketed_batches, steps_of_process
from jstasr.data.join_config import JoinConfig

SHARDS, COUNT = 12, 600
LENGTHS = np.random.default_rng(0).integers(60, 400, COUNT)
SHARD_OF = np.random.default_rng(1).integers(0, SHARDS, COUNT)


def sampler(size=3, seed=1, **changes):
    """Of 600 utterances in 12 shards, 900 texts."""
    texts = np.random.default_rng(2).integers(10, 60, 900)
    windows = Windows(SHARD_OF, SHARDS, size) if size else None
    return StepSampler(LENGTHS, 2000, texts, 300, seed, windows=windows, **changes)


def epochs(sampler, count):
    """The steps of each of the first epochs."""
    steps = itertools.takewhile(lambda step: step.epoch < count, sampler)
    return [list(steps) for _, steps in itertools.groupby(steps, lambda step: step.epoch)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 12), st.integers(0, 5))
def test_windows_hold_every_utterance_once_and_no_shard_is_in_two(shard_of, size, seed):
    shards = np.asarray(shard_of, dtype=np.int64)
    drawn = np.arange(len(shards))
    parts = Windows(shards, 10, size).split(drawn, np.random.default_rng(seed))
    assert sorted(itertools.chain(*parts)) == drawn.tolist()
    held = [set(shards[part].tolist()) for part in parts]
    assert all(len(found) <= size for found in held)
    assert sum(map(len, held)) == len(set(shard_of))


def test_every_utterance_is_in_one_batch_of_every_epoch():
    for steps in epochs(sampler(), 3):
        assert sorted(itertools.chain(*(step.speech for step in steps))) == list(range(COUNT))


def test_batches_come_from_three_shards_at_a_time_others_in_each_epoch():
    orders = []
    for steps in epochs(sampler(), 3):
        order = dict.fromkeys(int(shard) for step in steps for shard in SHARD_OF[step.speech])
        orders.append(list(order))
        last = {shard: max(n for n, step in enumerate(steps) if shard in SHARD_OF[step.speech]) for shard in order}
        first = {shard: min(n for n, step in enumerate(steps) if shard in SHARD_OF[step.speech]) for shard in order}
        for number in range(len(steps)):
            assert sum(first[shard] <= number <= last[shard] for shard in order) <= 3
    assert len({tuple(order) for order in orders}) == 3


def test_batches_of_a_window_have_similar_lengths():
    steps = epochs(sampler(), 1)[0]
    padded = sum(len(step.speech) * LENGTHS[step.speech].max() for step in steps)
    assert LENGTHS.sum() / padded > 0.9


@pytest.mark.parametrize("ranks", range(1, 9))
def test_one_to_eight_processes_share_the_steps_of_one(ranks):
    alone = list(itertools.islice(sampler(), ranks * 20))
    shares = [list(itertools.islice(steps_of_process(iter(sampler()), rank, ranks), 20)) for rank in range(ranks)]
    for number, step in enumerate(alone):
        found = shares[number % ranks][number // ranks]
        assert found.speech.tolist() == step.speech.tolist() and found.text.tolist() == step.text.tolist()
        assert found.after == alone[number // ranks * ranks + ranks - 1].after


@pytest.mark.parametrize("done", [1, 29, 75])
def test_a_position_gives_the_same_continuation(done):
    whole = list(itertools.islice(sampler(), done + 40))
    resumed = itertools.islice(sampler(start=whole[done - 1].after), 40)
    for expected, found in zip(whole[done:], resumed, strict=True):
        assert expected.after == found.after
        assert expected.speech.tolist() == found.speech.tolist() and expected.text.tolist() == found.text.tolist()


def test_languages_are_drawn_by_weight_in_all_windows_together():
    weights = np.where(np.arange(COUNT) < 60, 2.5, 0.5)
    times = np.zeros(COUNT)
    for steps in epochs(sampler(speech_weights=weights), 20):
        np.add.at(times, np.concatenate([step.speech for step in steps]), 1)
    assert times[:60].mean() / 20 == pytest.approx(2.5, rel=0.03)
    assert times[60:].mean() / 20 == pytest.approx(0.5, rel=0.03)


def test_joined_utterances_are_of_one_window():
    groups = np.random.default_rng(3).integers(0, 4, COUNT)
    joining = Joining(JoinConfig(0.7, 8.0, 0.1, 1.0), groups, 800, None, 120)
    made = sampler(joining=joining)
    rows, batches = made.epoch_rows(0)
    assert sorted(rows.members.tolist()) == list(range(COUNT)) and rows.counts.max() > 1
    assert sorted(itertools.chain(*batches)) == list(range(len(rows)))
    parts = made.windows.split(np.arange(COUNT), np.random.default_rng((1, 6, 0)))
    window_of = {int(utt): number for number, part in enumerate(parts) for utt in part}
    for row in range(len(rows)):
        members, pauses, counts = rows.take(np.asarray([row]))
        assert len({window_of[int(utt)] for utt in members}) == 1 and len(set(groups[members])) == 1
        assert rows.lengths[row] == LENGTHS[members].sum() + pauses.sum() and counts.tolist() == [len(members)]


def test_without_windows_any_utterances_share_a_batch_as_ever():
    rng = np.random.default_rng((1, 0, 0))
    expected = [batch.tolist() for batch in bucketed_batches(LENGTHS, 2000, rng, 0.045)]
    assert [batch.tolist() for batch in sampler(size=0).epoch_batches(0)] == expected
