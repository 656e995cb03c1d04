"""Dates in digits, as they are read: 03.10.1990 and 1990-10-03 by CLDR's long form of a date, with the month's name."""

import re
from datetime import date

from babel.dates import format_date

from jstasr.text.cldr import locale_of
from jstasr.text.languages import primary_subtag

# Whose long form of a date has no abbreviations but those below, and is read as the other rules read it.
LANGUAGES = set(
    "ar az be bg bn bs ca cs cy da de el en es et fi fr gl he hi hr hu id is it ja ka ko lv mk ms nb nl nn no pl pt ro "
    "ru sk sl sq sr sv ta tr uk uz vi".split()
)
YEAR_WORDS = {
    "be": ("г.", "года"), "bg": ("г.", "година"), "mk": ("г.", "година"), "ru": ("г.", "года"), "uk": ("р.", "року"),
    "vi": (",", " năm"),
}  # fmt: skip
FIRST = {"fr": "1er", "it": "1º", "pt": "1º"}  # of a month: an ordinal, though other days are not
YEAR_LAST = re.compile(r"(?<![\w.,/-])(\d{1,2})([./-]) ?(\d{1,2})\2 ?([12]\d{3})(?![\w/-]|[.,]\d)")
YEAR_FIRST = re.compile(
    r"(?<![\w.,/-])([12]\d{3})(?:-(\d\d)-(\d\d)|/(\d\d?)/(\d\d?)|\. ?(\d\d)\. ?(\d\d))(?![\w/-]|[.,]\d)"
)


def spell_out_months(text: str, language: str | None) -> str:
    """Text whose dates of day, month and year have the name of the month; what is no date of the calendar stays.

    The day stands first but where CLDR has the month first, as in American English with slashes.
    """
    if primary_subtag(language) not in LANGUAGES:
        return text
    text = YEAR_FIRST.sub(
        lambda match: _long(
            match, match[1], match[2] or match[4] or match[6], match[3] or match[5] or match[7], language
        ),
        text,
    )
    return YEAR_LAST.sub(lambda match: _year_last(match, language), text)


def _year_last(match: re.Match[str], language: str | None) -> str:
    locale = locale_of(language)
    first, sign, second, year = match.groups()
    month_first = sign != "." and locale is not None and locale.date_formats["short"].pattern.startswith("M")
    if (month_first and int(first) <= 12) or int(second) > 12:
        first, second = second, first
    return _long(match, year, second, first, language)


def _long(match: re.Match[str], year: str, month: str, day: str, language: str | None) -> str:
    locale = locale_of(language)
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return match[0]
    written = format_date(found, "long", locale=locale) if locale is not None else match[0]
    short, written = primary_subtag(language), re.sub(r"\s", " ", written)
    if short in YEAR_WORDS:
        written = written.replace(*YEAR_WORDS[short])
    if short in FIRST:
        written = re.sub("^1 ", f"{FIRST[short]} ", written)
    return f"{written} " if written.endswith(".") else written
