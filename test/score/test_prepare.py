"""From Kaldi texts to transcripts."""

import pytest

from jstasr.errors import JstasrError
from jstasr.score.prepare import prepare_kaldi, split_characters, trn_ids


@pytest.fixture
def data(tmp_path):
    """A function that writes tables {name: {utterance: value}} and returns their paths by name."""

    def write(**tables):
        for name, table in tables.items():
            lines = (f"{key} {value}".rstrip() + "\n" for key, value in sorted(table.items()))
            (tmp_path / name).write_text("".join(lines), encoding="utf-8", newline="\n")
        return [tmp_path / name for name in ("ref", "hyp", "utt2spk")]

    return write


SPEAKERS = {"u1": "s", "u2": "s"}


def lines(content):
    return content.decode().splitlines()


def test_both_sides_are_cleaned_and_kept_raw(data):
    paths = data(ref={"u1": "Hello, World!", "u2": ""}, hyp={"u1": "hello  world", "u2": "Ah…"}, utt2spk=SPEAKERS)
    prepared = prepare_kaldi(*paths, cleaner="basic")
    assert lines(prepared.ref_trn) == ["hello world (s-u1)", " (s-u2)"]
    assert lines(prepared.hyp_trn) == ["hello world (s-u1)", "ah (s-u2)"]
    assert lines(prepared.raw_ref_trn) == ["Hello, World! (s-u1)", " (s-u2)"]
    assert lines(prepared.raw_hyp_trn) == ["hello  world (s-u1)", "Ah… (s-u2)"]


@pytest.mark.parametrize(
    ("text", "language", "characters"),
    [
        ("ab c", None, "a b <space> c"),
        ("ab  c ", "en", "a b <space> c"),
        ("今天 好", "zh", "今 天 好"),
        ("今天 好", "zh-TW", "今 天 好"),
        ("วัน นี้", "th", "ว ั น น ี ้"),
        ("日本", "ja", "日 本"),
        ("", "en", ""),
    ],
)
def test_characters_with_space_as_one_but_not_where_none_is_written(text, language, characters):
    assert split_characters(text, language) == characters


def test_characters_by_each_utterances_language(data, tmp_path):
    paths = data(
        ref={"u1": "a b", "u2": "你 好"},
        hyp={"u1": "ab", "u2": "你好"},
        utt2spk=SPEAKERS,
        lang={"u1": "en", "u2": "zh"},
    )
    prepared = prepare_kaldi(*paths, token_type="char", utt2lang=tmp_path / "lang")
    assert lines(prepared.ref_trn) == ["a <space> b (s-u1)", "你 好 (s-u2)"]
    assert lines(prepared.hyp_trn) == ["a b (s-u1)", "你 好 (s-u2)"]


def test_tokens_of_the_references_are_the_models(data, tmp_path):
    (tmp_path / "tokens.txt").write_text("<blank>\n<unk>\n<lang:en>\n<space>\na\nb\n")
    paths = data(ref={"u1": "ab a", "u2": "b"}, hyp={"u1": "<lang:en> a <space> a", "u2": ""}, utt2spk=SPEAKERS)
    prepared = prepare_kaldi(*paths, token_type="token", token_list=tmp_path / "tokens.txt", cleaner="basic")
    assert lines(prepared.ref_trn) == ["a b <space> a (s-u1)", "b (s-u2)"]
    assert lines(prepared.hyp_trn) == ["a <space> a (s-u1)", " (s-u2)"]


def test_missing_hypotheses_are_listed_and_counted(data):
    ref = {f"u{number:02d}": "a" for number in range(14)}
    paths = data(ref=ref, hyp={"u00": "a", "u01": "a"}, utt2spk=dict.fromkeys(ref, "s"))
    with pytest.raises(JstasrError, match=r"12 of 14 .*u02, u03, .*u11 \(and 2 more\).*--allow-missing"):
        prepare_kaldi(*paths)
    prepared = prepare_kaldi(*paths, allow_missing=True)
    assert len(prepared.missing) == 12
    assert lines(prepared.hyp_trn)[2] == " (s-u02)"


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"hyp": {"u1": "a", "u2": "b", "x": "c"}}, "hyp: 1 hypotheses have no reference .*: x"),
        ({"utt2spk": {"u1": "s"}}, "utt2spk: 1 of 2 utterances have no speaker: u2"),
        ({"ref": {}, "hyp": {}}, "ref: no utterances"),
    ],
)
def test_tables_that_do_not_match(data, tables, message):
    whole = {"ref": {"u1": "a", "u2": "b"}, "hyp": {"u1": "a", "u2": "b"}, "utt2spk": SPEAKERS}
    with pytest.raises(JstasrError, match=message):
        prepare_kaldi(*data(**(whole | tables)), allow_missing=True)


def test_an_utterance_without_a_language(data, tmp_path):
    paths = data(ref={"u1": "a", "u2": "b"}, hyp={"u1": "a", "u2": "b"}, utt2spk=SPEAKERS, lang={"u1": "en"})
    with pytest.raises(JstasrError, match="lang: 1 of 2 utterances have no language: u2"):
        prepare_kaldi(*paths, utt2lang=tmp_path / "lang")


@pytest.mark.parametrize(("table", "content"), [("hyp", b"u1 a\nu1 b\n"), ("ref", b"u1 \xff\nu2 b\n")])
def test_duplicates_and_wrong_encoding_name_the_line(data, tmp_path, table, content):
    paths = data(ref={"u1": "a", "u2": "b"}, hyp={"u1": "a", "u2": "b"}, utt2spk=SPEAKERS)
    (tmp_path / table).write_bytes(content)
    with pytest.raises(JstasrError, match=f"{table}:[12]: "):
        prepare_kaldi(*paths)


def test_token_error_rate_needs_a_token_list(data):
    paths = data(ref={"u1": "a"}, hyp={"u1": "a"}, utt2spk={"u1": "s"})
    with pytest.raises(JstasrError, match="--token-list"):
        prepare_kaldi(*paths, token_type="token")


def test_ids_survive_sclites_reading(oracle, tmp_path):
    speakers = {"u1": "a-b", "u2": "a_b", "u3": "A-b", "u(4)": "c//d", "U1": "a-b", "Ü": "ü"}
    ids = trn_ids(list(speakers), speakers)
    assert len({name.encode().lower() for name in ids}) == len(ids)
    oracle.write_set(tmp_path, *["".join(f"x {name}\n" for name in ids)] * 2)
    report = oracle.sclite(tmp_path, "pra").decode()
    names = [line.split(":  ")[1] for line in report.split("Speakers: \n")[1].split("\n\n")[0].splitlines()]
    assert names == ["a_b", "a_b~2", "a_b~3", "c/d", "ü"]
    assert report.count("Scores: (#C #S #D #I) 1 0 0 0") == len(ids)


def test_a_text_that_looks_like_a_comment_is_scored(oracle, tmp_path, data):
    paths = data(ref={"u1": ";; a", "u2": "** b"}, hyp={"u1": ";; a", "u2": "** b"}, utt2spk=SPEAKERS)
    prepared = prepare_kaldi(*paths)
    oracle.write_set(tmp_path, prepared.ref_trn.decode(), prepared.hyp_trn.decode())
    assert oracle.sclite(tmp_path, "pra").count(b"id: (s-u") == 2


def test_a_character_is_a_word_where_words_have_no_spaces(data, tmp_path):
    paths = data(
        ref={"u1": "a b", "u2": "今天好 ok"},
        hyp={"u1": "ab", "u2": "今天"},
        utt2spk=SPEAKERS,
        lang={"u1": "en", "u2": "zh-CN"},
    )
    prepared = prepare_kaldi(*paths, utt2lang=tmp_path / "lang")
    assert lines(prepared.ref_trn) == ["a b (s-u1)", "今 天 好 ok (s-u2)"]
    assert lines(prepared.hyp_trn) == ["ab (s-u1)", "今 天 (s-u2)"]
