"""Extraction of a set, in jobs, and what it refuses."""

import os
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile

from jstasr.cli import main
from jstasr.errors import JstasrError
from jstasr.features.cmvn import load_cmvn
from jstasr.features.fbank import Fbank
from jstasr.features.on_the_fly import open_features
from jstasr.kaldi.feature_archive import ArchivedFeatures
from jstasr.kaldi.tables import read_table, write_table


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng, wav_scp = np.random.default_rng(0), {}
    for number in range(7):
        wav_scp[f"u{number}"] = path = f"u{number}.wav"
        soundfile.write(path, rng.normal(scale=0.1, size=3000 + 500 * number), 16000)
    os.makedirs("dump/audio/set")
    write_table("dump/audio/set/wav.scp", wav_scp)
    for name in ("text", "utt2spk", "phones"):
        write_table(f"dump/audio/set/{name}", dict.fromkeys(wav_scp, "x"))
    return wav_scp


def extract(*options):
    return main(["extract", "--data-dir", "dump/audio/set", "--outdir", "dump/fbank/set", *options])


def test_a_set_without_utterances_is_an_error(recipe, capsys):
    Path("dump/audio/set/wav.scp").write_text("")
    assert extract() == 1
    assert "dump/audio/set/wav.scp: no utterances; run stage 2 again" in capsys.readouterr().err


def test_features_and_tables_of_a_set(recipe):
    assert extract("--cmvn-out", "dump/fbank/set/cmvn.ark") == 0
    frames = []
    for utterance, features in kaldiio.load_scp("dump/fbank/set/feats.scp").items():
        samples, _ = soundfile.read(recipe[utterance], dtype="float32")
        np.testing.assert_array_equal(features, Fbank()(samples))
        assert read_table("dump/fbank/set/utt2num_frames")[utterance] == str(len(features))
        frames.append(features)
    assert len(frames) == 7
    mean, std = load_cmvn("dump/fbank/set/cmvn.ark")
    np.testing.assert_allclose(mean, np.concatenate(frames).mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(std, np.concatenate(frames).std(axis=0), rtol=1e-3)
    for name in ("text", "utt2spk", "phones"):
        assert Path("dump/fbank/set", name).read_bytes() == Path("dump/audio/set", name).read_bytes()


def test_jobs_and_their_merge_make_the_same_features(recipe):
    assert extract("--cmvn-out", "alone.ark") == 0
    alone = dict(kaldiio.load_scp("dump/fbank/set/feats.scp").items())
    for job in "123":
        assert extract("--job", job, "--num-jobs", "3") == 0
    assert extract("--merge", "--num-jobs", "3", "--cmvn-out", "merged.ark") == 0
    reader = ArchivedFeatures("dump/fbank/set/feats.scp")
    assert list(reader) == sorted(alone)
    for utterance, features in alone.items():
        np.testing.assert_array_equal(reader[utterance], features)
    np.testing.assert_allclose(kaldiio.load_mat("merged.ark"), kaldiio.load_mat("alone.ark"), rtol=1e-12)
    assert extract() == 0  # fewer jobs: the archives of the others go
    assert sorted(Path("dump/fbank/set").glob("*.ark")) == [Path("dump/fbank/set/feats.1.ark")]


def test_a_job_that_did_not_run_is_named(recipe, capsys):
    assert extract("--job", "1", "--num-jobs", "2") == 0
    assert extract("--merge", "--num-jobs", "2") == 1
    assert "run job 2 of 2 first" in capsys.readouterr().err
    assert not Path("dump/fbank/set/feats.scp").exists()


def test_compressed_features_are_near_and_small(recipe):
    assert extract() == 0
    size = os.path.getsize("dump/fbank/set/feats.1.ark")
    plain = dict(kaldiio.load_scp("dump/fbank/set/feats.scp").items())
    assert extract("--compress") == 0
    assert os.path.getsize("dump/fbank/set/feats.1.ark") < size / 2
    reader = ArchivedFeatures("dump/fbank/set/feats.scp")
    for utterance, features in plain.items():
        spread = features.max() - features.min()
        assert np.abs(reader[utterance] - features).max() < 0.05 * spread


def test_all_unusable_utterances_are_told_and_no_archive_stays(recipe, capsys):
    soundfile.write("u1.wav", np.zeros(300), 16000)
    soundfile.write("u2.wav", np.zeros(8000), 8000)
    os.remove("u3.wav")
    assert extract() == 1
    message = capsys.readouterr().err
    assert "no features for 3 of 7" in message
    for words in ("u1: 300 samples", "u2: 8000 Hz, not 16000", "u3: u3.wav: no such"):
        assert words in message
    assert not list(Path("dump/fbank/set").glob("*"))


def test_digital_silence_is_pointed_out(recipe, capsys):
    soundfile.write("u4.wav", np.zeros(4000), 16000)
    assert extract() == 0
    assert "digital silence in 1 utterance(s): u4" in capsys.readouterr().out


def test_raw_sets_give_the_numbers_of_extracted_ones(recipe):
    assert extract("--cmvn-out", "fbank.ark") == 0
    raw = ["--feats-type", "raw", "--num-jobs", "2"]
    for job in "12":
        assert main(["extract", "--data-dir", "dump/audio/set", "--outdir", "dump/raw/set", *raw, "--job", job]) == 0
    made = ["--merge", "--cmvn-out", "raw.ark"]
    assert main(["extract", "--data-dir", "dump/audio/set", "--outdir", "dump/raw/set", *raw, *made]) == 0
    assert not list(Path("dump/raw/set").glob("*.ark")) and not Path("dump/raw/set/feats.scp").exists()
    for name in ("text", "utt2spk", "phones", "utt2num_frames"):
        assert Path("dump/raw/set", name).read_bytes() == Path("dump/fbank/set", name).read_bytes()
    np.testing.assert_allclose(kaldiio.load_mat("raw.ark"), kaldiio.load_mat("fbank.ark"), rtol=1e-12)
    dumped, computed = open_features("dump/fbank/set"), open_features("dump/raw/set")
    for utterance in recipe:
        np.testing.assert_array_equal(computed[utterance], dumped[utterance])


def test_raw_audio_that_was_lost_is_named(recipe):
    assert extract("--feats-type", "raw") == 0
    os.remove("u3.wav")
    with pytest.raises(JstasrError, match=r"u3: u3\.wav: no such audio file"):
        _ = open_features("dump/fbank/set")["u3"]
