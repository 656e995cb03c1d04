"""What numbers, signs and letters are read as, by reading.csv: right values from num2words, CLDR or grammar."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.text.normalize import clean, describe_left_out, left_out_signs
from jstasr.text.phonemes import phonemize_texts
from jstasr.text.spelled_out import phonemize_or_spell, spelled_out

with open(Path(__file__).with_name("reading.csv"), encoding="utf-8", newline="") as file:
    CASES = [(row["language"], row["input"], row["expected"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("language, text, expected", CASES)
def test_a_text_is_read_by_the_conventions_of_its_language(language, text, expected):
    assert clean(text, "basic", language) == expected
    assert clean(expected, "basic", language) == expected


def test_signs_without_a_reading_are_counted_by_language():
    counts = left_out_signs({"a": "5% + 3", "b": "90% ™ (x)."}, "basic", {"a": "lg"}, "cy")
    assert counts == {("lg", "%"): 1, ("lg", "+"): 1, ("lg", "0-9"): 2, ("cy", "™"): 1}
    assert "3 sign(s) without a reading left out, 2 number(s) left as digits" in describe_left_out(counts)
    assert "3 sign(s)" in describe_left_out(counts) and "% (lg: 1)" in describe_left_out(counts)
    assert describe_left_out(left_out_signs({"a": "90% & £5, yes!"}, "basic", None, "en")) == ""
    assert not left_out_signs({"a": "+"}, "none", None, "en")
    unread = left_out_signs({"a": "3,5 -7 1.000 10-15"}, "basic", None, "fy")
    assert unread == {("fy", ","): 1, ("fy", "-"): 1, ("fy", "0-9"): 5}
    assert not left_out_signs({"a": "3.5 -7 1,000"}, "basic", None, "en")
    numerals = left_out_signs({"a": "\u1373\u136d \u1230\u12ce\u127d"}, "basic", None, "am")  # 25 in Ethiopic numerals
    assert numerals == {("am", "0-9"): 2}


def test_endings_that_are_no_part_of_the_number_are_counted():
    assert left_out_signs({"a": "e 101-të dhe e 7-tat"}, "basic", None, "sq") == {("sq", "-të"): 1, ("sq", "-tat"): 1}
    assert left_out_signs({"a": "3-čias"}, "basic", None, "lt") == {("lt", "-čias"): 1}
    assert left_out_signs({"a": "5. hestur"}, "basic", None, "is") == {("is", "."): 1}
    assert not left_out_signs({"a": "5. maí á 21. öld"}, "basic", None, "is")
    assert left_out_signs({"a": "2000. gadā 5. klase"}, "basic", None, "lv") == {("lv", "."): 1}
    assert left_out_signs({"a": "5-xyz"}, "basic", None, "et") == {("et", "-xyz"): 1}
    assert not left_out_signs({"a": "5-го мая, covid-19, XX-й"}, "basic", None, "ru")


@pytest.mark.parametrize(
    "language, text, words",
    [
        ("ru", "слово ทำ שלום мир", {"ทำ": 1, "שלום": 1}),
        ("de", "das мир ლ Straße", {"мир": 1, "ლ": 1}),
        ("en", "the мир café", {"мир": 1}),
        ("th", "ทำ น้ำ", {}),
        ("hi", "नमस्ते", {}),
        ("el", "καλημέρα", {}),
    ],
)
def test_words_that_espeak_spells_out_are_found_in_every_script(language, text, words):
    assert spelled_out([text], language) == words


def test_a_word_spelled_out_gives_its_letters_and_its_neighbours_their_phones():
    (phones,) = phonemize_or_spell(["das мир haus"], "de")
    assert "".join(phones) == "das_мир_" + "".join(phonemize_texts(["haus"], "de")[0])


def test_a_split_sara_am_is_read_as_the_whole_one():
    assert phonemize_texts(["ทํา"], "th") == phonemize_texts(["ทำ"], "th")


# What numbers are made of and what stands beside them, in any order.
PIECES = (
    "0 00 1 2 12 100 1000 1,000 1.000 3,5 ½ ² ⁻ - – − ~ . , : / % $ € ° °C º ª & &amp; # № + ( ) ' ’ ʼ a M k km² st -й "
    "31.02.2020 1990-10-03 3/10/1990 12:30 10h30 ٣ ३ ৫ ๕ ① Ⅳ １２ 99999999999999999999 \u200d \ue000 \ue002 日 ก ب mio."
).split() + [" ", "  ", "\xa0", "\u202f"]
LANGUAGES = sorted({language for language, _, _ in CASES} | {"kk-Latn", "uz-Cyrl", "zu", "yi"})


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(LANGUAGES), st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_any_text_is_read_in_any_language_and_reading_it_again_changes_nothing(language, text):
    read = clean(text, "basic", language)
    assert clean(read, "basic", language) == read
    left_out_signs({"a": text}, "basic", None, language)
