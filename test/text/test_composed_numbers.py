"""Numbers put together from their parts, against num2words and espeak-ng where these have them right."""

import re
import subprocess

import pytest
from num2words import num2words

from jstasr.text.composed_numbers import PARTS, TOP, compose
from jstasr.text.indic_numbers import NAMES, indic_cardinal

NUMBERS = [*range(131), 200, 345, 999, 1000, 1001, 1100, 1500, 1995, 2024, 21000]
# Sounds that espeak writes apart in digits and in words.
SAME_SOUND = str.maketrans({"ɾ": "r", "ɪ": "i", "ʊ": "u", "ɫ": "l", "ɒ": "ɑ"} | dict.fromkeys("ˈˌː \n"))


@pytest.mark.parametrize("code, top", [("am", 1000), ("az", 10000)])
def test_numbers_below_those_that_num2words_has_wrong_are_its_own(code, top):
    for number in (number for number in NUMBERS if number < top):
        said = num2words(number, lang=code).replace("አስራ", "አሥራ")  # its other spelling of ten in 16
        assert compose(number, code) in (said, f"አንድ {said}")


def _phones(text, voice):
    command = ["espeak-ng", "-q", "--ipa", "-v", voice, text]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.translate(SAME_SOUND)
    return re.sub("^jeɣ", "eɣ", re.sub("(?<=[^e])jeɣ", "eɣ", said))  # Tatar twenty begins with j before a vowel


@pytest.mark.parametrize("code", ["az", "tt"])
def test_words_of_numbers_sound_as_espeak_reads_the_digits(code):
    for number in NUMBERS:
        assert _phones(compose(number, code), code) == _phones(str(number), code), number


def test_basque_numbers_sound_as_espeak_reads_the_digits_below_a_thousand():
    for number in (number for number in NUMBERS if number < 1000):
        assert _phones(compose(number, "eu"), "eu") == _phones(str(number), "eu"), number


@pytest.mark.parametrize("code", PARTS)
def test_no_two_numbers_have_the_same_words(code):
    numbers = [*range(2200), *range(3000, 200_000, 777), *(10**power for power in range(4, 12)), 10**6 + 1, 21 * 10**6]
    words = {compose(number, code) for number in numbers}
    assert len(words) == len(set(numbers)) and all(words)
    assert compose(-21, code).endswith(compose(21, code))
    assert compose(TOP, code) is None


@pytest.mark.parametrize("code", NAMES)
def test_no_two_numbers_of_indian_languages_have_the_same_words(code):
    words = {indic_cardinal(number, code) for number in range(3000)}
    assert indic_cardinal(10**9 - 1, code) and indic_cardinal(10**9, code) is None
    assert len(words) == 3000 and not any(re.search(r"\d|  |^ | $", word) for word in words)
    assert indic_cardinal(-21, code) == f"{NAMES[code].minus} {indic_cardinal(21, code)}"
