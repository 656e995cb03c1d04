"""Options and configurations of the recipes stand in one place each."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from jstasr.experiment.config import load_config
from jstasr.experiment.search import load_search_config

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted(path.parent for path in ROOT.glob("egs/*/asr1/run.sh"))
CONFIGURATIONS = sorted(ROOT.glob("egs/*/asr1/conf/*.yaml"))


def test_no_two_configurations_are_equal():
    found = {}
    for path in CONFIGURATIONS:
        load = load_search_config if path.name.startswith("decode") else load_config
        found.setdefault(str(asdict(load(path))), []).append(path)
    assert len(found) > 10
    assert [paths for paths in found.values() if len(paths) > 1] == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.parent.name)
def test_options_of_local_data_are_declared_nowhere_else(recipe):
    shared, mark, _ = (recipe / "local/data.sh").read_text().partition("# [end of the options of run.sh]\n")
    names = re.findall(r"^([a-z_0-9]+)=.* # ", shared, re.MULTILINE)
    assert mark and names
    assert not re.search(rf"^({'|'.join(names)})=.* # ", (recipe / "run.sh").read_text(), re.MULTILINE)
    flags = "|".join(name.replace("_", "-") for name in names)
    for path in (recipe / "local").glob("*.py"):
        arguments = re.findall(r"add_argument\(.*\)", path.read_text())
        assert [line for line in arguments if re.search(rf'"--({flags})".*default=[^\[]', line)] == [], path


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.parent.name)
def test_a_recipe_is_short(recipe):
    assert len((recipe / "run.sh").read_text().splitlines()) < 60
