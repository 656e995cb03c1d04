"""What CLDR says of a language, through babel: separators in numbers, names of units and currencies, "and"."""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import get_currency_name, get_territory_currencies

from jstasr.text.language_codes import SCRIPT_OF, general_tag, script_of
from jstasr.text.language_tags import known_tag

SPACES = " \xa0\u2009\u202f"
# For a regular expression's brackets.
CURRENCY_SIGNS = "$\xa2\xa3\xa5\u058f\u060b\u09f2\u09f3\u0af1\u0bf9\u17db\u0e3f\u20a0-\u20c0"
SIGN_UNITS = {
    "%": "concentr-percent",
    "\u066a": "concentr-percent",
    "\u2030": "concentr-permille",
    "\xb0C": "temperature-celsius",
    "\xb0F": "temperature-fahrenheit",
    "\xb0": "angle-degree",
}
# What a currency sign stands for where neither the language nor its country uses it as its own.
SIGN_CURRENCIES = {"$": "USD", "\xa3": "GBP", "\xa5": "JPY"}
# Percent in languages of which CLDR has only the sign.
PERCENT = {
    "eo": "{0} procentoj", "gl": "{0} por cento", "ko": "{0} 퍼센트", "lb": "{0} Prozent",
    "ml": "{0} ശതമാനം", "mt": "{0} fil-mija", "tg": "{0} фоиз", "tt": "{0} процент",
    "sw": "asilimia {0}", "vi": "{0} phần trăm", "yue": "百分之{0}", "zh": "百分之{0}",
}  # fmt: skip
PERMILLE = {
    "eo": "{0} promiloj", "gl": "{0} por mil", "ko": "{0} 퍼밀", "lb": "{0} Promill",
    "vi": "{0} phần nghìn", "yue": "千分之{0}", "zh": "千分之{0}",
}  # fmt: skip
# Written in letters in any language. Other codes of three letters are words too: TRY, ALL, TOP.
INTERNATIONAL = {"EUR": "EUR", "USD": "USD", "GBP": "GBP", "CHF": "CHF", "z\u0142": "PLN", "K\u010d": "CZK"}
# What CLDR adds to the name of a country's own currency and its people do not say.
NATIONALITY = {
    "af": "^Suid-Afrikaanse ", "bg": "^български ", "da": "^danske? ", "hu": "^magyar ", "id": " Indonesia$",
    "is": r"^íslensk\w+ ", "mk": "^[Мм]акедонски ", "mn": "^[Мм]онгол ", "ms": " Malaysia$",
    "nn": "^norske? ", "pt": " brasileiros?$", "sv": "^svenska? ", "uz": "^O[\u02bb\u2018']zbekiston |i$",
}  # fmt: skip
# Letters beside those of CLDR's symbols, in the country itself.
RUPEES = {"Rs", "Rs.", "रु", "रु.", "ரூ", "ரூ."}
OTHER_LETTERS = {
    "TRY": {"TL"}, "RUB": {"руб.", "руб", "р."}, "BYN": {"руб.", "руб"}, "UAH": {"грн", "грн."}, "VND": {"đ"},
    "INR": RUPEES, "LKR": RUPEES, "NPR": RUPEES, "PKR": RUPEES,
}  # fmt: skip
COUNTRY_SIGNS = {"US$": "USD", "C$": "CAD"}  # beside those of CLDR's English, as R$ and A$


@cache
def locale_of(language: str | None) -> Locale | None:
    """CLDR's data of a language in its script or, where it has none for the country, of the language alone."""
    tag = general_tag(language)
    if tag is None or not tag.language:
        return None
    script = script_of(tag)
    # babel adds the likely script to a language and country. Of another script's data not even numbers fit.
    for parts in ((tag.script, tag.territory), (tag.script, None), (None, tag.territory), (None, None)):
        name = "_".join(filter(None, (tag.language, *parts)))
        other = known_tag(name)
        if other is None or script_of(other) != script:
            continue
        try:
            locale = Locale.parse(name)
        except (ValueError, UnknownLocaleError):
            continue
        # babel falls back to the usual script: Kazakh in Latin letters.
        if locale.script is None or SCRIPT_OF.get(locale.script, locale.script) == script:
            return locale
    return None


@cache
def separators(language: str | None) -> tuple[str, str]:
    """The decimal sign and the sign that groups thousands, as written with Latin digits."""
    locale = locale_of(language)
    symbols = locale.number_symbols.get("latn", {}) if locale else {}
    return symbols.get("decimal", "."), symbols.get("group", ",")


@lru_cache(maxsize=10000)
def unit_pattern(unit: str, count: Decimal | None, language: str | None) -> str | None:
    """CLDR's words around an amount of a unit, as "{0} percent"; None where it has only signs."""
    locale = locale_of(language)
    if locale is None:
        return None
    # babel gives these patterns only with the amount in digits already in them.
    styles: Mapping[str, Mapping[str, str]] = locale._data["unit_patterns"].get(unit, {})
    patterns = styles.get("long", {})
    if unit == "concentr-percent" and locale.language in PERCENT:
        return PERCENT[locale.language]
    if unit == "concentr-permille" and locale.language in PERMILLE:
        return PERMILLE[locale.language]
    form = locale.plural_form(count) if count is not None else "other"
    for pattern in (patterns.get(form), patterns.get("other")):
        if pattern and any(character.isalpha() for character in pattern):
            return pattern
    # What is long only falls back on the short, which in some languages is a word, as in Chinese; in others an
    # abbreviation, of Latin letters or with a power.
    short = styles.get("short", {}).get("other", "") if "other" not in patterns else ""
    return short if any(map(str.isalpha, short)) and not re.search("[a-z.\xb2\xb3]", short) else None


@cache
def and_words(language: str | None) -> str | None:
    """What stands between the two members of a list, as " and "; None where CLDR writes a sign there."""
    locale = locale_of(language)
    if locale is None:
        return None
    pattern = locale.list_patterns["standard"].get("2", "")
    between = pattern.removeprefix("{0}").removesuffix("{1}")
    # Welsh "a(c)": the letter in brackets stands before vowels, and & stands before any word.
    between = re.sub(r"\(.*?\)", "", between)
    return between if _is_word(between.strip()) else None


@cache
def currency_of(sign: str, language: str | None) -> str | None:
    """The ISO 4217 code of a currency sign: the country's own, the language's own, or the one known everywhere."""
    locale = locale_of(language)
    if sign in COUNTRY_SIGNS:
        return COUNTRY_SIGNS[sign]
    if sign in (letters := lettered_currencies(language)):
        return letters[sign]
    if locale is not None:
        for code in _own_currencies(locale):
            if sign in (locale.currency_symbols.get(code), _narrow_symbols().get(code)):
                return code
            # In Hong Kong HK$ is its dollar and US$ the other one: $ alone is its own.
            symbols = locale.currency_symbols
            if sign == "$" and symbols.get(code, "").endswith("$") and symbols.get("USD") != "$":
                return code
        if sign in SIGN_CURRENCIES:
            return SIGN_CURRENCIES[sign]
    known = {symbol: code for code, symbol in Locale("en").currency_symbols.items()}
    narrow = {
        "\u058f": "AMD", "\u060b": "AFN", "\u09f3": "BDT", "\u0e3f": "THB", "\u17db": "KHR", "\u20b4": "UAH",
        "\u20a1": "CRC", "\u20a6": "NGN", "\u20ad": "LAK", "\u20ae": "MNT", "\u20b1": "PHP", "\u20b2": "PYG",
        "\u20b5": "GHS", "\u20b8": "KZT", "\u20ba": "TRY", "\u20bc": "AZN", "\u20bd": "RUB", "\u20be": "GEL",
    }  # fmt: skip
    return known.get(sign) or narrow.get(sign)


@cache
def lettered_currencies(language: str | None) -> dict[str, str]:
    """Currencies by the letters that stand for them beside an amount: the country's own, as kr, and INTERNATIONAL."""
    locale = locale_of(language)
    own = {}
    for code in _own_currencies(locale) if locale is not None else ():
        symbol = locale.currency_symbols.get(code) if locale is not None else None
        names = {symbol, symbol.rstrip(".")} if symbol else set()
        names |= OTHER_LETTERS.get(code, set())
        own |= {name: code for name in names if _is_word(name.rstrip("."))} | {code: code}
    return dict(sorted((INTERNATIONAL | own).items(), key=lambda item: -len(item[0])))


@cache
def _narrow_symbols() -> dict[str, str]:
    return {"JPY": "\xa5", "CNY": "\xa5", "USD": "$", "GBP": "\xa3"}


def _own_currencies(locale: Locale) -> list[str]:
    likely = get_global("likely_subtags").get(str(locale).split("_")[0], "").split("_")
    territory = locale.territory or (likely[-1] if len(likely) > 1 else "")
    return get_territory_currencies(territory) if territory else []


@lru_cache(maxsize=10000)
def currency_name(code: str, count: Decimal | None, language: str | None) -> str | None:
    """CLDR's name of a currency in the form for an amount; None where it has only the code."""
    locale = locale_of(language)
    if locale is None:
        return None
    name = get_currency_name(code, count=count, locale=locale)
    if name == code:
        return None
    if code in _own_currencies(locale) and locale.language in NATIONALITY:
        name = re.sub(NATIONALITY[locale.language], "", name)
    return re.sub(r" *\(.*\)", "", name)


@cache
def currency_follows(language: str | None) -> bool:
    """Does the language write the sign of a currency after the amount?"""
    locale = locale_of(language)
    return locale is not None and not locale.currency_formats["standard"].pattern.lstrip("\u200e\u200f").startswith(
        "\xa4"
    )


@cache
def percent_precedes(language: str | None) -> bool:
    """Does the language write the percent sign before the number?"""
    locale = locale_of(language)
    return locale is not None and locale.percent_formats[None].pattern.lstrip("\u200e\u200f").startswith("%")


@cache
def magnitudes(language: str | None) -> dict[str, int]:
    """Words for thousand, million and so on after a number in digits, and the powers of ten that they stand for."""
    locale = locale_of(language)
    if locale is None:
        return {}
    formats = locale.compact_decimal_formats
    found: dict[str, int] = {"lakh": 5, "lakhs": 5, "crore": 7, "crores": 7} if locale.language == "en" else {}
    for patterns in (formats.get("long") or formats.get("short", {})).values():
        for value, pattern in sorted(patterns.items(), key=lambda item: len(item[0])):
            written = str(pattern.pattern)
            word = written.replace("0", "").strip()
            if _is_word(word):  # of ten thousand the pattern is "00 thousand"
                found.setdefault(word, len(value) - written.count("0"))
    return found


@cache
def month_names(language: str | None) -> tuple[str, ...]:
    """Names of months as they stand in dates, the long ones first."""
    locale = locale_of(language)
    if locale is None:
        return ()
    return tuple(sorted(locale.months["format"]["wide"].values(), key=len, reverse=True))


OTHER_WORDS = {"bill", "bio", "mr"}  # abbreviations that mean something else after a number, as in "5 Bio-Eier"


@cache
def abbreviated_magnitudes(language: str | None) -> dict[str, dict[str, str]]:
    """Abbreviations of thousand, million and so on -> the words by CLDR's plural form; only such as are no words."""
    locale = locale_of(language)
    if locale is None:
        return {}
    formats, found = locale.compact_decimal_formats, {}
    for form, patterns in formats.get("long", {}).items():
        for power, pattern in sorted(patterns.items(), key=lambda item: len(item[0])):
            short_pattern = formats.get("short", {}).get("other", {}).get(power)
            short = str(short_pattern.pattern).replace("0", "").strip(" \xa0'.") if short_pattern else ""
            word = str(pattern.pattern).replace("0", "").strip()
            if len(short) > 1 and short.isalpha() and _is_word(word) and short.lower() not in OTHER_WORDS:
                for spelling in {short, short.lower()} - magnitudes(language).keys():
                    found.setdefault(spelling, {}).setdefault(form, word)
    return found


@lru_cache(maxsize=10000)
def magnitude_of(short: str, count: Decimal, language: str | None) -> str:
    """The word that an abbreviation stands for after a number: "млн" after five is "миллионов"."""
    locale, forms = locale_of(language), abbreviated_magnitudes(language)[short]
    return (
        (forms.get(locale.plural_form(count)) if locale else None) or forms.get("other") or next(iter(forms.values()))
    )


def _is_word(text: str) -> bool:
    """Are there only letters, with their marks? Those of Indic scripts are no letters by themselves."""
    return bool(text) and all(unicodedata.category(character)[0] in "LM" for character in text)
