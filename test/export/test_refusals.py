"""`jstasr export`: what it refuses, each in one sentence, and that it leaves nothing behind."""

import pytest

from jstasr.experiment.config import config_yaml, load_config
from jstasr.experiment.files import AVERAGED, CONFIG
from jstasr.features.settings import LHOTSE


def change(expdir, **model):
    """Give the configuration of an experiment other values of the model."""
    config = load_config(expdir / CONFIG)
    for name, value in model.items():
        setattr(config.model, name, value)
    (expdir / CONFIG).write_text(config_yaml(config))


@pytest.fixture
def refused(jstasr, tmp_path):
    """Runs the export, which must fail with one line, write nothing, and returns that line."""

    def run(expdir, *options, outdir=None):
        before = sorted(tmp_path.rglob("*"))
        done = jstasr("export", "--format", "sherpa-onnx", expdir, outdir or tmp_path / "out", *options)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
        assert sorted(tmp_path.rglob("*")) == before
        return done.stderr

    return run


@pytest.fixture
def lhotse_experiment(make_experiment, toy):
    return make_experiment(toy.features("abc def fed cab", 0), LHOTSE)


def test_features_of_kaldi(refused, experiment):
    message = refused(experiment)
    assert "of the kind kaldi" in message and "--set features.kind=lhotse" in message


@pytest.mark.parametrize("name, remedy", [(AVERAGED, "--stage 7"), (CONFIG, "--stage 6"), ("tokens.txt", "--stage 6")])
def test_an_experiment_without_a_part(refused, lhotse_experiment, name, remedy):
    (lhotse_experiment / name).unlink()
    message = refused(lhotse_experiment)
    assert name in message and remedy in message


def test_an_experiment_that_is_not_there(refused, tmp_path):
    assert "neither an experiment folder" in refused(tmp_path / "exp" / "none")


def test_a_folder_that_is_not_empty(refused, lhotse_experiment, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert "is not empty" in refused(lhotse_experiment)


def test_a_file_in_the_place_of_the_folder(refused, lhotse_experiment, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert "is not a folder" in refused(lhotse_experiment)


def test_a_name_that_is_too_long(refused, lhotse_experiment, tmp_path):
    assert "name is too long" in refused(lhotse_experiment, outdir=tmp_path / ("x" * 300))


def test_an_empty_folder_and_a_link_to_it_are_taken(tmp_path):
    from jstasr.export.sherpa_onnx import refuse_filled

    (tmp_path / "out").mkdir()
    (tmp_path / "link").symlink_to("out")
    for name in ("out", "link", "new"):
        refuse_filled(tmp_path / name)


def test_a_folder_below_a_file(refused, lhotse_experiment, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in refused(lhotse_experiment, outdir=tmp_path / "file" / "out")


@pytest.mark.parametrize("name, value", [("left_chunks", -1), ("chunk_size", 0)])
def test_a_stream_of_a_model_that_has_none_for_sherpa_onnx(refused, lhotse_experiment, name, value):
    change(lhotse_experiment, **{name: value})
    message = refused(lhotse_experiment, "--mode", "streaming")
    assert f"model.{name}={value}" in message and "--mode full" in message


def test_a_mode_that_does_not_exist(refused, lhotse_experiment):
    assert "--mode online" in refused(lhotse_experiment, "--mode", "online")


def test_a_pretrained_encoder(lhotse_experiment):
    from jstasr.errors import JstasrError
    from jstasr.experiment.load import Experiment
    from jstasr.export.sherpa_onnx import refuse_unsuitable
    from jstasr.features.settings import PRETRAINED
    from jstasr.model.joint import FULL

    found = Experiment.load(lhotse_experiment)
    found.config.model.encoder = PRETRAINED
    found.config.model.pretrained.name = "whisper-base-encoder"
    with pytest.raises(JstasrError, match="stands on a pretrained encoder"):
        refuse_unsuitable(found, "exp", [FULL])


def test_a_disk_that_fails_leaves_nothing(lhotse_experiment, tmp_path, monkeypatch):
    from jstasr.errors import JstasrError
    from jstasr.experiment.load import Experiment
    from jstasr.export import sherpa_onnx
    from jstasr.model.joint import FULL

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sherpa_onnx, "write_mode", full)
    found = Experiment.load(lhotse_experiment)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(JstasrError, match="No space left"):
        sherpa_onnx.export(found, "exp", tmp_path / "out", [FULL], print)
    assert sorted(tmp_path.rglob("*")) == before
