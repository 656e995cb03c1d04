"""The YAML file of a sweep: what it may hold, and what two cells have in common."""

from pathlib import Path

import pytest

from jstasr.errors import JstasrError
from jstasr.sweep.check import check_overrides
from jstasr.sweep.plan import read_plan

ROOT = Path(__file__).parents[2]
PLAN = """
name: toy
recipe: egs/mini/asr1
test_sets: [test, other]
seeds: [1, 2]
systems:
  B: {losses.consistency.weight: 0, losses.consistency.layers: [0, 1], --average_num: 2}
  C:
    losses: {consistency: {start_step: 5}}
conditions:
  all: {}
  few: {n_paired: 10, asr_args: --set optim.max_steps=7, --use_lm: false}
comparisons:
  - C - B
  - {systems: B - C, decodings: lm, test_sets: [other], modes: full, conditions: few}
"""


@pytest.fixture
def plan(tmp_path):
    def read(text=PLAN):
        (tmp_path / "plan.yaml").write_text(text)
        return read_plan(tmp_path / "plan.yaml")

    return read


def cells(plan):
    return {cell.key: cell for cell in plan.planned()}


def test_a_cell_has_the_options_of_its_condition_and_system(plan):
    cell = cells(plan())["few", "B", 2]
    assert cell.training_options == {
        "n_paired": "10",
        "use_lm": "false",
        "average_num": "2",
        "asr_args": "--set optim.max_steps=7 --set seed=2 --set losses.consistency.weight=0 "
        "--set 'losses.consistency.layers=[0, 1]'",
    }
    assert cell.data == {"n_paired": "10", "use_lm": "false"}
    assert (
        cells(plan())["all", "C", 1].training_options["asr_args"]
        == "--set seed=1 --set losses.consistency.start_step=5"
    )


def test_all_systems_have_a_seed_before_the_next_begins(plan):
    assert list(cells(plan()))[:5] == [
        ("all", "B", 1),
        ("all", "C", 1),
        ("few", "B", 1),
        ("few", "C", 1),
        ("all", "B", 2),
    ]


@pytest.mark.parametrize(
    "old, new, changes_config, changes_search",
    [
        ("weight: 0", "weight: 0.0", True, False),
        ("n_paired: 10", "n_paired: 11", True, False),
        ("n_paired: 10", "n_paired: 10, nj: 3", False, False),
        ("n_paired: 10", "n_paired: 10, inference_config: conf/x.yaml", False, True),
        ("name: toy", "name: other", False, False),
        ("seeds: [1, 2]", "seeds: [1, 2, 3]", False, False),
    ],
)
def test_a_cell_is_named_by_what_it_depends_on(plan, old, new, changes_config, changes_search):
    before, after = (cells(plan(text))["few", "B", 1] for text in (PLAN, PLAN.replace(old, new)))
    assert (before.config != after.config) == changes_config
    assert (before.search("") != after.search("")) == changes_search


def test_every_seed_and_system_is_another_cell(plan):
    assert len({cell.config for cell in plan().planned()}) == 8


def test_a_comparison_may_be_of_some_places_only(plan):
    everywhere, some = plan().comparisons
    assert everywhere.includes("all", "test", "beam4", "streaming")
    assert (some.b, some.a) == ("B", "C")
    places = [
        ("few", "other", "beam4_lm", "full"),
        ("few", "other", "beam4", "full"),
        ("all", "other", "beam4_lm", "full"),
    ]
    places += [("few", "test", "beam4_lm", "full"), ("few", "other", "beam4_lm", "streaming")]
    assert [some.includes(*place) for place in places] == [True, False, False, False, False]


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("seeds:", "seedz:", "unknown key seedz"),
        ("[1, 2]\nsystems", "[1, 1]\nsystems", "seeds: a list of different whole numbers"),
        ("[1, 2]\nsystems", "[a]\nsystems", "seeds: a list of different whole numbers"),
        ("name: toy", "name: a/b", "`a/b` is no name"),
        ("recipe: egs/mini/asr1", "", "recipe: the folder of a recipe is missing"),
        ("  - C - B", "  - C - D", "`C - D`: expected `B - A`, two of B, C"),
        ("modes: full", "modes: fast", "modes: fast is not one of streaming, full"),
        ("n_paired: 10", "expdir: x", "conditions.few: expdir is set by the sweep itself"),
        ("losses.consistency.weight: 0", "seed: 3", "systems.B: seed is set by the sweep itself"),
        (
            "comparisons:",
            "decodings: {greedy: {nbpe: 3}}\ncomparisons:",
            "decodings.greedy: nbpe: not options of decoding",
        ),
        ("name: toy", "name: toy\nmeasure: per", "measure: per is not one of wer, cer, ter"),
        ("  all: {}", "  all: 3", "conditions.all: expected options of run.sh"),
    ],
)
def test_a_fault_is_named(plan, old, new, message):
    assert old in PLAN
    with pytest.raises(JstasrError) as error:
        plan(PLAN.replace(old, new, 1))
    assert message in str(error.value) and "plan.yaml" in str(error.value)


def test_a_key_that_the_configuration_has_not_is_found_before_the_first_cell(plan):
    with pytest.raises(JstasrError, match=r"systems.C: .*unknown key losses.consistency.start_stepp .did you mean"):
        check_overrides(plan(PLAN.replace("start_step", "start_stepp")))


@pytest.mark.parametrize("path", sorted(ROOT.glob("egs/*/asr1/conf/sweep/*.yaml")), ids=lambda path: path.stem)
def test_the_plans_of_the_recipes_are_valid(path):
    plan = read_plan(path)
    check_overrides(plan)
    assert ROOT / plan.recipe == path.parents[2] and plan.comparisons
