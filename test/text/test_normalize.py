"""Cleaners of transcripts."""

import itertools
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jstasr.errors import JstasrError
from jstasr.text.languages import drop_invisible
from jstasr.text.normalize import CLEANERS, clean, clean_table


@pytest.mark.parametrize(
    "text, cleaned",
    [
        ("Hello, World!", "hello world"),
        ("It’s  the dogs' bowl", "it's the dogs bowl"),
        ("rock 'n' roll", "rock n roll"),
        ("L’été, « où » ?", "l'été où"),
        ("ﬁne ＡＢＣ", "fine abc"),
        ("well-known e-mail", "well known e mail"),
        ("3.5 % of 1,000", "3 5 of 1 000"),
        ("हिन्दी में।", "हिन्दी में"),
        ("e\u0301te\u0301", "été"),
        ("--", ""),
        ("a_b", "a b"),
    ],
)
def test_basic_keeps_letters_digits_and_inner_apostrophes(text, cleaned):
    assert clean(text, "basic") == cleaned


def test_turkish_has_two_letters_i():
    assert clean("İSTANBUL IŞIK", "basic", "tr") == "istanbul ışık"
    assert clean("ISTANBUL İ", "basic", "en") == "istanbul i"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20), st.sampled_from(sorted(CLEANERS)), st.sampled_from([None, "tr"]))
def test_cleaning_twice_changes_nothing(text, cleaner, language):
    once = clean(text, cleaner, language)
    assert clean(once, cleaner, language) == once


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=20))
def test_basic_leaves_no_punctuation_symbols_or_outer_spaces(text):
    cleaned = clean(text, "basic")
    assert cleaned == " ".join(cleaned.split())
    left = {unicodedata.category(character)[0] for character in cleaned.replace("'", "").replace(" ", "")}
    assert left <= {"L", "M", "N", "C"}  # C: the joiners of Persian and Indic spelling


# What scripts have rules of their own for (test_reading.py): Armenian, Hebrew, Arabic, Thai, Lao, Tibetan and Korean
# letters and signs, and symbols that NFKC turns into letters.
ORTHOGRAPHY = "".join(
    map(chr, (0x55A, 0x55B, 0x55C, 0x55E, 0x55F, 0x587, 0x5F3, 0x6FD, 0x6FE, 0xE4D, 0xE33, 0xEB3, 0xEDC, 0xEDD, 0xECD))
) + "".join(
    map(
        chr,
        (
            *range(0x675, 0x679),
            0xF0B,
            0xF0C,
            0xF77,
            0xF79,
            *range(0x3131, 0x318F),
            0xB4,
            0x201B,
            *map(ord, "เເതണനരലളക"),
            0x2116,
            0x2120,
            0x2122,
        ),
    )
)


def basic_by_the_letter(text, language):
    """What `basic` is, one character after the other: the definition, slow."""

    def kind(character):
        """Numbers are runs of raised or of lowered digits; other characters stand for themselves."""
        name = unicodedata.name(character, "")
        return next(
            (word for word in ("SUPERSCRIPT", "SUBSCRIPT") if character.isdigit() and name.startswith(word)), object()
        )

    def plain(run):
        """NFKC of a run; digits that it turns into stand apart from those beside them."""
        normal = unicodedata.normalize("NFKC", run)
        apart = normal != run and any(map(str.isdigit, normal)) and unicodedata.category(run[0]) != "Nd"
        return f" {normal} " if apart else run

    runs = ["".join(run) for _, run in itertools.groupby(drop_invisible(text), kind)]
    text = unicodedata.normalize("NFKC", "".join(map(plain, runs)))
    text = "".join("'" if character in "\u2019\u2018\u02bc\u2032`" else character for character in text)
    if language == "crh":
        text = text.replace("I", "\u0131").replace("\u0130", "i")
    text = unicodedata.normalize("NFKC", text.lower().replace("i\u0307", "i"))
    keep = [c if unicodedata.category(c)[0] in "LMN" or c in "'\u200c\u200d" else " " for c in text]
    words = [
        "".join(c for c, before in zip(w, " " + w, strict=False) if c + before != "''") for w in "".join(keep).split()
    ]
    words = [word.strip("'\u200c\u200d") for word in words]
    return " ".join(word for word in words if any(unicodedata.category(c)[0] in "LN" for c in word))


@settings(max_examples=500, deadline=None)
@given(
    st.text(
        st.sampled_from("abIiİıß'`’\u200c\u200d \u0307\u0301\u093f\u3000٣½²Ⅷﬁ.,-_\t\x00")
        | st.characters(exclude_characters=ORTHOGRAPHY),
        max_size=12,
    ),
    st.sampled_from([None, "crh"]),  # Crimean Tatar: the i of Turkish, and no numbers in words
)
def test_basic_is_its_definition(text, language):
    assert clean(text, "basic", language) == basic_by_the_letter(text, language)


def test_an_unknown_cleaner_lists_the_known():
    with pytest.raises(JstasrError, match="no cleaner 'x'; there are: none, basic"):
        clean("a", "x")


def test_a_table_is_cleaned_by_language_and_empties_are_named():
    assert clean_table({"a": "I", "b": "I"}, "basic", {"a": "tr"}, "en") == {"a": "ı", "b": "i"}
    with pytest.raises(JstasrError, match="train/text: 1 transcript.*: b; remove"):
        clean_table({"a": "x", "b": "?!"}, "basic", name="train/text")
    assert clean_table({"b": "?!"}, "basic", allow_empty=True) == {"b": ""}
