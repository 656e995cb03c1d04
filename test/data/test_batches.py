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
    draw_by_weight,
    language_weights,
    steps_of_process,
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
        mine = steps_of_process(iter(StepSampler(seed=1, **values)), rank, ranks)
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
    for step in StepSampler(speech, 3000, text, budget, seed=3):
        np.add.at(counts, step.text, 1)
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


@pytest.mark.parametrize("done", [1, 37, 150])
def test_a_position_gives_the_same_continuation(done):
    """Also inside an epoch of speech and inside a pass over a bucket of text."""
    values = dict(
        speech_lengths=log_normal(300, 0), batch_frames=3000, text_lengths=log_normal(200, 1, mean=40), text_budget=500
    )
    whole = list(itertools.islice(StepSampler(seed=1, **values), done + 60))
    resumed = itertools.islice(StepSampler(seed=1, start=whole[done - 1].after, **values), 60)
    for expected, found in zip(whole[done:], resumed, strict=True):
        assert expected.after == found.after
        assert expected.speech.tolist() == found.speech.tolist() and expected.text.tolist() == found.text.tolist()


def test_the_position_of_every_process_is_that_after_the_step():
    values = dict(speech_lengths=log_normal(300, 0), batch_frames=3000, text_lengths=None, text_budget=0, seed=1)
    alone = list(itertools.islice(StepSampler(**values), 30))
    for rank in range(3):
        mine = list(itertools.islice(steps_of_process(iter(StepSampler(**values)), rank, 3), 10))
        assert [step.speech.tolist() for step in mine] == [step.speech.tolist() for step in alone[rank::3]]
        assert [step.after for step in mine] == [step.after for step in alone[2::3]]


@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_languages_are_drawn_by_temperature(temperature):
    """Shares ~ amount^(1 / temperature), after the formula by hand; the total stays."""
    rng = np.random.default_rng(0)
    languages = rng.choice(["en", "it", "cy"], p=[0.9, 0.08, 0.02], size=5000)
    amounts = rng.integers(100, 1000, 5000)
    weights = language_weights(languages, amounts, temperature)
    amount = np.asarray([amounts[languages == name].sum() for name in ("en", "it", "cy")], dtype=float)
    wanted = amount ** (1 / temperature) / (amount ** (1 / temperature)).sum()
    drawn = np.concatenate([draw_by_weight(weights, np.random.default_rng(epoch)) for epoch in range(40)])
    found = np.asarray([amounts[drawn][languages[drawn] == name].sum() for name in ("en", "it", "cy")])
    assert found / found.sum() == pytest.approx(wanted, rel=0.03)
    assert found.sum() / 40 == pytest.approx(amount.sum(), rel=0.01)


def test_weights_of_one_draw_everything_once():
    assert draw_by_weight(np.ones(50), np.random.default_rng(0)).tolist() == list(range(50))


def test_weighted_epochs_draw_speech_and_text_by_weight():
    speech, text = log_normal(200, 0), log_normal(400, 1, mean=40)
    rare = np.where(np.arange(200) < 20, 4.0, 0.5)
    rare_text = np.where(np.arange(400) < 40, 4.0, 0.5)
    sampler = StepSampler(speech, 3000, text, 300, seed=3, speech_weights=rare, text_weights=rare_text)
    counts, text_counts = np.zeros(200), np.zeros(400)
    for step in itertools.islice(sampler, 2000):
        np.add.at(counts, step.speech, 1)
        np.add.at(text_counts, step.text, 1)
        assert len(step.speech) == 1 or len(step.speech) * speech[step.speech].max() <= 3000
    for found in (counts, text_counts):
        few, many = found[: len(found) // 10].mean(), found[len(found) // 10 :].mean()
        assert few / many == pytest.approx(8.0, rel=0.15)


@pytest.mark.parametrize("budget", [6400, 20000])
@pytest.mark.parametrize("count", [300, 3000])
@pytest.mark.parametrize("kind", ["words", "two kinds", "exponential", "uniform"])
def test_padding_stays_under_five_per_cent_in_sets_of_few_batches(kind, count, budget):
    """Every epoch as a whole; the sets are so small that batches of the budget would hold much padding."""
    rng = np.random.default_rng(count)
    lengths = {
        "words": rng.gamma(12, 43 / 12, count),  # 0.4 s each
        "two kinds": np.where(rng.random(count) < 0.5, rng.normal(200, 50, count), rng.normal(1500, 150, count)),
        "exponential": rng.exponential(300, count),
        "uniform": rng.uniform(100, 2000, count),
    }[kind]
    lengths = lengths.astype(np.int64).clip(10, 3500)
    for epoch in range(3):
        batches = StepSampler(lengths, budget, None, 0, seed=7).epoch_batches(epoch)
        assert sorted(np.concatenate(batches).tolist()) == list(range(count))
        padded = [len(batch) * lengths[batch].max() for batch in batches]
        assert max(padded) <= budget
        assert 1 - lengths.sum() / sum(padded) < 0.05
        assert len(batches) < 5 + 2.5 * max(lengths.sum() / budget, 16), "many small batches"


def test_a_set_that_fits_into_one_batch_stays_whole():
    (batch,) = StepSampler(np.asarray([50, 120, 200, 30]), 800, None, 0, seed=7).epoch_batches(0)
    assert sorted(batch.tolist()) == [0, 1, 2, 3]
