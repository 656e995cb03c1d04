"""Records of data: what counts as the same, and what is said of a difference."""

import numpy as np
import pytest

from jstasr.experiment.data_record import DEV, PAIRED, changes, describe, feature_summary


def record(fingerprint="3000 utterances, 12ab", **parts):
    return {"fingerprint": fingerprint, "transcripts": "a", "phonemes": "b", **parts}


def test_the_record_of_an_older_version_is_its_fingerprint():
    assert changes({PAIRED: "3000 utterances, 12ab"}, {PAIRED: record(), DEV: record()}) == {}
    assert changes({PAIRED: "2 utterances, 12ab"}, {PAIRED: record()}) == {PAIRED: "2 utterances -> 3000 utterances"}
    assert changes({PAIRED: "none"}, {PAIRED: record()}) == {PAIRED: "none -> 3000 utterances"}


def test_the_kinds_of_content_that_changed_are_named():
    new = record("3000 utterances, 34cd", phonemes="c", transcripts="d")
    assert changes({PAIRED: record()}, {PAIRED: new}) == {PAIRED: "other phonemes, transcripts"}


@pytest.mark.parametrize(("factor", "noticed"), [(1.0, False), (1 + 1e-5, False), (1.01, True), (2.0, True)])
def test_features_may_differ_by_rounding_only(factor, noticed):
    summary = {"mean": -5.0, "deviation": 3.0, "projection": 20.0}
    scaled = {name: value * factor for name, value in summary.items()}
    found = changes({PAIRED: record(features=summary)}, {PAIRED: record(features=scaled)})
    assert (PAIRED in found) == noticed
    if noticed:
        assert found[PAIRED].startswith("other features (mean -5 -> -")


def test_the_summary_is_that_of_all_values_and_leaves_out_what_training_does(toy):
    speech = toy.speech("train", toy.texts(6))
    values = np.concatenate([speech.features(i).astype(np.float64).ravel() for i in range(6)])
    found = feature_summary(len(speech), speech.features)
    assert found["mean"] == pytest.approx(values.mean(), rel=1e-6)
    assert found["deviation"] == pytest.approx(values.std(), rel=1e-6)
    broken = toy.speech("broken", toy.texts(2), matrices=[np.full((90, toy.dim), np.nan, np.float32)] * 2)
    assert feature_summary(len(broken), broken.features) == {"mean": 0.0, "deviation": 0.0, "projection": 0.0}


def test_speech_and_text_are_described(toy):
    speech, text = toy.speech("train", toy.texts(6)), toy.text("text", toy.texts(3))
    assert {"utterances", "transcripts", "phonemes", "lengths", "features"} < describe(speech).keys()
    assert describe(text)["fingerprint"].startswith("3 utterances, ") and describe(None) == "none"
