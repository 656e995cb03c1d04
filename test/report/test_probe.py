"""jstasr probe: linear probes and speaker verification on vectors of known separability."""

import csv

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp
from scipy.stats import norm

from jstasr.cli import main
from jstasr.kaldi.tables import write_table
from jstasr.report.linear_probe import FOLDS, accuracy, cross_validated, fit_logistic, folds_by_speaker, folds_within
from jstasr.report.pooled import mean_over_time, pool_speech
from jstasr.report.probe import Labels, choose, probe_layer, verify_layer


def test_the_regression_finds_the_minimum_of_its_objective():
    random = np.random.default_rng(0)
    vectors, classes = random.standard_normal((40, 3)), random.integers(0, 4, 40)

    def objective(flat):
        weights = flat.reshape(4, 4)
        logits = vectors @ weights[:3] + weights[3]
        return (logsumexp(logits, 1) - logits[np.arange(40), classes]).sum() + (weights[:3] ** 2).sum() / 2

    found = fit_logistic(torch.from_numpy(vectors), torch.from_numpy(classes), 4).numpy()
    best = minimize(objective, np.zeros(16), method="BFGS").x.reshape(4, 4)
    np.testing.assert_allclose(found[:3], best[:3], atol=1e-4)
    np.testing.assert_allclose(found[3] - found[3].mean(), best[3] - best[3].mean(), atol=1e-4)


def test_no_utterance_is_in_training_and_test_and_all_are_predicted(monkeypatch):
    random = np.random.default_rng(0)
    vectors = np.arange(30.0)[:, None]  # an utterance is known by its vector
    seen = []

    def fit(inputs, labels, count):
        seen.append(len(inputs))
        return torch.zeros(2, count, dtype=torch.float64)

    monkeypatch.setattr("jstasr.report.linear_probe.fit_logistic", fit)
    folds = folds_within(random.integers(0, 3, 30))
    assert (cross_validated(vectors, np.zeros(30, int), folds) == 0).all()
    assert seen == [30 - int((folds == fold).sum()) for fold in range(FOLDS)]


def test_utterances_of_a_speaker_are_in_several_folds_and_speakers_of_a_class_too():
    speakers = np.repeat(np.arange(11), 7)
    folds = folds_within(speakers)
    for speaker in range(11):
        assert len(set(folds[speakers == speaker])) == FOLDS
    sexes = np.repeat([0, 1], [35, 42])
    folds = folds_by_speaker(speakers, sexes)
    for speaker in range(11):
        assert len(set(folds[speakers == speaker])) == 1
    assert set(folds[sexes == 0]) == set(folds[sexes == 1]) == set(range(FOLDS))


def vectors_of(classes, distance, dimensions=4, seed=0):
    """Normal noise around a mean for each class; two classes are `distance` standard deviations apart."""
    random = np.random.default_rng(seed)
    means = np.zeros((classes.max() + 1, dimensions))
    means[np.arange(len(means)), np.arange(len(means)) % dimensions] = distance / np.sqrt(2)
    return means[classes] + random.standard_normal((len(classes), dimensions))


def target_of(kind, speakers, classes):
    ids = [f"u{number:05d}" for number in range(len(speakers))]
    labels = Labels({utt: f"s{speaker}" for utt, speaker in zip(ids, speakers)})
    setattr(labels, kind, {utt: f"{kind}{label}" for utt, label in zip(ids, classes)})
    return choose(ids, labels, kind)


@pytest.mark.parametrize("distance", [0, 1, 2, 4])
def test_two_classes_are_told_apart_as_well_as_their_overlap_allows(distance):
    speakers = np.repeat(np.arange(400), 5)
    sexes = speakers % 2
    found = probe_layer("sex", "speech", "x", vectors_of(sexes, distance), target_of("sex", speakers, sexes))
    assert found.value == pytest.approx(100 * norm.cdf(distance / 2), abs=3)
    assert found.low < found.value < found.high and found.high - found.low < 6
    assert found.chance == 50 and (found.classes, found.speakers, found.utterances) == (2, 400, 2000)


def test_sex_is_not_read_from_who_speaks():
    # Every speaker is recognised with certainty, and their sex is drawn at random: nothing to learn about new speakers.
    speakers = np.repeat(np.arange(40), 10)
    sexes = np.random.default_rng(1).permutation(np.arange(40) % 2)[speakers]
    vectors = np.eye(40)[speakers] * 10 + np.random.default_rng(0).standard_normal((400, 40)) / 10
    assert probe_layer("sex", "speech", "x", vectors, target_of("sex", speakers, sexes)).value < 65
    by_speaker = target_of("speaker", speakers, speakers)
    assert probe_layer("speaker", "speech", "x", vectors, by_speaker).value == 100
    assert [row.value for row in verify_layer("x", vectors, by_speaker)] == [0, 0]


def test_a_common_mean_hides_speakers_from_the_cosine_until_it_is_subtracted():
    # Two speakers in the same direction, at the distances 1 and 3; about their mean they are opposite.
    speakers = np.repeat([0, 1], 30)
    vectors = np.array([[1, 0], [3, 0]])[speakers] + np.random.default_rng(0).standard_normal((60, 2)) / 10
    plain, centred = verify_layer("x", vectors, target_of("speaker", speakers, speakers))
    assert plain.value > 25 and centred.value == 0


def test_the_interval_draws_speakers_not_utterances():
    speakers = np.repeat(np.arange(10), 100)
    predicted = (speakers < 5).astype(int)  # right for half of the speakers, in all their utterances
    found = accuracy(predicted, np.ones(1000, int), speakers)
    assert found.percent == 50 and found.low < 30 and found.high > 70


def test_padding_is_no_part_of_the_mean():
    frames = torch.full((2, 3, 1), torch.nan)
    frames[0, :2] = torch.tensor([[1.0], [3.0]])
    frames[1] = torch.tensor([[1.0], [2.0], [6.0]])
    assert mean_over_time(frames, torch.tensor([2, 3])).flatten().tolist() == [2, 3]


def test_pooled_vectors_are_the_means_of_utterances_encoded_alone(expdir, data_dir):
    from jstasr.experiment.load import Experiment
    from jstasr.features.on_the_fly import open_features

    experiment = Experiment.load(expdir)
    pooled = pool_speech(experiment, data_dir, print)
    reader = open_features(data_dir)
    for row, utt in enumerate(pooled.ids):
        features = torch.tensor(reader[utt])
        with torch.inference_mode():
            alone = experiment.model.encode_speech(features[None], torch.tensor([len(features)]))
        np.testing.assert_allclose(pooled.vectors["features"][row], features.mean(0), rtol=1e-4, atol=1e-5)
        for name, layer in zip(["shared input", "shared 1", "full 1", "full 2"], alone.layers):
            np.testing.assert_allclose(pooled.vectors[name][row], layer[0].mean(0), rtol=1e-3, atol=1e-4)


@pytest.fixture
def labelled(data_dir):
    ids = ["s1-u1", "s1-u2", "s2-u3", "s2-u4", "s2-u5"]
    speakers = ["a", "b", "c", "c", "d"]
    write_table(data_dir / "utt2spk", dict(zip(ids, speakers)))
    write_table(data_dir / "spk2gender", {"a": "m", "b": "f", "c": "m", "d": "f"})
    write_table(data_dir / "utt2lang", dict(zip(ids, ["en", "en", "de", "de", "de"])))
    return data_dir


def test_the_command_writes_a_row_for_each_measure_branch_and_layer(expdir, labelled, capsys):
    assert main(["probe", "--expdir", str(expdir), "--data-dir", str(labelled)]) == 0
    with open(expdir / "report/probe.csv") as file:
        rows = list(csv.DictReader(file))
    layers = ["shared input", "shared 1", "full 1", "full 2"]
    expected = {("sex", "speech", name) for name in ["features", *layers]}
    expected |= {("language", "speech", name) for name in ["features", *layers]}
    expected |= {("language", "text", name) for name in layers}
    assert {(row["measure"], row["branch"], row["layer"]) for row in rows} == expected
    assert {row["chance"] for row in rows if row["measure"] == "sex"} == {"60.00"}
    output = capsys.readouterr()
    assert "fewer than two speakers with two utterances" in output.err
    assert "shared input" in output.out


def test_what_cannot_be_probed_is_said(expdir, data_dir, labelled, capsys):
    for name in ("spk2gender", "utt2lang"):
        (data_dir / name).unlink()
    assert main(["probe", "--expdir", str(expdir), "--data-dir", str(data_dir)]) == 1
    output = capsys.readouterr().err
    assert "sex: not probed: no spk2gender" in output and "nothing to probe" in output
    assert main(["probe", "--expdir", str(expdir), "--data-dir", str(data_dir), str(data_dir)]) == 1
    assert "5 utterances are in another folder too" in capsys.readouterr().err
    write_table(data_dir / "utt2spk", {"s1-u1": "a"})
    assert main(["probe", "--expdir", str(expdir), "--data-dir", str(data_dir)]) == 1
    assert "utt2spk: lacks 4 utterances" in capsys.readouterr().err
