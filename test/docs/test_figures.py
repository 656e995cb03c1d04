"""docs/figures.py: figures in the pages are those of RESULTS.md and of docs/measurements."""

import gzip
import re

import pytest

RESULTS = """# RESULTS

<!-- jstasr experiment train_a -->
## train_a
### Environment
- git: `0123456789`

### WER

|dataset|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|95% interval|mode|
|---|---|---|---|---|---|---|---|---|---|---|
|decode_x/test|4|9|1|2|3|4|12.5|6|10.0–15.0|streaming|
|decode_x/test|4|9|1|2|3|4|7.5|6|n/a|full|

- decode_x/test (streaming), by utt2lang: macro average 13.0; de 14.0, fr 12.0

### CER

|dataset|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|95% interval|mode|
|---|---|---|---|---|---|---|---|---|---|---|
|decode_x/test|4|9|1|2|3|4|2.5|6|2.0–3.0|streaming|
<!-- jstasr end -->
"""
OTHER = RESULTS.replace("train_a", "train_b").replace("12.5", "88.8").replace("# RESULTS\n", "")
TABLE = "# command: `go`\n# commit: `abc`\n# machine: mine\nname,size,seconds\nour tool,1,2.5\nour tool,2,3.5\n"


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "docs/measurements").mkdir(parents=True)
    (tmp_path / "egs/one/asr1").mkdir(parents=True)
    (tmp_path / "egs/two/asr1").mkdir(parents=True)
    (tmp_path / "egs/one/asr1/RESULTS.md").write_text(RESULTS)
    (tmp_path / "egs/two/asr1/RESULTS.md").write_text(RESULTS + OTHER)
    (tmp_path / "docs/measurements/times.csv").write_text(TABLE)
    return tmp_path


@pytest.mark.parametrize(
    "key, text",
    [
        ("egs/one/asr1/RESULTS.md decode_x/test streaming WER", "12.5%"),
        ("egs/one/asr1/RESULTS.md decode_x/test full WER", "7.5%"),
        ("egs/one/asr1/RESULTS.md decode_x/test streaming CER interval", "2.5% [2.0, 3.0]"),
        ("egs/one/asr1/RESULTS.md decode_x/test streaming WER fr", "12.0%"),
        ('egs/one/asr1/RESULTS.md decode_x/test streaming WER "macro average"', "13.0%"),
        ("egs/two/asr1/RESULTS.md#train_b decode_x/test streaming WER", "88.8%"),
        ('docs/measurements/times.csv "our tool" 2 seconds', "3.5"),
    ],
)
def test_a_figure_is_inserted_whatever_stood_there(repository, figures, key, text):
    page = f"It has <!-- figure: {key} -->old<!-- /figure -->, | <!-- figure: {key} --><!-- /figure --> |"
    expected = f"It has <!-- figure: {key} -->{text}<!-- /figure -->, | <!-- figure: {key} -->{text}<!-- /figure --> |"
    assert figures.insert(page, repository) == expected


@pytest.mark.parametrize(
    "key, reason",
    [
        ("egs/none/asr1/RESULTS.md decode_x/test full WER", "no such file"),
        ("egs/two/asr1/RESULTS.md decode_x/test full WER", "train_a, train_b"),
        ("egs/one/asr1/RESULTS.md decode_x/dev full WER", "decode_x/dev"),
        ("egs/one/asr1/RESULTS.md decode_x/test full PER", "PER"),
        ("egs/one/asr1/RESULTS.md decode_x/test streaming WER es", "es"),
        ("egs/one/asr1/RESULTS.md decode_x/test", ""),
        ('docs/measurements/times.csv "our tool" seconds', "2 rows"),
        ('docs/measurements/times.csv "our tool" 1 hours', "columns"),
    ],
)
def test_a_key_without_a_figure_is_an_error_that_names_it(repository, figures, key, reason):
    with pytest.raises(figures.UnknownFigure) as error:
        figures.insert(f"a <!-- figure: {key} -->1<!-- /figure -->", repository)
    assert key in str(error.value) and reason in str(error.value)


def test_a_csv_file_becomes_a_table_with_command_commit_and_machine(repository, figures):
    page = "<!-- table: docs/measurements/times.csv -->\n<!-- /table -->"
    assert figures.insert(page, repository).splitlines()[1:-1] == [
        "",
        "| name | size | seconds |",
        "| --- | --: | --: |",
        "| our tool | 1 | 2.5 |",
        "| our tool | 2 | 3.5 |",
        "",
        "- command: `go`",
        "- commit: `abc`",
        "- machine: mine",
        "",
    ]


def test_an_experiment_becomes_a_table_with_its_groups(repository, figures):
    page = "<!-- table: egs/one/asr1/RESULTS.md WER CER -->\nold\n<!-- /table -->"
    assert figures.insert(page, repository).splitlines()[2:-2] == [
        "| measure | decoding run and set | decoder | error rate [95% interval] | macro average | de | fr |",
        "| --- | --- | --- | --: | --: | --: | --: |",
        "| WER | decode_x/test | streaming | 12.5% [10.0, 15.0] | 13.0% | 14.0% | 12.0% |",
        "| WER | decode_x/test | full | 7.5% [n/a] |  |  |  |",
        "| CER | decode_x/test | streaming | 2.5% [2.0, 3.0] |  |  |  |",
    ]


def test_check_writes_nothing_and_fails_until_the_page_is_rewritten(repository, figures, capsys):
    page = repository / "README.md"
    page.write_text("<p> <!-- figure: egs/one/asr1/RESULTS.md decode_x/test full WER -->9.9%<!-- /figure -->\n")
    before = page.read_text()
    assert figures.main(["--check"], repository) == 1
    assert page.read_text() == before and "README.md" in capsys.readouterr().out
    assert figures.main([], repository) == 0 and "7.5%" in page.read_text()
    assert figures.main(["--check"], repository) == 0


def test_the_pages_hold_the_figures_of_their_sources(figures, root):
    assert figures.main(["--check"], root) == 0


def test_no_error_rate_is_typed_into_a_readme(figures, root):
    for path in [root / "README.md", *root.glob("egs/README.md"), *root.glob("egs/*/asr1/README.md")]:
        typed = figures.TABLE.sub("", figures.FIGURE.sub("", path.read_text("utf-8")))
        assert not re.findall(r"\d+\.\d+ ?%", typed), path


def test_no_figure_begins_a_line(figures, root):
    # Markdown would take the rest of the line for HTML
    for path in figures.pages(root):
        assert not re.search(r"^ *<!-- figure: [^<]*-->", path.read_text("utf-8"), re.MULTILINE), path


def test_every_measurement_names_command_commit_and_machine_and_stands_in_a_page(figures, root):
    pages = "".join(path.read_text("utf-8") for path in (root / "docs").glob("**/*.md"))
    tables = sorted((root / "docs/measurements").glob("*.csv"))
    assert tables
    for path in tables:
        about, (heading, *rows) = figures.read_table(path)
        assert set(about) == set(figures.ABOUT) and all(about.values()), path
        assert rows and all(len(row) == len(heading) for row in rows), path
        assert f"<!-- table: docs/measurements/{path.name} -->" in pages, path


RECIPES = ["an4", "commonvoice", "fleurs", "fsdd", "librispeech", "mini", "mls", "speechocean762", "voxpopuli"]


@pytest.mark.parametrize("name", RECIPES)
def test_results_come_from_clean_commits(root, name):
    path = root / f"egs/{name}/asr1/RESULTS.md"
    text = path.read_text("utf-8") if path.is_file() else ""
    commits = re.findall(r"^- git: `(.*)`$", text, re.MULTILINE)
    assert len(commits) == text.count("<!-- jstasr experiment ")
    assert [commit for commit in commits if not re.fullmatch("[0-9a-f]{7,40}", commit)] == []


@pytest.fixture
def sweep(repository):
    """Two cells of a sweep, with its plan, in docs/measurements."""
    folder = repository / "docs/measurements/sweeps/toy"
    folder.mkdir(parents=True)
    (folder / "sweep.yaml").write_text(
        "name: toy\nrecipe: egs/toy/asr1\ntest_sets: [test]\nseeds: [1]\n"
        "systems: {A: {}, B: {}}\ncomparisons: [B - A]\n"
    )
    rows = "".join(
        f"all,{name},1,beam,test,full,{errors},9,5.0,60,,abc,d,k,s\n" for name, errors in (("A", 3), ("B", 2))
    )
    (folder / "cells.csv").write_text(
        "condition,system,seed,decoding,test_set,mode,errors,words,dev,seconds,total_seconds,commit,data,config,search\n"
        + rows
    )
    lines = "utterance,words,group,A/1/beam/full,B/1/beam/full\nu1,4,,2,1\nu2,5,,1,1\n"
    (folder / "all.test.csv.gz").write_bytes(gzip.compress(lines.encode()))
    return folder


def test_a_figure_and_a_table_come_from_a_sweep(sweep, repository, figures):
    source = "docs/measurements/sweeps/toy/sweep.yaml"
    text = figures.insert(f"a <!-- figure: {source} mean B all beam test full --><!-- /figure -->", repository)
    assert "-->22.2% [20.0, 25.0]<!--" in text
    text = figures.insert(f"<!-- table: {source} differences -->\n<!-- /table -->", repository)
    assert "| B - A | beam | test | full | 1 | -11.11 [" in text
    with pytest.raises(figures.UnknownFigure, match="no results of C"):
        figures.insert(f"a <!-- figure: {source} mean C all beam test full --><!-- /figure -->", repository)


def test_the_page_of_a_sweep_is_that_of_its_records(sweep, repository, figures):
    (repository / "README.md").write_text("")
    assert figures.main(["--check"], repository) == 1
    assert figures.main([], repository) == 0 and "| B | 1 | 5.0 | 1.0 | 22.2 [" in (sweep / "page.md").read_text()
    assert figures.main(["--check"], repository) == 0
    (sweep / "page.md").write_text("22.1\n")
    assert figures.main(["--check"], repository) == 1


def test_every_sweep_comes_from_clean_commits(root):
    for path in root.glob("docs/measurements/sweeps/*/cells.csv"):
        assert "-dirty" not in path.read_text("utf-8"), path
