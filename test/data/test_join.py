"""Short utterances that follow each other in one row of a batch."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.data.batches import Joining, StepSampler, steps_of_process
from jstasr.data.collate import collate
from jstasr.data.join import (
    Joins,
    join_texts,
    join_utterances,
    joined_labels,
    joined_phones,
    pause_between,
    split_rows,
)
from jstasr.data.join_config import JoinConfig
from jstasr.data.speech_set import SpeechSet
from jstasr.data.text_set import TextSet
from jstasr.errors import JstasrError
from jstasr.experiment.config import load_config
from jstasr.features.fbank import Fbank
from jstasr.text.recipe_tokens import recipe_tokens
from jstasr.text.tokens import build_tokenizer
from jstasr.train.loader import joining, step_sampler

SPEAKERS, MAX_FRAMES = 12, 800


def sampler(start=None, share=0.5, seed=1, **changes):
    """Of 400 utterances of 12 speakers and 900 texts of two languages."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(60, 400, 400)
    text_lengths, languages = rng.integers(10, 60, 900), rng.integers(0, 2, 900)
    joining = Joining(JoinConfig(share, 8.0, 0.1, 1.0), rng.integers(0, SPEAKERS, 400), MAX_FRAMES, languages, 120)
    values = {"start": start, "joining": joining} | changes
    return StepSampler(lengths, 1600, text_lengths, 300, seed, **values)


def shown(step):
    """A step as something that can be compared."""
    joins = step.joins
    values = (step.speech, step.text, joins.speech, joins.pauses, joins.text)
    return step.epoch, *(value.tolist() for value in values), joins.seed, step.after


def epoch_of(steps, epoch):
    return [step for step in steps if step.epoch == epoch]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 3)), min_size=1, max_size=80),
    st.floats(0, 1),
    st.integers(10, 1000),
    st.integers(0, 5),
)
def test_rows_hold_every_utterance_once_and_only_one_group_each(utterances, share, max_frames, seed):
    lengths, groups = np.asarray(utterances).T
    config = JoinConfig(share, 99.0, 0.1, 0.3)
    rows = join_utterances(np.arange(len(lengths)), lengths, groups, config, max_frames, np.random.default_rng(seed))
    members, pauses, counts = rows.take(np.arange(len(rows)))
    assert sorted(members.tolist()) == list(range(len(lengths)))
    for row, gaps, length in zip(split_rows(members, counts), split_rows(pauses, counts), rows.lengths):
        assert len(set(groups[row])) == 1
        assert gaps[0] == 0 and all(10 <= gap <= 30 for gap in gaps[1:])
        assert length == lengths[row].sum() + gaps.sum()
        assert len(row) == 1 or length <= max_frames


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_the_share_is_that_of_the_utterances(share):
    lengths, groups = np.random.default_rng(0).integers(50, 200, 4000), np.arange(4000) % 20
    config = JoinConfig(share, 10.0, 0.1, 0.5)
    rows = join_utterances(np.arange(4000), lengths, groups, config, 1000, np.random.default_rng(1))
    joined = rows.counts[rows.counts > 1].sum() / 4000
    assert joined == pytest.approx(share, abs=0.03)
    if share == 1.0:  # every length up to the limit occurs
        assert np.histogram(rows.lengths, [200, 400, 600, 800, 1001])[0].min() > 40


def test_long_utterances_stay_alone():
    lengths, groups = np.asarray([1500, 700, 100, 480, 700]), np.zeros(5, dtype=int)
    config = JoinConfig(1.0, 10.0, 0.1, 0.4)
    for seed in range(20):
        rows = join_utterances(np.arange(5), lengths, groups, config, 1000, np.random.default_rng(seed))
        members, _, counts = rows.take(np.arange(len(rows)))
        assert sorted(sorted(row.tolist()) for row in split_rows(members, counts)) == [[0], [1], [2, 3], [4]]


def test_an_epoch_holds_every_utterance_once_within_the_budget():
    found = list(itertools.islice(sampler(), 250))
    lengths, groups = sampler().speech_lengths, sampler().joining.groups
    for epoch in (0, 1):
        steps = epoch_of(found, epoch)
        assert sorted(np.concatenate([step.speech for step in steps]).tolist()) == list(range(400))
        for step in steps:
            rows, gaps = (split_rows(part, step.joins.speech) for part in (step.speech, step.joins.pauses))
            frames = [lengths[row].sum() + gap.sum() for row, gap in zip(rows, gaps)]
            assert len(rows) * max(frames) <= 1600
            assert all(len(set(groups[row])) == 1 for row in rows)


def test_partners_change_from_epoch_to_epoch():
    found = list(itertools.islice(sampler(share=1.0), 300))
    pairs = []
    for epoch in (0, 1):
        rows = [row for step in epoch_of(found, epoch) for row in split_rows(step.speech, step.joins.speech)]
        pairs.append({pair for row in rows for pair in zip(row.tolist(), row.tolist()[1:])})
    assert len(pairs[0]) > 100 and len(pairs[0] & pairs[1]) < 0.1 * len(pairs[0])


@pytest.mark.parametrize("done", [1, 37, 150])
def test_a_position_gives_the_same_continuation(done):
    whole = list(itertools.islice(sampler(), done + 40))
    resumed = list(itertools.islice(sampler(start=whole[done - 1].after), 40))
    assert list(map(shown, resumed)) == list(map(shown, whole[done:]))
    other = list(itertools.islice(sampler(seed=2), 40))
    assert list(map(shown, other)) != list(map(shown, whole[:40]))


def test_processes_share_the_joined_rows():
    alone = list(itertools.islice(sampler(), 30))
    for rank in range(3):
        mine = itertools.islice(steps_of_process(iter(sampler()), rank, 3), 10)
        assert [shown(step)[:-1] for step in mine] == [shown(step)[:-1] for step in alone[rank::3]]


def test_languages_keep_their_weights():
    rare = np.where(np.arange(400) < 40, 4.0, 0.5)
    counts = np.zeros(400)
    for step in itertools.islice(sampler(speech_weights=rare), 1500):
        np.add.at(counts, step.speech, 1)
    assert counts[:40].mean() / counts[40:].mean() == pytest.approx(8.0, rel=0.15)


def test_without_a_share_the_steps_are_those_without_joining():
    for one, other in zip(itertools.islice(sampler(share=0.0), 20), itertools.islice(sampler(joining=None), 20)):
        assert sorted(one.joins.speech.tolist()) == [1] * len(one.speech) and other.joins is None
        assert one.joins.text.max(initial=1) == 1


def test_texts_are_joined_as_the_speech_beside_them_and_each_is_drawn_about_equally_often():
    source = sampler(share=0.8)
    counts, per_row = np.zeros(900), []
    for step in itertools.islice(source, 3000):
        np.add.at(counts, step.text, 1)
        per_row.append((len(step.speech) / len(step.joins.speech), len(step.text) / len(step.joins.text)))
        for row in split_rows(step.text, step.joins.text):
            assert len(set(source.joining.text_groups[row])) == 1
            assert len(row) == 1 or source.text_lengths[row].sum() + len(row) - 1 <= 120
    assert counts.min() >= 0.6 * counts.mean() and counts.max() <= 1.5 * counts.mean()
    speech, text = np.asarray(per_row).T
    assert text[speech < 1.05].mean() < 1.1 and text[speech > 2].mean() > 1.5


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 60), max_size=20), st.integers(1, 6), st.integers(1, 200))
def test_rows_of_texts_keep_the_limits_and_lose_none(lengths, per_row, max_length):
    lengths = np.asarray(lengths, dtype=int)
    texts, groups = np.arange(len(lengths)), np.arange(len(lengths)) % 2
    ordered, counts = join_texts(texts, lengths, groups, per_row, max_length)
    assert sorted(ordered.tolist()) == texts.tolist()
    for row in split_rows(ordered, counts):
        assert 1 <= len(row) <= per_row and len(set(groups[row])) == 1
        assert len(row) == 1 or lengths[row].sum() + len(row) - 1 <= max_length


def joins(counts, pauses, text, seed=0):
    return Joins(np.asarray(counts), np.asarray(pauses), np.asarray(text), (seed,))


def test_a_joined_row_is_its_utterances_with_pauses_between(toy):
    speech, text = toy.speech("train", ["ab c", "fed a", "bad"]), toy.text("more", ["face", "ab", "cab"])
    batch = collate(speech, [2, 0, 1], text, [2, 0, 1], joins([2, 1], [0, 13, 0], [1, 2]))
    tokenizer, phone_list = toy.lists()
    assert batch.utt_ids == ["train-002+train-000", "train-001"]
    assert batch.text_ids == ["more-002", "more-000+more-001"]
    first, second = speech.features(2), speech.features(0)
    assert batch.speech_lengths.tolist() == [len(first) + 13 + len(second), speech.num_frames[1]]
    row = batch.speech[0].numpy()
    assert np.array_equal(row[: len(first)], first)
    assert np.array_equal(row[len(first) + 13 : batch.speech_lengths[0]], second)
    assert tokenizer.decode(batch.labels[0][: batch.label_lengths[0]].tolist()) == "bad ab c"
    assert phone_list.decode(batch.phones[0][: batch.phone_lengths[0]].tolist()) == toy.phones("bad ab c").split()
    assert phone_list.decode(batch.text_phones[1].tolist()) == toy.phones("face ab").split()
    assert tokenizer.decode(batch.text_labels[1].tolist()) == "face ab"
    again = collate(speech, [2, 0, 1], text, [2, 0, 1], joins([2, 1], [0, 13, 0], [1, 2]))
    assert np.array_equal(again.speech, batch.speech)


def test_pauses_are_digital_silence_or_what_is_quiet_in_the_utterances():
    """Each kind occurs; digital silence is what the features of zeros are."""
    rng = np.random.default_rng(0)
    before, after = (rng.normal(level, 1.0, (120, 40)).astype(np.float32) for level in (10.0, 12.0))
    before[:20] -= 9.0
    after[-20:] -= 9.0
    zeros = Fbank(16000, 40)(np.zeros(8000, dtype=np.float32))
    kinds = {"silence": 0, "background": 0, "lowered": 0}
    for _ in range(200):
        pause = pause_between(before, after, 30, rng)
        assert pause.shape == (30, 40) and pause.dtype == np.float32
        level = pause.mean()
        if np.array_equal(pause, zeros[:30]):
            kinds["silence"] += 1
        elif 0.0 < level < 4.0:  # not speech
            kinds["background"] += 1
            assert pause.std(axis=0).min() > 0.3, "frozen"
        else:
            assert zeros.min() <= level <= 0.0
            kinds["lowered"] += 1
    assert min(kinds.values()) > 20


@pytest.mark.parametrize("token_type", ["bpe", "char", "word"])
def test_joined_labels_are_those_of_the_joined_text(tmp_path, toy, token_type):
    """Concatenated labels, but for the blank between two words of a list of characters and the language token."""
    texts = toy.texts(40)
    recipe_tokens(texts, [], token_type, languages=["en", "it"], num_pieces=20).write(tmp_path)
    tokenizer, phone_list = build_tokenizer(tmp_path / "tokens.txt"), toy.lists()[1]
    data = SpeechSet(toy.speech_set("train", texts, languages=["it"] * 40), tokenizer, phone_list)
    text = TextSet.load([toy.text_set("more", texts, languages=["it"] * 40)], tokenizer, phone_list)
    between = [tokenizer.token_list.index("<space>")] if token_type == "char" else []
    for row in ([3], [5, 1], [7, 8, 9]):
        parts = [data.labels[i].tolist() for i in row]
        wanted = parts[0] + [label for part in parts[1:] for label in (*between, *part[1:])]
        assert joined_labels(data, row).tolist() == joined_labels(text, row).tolist() == wanted
        assert tokenizer.decode(wanted) == " ".join(texts[i] for i in row)
        assert phone_list.decode(joined_phones(data, row)) == toy.phones(" ".join(texts[i] for i in row)).split()


def test_texts_of_unspaced_languages_are_joined_without_a_blank(tmp_path, toy):
    texts = ["今天", "天今今"]
    recipe_tokens(texts, [], "char").write(tmp_path)
    tokenizer, phone_list = build_tokenizer(tmp_path / "tokens.txt"), toy.lists()[1]
    folder = toy.speech_set("train", texts, languages=["zh", "zh"], matrices=[np.ones((40, 20), np.float32)] * 2)
    toy.write_table(folder / "phones", {"train-000": "pa", "train-001": "pb"})
    assert tokenizer.tokens(joined_labels(SpeechSet(folder, tokenizer, phone_list), [0, 1])) == list("今天天今今")


@pytest.mark.parametrize(
    "speakers, groups",
    [
        ({0: "x", 1: "x", 2: "y", 3: "y", 4: "z", 5: "w"}, [{0, 1}, {2, 3}, {4, 5}]),  # unknown: one utterance each
        ({i: str(i) for i in range(6)}, [set(range(6))]),
        (None, [set(range(6))]),
    ],
)
def test_unknown_speakers_are_grouped_by_language(toy, speakers, groups):
    folder = toy.speech_set("train", ["ab", "cd", "ef", "fa", "da", "ca"], languages=["en"] * 6)
    if speakers is None:
        (folder / "utt2spk").unlink()
    else:
        toy.write_table(folder / "utt2spk", {f"train-{i:03}": name for i, name in speakers.items()})
    found = SpeechSet(folder, *toy.lists()).speaker_groups()
    assert {frozenset(np.flatnonzero(found == value).tolist()) for value in found} == set(map(frozenset, groups))


def test_a_speaker_of_two_languages_is_two_groups(toy):
    folder = toy.speech_set("train", ["ab", "cd", "ef", "fa"], languages=["en", "it", "en", "it"])
    toy.write_table(folder / "utt2spk", {f"train-{i:03}": "x" for i in range(4)})
    found = SpeechSet(folder, *toy.lists()).speaker_groups()
    assert found[0] == found[2] != found[1] == found[3]


def test_a_joined_utterance_fits_a_batch(toy):
    speech, text, config = toy.speech("train", toy.texts(60)), toy.text("more", ["face", "ab"]), toy.config()
    config.data.batch_frames = 800
    found = joining(config, speech, text)
    assert found is not None and found.max_frames == 800
    rows, _ = step_sampler(config, speech, text, None).epoch_rows(0)
    assert rows.counts.max() > 2 and rows.lengths.max() <= 800
    config.data.batch_frames = 6400
    assert joining(config, speech, text).max_frames == 1500
    config.data.join.share = 0.0
    assert joining(config, speech, text) is None


@pytest.mark.parametrize(
    "setting", ["share=1.1", "share=-0.1", "max_seconds=0", "pause_min=0.05", "pause_max=0.05", "pause_min=2"]
)
def test_values_that_cannot_be_are_refused(setting):
    with pytest.raises(JstasrError, match="data.join"):
        load_config(None, [f"data.join.{setting}"])
