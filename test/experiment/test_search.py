"""The search settings of a recipe stay with its model: in the folder, in the zip, in every command."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest
import torch

from jstasr.bin._search_options import search_settings
from jstasr.decode.transcriber import Transcriber
from jstasr.errors import JstasrError
from jstasr.experiment.files import AVERAGED, DECODE, LM, NNLM
from jstasr.experiment.language_model import save_neural_lm
from jstasr.experiment.load import Experiment
from jstasr.experiment.pack import pack
from jstasr.experiment.search import SearchConfig, load_search_config, write_recipe_search
from jstasr.lm.neural import NeuralLm, NeuralLmConfig
from jstasr.text.tokens import build_tokenizer


@pytest.fixture
def arpa(jstasr, toy, tmp_path):
    """A language model over the tokens of `toy`."""
    (tmp_path / "text").write_text("".join(f"u{i} {text}\n" for i, text in enumerate(toy.texts(40))))
    path = tmp_path / "lm.arpa"
    done = jstasr("lm", "--text", tmp_path / "text", "--order", 2, "--token-list", toy.token_list, "--output", path)
    assert done.returncode == 0, done.stderr
    return path


def test_an_experiment_without_settings_searches_by_the_defaults(experiment, tmp_path):
    pack(experiment, experiment / AVERAGED, tmp_path / "a.zip")
    assert Experiment.load(experiment).search == Experiment.load(tmp_path / "a.zip").search == SearchConfig()


def test_the_pack_command_leaves_settings_and_language_model_in_the_zip_alone(jstasr, experiment, arpa, tmp_path):
    (tmp_path / "decode.yaml").write_text("search: beam\nbeam_size: 3\n")
    options = ["--config", tmp_path / "decode.yaml", "--lm", arpa, "--set", "lm_weight=0.4", "--set", "lang=no"]
    done = jstasr("pack", "--expdir", experiment, "--output", tmp_path / "a.zip", *options)
    assert done.returncode == 0, done.stderr
    found = Experiment.load(tmp_path / "a.zip")
    assert found.search == SearchConfig(search="beam", beam_size=3, lm_weight=0.4, lang="no")
    assert found.language_model is not None
    assert Experiment.load(experiment).search == SearchConfig()


def test_a_zip_is_packed_with_the_settings_of_the_folder(experiment, arpa, tmp_path):
    settings = SearchConfig(search="beam", beam_size=5, lm_weight=0.2)
    write_recipe_search(experiment, settings, arpa)
    pack(experiment, experiment / AVERAGED, tmp_path / "a.zip")
    assert Experiment.load(tmp_path / "a.zip").search == settings
    write_recipe_search(experiment, SearchConfig(), None)
    assert not (experiment / LM).exists()


@pytest.fixture
def neural(toy, tmp_path):
    """A neural language model over the tokens of `toy`."""
    tokens = build_tokenizer(toy.token_list, None).token_list.tokens
    save_neural_lm(NeuralLm(NeuralLmConfig(len(tokens), 1, 4)), tokens, tmp_path / "nnlm.pt")
    return tmp_path / "nnlm.pt"


@pytest.mark.parametrize("with_ngram", [True, False])
def test_a_zip_carries_the_neural_language_model(jstasr, experiment, arpa, neural, tmp_path, with_ngram):
    options = ["--set", "search=beam", "--nnlm", neural, "--set", "nnlm_weight=0.4"]
    options += ["--lm", arpa, "--set", "lm_weight=0.2"] if with_ngram else []
    done = jstasr("pack", "--expdir", experiment, "--output", tmp_path / "a.zip", *options)
    assert done.returncode == 0, done.stderr
    found = Experiment.load(tmp_path / "a.zip")
    assert found.search == SearchConfig(search="beam", nnlm_weight=0.4, lm_weight=0.2 * with_ngram)
    weights = found.language_model.neural.state_dict()
    assert all(torch.equal(weights[name], value) for name, value in torch.load(neural)["model"].items())
    assert (found.language_model.ngram is not None) == with_ngram
    transcriber = Transcriber.from_pretrained(tmp_path / "a.zip")
    assert isinstance(transcriber.transcribe(0.1 * np.sin(np.arange(16000))).text, str)


def test_a_folder_keeps_the_neural_language_model_until_other_settings_come(experiment, neural, tmp_path):
    settings = SearchConfig(search="beam", nnlm_weight=0.2)
    write_recipe_search(experiment, settings, None, neural)
    assert (experiment / NNLM).read_bytes() == neural.read_bytes()
    pack(experiment, experiment / AVERAGED, tmp_path / "a.zip")
    assert Experiment.load(tmp_path / "a.zip").search == Experiment.load(experiment).search == settings
    (experiment / NNLM).unlink()
    with pytest.raises(JstasrError, match="decode.yaml needs nnlm.pt, which is missing"):
        Experiment.load(experiment)
    write_recipe_search(experiment, settings, None, neural)
    write_recipe_search(experiment, SearchConfig(), None)
    assert not (experiment / NNLM).exists()


def test_a_neural_model_of_other_tokens_ends_the_command_in_one_sentence(jstasr, experiment, neural, tmp_path):
    save_neural_lm(NeuralLm(NeuralLmConfig(3, 1, 4)), ["<blank>", "<unk>", "x"], neural)
    options = ["--set", "search=beam", "--set", "nnlm_weight=0.4", "--nnlm", neural]
    done = jstasr("pack", "--expdir", experiment, "--output", tmp_path / "a.zip", *options)
    assert done.returncode == 1 and "is a language model of other tokens" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    "weights, refused",
    [
        (["internal_lm_weight=0.2"], False),
        (["internal_lm_weight=0.3"], True),
        (["lm_weight=0.3", "internal_lm_weight=0.5"], False),
        (["lm_weight=0.3", "internal_lm_weight=0.6"], True),
        (["lm_weight=0.3", "nnlm_weight=0.4", "internal_lm_weight=0.9"], False),
        (["lm_weight=0.3", "nnlm_weight=0.4", "internal_lm_weight=1.0"], True),
    ],
)
def test_far_too_much_subtraction_is_refused(weights, refused):
    files = ["lm.arpa" if "lm_weight=0.3" in weights else None, None, "nn.pt" if "nnlm_weight=0.4" in weights else None]
    overrides = ["search=beam", *weights]
    if not refused:
        load_search_config(None, overrides, *files)
        return
    with pytest.raises(JstasrError, match="internal_lm_weight .* is far above the external weight, .*Lower it to"):
        load_search_config(None, overrides, *files)


@pytest.mark.parametrize("internal, warned", [(0.0, False), (0.29, False), (0.3, True), (0.5, True)])
def test_as_much_subtraction_as_is_added_is_warned_of(capsys, internal, warned):
    weights = ["search=beam", "lm_weight=0.3", f"internal_lm_weight={internal}"]
    search_settings(Namespace(config=None, overrides=weights, lm="lm.arpa", nnlm=None, hotwords=None, lang=None))
    said = capsys.readouterr().err
    assert ("is not below the external weight, 0.3" in said) == warned == bool(said)


@pytest.mark.parametrize(
    "overrides, files, message",
    [
        (["nnlm_weight=0.3"], (None, None, None), "nnlm_weight is 0.3 without a neural language model. Give --nnlm"),
        ([], (None, None, "nnlm.pt"), "--nnlm nnlm.pt: has no weight"),
        (["nnlm_weight=-1"], (None, None, "nnlm.pt"), "nnlm_weight: must be 0 or more"),
        (
            ["lm_weight=0.3"],
            (None, SearchConfig(nnlm_weight=0.2), "nnlm.pt"),
            "lm_weight is 0.3 without a language model",
        ),
    ],
)
def test_weights_and_files_of_the_neural_model_belong_together(overrides, files, message):
    with pytest.raises(JstasrError, match=message):
        load_search_config(None, ["search=beam", *overrides], *files)


def test_a_language_model_that_does_not_fit_is_refused_and_leaves_no_zip(jstasr, experiment, tmp_path):
    options = ["--set", "search=beam", "--set", "lm_weight=0.4", "--lm", tmp_path / "none.arpa"]
    done = jstasr("pack", "--expdir", experiment, "--output", tmp_path / "a.zip", *options)
    assert done.returncode == 1 and "none.arpa: no such language model" in done.stderr
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize(
    "content, message",
    [
        ("search: [", "its decode.yaml is damaged"),
        ("search: best", "search: best is neither greedy nor beam"),
        ("search: beam\nlm_weight: 0.3", "decode.yaml needs lm.arpa, which is missing"),
    ],
)
def test_damaged_settings_are_named_and_can_be_written_again(experiment, content, message):
    (experiment / DECODE).write_text(content)
    with pytest.raises(JstasrError, match=message):
        Experiment.load(experiment)
    assert Experiment.load(experiment, own_search=False).search == SearchConfig()


class TestOptionsOverTheSettingsOfAModel:
    own = SearchConfig(search="beam", beam_size=4, lm_weight=0.3, internal_lm_weight=0.1, lang="sw")

    def test_none_leave_them(self):
        assert load_search_config(None, [], None, self.own) == self.own

    def test_set_changes_one(self):
        found = load_search_config(None, ["beam_size=2"], None, self.own)
        assert (found.beam_size, found.lm_weight, found.lang) == (2, 0.3, "sw")

    def test_a_file_takes_their_place(self, tmp_path):
        (tmp_path / "greedy.yaml").write_text("search: greedy\n")
        assert load_search_config(tmp_path / "greedy.yaml", [], None, self.own) == SearchConfig()

    def test_greedy_search_needs_no_weights_of_beam_search(self):
        own = replace(self.own, hotwords=["anna"], nbest=3)
        found = load_search_config(None, ["search=greedy"], None, own)
        assert (found.search, found.lm_weight, found.internal_lm_weight) == ("greedy", 0, 0)
        assert (found.hotwords, found.nbest) == ([], 1)


def test_the_code_of_norwegian_is_no_boolean(tmp_path):
    (tmp_path / "decode.yaml").write_text("lang: no\n")
    assert load_search_config(tmp_path / "decode.yaml").lang == "no"
    assert load_search_config(None, ["lang=no"]).lang == "no"
