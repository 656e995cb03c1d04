"""Cleaners: the spelling in which transcripts are trained and scored.

A cleaner is a function text -> text that changes nothing when applied twice. `CLEANERS` holds them by name;
`clean(text, name, language)` is the entry point. What differs by language: numbers, which num2words writes out
(jstasr/text/numbers.py), the dotless i, spaces in scripts that are written without (jstasr/text/languages.py).
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.data_dir import TEXT
from jstasr.kaldi.files import first_few
from jstasr.text.edge_apostrophes import without_quotes
from jstasr.text.languages import (
    APOSTROPHES,
    CHEROKEE,
    JOINERS,
    SIGNS_IN_WORDS,
    compose,
    drop_invisible,
    has_dotless_i,
    is_unspaced,
    primary_subtag,
    write_words_whole,
)
from jstasr.text.numbers import spell_numbers, unread_endings
from jstasr.text.unspaced import join_unspaced

# Words of Sindhi that Unicode counts as symbols: "and", "in".
WORD_SYMBOLS = "\u06fd\u06fe"
# Signs that are no word and whose NFKC would be letters of the word before.
MARKS = str.maketrans(dict.fromkeys("\u2122\u2120\u2116", " "))
MARKS_AND_SINDHI = MARKS | dict.fromkeys(map(ord, WORD_SYMBOLS), " ")
# Decimal signs and the hyphen for a minus, of numbers that stay digits; in others they are words by then.
UNREAD_IN_NUMBERS = re.compile(r"(?<=\d)[.,\u066b](?=\d)|(?<![\w-])-(?=\d)")
# Of texts from web pages: &amp; is not read "and amp".
ENTITY = re.compile("&(?:amp|lt|gt|quot|apos|nbsp|#[0-9]{2,5}|#x[0-9a-fA-F]{2,4});")
NUMBERS = "0-9"  # for numbers in languages without number words: they stay digits
UNREAD_PUNCTUATION = "%&#@^\xa7\u2030\u066a"


def _is_spoken(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character in JOINERS + SIGNS_IN_WORDS + WORD_SYMBOLS


class _SpokenOnly(dict[int, int | str]):
    """A table for str.translate, filled when a character is first met: itself if it is spoken, else a space."""

    def __missing__(self, code: int) -> int | str:
        character = chr(code)
        self[code] = code if _is_spoken(character) or character == "'" else " "
        return self[code]


SPOKEN_ONLY = _SpokenOnly()
# The whole of `basic` for characters that NFKC leaves alone and that lower() treats one by one.
ASCII_BASIC = {code: SPOKEN_ONLY[ord("'" if chr(code) == "`" else chr(code).lower())] for code in range(128)}


def no_change(text: str, language: str | None) -> str:
    """Cleaner `none`: only runs of white space become one space."""
    return " ".join(text.split())


def basic(text: str, language: str | None) -> str:
    """Cleaner `basic`: one spelling, numbers and signs in words, lower case, no other punctuation, single spaces."""
    text = _read(text, language).translate(MARKS if primary_subtag(language) == "sd" else MARKS_AND_SINDHI)
    turkic = has_dotless_i(language)
    if text.isascii() and not (turkic and "I" in text):
        text = text.translate(ASCII_BASIC)
    else:
        text = compose(text).translate(APOSTROPHES)
        if turkic:
            text = text.replace("I", "\u0131").replace("\u0130", "i")
        text = text.lower().replace("i\u0307", "i")  # lower() of the dotted capital leaves a lone dot
        if primary_subtag(language) == "chr":
            text = text.translate(CHEROKEE)
        text = write_words_whole(compose(text), language).translate(SPOKEN_ONLY)
    words = text.split()
    if "'" in text:
        while "''" in text:
            text = text.replace("''", "'")
        words = without_quotes(text.split(), language)
    if not text.isascii():
        if any(joiner in text for joiner in JOINERS):
            words = without_quotes([word.strip(JOINERS) for word in words], language)
        words = [word for word in words if word.isalpha() or _has_letter(word)]
    cleaned = " ".join(filter(None, words))
    return join_unspaced(cleaned) if is_unspaced(language) else cleaned


def _read(text: str, language: str | None) -> str:
    """Text with its words in one spelling and its numbers and signs in words; what is left of signs is not read."""
    if "&" in text:
        text = ENTITY.sub(lambda match: html.unescape(match[0]), text)
    return spell_numbers(write_words_whole(drop_invisible(text), language), language)


def _has_letter(word: str) -> bool:
    """Is there more than marks in the word? A digit is enough."""
    return any(unicodedata.category(character)[0] in "LN" or character in WORD_SYMBOLS for character in word)


CLEANERS: dict[str, Callable[[str, str | None], str]] = {"none": no_change, "basic": basic}


def clean(text: str, cleaner: str = "basic", language: str | None = None) -> str:
    """Normalised text; JstasrError names the cleaners when `cleaner` is none of them."""
    try:
        function = CLEANERS[cleaner]
    except KeyError:
        raise JstasrError(f"no cleaner {cleaner!r}; there are: {', '.join(CLEANERS)}") from None
    return function(text, language)


def left_out_signs(
    texts: Mapping[str, str], cleaner: str, utt2lang: Mapping[str, str] | None = None, language: str | None = None
) -> Counter[tuple[str, str]]:
    """How often a cleaner leaves out a sign that a speaker reads, by language and sign.

    Signs are symbols, as currencies and those of arithmetic, and %, &, #, @ and the like, and the decimal sign and
    minus of numbers that stay digits; not punctuation. Such numbers are counted too, under NUMBERS, and endings after
    digits that are read as words of their own, as -oji.

    Args:
        texts, cleaner, utt2lang, language: as of `clean_table`.
    """
    counts: Counter[tuple[str, str]] = Counter()
    if cleaner == "none":
        return counts
    for utterance, text in texts.items():
        if text.isascii() and text.replace(" ", "").isalpha():
            continue
        code = (utt2lang or {}).get(utterance, language)
        read = _read(text, code)
        counts.update((code or "", character) for character in read if _is_left_out(character, code))
        counts.update((code or "", sign) for sign in UNREAD_IN_NUMBERS.findall(read))
        counts.update((code or "", ending) for ending in unread_endings(text, code))
        numbers = len(re.findall(r"\d+(?:[.,\u066b]\d+)*", read))
        # Numerals that are no digits, as the Ethiopic and Tamil ones.
        if numbers := numbers + sum(unicodedata.category(character) == "No" for character in read):
            counts[code or "", NUMBERS] += numbers
    return counts


def describe_left_out(counts: Mapping[tuple[str, str], int]) -> str:
    """One line on `left_out_signs`, the most frequent first; "" where there are none."""
    if not counts:
        return ""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{sign} ({language or 'no language'}: {count})" for (language, sign), count in ranked[:20])
    more = f" and {len(ranked) - 20} more" if len(ranked) > 20 else ""
    numbers = sum(count for (_, sign), count in counts.items() if sign == NUMBERS)
    left_as_digits = f", {numbers} number(s) left as digits ({NUMBERS})" if numbers else ""
    return (
        f"{sum(counts.values()) - numbers} sign(s) without a reading left out{left_as_digits}: {shown}{more}; "
        "write out what was said"
    )


def _is_left_out(character: str, language: str | None) -> bool:
    if character in WORD_SYMBOLS and primary_subtag(language) == "sd":
        return False
    return unicodedata.category(character) in ("Sc", "Sm", "So") or character in UNREAD_PUNCTUATION


def clean_table(
    texts: Mapping[str, str],
    cleaner: str,
    utt2lang: Mapping[str, str] | None = None,
    language: str | None = None,
    name: str | Path = TEXT,
    allow_empty: bool = False,
) -> dict[str, str]:
    """Normalise a table of transcripts.

    Args:
        texts: utterance -> transcript.
        cleaner: name of the cleaner.
        utt2lang: utterance -> language, or None.
        language: language of utterances that utt2lang lacks.
        name: what to call the set in an error.
        allow_empty: accept transcripts that the cleaner leaves empty.
    Returns:
        Utterance -> normalised transcript.
    Raises:
        JstasrError: naming the utterances that the cleaner leaves empty.
    """
    utt2lang = utt2lang or {}
    cleaned = {utt: clean(text, cleaner, utt2lang.get(utt, language)) for utt, text in texts.items()}
    empty = [utterance for utterance, text in cleaned.items() if not text]
    if empty and not allow_empty:
        raise JstasrError(
            f"{name}: {len(empty)} transcript(s) empty after cleaner {cleaner!r}: {first_few(empty)}; "
            "remove these utterances or write out what they say"
        )
    return cleaned
