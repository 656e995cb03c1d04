"""Which utterances and texts meet in a step."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.data.batches import (
    StepSampler,
    TextStream,
    bucketed_batches,
    share_of,
)


def padding_share(lengths: np.ndarray, batches: list[np.ndarray]) -> float:
    """Share of the padded frames that are padding."""
    padded = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return 1.0 - float(lengths.sum()) / max(padded, 1)


def log_normal(count, seed, mean=170, spread=0.5):
    return np.random.default_rng(seed).lognormal(np.log(mean), spread, count).clip(20, 2000).astype(np.int64)


def steps(count, seed=1, skip=0, **changes):
    values = {
        "speech_lengths": log_normal(300, 0),
        "batch_frames": 3000,
        "text_lengths": log_normal(2000, 1, mean=40),
        "text_budget": 500,
    } | changes
    found = itertools.islice(StepSampler(seed=seed, **values), skip, skip + count)
    return [(step.epoch, step.speech.tolist(), step.text.tolist()) for step in found]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=200), st.integers(1, 2000), st.integers(0, 5))
def test_every_utterance_is_in_one_batch_within_the_budget(lengths, budget, seed):
    lengths = np.asarray(lengths)
    batches = bucketed_batches(lengths, budget, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget


def test_padding_is_under_five_per_cent_of_log_normal_lengths():
    for seed, count in itertools.product(range(3), (3000, 30000)):
        lengths = log_normal(count, seed)
        share = padding_share(lengths, bucketed_batches(lengths, 6400, np.random.default_rng(seed)))
        assert 0 < share < 0.05


def test_batches_are_filled():
    lengths = log_normal(3000, 0)
    batches = bucketed_batches(lengths, 6400, np.random.default_rng(0))
    filled = [len(batch) * lengths[batch].max() / 6400 for batch in batches]
    assert np.mean(filled) > 0.9


def test_steps_are_a_function_of_the_seed():
    assert steps(50) == steps(50)
    assert steps(50) != steps(50, seed=2)


def test_epochs_differ_and_each_holds_every_utterance_once():
    found = steps(200)
    epochs = {epoch: [i for e, speech, _ in found if e == epoch for i in speech] for epoch in (0, 1, 2)}
    assert all(sorted(indexes) == list(range(300)) for indexes in epochs.values())
    assert epochs[0] != epochs[1] != epochs[2]
    company = [{i for e, speech, _ in found if e == epoch and 0 in speech for i in speech} for epoch in (0, 1, 2)]
    assert len(set(map(frozenset, company))) > 1


@pytest.mark.parametrize("done", [1, 37, 150])
def test_skipping_steps_gives_the_same_continuation(done):
    assert steps(20, skip=done) == steps(done + 20)[done:]


@pytest.mark.parametrize("ranks", [2, 3])
def test_processes_share_the_steps(ranks):
    one = steps(30)
    values = dict(
        speech_lengths=log_normal(300, 0), batch_frames=3000, text_lengths=log_normal(2000, 1, mean=40), text_budget=500
    )
    shares = []
    for rank in range(ranks):
        mine = share_of(iter(StepSampler(seed=1, **values)), rank, ranks)
        shares.append([step.speech.tolist() for step in itertools.islice(mine, 30 // ranks)])
    assert sorted(sum(shares, [])) == sorted(speech for _, speech, _ in one)


@pytest.mark.parametrize(
    "speech, text",
    [
        (log_normal(300, 0), log_normal(2000, 1, mean=40)),
        (np.full(300, 170), log_normal(2000, 1, mean=40, spread=0.9)),  # the lengths have nothing in common
        (log_normal(300, 0, spread=0.9), np.full(2000, 40)),
        (log_normal(12, 0), log_normal(700, 1, mean=40)),  # a few speech batches an epoch
        (log_normal(300, 0), log_normal(30, 1, mean=40)),  # less text than speech
    ],
)
def test_every_text_is_drawn_about_equally_often(speech, text):
    counts, total, budget = np.zeros(len(text)), 0, 500
    for _, _, drawn, _ in StepSampler(speech, 3000, text, budget, seed=3):
        np.add.at(counts, drawn, 1)
        total += 1
        if counts.mean() >= 20:
            break
    assert counts.min() >= 0.6 * counts.mean() and counts.max() <= 1.5 * counts.mean()


def test_text_batches_keep_the_budget_and_little_padding():
    text = log_normal(2000, 1, mean=40, spread=0.7)
    drawn = [np.asarray(texts) for _, _, texts in steps(500, text_lengths=text)]
    assert all(len(texts) == 1 or len(texts) * text[texts].max() <= 500 for texts in drawn)
    used = sum(text[texts].sum() for texts in drawn)
    assert used / sum(len(texts) * text[texts].max() for texts in drawn) > 0.9
    assert used / (500 * len(drawn)) > 0.8


def test_text_is_near_in_length_to_its_speech():
    speech, text = log_normal(300, 0), log_normal(2000, 1, mean=40)
    pairs = [(speech[s].mean(), text[t].mean()) for _, s, t in steps(300)]
    assert np.corrcoef(np.log(pairs).T)[0, 1] > 0.9


def test_no_text_no_text_batches():
    for changes in ({"text_lengths": None}, {"text_budget": 0}, {"text_lengths": np.zeros(0, np.int64)}):
        assert all(texts == [] for _, _, texts in steps(10, **changes))


def test_a_text_longer_than_the_budget_rides_alone():
    stream = TextStream(np.asarray([10, 900, 10]), 50, seed=0)
    drawn = [stream.draw(quantile).tolist() for quantile in (0.1, 0.9, 0.5, 0.3, 0.99, 0.0)]
    assert {index for texts in drawn for index in texts} == {0, 1, 2}
    assert all(texts == [1] for texts in drawn if 1 in texts)
