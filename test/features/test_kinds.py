"""The kind of features goes from the extraction through the set and the experiment to decoding."""

import json
import os

import numpy as np
import pytest
import soundfile
import yaml

from jstasr.cli import main
from jstasr.decode.decode_set import decode_set
from jstasr.decode.greedy import SearchConfig
from jstasr.decode.transcriber import Transcriber
from jstasr.errors import JstasrError
from jstasr.experiment.files import AVERAGED
from jstasr.experiment.folder import prepare_folder
from jstasr.experiment.load import Experiment
from jstasr.experiment.pack import pack
from jstasr.features.fbank import Fbank
from jstasr.features.on_the_fly import open_features
from jstasr.features.settings import FeatureSettings, kind_of, read_settings
from jstasr.kaldi.tables import read_table, write_table


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A formatted set of three utterances, and a configuration."""
    monkeypatch.chdir(tmp_path)
    rng, wav_scp = np.random.default_rng(0), {}
    os.makedirs("dump/audio/set")
    for number in range(3):
        wav_scp[f"u{number}"] = path = f"u{number}.wav"
        soundfile.write(path, rng.normal(scale=0.1, size=8000), 16000)
    write_table("dump/audio/set/wav.scp", wav_scp)
    for name in ("text", "utt2spk", "phones"):
        write_table(f"dump/audio/set/{name}", dict.fromkeys(wav_scp, "x"))
    (tmp_path / "kaldi.yaml").write_text("features:\n  kind: kaldi\nmodel:\n  num_mel_bins: 40\n")
    return wav_scp


def extract(*options, outdir="dump/fbank/set"):
    return main(["extract", "--data-dir", "dump/audio/set", "--outdir", outdir, *options])


def expected(recipe, utterance, *settings):
    return Fbank(*settings)(soundfile.read(recipe[utterance], dtype="float32")[0])


@pytest.mark.parametrize("feats_type", ["fbank", "raw"])
@pytest.mark.parametrize(
    "options, settings",
    [
        ([], (16000, 80, "lhotse")),
        (["--kind", "kaldi"], (16000, 80, "kaldi")),
        (["--train-options", "--config", "kaldi.yaml"], (16000, 40, "kaldi")),
        (["--train-options", "--config", "kaldi.yaml", "--ngpu", "1", "--set", "features.kind=lhotse", "--find-batch"],
         (16000, 40, "lhotse")),
        (["--kind", "lhotse", "--num-mel-bins", "20", "--train-options", "--config", "kaldi.yaml"],
         (16000, 20, "lhotse")),
    ],
)  # fmt: skip
def test_a_set_is_of_the_kind_of_its_configuration_and_says_so(recipe, feats_type, options, settings):
    assert extract("--feats-type", feats_type, *options) == 0
    assert json.loads(open("dump/fbank/set/fbank.json").read()) == FeatureSettings(*settings)._asdict()
    np.testing.assert_array_equal(open_features("dump/fbank/set")["u1"], expected(recipe, "u1", *settings))


def test_an_unknown_kind_is_named(recipe, capsys):
    assert extract("--kind", "espnet") == 1
    assert "features.kind: 'espnet' is not one of lhotse kaldi" in capsys.readouterr().err
    assert extract("--train-options", "--set", "features.kind=espnet") == 1
    assert "features.kind: espnet is not one of lhotse kaldi" in capsys.readouterr().err


def test_jobs_of_different_kinds_are_not_joined(recipe, capsys):
    assert extract("--job", "1", "--num-jobs", "2") == 0
    assert extract("--job", "2", "--num-jobs", "2", "--kind", "kaldi") == 0
    assert extract("--merge", "--num-jobs", "2") == 1
    assert "computed with other settings; run job 2 of 2 again" in capsys.readouterr().err


def test_a_job_of_another_kind_takes_the_table_of_the_old_features_away(recipe):
    assert extract("--kind", "kaldi") == 0
    assert extract("--job", "1", "--num-jobs", "2") == 0  # an extraction that is never finished
    assert not os.path.exists("dump/fbank/set/feats.scp")


def test_a_set_without_settings_is_kaldis(recipe):
    assert extract("--kind", "kaldi") == 0
    os.remove("dump/fbank/set/fbank.json")
    assert kind_of("dump/fbank/set") == "kaldi"
    assert extract("--kind", "kaldi", "--feats-type", "raw", outdir="dump/raw/set") == 0
    with open("dump/raw/set/fbank.json", "w") as file:
        json.dump({"sample_rate": 16000, "num_mel_bins": 80}, file)  # as it was before there were kinds
    np.testing.assert_array_equal(open_features("dump/raw/set")["u1"], expected(recipe, "u1", 16000, 80, "kaldi"))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"sample_rate": 16000}', '{"sample_rate": 1, "num_mel_bins": "x"}']
)
def test_damaged_settings_are_named(tmp_path, content):
    (tmp_path / "fbank.json").write_text(content)
    with pytest.raises(JstasrError, match=r"fbank\.json: damaged .*--stage 5"):
        read_settings(tmp_path / "fbank.json")


def test_settings_of_a_later_version_are_refused(tmp_path):
    (tmp_path / "fbank.json").write_text('{"sample_rate": 16000, "num_mel_bins": 80, "kind": "whisper"}')
    with pytest.raises(JstasrError, match="of the kind 'whisper'; this version has lhotse, kaldi, "):
        kind_of(tmp_path)


def speech_set(toy, name, kind):
    """A set of the toy corpus whose features are said to be of a kind."""
    folder = toy.speech_set(name, ["ab c", "fed a"])
    (folder / "fbank.json").write_text(json.dumps({"sample_rate": 16000, "num_mel_bins": toy.dim, "kind": kind}))
    return folder


@pytest.mark.parametrize("of_model, of_set", [("lhotse", "kaldi"), ("kaldi", "lhotse")])
def test_a_model_refuses_features_of_another_kind(make_experiment, toy, tmp_path, capsys, of_model, of_set):
    expdir = make_experiment(toy.features("abc def", 0), of_model)
    folder = speech_set(toy, "test", of_set)
    message = f"holds features of the kind {of_set}, and the model needs {of_model}"
    with pytest.raises(JstasrError, match=message):
        decode_set(Experiment.load(expdir), folder, ["test-000"], ["full"], SearchConfig(), print)
    assert main(["analyze", "--expdir", str(expdir), "--data-dir", str(folder)]) == 1
    assert message in capsys.readouterr().err
    decode_set(
        Experiment.load(expdir), speech_set(toy, "test", of_model), ["test-000"], ["full"], SearchConfig(), print
    )


@pytest.mark.parametrize("kind", ["lhotse", "kaldi"])
def test_a_packed_model_keeps_its_kind(make_experiment, toy, tmp_path, kind):
    expdir = make_experiment(toy.features("abc def", 0), kind)
    pack(expdir, expdir / AVERAGED, tmp_path / "model.zip")
    assert Transcriber.from_pretrained(tmp_path / "model.zip").features.settings.kind == kind


def test_an_experiment_without_the_key_is_kaldis(make_experiment, toy, tmp_path):
    expdir = make_experiment(toy.features("abc def", 0), "kaldi")
    settings = yaml.safe_load((expdir / "config.yaml").read_text())
    del settings["features"]
    (expdir / "config.yaml").write_text(yaml.safe_dump(settings))
    assert Transcriber.from_pretrained(expdir).features.settings.kind == "kaldi"
    (expdir / "checkpoints").mkdir()
    (expdir / "checkpoints/step10.pth").touch()
    config = toy.config()
    config.features.kind = "kaldi"
    prepare_folder(expdir, config, toy.token_list, None, toy.phone_list)  # goes on
    config.features.kind = "lhotse"
    (expdir / "config.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(JstasrError, match=r"features\.kind \(kaldi -> lhotse\)"):
        prepare_folder(expdir, config, toy.token_list, None, toy.phone_list)


@pytest.mark.parametrize(
    "of_train, of_dev, options, outcome",
    [
        ("lhotse", "lhotse", [], "the kinds agree"),
        ("kaldi", "kaldi", [], "the kinds agree"),
        ("kaldi", "kaldi", ["--set", "features.kind=kaldi"], "the kinds agree"),
        ("kaldi", "kaldi", ["--set", "features.kind=lhotse"], "train: holds features of the kind kaldi, and this"),
        ("lhotse", "kaldi", [], "dev: holds features of the kind kaldi, and this training needs lhotse"),
    ],
)
def test_training_needs_features_of_one_kind(toy, tmp_path, monkeypatch, capsys, of_train, of_dev, options, outcome):
    train, dev = speech_set(toy, "train", of_train), speech_set(toy, "dev", of_dev)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"model": {"num_mel_bins": toy.dim}}))

    def stop(path):  # of the steps of training the one behind the look at the kinds
        raise JstasrError("the kinds agree")

    monkeypatch.setattr("jstasr.features.cmvn.load_cmvn", stop)
    lists = [
        "--token-list",
        toy.token_list,
        "--phone-list",
        toy.phone_list,
        "--cmvn",
        "x",
        "--expdir",
        tmp_path / "exp",
    ]
    words = ["train", "--config", tmp_path / "config.yaml", "--train-dir", train, "--valid-dir", dev, *lists, *options]
    assert main([str(word) for word in words]) == 1
    assert outcome in capsys.readouterr().err


def test_utt2num_frames_is_that_of_the_kind(recipe):
    assert extract() == 0
    assert set(read_table("dump/fbank/set/utt2num_frames").values()) == {"50"}
    assert extract("--kind", "kaldi") == 0
    assert set(read_table("dump/fbank/set/utt2num_frames").values()) == {"48"}
