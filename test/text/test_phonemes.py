"""Phonemes by espeak: alignment of lines, marks, and the two sources of the library."""

import os
import re
import subprocess
import sys

import pytest

from jstasr.errors import JstasrError
from jstasr.text.phone_files import phonemize_table
from jstasr.text.phonemes import espeak_code, phonemize_texts


def spoken_by_espeak(text, voice):
    """IPA of the espeak-ng program without stress and hyphens, as one string without spaces."""
    command = ["espeak-ng", "-q", "--ipa", "-v", voice, text]
    done = subprocess.run(command, capture_output=True, check=True, text=True, encoding="utf-8")
    return re.sub(r"[-ˈˌ\s]|\([a-z-]+\)", "", done.stdout)


@pytest.mark.parametrize(
    "language, voice, text",
    [
        ("en", "en-us", "the quick brown fox jumps over the lazy dog"),
        ("en", "en-us", "I'd like twelve apples"),
        ("fr", "fr-fr", "les enfants aiment le football"),
        ("de", "de", "das Mädchen hört Musik"),
        ("sv-SE", "sv", "hur mår du i dag"),
        ("tr", "tr", "bugün hava çok güzel"),
        ("ru", "ru", "сегодня хорошая погода"),
        ("pl", "pl", "dzień dobry"),
    ],
)
def test_phones_are_those_of_the_espeak_program(language, voice, text):
    (phones,) = phonemize_texts([text], language)
    assert "".join(phones).replace("_", "") == spoken_by_espeak(text, voice)


def test_every_text_has_its_line_in_order():
    texts = ["one", "", "two", " . ", "three", "one", "a\nb", "...", "four\u2028five"]
    lines = phonemize_texts(texts, "en")
    assert len(lines) == len(texts)
    assert ["".join(line) for line in lines[:6]] == ["wʌn", "", "tuː", "", "θɹiː", "wʌn"]
    assert lines[7] == [] and lines[6] and lines[8]
    assert lines == [phonemize_texts([text], "en")[0] for text in texts]


def test_words_are_marked_and_nothing_else_is():
    (phones,) = phonemize_texts(["Hello, dear old world!"], "en")
    assert phones.count("_") == 3 and phones[0] != "_" and phones[-1] != "_"
    assert "_ _" not in " ".join(phones)


def test_stress_flags_and_punctuation_are_silent_and_length_stays():
    (phones,) = phonemize_texts(['Le weekend — "sea" (food)!'], "fr")
    (length,) = phonemize_texts(["see"], "en")
    assert length == ["s", "iː"]
    assert not re.search(r"[ˈˌ()!\"—]", "".join(phones))


def test_language_codes_of_corpora_are_understood():
    codes = {code: espeak_code(code) for code in ("en", "EN_us", "pt", "sv-SE", "zh-CN", "pa-IN", "fr", "es")}
    assert codes == {
        "en": "en-us", "EN_us": "en-us", "pt": "pt", "sv-SE": "sv", "zh-CN": "cmn", "pa-IN": "pa",
        "fr": "fr-fr", "es": "es",
    }  # fmt: skip
    with pytest.raises(JstasrError, match="'xx' is no language code"):
        espeak_code("xx")


WITHOUT_SYSTEM_LIBRARY = """
import ctypes.util
find = ctypes.util.find_library
ctypes.util.find_library = lambda name: None if "espeak" in name else find(name)
from jstasr.text.phonemes import phonemize_texts, use_espeak_library
print(use_espeak_library())
print(" ".join(phonemize_texts(["hello world"], "en")[0]))
"""


def test_the_wheel_speaks_where_the_system_library_is_missing():
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PHONEMIZER_")}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SYSTEM_LIBRARY],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    library, phones = done.stdout.splitlines()
    assert "espeakng_loader" in library
    assert phones == " ".join(phonemize_texts(["hello world"], "en")[0])


def test_processes_give_what_one_gives():
    texts = {f"u{number}": f"number {number} of the list" for number in range(4500)}
    languages = {utterance: "de" if utterance.endswith("7") else "en" for utterance in texts}
    assert phonemize_table(texts, languages, nj=2) == phonemize_table(texts, languages)
