"""What differs by language: invisible characters, spaces, the dotless i, numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.text.languages import is_unspaced, primary_subtag
from jstasr.text.normalize import clean
from jstasr.text.number_words import number_language
from jstasr.text.numbers import spell_numbers
from jstasr.text.unspaced import split_unspaced


@pytest.mark.parametrize(
    "language, text, words",
    [
        ("en", "I paid 1,250.5 for 3 cats", "i paid one thousand two hundred and fifty point five for three cats"),
        ("en", "the 2nd of 1984", "the second of nineteen eighty four"),
        ("en-GB", "21", "twenty one"),
        ("de", "1.250 Katzen", "eintausendzweihundertfünfzig katzen"),
        ("fr", "10 000 chats", "dix mille chats"),
        ("es", "3,5 gatos", "tres coma cinco gatos"),
        ("pt-BR", "16", "dezesseis"),
        ("pt", "16", "dezasseis"),
        ("en", "007", "zero zero seven"),
        ("fa", "۳", "سه"),
        ("ja", "３人", "三人"),
        ("th", "๓ คน", "สามคน"),
        ("kab", "3 n", "3 n"),
        (None, "3.5", "3 5"),
        ("en", "10:30", "ten thirty"),
    ],
)
def test_numbers_are_written_out_where_the_language_is_known(language, text, words):
    assert clean(text, "basic", language) == words


def test_each_library_is_asked_in_its_own_codes():
    of_num2words = {"pt-BR": "pt_BR", "sv-SE": "sv", "kk": "kz", "nb": "no", "br": None, None: None}
    of_cldr = {"nn-NO": "nn", "hi": "hi", "zh-TW": "zh_Hant", "zh-HK": "yue", "yue-Hans": "yue_Hans", "tl": "fil"}
    composed = {"mk": "mk", "uz": "uz", "uz-Cyrl": "uz_Cyrl"}
    of_none = {"kk-Latn": None, "zu": None, "zh-Latn": None}
    expected = of_num2words | of_cldr | composed | of_none
    assert {code: number_language(code) for code in expected} == expected


def test_text_without_digits_is_untouched():
    assert spell_numbers("no digits, at all.", "en") == "no digits, at all."


@pytest.mark.parametrize(
    "language, text, cleaned",
    [
        ("tr-TR", "ISPARTA İzmir", "ısparta izmir"),
        ("crh", "I", "ı"),
        ("zh-CN", "今天， 天气 很好。", "今天天气很好"),
        ("zh-CN", "我 用 Python 写 代码", "我用 python 写代码"),
        ("th", "สวัสดี ครับ", "สวัสดีครับ"),
        ("km", "ខ្ញុំ\u200bស្រឡាញ់", "ខ្ញុំស្រឡាញ់"),
        ("ko", "안녕 하세요", "안녕 하세요"),
        ("de", "Donau\u00addampf", "donaudampf"),
        ("ar", "مـــرحبا\u200f!", "مرحبا"),
        ("he", "\u202bשלום, עולם\u202c", "שלום עולם"),
        ("fa", "می\u200cخواهم", "می\u200cخواهم"),
        ("br", "C’hwi a zo", "c'hwi a zo"),
        ("yo", "Ọjọ́ Ẹ́", "ọjọ́ ẹ́"),
        ("el", "ΟΔΟΣ", "οδός".replace("ό", "ο")),
    ],
)
def test_writing_follows_the_language(language, text, cleaned):
    assert clean(text, "basic", language) == cleaned


LANGUAGES = ["en", "de", "tr", "zh-CN", "ja", "th", "ar", "br", "fr"]
INFLECTED = ["bg", "el", "et", "fi", "hi", "hr", "hu", "ka", "lo", "lt", "pl", "ru", "ta", "uk", "zh-TW"]


@settings(max_examples=400, deadline=None)
@given(st.text("0123456789.,:st nd-%²½٣今日Iiİกา'", max_size=14), st.sampled_from(LANGUAGES))
def test_cleaning_twice_changes_nothing(text, language):
    once = clean(text, "basic", language)
    assert clean(once, "basic", language) == once


@settings(max_examples=400, deadline=None)
@given(st.text("0123456789.,:-/ %½²а-йгомυoςseä個年वींმე'", max_size=12), st.sampled_from(INFLECTED))
def test_cleaning_numbers_with_endings_twice_changes_nothing(text, language):
    once = clean(text, "basic", language)
    assert clean(once, "basic", language) == once


def test_characters_stand_for_words_where_there_are_none():
    assert split_unspaced("我用 python 写") == "我 用 python 写"
    assert split_unspaced("two words") == "two words"
    assert is_unspaced("zh-HK") and is_unspaced("my") and not is_unspaced("ko") and not is_unspaced(None)
    assert primary_subtag("sv_SE") == "sv" and primary_subtag(None) == ""
