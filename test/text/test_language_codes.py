"""Codes of languages: what each is taken for, and what is said of what is none.

The right values of codes.csv are written by hand: canonical codes from the IANA registry and CLDR's aliases, voices
from `espeak-ng --voices`, numbers from the languages' grammars.
"""

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

from jstasr.cli import main
from jstasr.errors import JstasrError
from jstasr.text.language_codes import canonical_code, canonical_table, same_language, suggestion
from jstasr.text.languages import has_dotless_i, is_unspaced, primary_subtag
from jstasr.text.normalize import clean
from jstasr.text.numbers import spell_numbers
from jstasr.text.phonemes import espeak_code
from jstasr.text.tokens import TokenList

with open(Path(__file__).with_name("codes.csv"), encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))
CODES = pytest.mark.parametrize("row", ROWS, ids=[row["code"] for row in ROWS])


def voice_of(code):
    try:
        return espeak_code(code)
    except JstasrError:
        return ""


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs the program espeak-ng")
def test_the_table_is_large_and_its_voices_are_espeaks():
    lines = subprocess.run(["espeak-ng", "--voices"], capture_output=True, text=True, check=True).stdout.splitlines()
    voices = {line.split()[1] for line in lines[1:]}
    assert len({row["code"] for row in ROWS}) == len(ROWS) >= 80
    assert {row["voice"] for row in ROWS} - {""} <= voices


@CODES
def test_a_code_has_the_voice_the_numbers_and_the_spelling_that_fit_best(row):
    code = row["code"]
    assert canonical_code(code) == row["canonical"]
    assert voice_of(code) == row["voice"]
    assert clean(row["number"], "basic", code) == clean(row["words"], "basic", code)
    assert is_unspaced(code) == (row["unspaced"] == "yes")


@CODES
def test_a_code_means_the_same_in_any_case_with_any_sign_and_in_its_canonical_form(row):
    code = row["code"]
    spellings = {code.upper(), code.lower(), code.replace("_", "-"), code.replace("-", "_"), f" {code} "}
    assert {canonical_code(spelling) for spelling in spellings} == {row["canonical"]}
    assert canonical_code(row["canonical"]) == row["canonical"]
    for spelling in (code.upper(), row["canonical"]):
        assert voice_of(spelling) == row["voice"]
        assert spell_numbers(row["number"], spelling) == spell_numbers(row["number"], code)


@pytest.mark.parametrize(
    "written, code",
    [
        ("English", "en"), ("Deutsch", "de"), ("polski", "pl"), ("日本語", "ja"), ("Cantonese", "yue"), ("Farsi", "fa"),
        ("Englsh", "en"), ("Portugese", "pt"), ("jp", "ja"), ("cz", "cs"), ("dk", "da"), ("gr", "el"), ("cn", "zh"),
        ("us", "en"), ("Haitian Creole", "ht"), ("Brazilian Portuguese", "pt-BR"), ("en_US.UTF-8", "en-US"),
        ("uzb-script_cyrillic", "uz-Cyrl"), ("chinese_simplified", "zh-Hans"), ("en-Foooo", "en"), ("xqz", ""),
        ("Serbo-Croatian", "sr-Latn"), ("Tagalog", "fil"), ("sr_latin", "sr-Latn"), ("arabic-egypt", "ar"),
        ("american", ""), ("Swiss German", "gsw"), ("", ""), ("--", ""), ("klingon", "tlh"),
    ],
)  # fmt: skip
def test_what_is_no_code_is_an_error_that_says_the_likely_one(written, code):
    assert suggestion(written) == code
    with pytest.raises(JstasrError, match="is no language code") as error:
        canonical_code(written, "--lang")
    assert str(error.value).startswith("--lang ")
    assert not code or f"; {code} is " in str(error.value)


def test_all_values_of_utt2lang_that_are_no_codes_are_named_at_once():
    with pytest.raises(JstasrError) as error:
        canonical_table({"u1": "EN_us", "u2": "jp", "u3": "English", "u4": "jp"}, "data/train/utt2lang")
    assert all(part in str(error.value) for part in ("data/train/utt2lang: ", "'jp'", "u2, u4", "'English'", "(u3)"))
    assert canonical_table({"u1": "EN_us", "u2": "en-US"}, "utt2lang") == {"u1": "en-US", "u2": "en-US"}


def test_rules_of_a_language_hold_for_every_code_of_it():
    for code in ("tur", "TR", "tr-TR", "azj", "crh", "kk-Latn"):
        assert has_dotless_i(code) and clean("ISPARTA", "basic", code) == "ısparta", code
    assert not has_dotless_i("az-Cyrl") and not has_dotless_i("kk") and not has_dotless_i("en")
    for code in ("ca", "cat", "CA-es", "ca-valencia"):
        assert clean("col•legi", "basic", code) == "col·legi"
    for code in ("fin", "fi-FI", "FI"):
        assert clean("EU:ssa", "basic", code) == "eussa"
    assert {primary_subtag(code) for code in ("zho", "cmn", "zh_TW", "ZH")} == {"zh"}
    assert is_unspaced("nan-TW") and is_unspaced("ja-JP") and is_unspaced("khm") and not is_unspaced("ja-Latn")


def test_a_text_belongs_to_the_language_that_its_code_means():
    langs = ["pt-BR", "sw-KE", "cmn-Hans-CN"]
    assert [same_language(code, langs) for code in ("pt_br", "sw", "swa", "cmn", "PT")] == [
        "pt-BR", "sw-KE", "sw-KE", "cmn-Hans-CN", "pt-BR"
    ]  # fmt: skip
    assert same_language("pt-PT", langs) is None and same_language("pt", ["pt-BR", "pt-PT"]) is None
    assert same_language("de", langs) is None and same_language("no code", langs) is None


def test_a_language_token_is_found_by_any_code_and_by_its_own_name():
    tokens = TokenList(["<blank>", "<unk>", "<lang:pt_br>", "<lang:en-US>", "<lang:my_own>", "a"])
    ids = [tokens.language_id(code) for code in ("pt_br", "pt-BR", "EN_us", "eng-US", "my_own")]
    assert ids == [2, 2, 3, 3, 4]
    with pytest.raises(JstasrError, match="no token of language 'de'"):
        tokens.language_id("de")


def test_the_command_says_what_codes_are_taken_for(capsys):
    assert main(["languages", "--canonical", "pol EN-us,en_US", "zh_hant_tw"]) == 0
    assert capsys.readouterr().out == "pl en-US zh-Hant-TW\n"
    assert main(["languages", "POL", "br"]) == 0
    out = capsys.readouterr().out
    assert "pl: Polish (given as POL)" in out and "pl: espeak: voice pl" in out and "12 is dwanaście" in out
    assert "br: Breton" in out and "br: grapheme: letters: espeak has no voice for br" in out
    assert main(["languages", "jp"]) == 1
    assert "'jp' is no language code" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["phonemize", "format-audio", "score", "tokenize", "import", "check"])
def test_every_command_refuses_what_is_no_code(verb, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, line in (("text", "u1 one"), ("utt2spk", "u1 u1"), ("spk2utt", "u1 u1"), ("wav.scp", "u1 cat x |")):
        (tmp_path / name).write_text(f"{line}\n")
    options = {
        "phonemize": ["--lang", "English", "--text", "text", "--output", "o"],
        "format-audio": ["--lang", "English", "--data-dir", ".", "--outdir", "o", "--fs", "16k"],
        "score": "--lang English --ref-text text --hyp-text text --utt2spk utt2spk --outdir o".split(),
        "tokenize": ["--langs", "de English", "--text", "text", "--output-dir", "o"],
        "import": ["--lang", "English", ".", "o"],
        "check": ["--langs", "de English", "--stages", "0"],
    }
    assert main([verb, *options[verb]]) == 1
    assert "'English' is no language code" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
