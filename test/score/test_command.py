"""`jstasr score` from end to end."""

import json

import pytest


@pytest.fixture
def data(tmp_path):
    """A Kaldi folder of four utterances of two speakers, two languages, two genders."""
    tables = {
        "text": "a-1 The cat sat\na-2 on the mat\nb-1 你好 吗\nb-2\n",
        "hyp": "a-1 the cat sat\na-2 on mat\nb-1 你好 妈\nb-2 uh\n",
        "utt2spk": "a-1 a\na-2 a\nb-1 b\nb-2 b\n",
        "utt2lang": "a-1 en\na-2 en\nb-1 zh\nb-2 zh\n",
        "utt2gender": "a-1 f\na-2 m\nb-1 f\nb-2 m\n",
        "wav.scp": "a-1 x/1.wav\na-2 x/2.wav\nb-1 x/3.wav\nb-2 x/4.wav\n",
    }
    for name, content in tables.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    return tmp_path


def kaldi_options(data):
    return ["--ref-text", data / "text", "--hyp-text", data / "hyp", "--utt2spk", data / "utt2spk"]


def test_kaldi_texts_to_reports_as_sclite_gives_them(jstasr, oracle, data):
    out = data / "score_wer"
    code, said, _ = jstasr("score", *kaldi_options(data), "--outdir", out)
    assert code == 0 and said.startswith("WER 37.50% [")
    names = "analysis.txt hyp.raw.trn hyp.trn ref.raw.trn ref.trn result.json result.txt"
    assert sorted(path.name for path in out.iterdir()) == names.split()
    ours = (out / "result.txt").read_bytes()
    assert oracle.without_padding(ours) == oracle.without_padding(oracle.sclite(out))
    total = json.loads((out / "result.json").read_text(encoding="utf-8"))["total"]
    assert (total["words"], total["errors"], total["wrong_sentences"]) == (8, 3, 3)


def test_groups_macro_average_confusions_and_worst_utterances(jstasr, data):
    groups = ["--utt2lang", data / "utt2lang", "--group", data / "utt2gender", "--wav-scp", data / "wav.scp"]
    jstasr("score", *kaldi_options(data), *groups, "--outdir", data / "out")
    result = json.loads((data / "out/result.json").read_text(encoding="utf-8"))
    languages = result["groups"]["utt2lang"]
    assert languages["groups"]["en"]["error_rate"] == pytest.approx(100 / 6, abs=1e-3)
    # three characters, one of them wrong, and a word too much
    assert languages["groups"]["zh"]["error_rate"] == pytest.approx(200 / 3, abs=1e-3)
    assert languages["macro_average"] == pytest.approx((100 / 6 + 200 / 3) / 2, abs=1e-3)
    assert set(result["groups"]["utt2gender"]["groups"]) == {"f", "m"}
    assert result["frequent"] == {
        "substitutions": [["吗", "妈", 1]],
        "deletions": [["the", 1]],
        "insertions": [["uh", 1]],
    }
    worst = result["worst"][0]
    assert (worst["utterance"], worst["audio"], worst["errors"]) == ("b-2", "x/4.wav", 1)
    text = (data / "out/analysis.txt").read_text(encoding="utf-8")
    assert "By utt2lang (macro average 41.67%)" in text and "audio x/4.wav" in text and "吗 -> 妈" in text


def test_character_error_rate_without_spaces_in_chinese(jstasr, data):
    options = ["--token-type", "char", "--utt2lang", data / "utt2lang", "--cleaner", "basic"]
    jstasr("score", *kaldi_options(data), *options, "--outdir", data / "out")
    assert "你 好 吗 (b-b-1)" in (data / "out/ref.trn").read_text(encoding="utf-8")
    assert "o n <space> m a t (a-a-2)" in (data / "out/hyp.trn").read_text(encoding="utf-8")
    assert json.loads((data / "out/result.json").read_text(encoding="utf-8"))["measure"] == "CER"


def test_missing_hypotheses_as_deletions_are_mentioned_everywhere(jstasr, oracle, data):
    (data / "hyp").write_text("a-1 the cat sat\nb-2\n", encoding="utf-8")
    code, _, error = jstasr("score", *kaldi_options(data), "--outdir", data / "out")
    assert code == 1 and "2 of 4 utterances" in error and "a-2, b-1" in error
    assert not (data / "out").exists()
    code, said, _ = jstasr("score", *kaldi_options(data), "--outdir", data / "out", "--allow-missing")
    note = "Note: 2 missing hypotheses scored as deletions: a-2, b-1"
    assert code == 0 and note in said
    assert (data / "out/result.txt").read_text(encoding="utf-8").endswith(f"\n{note}\n")
    assert note in (data / "out/analysis.txt").read_text(encoding="utf-8")
    result = json.loads((data / "out/result.json").read_text(encoding="utf-8"))
    assert result["missing"]["count"] == 2 and result["total"]["deletions"] == 5
    assert b" 3 0 5 0" not in oracle.sclite(data / "out", "pra")  # one count for each utterance
    assert oracle.sclite(data / "out", "rsum").count(b"|    3      0      5      0") == 1


def test_trn_files_with_missing_hypotheses(jstasr, oracle, tmp_path):
    folder = oracle.write_set(tmp_path / "in", "a b (s-1)\nc (s-2)\n", "a (s-1)")
    options = ["--ref-trn", folder / "ref.trn", "--hyp-trn", folder / "hyp.trn", "--outdir", tmp_path / "out"]
    code, _, error = jstasr("score", *options)
    assert code == 1 and "1 of 2 utterances" in error and "(s-2)" in error
    assert jstasr("score", *options, "--allow-missing")[0] == 0
    report = (tmp_path / "out/result.txt").read_bytes().split(b"\nNote:")[0]
    assert report == oracle.sclite(tmp_path / "out")
    assert (folder / "hyp.trn").read_text() == "a (s-1)"


def test_trn_files_with_extra_hypotheses_or_none(jstasr, oracle, tmp_path):
    folder = oracle.write_set(tmp_path, "a (s-1)\n", "a (s-1)\nb (s-2)\n")
    options = ["--hyp-trn", folder / "hyp.trn", "--outdir", tmp_path / "out"]
    code, _, error = jstasr("score", "--ref-trn", folder / "ref.trn", *options)
    assert code == 1 and "1 hypotheses have no reference" in error and "(s-2)" in error
    code, _, error = jstasr("score", "--ref-trn", folder / "nowhere.trn", *options)
    assert code == 1 and "nowhere.trn: cannot read" in error


def test_groups_of_trn_files_by_whole_id_or_without_the_speaker(jstasr, oracle, tmp_path):
    folder = oracle.write_set(tmp_path, "a (s-U1)\nb (t-u2)\n", "a (s-U1)\nx (t-u2)\n")
    (tmp_path / "utt2x").write_text("U1 one\nt-u2 two\n")
    options = ["--ref-trn", folder / "ref.trn", "--hyp-trn", folder / "hyp.trn", "--outdir", tmp_path / "out"]
    assert jstasr("score", *options, "--group", tmp_path / "utt2x")[0] == 0
    groups = json.loads((tmp_path / "out/result.json").read_text())["groups"]["utt2x"]["groups"]
    assert {name: part["errors"] for name, part in groups.items()} == {"one": 0, "two": 1}
    (tmp_path / "utt2x").write_text("U1 one\n")
    code, _, error = jstasr("score", *options, "--group", tmp_path / "utt2x")
    assert code == 1 and "1 of 2 utterances have no group: u2" in error


def test_scoring_again_changes_nothing(jstasr, data):
    options = ["score", *kaldi_options(data), "--outdir", data / "out"]
    jstasr(*options)
    before = {path.name: path.read_bytes() for path in (data / "out").iterdir()}
    jstasr(*options)
    assert {path.name: path.read_bytes() for path in (data / "out").iterdir()} == before
    (data / "hyp").write_text("a-1 the\na-2\nb-1\nb-2\n", encoding="utf-8")
    jstasr(*options)
    assert (data / "out/result.json").read_bytes() != before["result.json"]


def test_empty_word_of_sclite_is_pointed_out(jstasr, oracle, tmp_path):
    folder = oracle.write_set(tmp_path, "a @ b (s-1)\n", "a b (s-1)\n")
    options = ["--ref-trn", folder / "ref.trn", "--hyp-trn", folder / "hyp.trn", "--outdir", tmp_path / "out"]
    assert "1 times `@` left out" in jstasr("score", *options)[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ref-trn", "a", "--outdir", "o"], "--ref-trn and --hyp-trn go together"),
        (["--ref-text", "a", "--hyp-text", "b", "--outdir", "o"], "--ref-text and --utt2spk go together"),
        (["--outdir", "o"], "give --ref-trn and --hyp-trn, or"),
        (["--ref-trn", "a", "--hyp-trn", "b"], "--outdir is missing"),
        (["--ref-trn", "a", "--hyp-trn", "b", "--outdir", "o", "--cleaner", "basic"], "--cleaner: only with"),
        (["--outdir", "o", "--bootstrap", "-1"], "--bootstrap -1"),
        (["--compare", "nowhere", "nowhere"], "nowhere/ref.trn: no such file"),
    ],
)
def test_options_that_make_no_sense(jstasr, options, message):
    code, _, error = jstasr("score", *options)
    assert code == 1 and message in error


def test_an_unknown_cleaner_names_the_known_ones(jstasr, data):
    code, _, error = jstasr("score", *kaldi_options(data), "--cleaner", "soap", "--outdir", data / "out")
    assert code == 1 and "soap" in error and "basic" in error


def test_compare_two_systems(jstasr, oracle, tmp_path):
    refs = "".join(f"a b c d e f (s{number % 3}-{number})\n" for number in range(60))
    worse = refs.replace("b c d", "b x d")
    for name, hyps in (("a", worse), ("b", refs)):
        folder = oracle.write_set(tmp_path / name, refs, hyps)
        jstasr("score", "--ref-trn", folder / "ref.trn", "--hyp-trn", folder / "hyp.trn", "--outdir", folder)
    code, said, _ = jstasr("score", "--compare", tmp_path / "a", tmp_path / "b", "--outdir", tmp_path / "c")
    assert code == 0 and "difference B - A: -16.67" in said and "MAPSSWE" in said
    result = json.loads((tmp_path / "c/compare.json").read_text())
    assert result["intervals"]["utterance"]["probability_of_improvement"] == 1
    assert result["matched_pairs"]["segments"] == 60
    assert str(tmp_path / "b") in said  # no column is cut short


def test_compare_refuses_different_references(jstasr, oracle, tmp_path):
    one = oracle.write_set(tmp_path / "a", "a b (s-1)\nc (s-2)\n", "a b (s-1)\nc (s-2)\n")
    other = oracle.write_set(tmp_path / "b", "a b (s-1)\nd (s-2)\n", "a b (s-1)\nc (s-2)\n")
    code, _, error = jstasr("score", "--compare", one, other)
    assert code == 1 and "1 references differ: (s-2)" in error
    oracle.write_set(other, "a b (s-1)\nc (s-3)\n", "a b (s-1)\nc (s-3)\n")
    code, _, error = jstasr("score", "--compare", one, other)
    assert code == 1 and "2 in only one of them: (s-2), (s-3)" in error
