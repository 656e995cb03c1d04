"""Numbers as words, by num2words where it has the language."""

import re
from decimal import Decimal
from functools import lru_cache

from jstasr.text.languages import primary_subtag

# num2words' own spelling of codes.
CODES = {"kk": "kz", "nb": "no", "nn": "no"}
# Languages that write 1,000.5; the others write 1.000,5 or 1 000,5.
DECIMAL_POINT = {"am", "bn", "en", "he", "ja", "kn", "ko", "te", "th", "zh"}
WITH_POINT = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?")
WITH_COMMA = re.compile(r"\d{1,3}(?:[. \xa0]\d{3})+(?:,\d+)?(?!\d)|\d+(?:,\d+)?")
HAS_DIGIT = re.compile(r"\d")
ENGLISH_ORDINAL = re.compile(r"\b(\d{1,9})(?:st|nd|rd|th)\b", re.IGNORECASE)
MAX_DIGITS = 15  # longer strings, and those with a leading zero, are names of things: read digit by digit


@lru_cache
def number_language(language: str | None) -> str | None:
    """num2words' code of a language, or None where it lacks it: "pt-BR" -> "pt_BR", "sv-SE" -> "sv"."""
    if not language:
        return None
    from num2words import CONVERTER_CLASSES

    known = {code.lower(): code for code in CONVERTER_CLASSES}
    whole, short = language.lower().replace("-", "_"), primary_subtag(language)
    for code in (whole, CODES.get(short, short)):
        if code in known:
            return known[code]
    return None


def spell_numbers(text: str, language: str | None) -> str:
    """Text with its numbers in words; unchanged where num2words lacks the language.

    Four digits between 1100 and 1999 are read as a year in English, `3rd` as an ordinal; everything else as a
    cardinal number. Digits of any script are read.
    """
    if not HAS_DIGIT.search(text):
        return text
    code = number_language(language)
    if code is None:
        return text
    point = primary_subtag(language) in DECIMAL_POINT
    if primary_subtag(language) == "en":
        text = ENGLISH_ORDINAL.sub(lambda match: f" {_words(int(match[1]), code, 'ordinal') or match[0]} ", text)

    def spoken(match: re.Match[str]) -> str:
        number = match[0].replace(",", "") if point else re.sub("[. \\xa0]", "", match[0]).replace(",", ".")
        return f" {_spell(number, code)} "

    return (WITH_POINT if point else WITH_COMMA).sub(spoken, text)


def _spell(number: str, code: str) -> str:
    """Words of "12", "12.5" or, digit by digit, "0012"."""
    whole, _, fraction = number.partition(".")
    if (len(whole) > 1 and int(whole[0]) == 0) or len(whole) > MAX_DIGITS:
        return _digits(number, code)
    if fraction:
        return _words(Decimal(number), code) or f"{_spell(whole, code)} {_digits(fraction, code)}"
    year = code.startswith("en") and len(whole) == 4 and 1100 <= int(whole) <= 1999
    return _words(int(whole), code, "year" if year else "cardinal") or _digits(whole, code)


def _digits(number: str, code: str) -> str:
    return " ".join(_words(int(digit), code) or digit for digit in number if digit.isdigit())


@lru_cache(maxsize=10000)
def _words(value: int | Decimal, code: str, kind: str = "cardinal") -> str | None:
    """num2words' spelling, or None where it has none for this number."""
    from num2words import num2words

    try:
        words = num2words(value, lang=code, to=kind)
    except (NotImplementedError, OverflowError, ValueError, TypeError, IndexError, KeyError, AttributeError):
        return None
    return None if any(character.isdigit() for character in words) else words
