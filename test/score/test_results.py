"""RESULTS.md."""

import json

import pytest

from jstasr.score.scoring import score_trn


@pytest.fixture
def experiments(tmp_path):
    """A function that scores (tag, data set, mode, measure, hypothesis) into tmp_path/exp."""
    (tmp_path / "ref.trn").write_text("a b c d (s-1)\ne f g h (t-2)\n")

    def score(tag, dataset, mode, hypothesis="a b c d (s-1)\ne f (t-2)\n", token_type="word", groups=()):
        (tmp_path / "hyp.trn").write_text(hypothesis)
        name = {"word": "score_wer", "char": "score_cer", "token": "score_ter"}[token_type]
        out = tmp_path / "exp" / tag / "decode_greedy" / dataset / mode / name
        score_trn(tmp_path / "ref.trn", tmp_path / "hyp.trn", out, token_type, groups)
        return out

    return score


def test_tables_for_each_experiment_set_and_mode(experiments, jstasr, tmp_path):
    for mode in ("full", "streaming"):
        for token_type in ("word", "char"):
            experiments("asr", "test", mode, token_type=token_type)
    experiments("asr", "dev", "full", hypothesis="a b c d (s-1)\ne f g h (t-2)\n")
    code, said, _ = jstasr("results", tmp_path / "exp")
    assert code == 0
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "|dataset|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|95% interval|mode|" in page
    wer = page.split("### WER")[1].split("### CER")[0]
    rows = [line for line in wer.splitlines() if line.startswith("|decode")]
    assert rows == [
        "|decode_greedy/dev|2|8|100.0|0.0|0.0|0.0|0.0|0.0|0.0–0.0|full|",
        "|decode_greedy/test|2|8|75.0|0.0|25.0|0.0|25.0|50.0|0.0–50.0|streaming|",
        "|decode_greedy/test|2|8|75.0|0.0|25.0|0.0|25.0|50.0|0.0–50.0|full|",
    ]
    assert page.count("### CER") == 1 and "### TER" not in page
    for name in ("date", "python", "jstasr", "torch", "git"):
        assert f"- {name}: `" in page
    assert "decode_greedy/test" in said and "0.0–50.0" in said  # a table on the terminal, nothing cut off


def test_running_again_changes_only_what_changed(experiments, jstasr, tmp_path):
    experiments("one", "test", "full")
    experiments("two", "test", "full")
    jstasr("results", tmp_path / "exp")
    page = tmp_path / "RESULTS.md"
    before, stamp = page.read_text(encoding="utf-8"), page.stat().st_mtime_ns
    experiments("two", "test", "full")  # the same scores once more
    jstasr("results", tmp_path / "exp")
    assert page.stat().st_mtime_ns == stamp
    experiments("two", "test", "full", hypothesis="a b c (s-1)\ne f (t-2)\n")
    jstasr("results", tmp_path / "exp")
    after = page.read_text(encoding="utf-8")
    mark = "<!-- jstasr experiment two -->"
    assert after.split(mark)[0] == before.split(mark)[0]
    assert after.split(mark)[1] != before.split(mark)[1]


def test_own_text_and_experiments_from_elsewhere_stay(experiments, jstasr, tmp_path):
    experiments("one", "test", "full")
    elsewhere = "<!-- jstasr experiment big -->\n## big\nfrom a cluster\n<!-- jstasr end -->\n"
    (tmp_path / "RESULTS.md").write_text(f"# My results\n\nWords of mine.\n\n{elsewhere}\nMore words.\n")
    jstasr("results", tmp_path / "exp")
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert page.startswith("# My results\n\nWords of mine.\n") and "More words." in page
    assert "from a cluster" in page and "## one" in page
    jstasr("results", tmp_path / "exp", "--prune")
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "from a cluster" not in page and "More words." in page and "## one" in page


def test_note_on_top_is_kept_until_changed(experiments, jstasr, tmp_path):
    experiments("one", "test", "full")
    page = tmp_path / "RESULTS.md"
    for options, line in (
        (["--note", "Synthetic\nspeech."], "Synthetic speech."),
        ([], "Synthetic speech."),
        (["--note", "Real."], "Real."),
    ):
        jstasr("results", tmp_path / "exp", *options)
        assert page.read_text(encoding="utf-8").splitlines()[2] == f"{line} <!-- jstasr note -->"
    jstasr("results", tmp_path / "exp", "--note", "")
    assert "jstasr note" not in page.read_text(encoding="utf-8")


def test_macro_average_by_language_stands_below_the_table(experiments, jstasr, tmp_path):
    (tmp_path / "utt2lang").write_text("1 en\n2 fr\n")
    experiments("one", "test", "full", groups=[tmp_path / "utt2lang"])
    jstasr("results", tmp_path / "exp")
    line = "- decode_greedy/test (full), by utt2lang: macro average 25.0; en 0.0, fr 50.0"
    assert line in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")


def test_page_stands_beside_the_folder_even_if_that_is_a_link(experiments, jstasr, tmp_path):
    experiments("one", "test", "full")
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe/exp").symlink_to(tmp_path / "exp")
    jstasr("results", tmp_path / "recipe/exp")
    assert (tmp_path / "recipe/RESULTS.md").is_file() and not (tmp_path / "RESULTS.md").exists()


def test_rounds_as_sclite_does(experiments, jstasr, tmp_path):
    (tmp_path / "ref.trn").write_text(" ".join("abcdefghijklmnop") + " (s-1)\n")
    experiments("one", "test", "full", hypothesis=" ".join("abcdefghijklmno") + " (s-1)\n")
    jstasr("results", tmp_path / "exp")
    assert "|93.8|0.0|6.3|0.0|6.3|100.0|n/a|" in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")


def test_nothing_to_show(jstasr, tmp_path):
    code, _, error = jstasr("results", tmp_path / "exp")
    assert code == 1 and "no such folder" in error
    (tmp_path / "exp").mkdir()
    code, _, error = jstasr("results", tmp_path / "exp")
    assert code == 1 and "run the scoring stage (9) first" in error


@pytest.mark.parametrize("content", ["{", "[]", json.dumps({"measure": "BLEU"})])
def test_a_broken_result_is_named(experiments, jstasr, tmp_path, content):
    (experiments("one", "test", "full") / "result.json").write_text(content)
    code, _, error = jstasr("results", tmp_path / "exp")
    assert code == 1 and "score_wer/result.json: " in error and "score again" in error


@pytest.mark.parametrize(("git", "warned"), [("0123456789-dirty", True), ("0123456789", False)])
def test_results_of_uncommitted_code_are_written_with_a_warning(experiments, jstasr, tmp_path, git, warned):
    path = experiments("one", "test", "full") / "result.json"
    result = json.loads(path.read_text(encoding="utf-8"))
    result["environment"]["git"] = git
    path.write_text(json.dumps(result))
    code, _, error = jstasr("results", tmp_path / "exp")
    assert code == 0 and f"- git: `{git}`" in (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert ("uncommitted code cannot be reproduced" in error) is warned
    assert error.endswith(": one\n") is warned


@pytest.mark.parametrize(
    "hypothesis, note",
    [
        ("(s-1)\n(t-2)\n", "all 2 hypotheses are empty: the model emits only blanks"),
        ("a b c d (s-1)\n(t-2)\n", "1 of 2 hypotheses are empty"),
        ("a b c d (s-1)\ne (t-2)\n", None),
    ],
)
def test_a_model_that_emits_only_blanks_is_named_below_the_table(experiments, jstasr, tmp_path, hypothesis, note):
    out = experiments("asr", "test", "full", hypothesis=hypothesis)
    assert jstasr("results", tmp_path / "exp")[0] == 0
    page, analysis = (tmp_path / "RESULTS.md").read_text("utf-8"), (out / "analysis.txt").read_text("utf-8")
    if note is None:
        assert "empty" not in page + analysis
    else:
        assert f"- decode_greedy/test (full): {note}" in page and f"Note: {note}" in analysis
