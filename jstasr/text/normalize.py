"""Cleaners: the spelling in which transcripts are trained and scored.

A cleaner is a function text -> text that changes nothing when applied twice. `CLEANERS` holds them by name;
`clean(text, name, language)` is the entry point. What differs by language: numbers, which num2words writes out
(jstasr/text/numbers.py), the dotless i, spaces in scripts that are written without (jstasr/text/languages.py).
"""

import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.data_dir import TEXT
from jstasr.kaldi.files import first_few
from jstasr.text.languages import DOTLESS_I, JOINERS, drop_invisible, is_unspaced, join_unspaced, primary_subtag
from jstasr.text.numbers import spell_numbers

APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u2032": "'", "`": "'"})


def _is_spoken(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character in JOINERS


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
    """Cleaner `basic`: NFKC, numbers in words, lower case, no punctuation but inner apostrophes, single spaces."""
    text = spell_numbers(text if text.isascii() else unicodedata.normalize("NFKC", drop_invisible(text)), language)
    turkic = primary_subtag(language) in DOTLESS_I
    if text.isascii() and not (turkic and "I" in text):
        text = text.translate(ASCII_BASIC)
    else:
        text = unicodedata.normalize("NFKC", text).translate(APOSTROPHES)
        if turkic:
            text = text.replace("I", "\u0131").replace("\u0130", "i")
        text = text.lower().replace("i\u0307", "i")  # lower() of the dotted capital leaves a lone dot
        text = unicodedata.normalize("NFKC", text).translate(SPOKEN_ONLY)
    words = text.split()
    if "'" in text:
        while "''" in text:
            text = text.replace("''", "'")
        words = [word.strip("'") for word in text.split()]
    if not text.isascii():
        if any(joiner in text for joiner in JOINERS):
            words = [word.strip("'" + JOINERS) for word in words]
        words = [word for word in words if word.isalpha() or _has_letter(word)]
    cleaned = " ".join(filter(None, words))
    return join_unspaced(cleaned) if is_unspaced(language) else cleaned


def _has_letter(word: str) -> bool:
    """Is there more than marks in the word? A digit is enough."""
    return any(unicodedata.category(character)[0] in "LN" for character in word)


CLEANERS: dict[str, Callable[[str, str | None], str]] = {"none": no_change, "basic": basic}


def clean(text: str, cleaner: str = "basic", language: str | None = None) -> str:
    """Normalised text; JstasrError names the cleaners when `cleaner` is none of them."""
    try:
        function = CLEANERS[cleaner]
    except KeyError:
        raise JstasrError(f"no cleaner {cleaner!r}; there are: {', '.join(CLEANERS)}") from None
    return function(text, language)


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
