"""Tables are computed from the plan and the records, whatever wrote them."""

import numpy as np
import pytest

from jstasr.errors import JstasrError
from jstasr.sweep.records import Row, Utterances, add_cell
from jstasr.sweep.tables import Results, figure, load, page, table

PLAN = """
name: toy
recipe: egs/toy/asr1
test_sets: [test]
seeds: [1, 2, 3]
systems: {A: {losses.text: 0}, B: {}, empty: {}}
comparisons: [B - A, {systems: B - A, decodings: lm}]
"""
UTTERANCES = 200


@pytest.fixture
def folder(tmp_path):
    """Two systems, of which B has two thirds of the errors, in two languages of different size."""
    load.cache_clear()
    (tmp_path / "sweep.yaml").write_text(PLAN)
    generator = np.random.default_rng(1)
    words = generator.integers(4, 12, UTTERANCES)
    groups = ["en"] * 150 + ["it"] * 50
    for seed in (1, 2, 3):
        for system, rate in (("A", 0.3), ("B", 0.2)):
            if (system, seed) == ("B", 3):
                continue
            errors = generator.binomial(words, rate + 0.2 * (np.array(groups) == "it"))
            row = Row(
                "all", system, seed, "beam", "test", "full", int(errors.sum()), int(words.sum()),
                f"{10 * seed}.0", str(60 * seed), "", "abc", "d", "k", "s",
            )  # fmt: skip
            ids = [f"u{i:03}" for i in range(UTTERANCES)]
            add_cell(tmp_path, [(row, Utterances(ids, words, groups, {row.column: errors}))], [])
    return tmp_path


def rate_of(folder, system, seeds, group=None):
    results = Results(folder)
    data = results.tables["all", "test"]
    own = [group in (None, name) for name in data.groups]
    return np.mean(
        [100 * data.errors[f"{system}/{seed}/beam/full"][own].sum() / data.words[own].sum() for seed in seeds]
    )


def test_the_means_are_over_all_seeds_of_a_system(folder):
    lines = table(folder, ["means", "all", "beam"]).splitlines()
    assert lines[0] == "| system | seeds | dev | minutes | test, full |"
    assert lines[2].startswith(f"| A | 3 | 20.0 | 2.0 | {rate_of(folder, 'A', (1, 2, 3)):.1f} [")
    assert lines[3].startswith(f"| B | 2 | 15.0 | 1.5 | {rate_of(folder, 'B', (1, 2)):.1f} [")
    assert lines[4] == "| empty | 0 | – | – | – |"


def test_differences_are_over_the_seeds_that_both_have(folder):
    lines = table(folder, ["differences"]).splitlines()
    expected = rate_of(folder, "B", (1, 2)) - rate_of(folder, "A", (1, 2))
    assert lines[2].startswith(f"| B - A | beam | test | full | 2 | {expected:+.2f} [")
    macro = [np.mean([rate_of(folder, name, (1, 2), group) for group in ("en", "it")]) for name in "BA"]
    assert lines[3].startswith(f"| B - A | beam | test (macro) | full | 2 | {macro[0] - macro[1]:+.2f} [")
    assert len(lines) == 4  # nothing was decoded with the language model


def test_p_values_are_corrected_over_all_tests(folder):
    tested = Results(folder).tested()
    p, corrected = [one.found.p for one in tested], [one.p_holm for one in tested]
    assert len(p) == 2
    assert min(corrected) == pytest.approx(2 * min(p)) and max(corrected) == pytest.approx(max(*p, 2 * min(p)))


def test_groups_are_shown_with_their_mean(folder):
    lines = table(folder, ["groups", "all", "beam"]).splitlines()
    assert lines[0] == "| test set | decoder | system | macro | en | it |"
    en, it = (rate_of(folder, "A", (1, 2, 3), group) for group in ("en", "it"))
    assert lines[2].startswith(f"| test | full | A | {(en + it) / 2:.1f} [") and lines[2].endswith(
        f" | {en:.1f} | {it:.1f} |"
    )


def test_a_figure_is_what_stands_in_the_table(folder):
    mean = figure(folder, ["mean", "A", "all", "beam", "test", "full"])
    assert mean.replace("%", "") in table(folder, ["means", "all", "beam"])
    differences = table(folder, ["differences"])
    for kind in ("difference", "relative", "p"):
        assert f" {figure(folder, [kind, 'B-A', 'all', 'beam', 'test', 'full'])} |" in differences
    assert figure(folder, ["mean", "A", "all", "beam", "test", "full", "it"]).startswith(
        f"{rate_of(folder, 'A', (1, 2, 3), 'it'):.1f}%"
    )


@pytest.mark.parametrize(
    "words, message",
    [
        ("mean A all beam dev full", "no results of all beam dev full"),
        ("mean empty all beam test full", "no results of empty"),
        ("p A-B all beam test full", "no p of A-B"),
    ],
)
def test_a_figure_that_is_not_there_is_an_error(folder, words, message):
    with pytest.raises(JstasrError, match=message):
        figure(folder, words.split())


def test_the_page_is_the_same_each_time_and_names_what_is_lacking(folder):
    text = page(folder)
    assert text == page(folder)
    assert "5 of 9 cells are done" in text and "Commits: `abc`." in text and "uncommitted" not in text
    cells = folder / "cells.csv"
    cells.write_text(cells.read_text().replace(",abc,", ",abc-12-dirty,", 1))
    assert "cannot be repeated" in page(folder)


def test_before_the_first_cell_the_page_has_no_tables(tmp_path):
    (tmp_path / "sweep.yaml").write_text(PLAN)
    assert "0 of 9 cells" in page(tmp_path) and "|" not in page(tmp_path)
