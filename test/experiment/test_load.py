"""Experiments on disk and packed: loaded whole, or refused by name."""

import shutil
import zipfile

import pytest
import torch

from jstasr.errors import JstasrError
from jstasr.experiment.checkpoints import save_atomically
from jstasr.experiment.files import AVERAGED
from jstasr.experiment.load import Experiment
from jstasr.experiment.pack import pack


def load_error(path, **options):
    with pytest.raises(JstasrError) as raised:
        Experiment.load(path, **options)
    return str(raised.value)


def test_a_folder_and_its_zip_hold_the_same_model(experiment, tmp_path):
    output = tmp_path / "model.zip"
    pack(experiment, experiment / AVERAGED, output)
    one, two = Experiment.load(experiment), Experiment.load(output)
    assert one.config == two.config and one.tokenizer.token_list.tokens == two.tokenizer.token_list.tokens
    weights = two.model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in one.model.state_dict().items())
    assert not one.model.training
    assert sorted(zipfile.ZipFile(output).namelist()) == [
        "config.yaml",
        "decode.yaml",
        "manifest.json",
        "phones.txt",
        "tokens.txt",
        AVERAGED,
    ]


def test_an_experiment_of_an_earlier_version_is_loaded(experiment):
    """Its configuration holds a key that no longer exists."""
    expected = Experiment.load(experiment).config
    path = experiment / "config.yaml"
    text = path.read_text("utf-8")
    assert text.count("    splice:\n") == 1
    path.write_text(text.replace("    splice:\n", "    text_share: 0.5\n    splice:\n"), "utf-8")
    assert Experiment.load(experiment).config == expected


def test_a_packed_checkpoint_holds_no_optimiser(experiment, tmp_path):
    state = torch.load(experiment / AVERAGED)
    save_atomically(state | {"optimiser": {"state": torch.randn(3_000_000)}}, tmp_path / "step1.pth")
    pack(experiment, tmp_path / "step1.pth", tmp_path / "model.zip")
    assert (tmp_path / "model.zip").stat().st_size < 2_000_000


def test_the_command_packs(jstasr, experiment):
    done = jstasr("pack", "--expdir", experiment)
    assert done.returncode == 0, done.stderr
    assert Experiment.load(experiment / "exp.zip")


@pytest.mark.parametrize("name", ["config.yaml", "tokens.txt"])
def test_a_missing_part_is_named(experiment, name):
    (experiment / name).unlink()
    assert f"holds no {name}" in load_error(experiment)


def test_missing_weights_say_how_to_get_them(experiment):
    (experiment / AVERAGED).unlink()
    assert "no such model. Average the checkpoints first: --stage 7" in load_error(experiment)


def test_what_is_no_experiment_is_refused(experiment, tmp_path):
    assert "neither an experiment folder" in load_error(tmp_path / "none")
    (tmp_path / "words.txt").write_text("hello")
    assert "not a packed model" in load_error(tmp_path / "words.txt")
    assert "holds no config.yaml" in load_error(experiment / AVERAGED)  # a .pth is a zip, too


def test_a_damaged_zip_is_refused(experiment, tmp_path):
    output = tmp_path / "model.zip"
    pack(experiment, experiment / AVERAGED, output)
    whole = output.read_bytes()
    output.write_bytes(whole[: len(whole) // 2])
    assert "not a packed model, or damaged" in load_error(output)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    output.write_bytes(flipped)
    assert "damaged" in load_error(output)


def test_damaged_weights_are_refused(experiment):
    path = experiment / AVERAGED
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert f"{path}: damaged" in load_error(experiment)


def test_weights_of_another_model_are_refused(experiment):
    config = experiment / "config.yaml"
    config.write_text(config.read_text().replace("shared_layers: 1", "shared_layers: 2"))
    message = load_error(experiment)
    assert "does not fit config.yaml of" in message and "shared_encoder.blocks.1" in message
    assert "\n" not in message


def test_weights_that_are_not_finite_are_refused(experiment):
    state = torch.load(experiment / AVERAGED)
    state["model"]["ctc_label.bias"][0] = float("nan")
    save_atomically(state, experiment / AVERAGED)
    assert "NaN or infinity in ctc_label.bias" in load_error(experiment)


def test_a_list_of_another_experiment_is_refused(experiment):
    with open(experiment / "tokens.txt", "a") as file:
        file.write("ø\n")
    assert "config.yaml has 9 tokens and tokens.txt holds 10" in load_error(experiment)


def test_a_gpu_that_is_not_there_is_named(experiment):
    if torch.cuda.is_available():
        assert Experiment.load(experiment, device="cuda")
    else:
        assert "PyTorch sees no GPU" in load_error(experiment, device="cuda")


def test_packing_a_broken_experiment_leaves_no_zip(experiment, tmp_path):
    (experiment / "tokens.txt").unlink()
    with pytest.raises(JstasrError, match="holds no tokens.txt"):
        pack(experiment, experiment / AVERAGED, tmp_path / "model.zip")
    assert not (tmp_path / "model.zip").exists()


def test_the_average_command_writes_what_is_decoded_with(jstasr, experiment):
    folder = experiment / "checkpoints"
    folder.mkdir()
    for step, shift in ((1, 0.0), (2, 2.0), (3, 50.0), (4, 60.0)):
        state = torch.load(experiment / AVERAGED)
        state["model"]["ctc_label.bias"] += shift
        save_atomically(state, folder / f"step{step}.pth")
    (folder / "scores.json").write_text('{"1": 10.0, "2": 10.4, "3": 10.45, "4": 10.6}')
    before = torch.load(experiment / AVERAGED)["model"]["ctc_label.bias"]
    done = jstasr("average", "--expdir", experiment, "--num", "2")
    assert done.returncode == 0, done.stderr
    assert "mean of 2 checkpoints by dev WER: step 1 (10.0%), step 2 (10.4%)" in done.stdout
    assert torch.allclose(Experiment.load(experiment).model.ctc_label.bias, before + 1.0)
    done = jstasr("average", "--expdir", experiment, "--num", "5")
    assert "mean of 3 checkpoints" in done.stdout, "of step 4 the WER is over 5% above the best"
    shutil.rmtree(folder)
    done = jstasr("average", "--expdir", experiment)
    assert done.returncode == 1 and "Train first: --stage 6" in done.stderr
