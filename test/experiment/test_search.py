"""The search settings of a recipe stay with its model: in the folder, in the zip, in every command."""

from dataclasses import replace

import pytest

from jstasr.errors import JstasrError
from jstasr.experiment.files import AVERAGED, DECODE, LM
from jstasr.experiment.load import Experiment
from jstasr.experiment.pack import pack
from jstasr.experiment.search import SearchConfig, load_search_config, write_recipe_search


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
