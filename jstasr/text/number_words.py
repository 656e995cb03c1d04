"""Words of numbers and of amounts of money: by num2words where it has the language, else by CLDR.

A code of `number_language` is num2words' own, or else one of CLDR's rules of numbers (jstasr/text/rbnf.py), or of the
languages that neither has (jstasr/text/indic_numbers.py, jstasr/text/composed_numbers.py).
"""

import re
import unicodedata
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from jstasr.text.cldr import currency_name
from jstasr.text.composed_numbers import PARTS, compose, compose_fraction
from jstasr.text.indic_numbers import NAMES, indic_cardinal
from jstasr.text.language_codes import best_match, general_tag, is_member, script_of
from jstasr.text.language_tags import known_tag
from jstasr.text.rbnf import cardinal_by_rules, ordinal_by_rules, point_by_rules, rule_codes

# num2words' codes that mean another language or script than they seem to.
CODES = {"kz": "kk", "sr": "sr-Latn"}
SERBIAN_CYRILLIC = "sr_Cyrl"  # num2words' Serbian is in Latin letters
SERBIAN = dict(zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True))
SERBIAN |= {"lj": "љ", "nj": "њ", "dž": "џ"}
LATIN_LETTERS = re.compile("lj|nj|dž|[" + "".join(letter for letter in SERBIAN if len(letter) == 1) + "]")
MINUS = "\u2212"
MINUS_WORDS = {"bn": "মাইনাস", "kn": "ಮೈನಸ್", "te": "మైనస్", "vi": "âm"}  # where num2words has a sign, or nothing
MAX_DIGITS = 15  # longer strings, and those with a leading zero, are names of things: read digit by digit
# Agreement that num2words lacks, of French in Switzerland and Belgium: deux cent un, un million, quatre-vingts; of
# Spanish: veintiún mil; of Danish: en million; of Kannada: no "one" before every lakh.
FRENCH = {
    re.compile(r"\bcents(?= (?!million|milliard|billion))"): "cent",
    re.compile(r"\bun (m|b)illi(on|ard)s\b"): r"un \1illi\2",
    re.compile(r"\bquatre-vingt(?=$| m?illi)"): "quatre-vingts",
}
FRENCH_ORDINALS = {re.compile(r"(?<=vingt|.cent)sième\b"): "ième"}  # quatre-vingtième
AGREEMENT = dict.fromkeys(("fr_BE", "fr_CH"), FRENCH | FRENCH_ORDINALS) | {
    "cs": {re.compile(r"\bdva (?=koruny\b)"): "dvě "},
    "fr": FRENCH_ORDINALS,
    "da": {re.compile(r"\ben (milli(?:on|ard))er\b"): r"en \1"},
    "kn": {re.compile(r"(?<=\S )ಒಂದು (?=ಲಕ್ಷ)"): ""},
    "es": {re.compile(r"\bveintiuno (?=mil)"): "veintiún ", re.compile(r"\buno (?=mil)"): "un "},
}
# The decimal sign's name where num2words reads decimals wrong: Turkish 3,5 as 3,50, Persian 0.05 as a half.
POINT_WORDS = {"ar": "فاصلة", "fa": "ممیز", "tr": "virgül", "vi": "phẩy"}
# num2words' languages whose ordinals only CLDR has.
ORDINALS_BY_RULES = {"kz": "kk", "sr": "sr_Latn", SERBIAN_CYRILLIC: "sr"}
# Kyrgyz decimals are read as fractions of ten, of a hundred and so on, which unicode-rbnf does not compute.
KYRGYZ_WHOLE, KYRGYZ_PARTS = "бүтүн", ("ондон", "жүздөн", "миңден")
TRADITIONAL, SIMPLIFIED = {"zh": "zh_Hant"}, {"yue": "yue_Hans"}  # CLDR's codes where the script is not the usual one
# Own currencies that num2words knows only where it is given no code of a currency.
OWN_CURRENCY = {"id": "IDR", "pt_BR": "BRL", "ro": "RON"}
FAULTS = (NotImplementedError, OverflowError, ValueError, TypeError, IndexError, KeyError, AttributeError)


@lru_cache
def number_language(language: str | None) -> str | None:
    """Whose number words are those of a language, in its script: "pt-BR" -> "pt_BR", "sr" -> "sr_Cyrl"; or None."""
    tag = general_tag(language)
    if tag is None:
        return None
    # Arabic countries write the numbers of the standard language; other members of macrolanguages have their own.
    code = best_match(language, _known_codes(), members=is_member(tag, "ar"))
    if code is None or (written := known_tag(_known_codes()[code])) is None:
        return None
    if script_of(written) == script_of(tag):
        chinese = {"Hant": TRADITIONAL, "Hans": SIMPLIFIED}.get(tag.maximize().script or "", {})
        return chinese.get(code, code)
    return SERBIAN_CYRILLIC if (code, script_of(tag)) == ("sr", "Cyrl") else None


@cache
def _known_codes() -> dict[str, str]:
    """num2words' codes, and those of CLDR's rules for languages that it lacks -> their language codes."""
    from num2words import CONVERTER_CLASSES

    codes = {code: CODES.get(code, code) for code in CONVERTER_CLASSES}
    languages = {meant.partition("_")[0].partition("-")[0] for meant in codes.values()}
    scripts = {*TRADITIONAL.values(), *SIMPLIFIED.values()}
    others = {code: code for code in rule_codes() - scripts if code.partition("_")[0] not in languages}
    return codes | others | {code: code for code in (*PARTS, *NAMES)}


def _by_rules(code: str) -> bool:
    """Are the words CLDR's, not num2words'?"""
    from num2words import CONVERTER_CLASSES

    return _library_code(code) not in CONVERTER_CLASSES and code not in PARTS and code not in NAMES


def _in_script(words: str, code: str) -> str:
    """num2words' words in the script of the code, and in its grammar."""
    for pattern, right in AGREEMENT.get(code.partition("_")[0] if code.startswith("es") else code, {}).items():
        words = pattern.sub(right, words)
    return LATIN_LETTERS.sub(lambda match: SERBIAN[match[0]], words) if code == SERBIAN_CYRILLIC else words


def _library_code(code: str) -> str:
    return "sr" if code == SERBIAN_CYRILLIC else code


@lru_cache(maxsize=10000)
def words_or_none(value: float | Decimal, code: str, kind: str = "cardinal", **options: Any) -> str | None:
    """The library's words of a number, or None where it has none for this one.

    Args:
        value: the number.
        code: of `number_language`.
        kind: "cardinal", "ordinal" or num2words' other kinds.
        options: num2words' own, as its gender and case.
    """
    if (code, kind) == ("nn", "ordinal"):  # the Bokmål ones but for their ending: sjuande
        words = (words_or_none(value, "no", kind) or "").replace("syvende", "sjuende")
        return re.sub("ende$", "ande", words) or None
    if code in PARTS and kind == "cardinal" and value == int(value):
        return compose(int(value), code)
    if code in NAMES:
        return indic_cardinal(int(value), code) if kind == "cardinal" and value == int(value) else None
    rules = code if _by_rules(code) else ORDINALS_BY_RULES.get(code) if kind == "ordinal" else None
    if rules is not None:
        if value != int(value) or kind not in ("cardinal", "ordinal"):
            return None
        return cardinal_by_rules(int(value), rules) if kind == "cardinal" else ordinal_by_rules(int(value), rules)
    return _num2words_or_none(value, code, kind, **options)


def _num2words_or_none(value: float | Decimal, code: str, kind: str, **options: Any) -> str | None:
    from num2words import num2words

    try:
        words = num2words(value, lang=_library_code(code), to=kind, **options)
    except FAULTS:
        return None
    words = _in_script(words or "", code)
    if not words or any(character.isdigit() or unicodedata.category(character)[0] == "S" for character in words):
        return None
    return words


def cardinal(number: str, code: str | None, year: bool = False, point: str | None = None) -> str:
    """Words of "12", "12.5" or, digit by digit, "0012"; the number itself without a code.

    Args:
        number: digits of any script, with a point for the decimal sign.
        code: of `number_language`.
        year: four digits between 1100 and 1999 are read as English reads a year.
        point: the name of the decimal sign, where it is not that of the code.
    """
    if code is None:
        return number
    whole, _, fraction = number.partition(".")
    if fraction:
        return _decimal(whole, fraction, code, point)
    if (len(whole) > 1 and int(whole[0]) == 0) or len(whole) > MAX_DIGITS:
        return digit_by_digit(whole, code)
    if year and code.startswith("en") and len(whole) == 4 and 1100 <= int(whole) <= 1999:
        return words_or_none(int(whole), code, "year") or digit_by_digit(whole, code)
    return words_or_none(int(whole), code) or digit_by_digit(whole, code)


def number_before(number: int, magnitude: str, power: int, code: str) -> str | None:
    """Words of a number before a word for thousand, million and so on: those of their product but for its last word.

    Russian 2 тысячи is "две тысячи", though 2 is "два"; None where the product is not read so, as German tausend.
    """
    words = words_or_none(number * 10**power, code) or ""
    before, _, last = words.rpartition(" ")
    return before if last.lower() == magnitude.lower() else None


def digit_by_digit(number: str, code: str) -> str:
    """Words of each digit."""
    return " ".join(words_or_none(int(digit), code) or digit for digit in number if digit.isdigit())


def _decimal(whole: str, fraction: str, code: str, point: str | None = None) -> str:
    if code in PARTS and (parts := compose_fraction(fraction, code)) is not None:
        return f"{cardinal(whole, code)} {parts}"
    if code == "ky" and len(fraction) <= len(KYRGYZ_PARTS):
        parts = KYRGYZ_PARTS[len(fraction) - 1]
        return f"{cardinal(whole, code)} {KYRGYZ_WHOLE} {parts} {cardinal(str(int(fraction)), code)}"
    point = point or _point_word(code)
    if point is None and len(whole) + len(fraction) <= MAX_DIGITS:
        words = words_or_none(Decimal(f"{int(whole)}.{int(fraction):0{len(fraction)}d}"), code)
        if words is not None:
            return words
    return " ".join(filter(None, (cardinal(whole, code), point, digit_by_digit(fraction, code))))


@lru_cache
def _point_word(code: str) -> str | None:
    """The name of the decimal sign in languages that read the digits after it one by one; None in the others.

    From num2words' reading of 3.25 as a float: of a Decimal its Italian and Welsh drop the fraction.
    """
    if code in PARTS:
        return PARTS[code].point or None
    if code in NAMES:
        return NAMES[code].point
    if code in POINT_WORDS:
        return POINT_WORDS[code]
    if _by_rules(code):
        return point_by_rules(code)
    said, three, two, five = (words_or_none(value, code) for value in (3.25, 3, 2, 5))
    if said is None or three is None or two is None or five is None or not said.startswith(three):
        return None
    rest = "".join(said[len(three) :].split())
    return rest.removesuffix(two + five) if rest.endswith(two + five) and rest != two + five else None


@lru_cache
def minus_word(code: str | None) -> str:
    """What stands before a negative number; the sign itself where its name is not known."""
    from num2words import CONVERTER_CLASSES

    if code is None:
        return MINUS
    if code in MINUS_WORDS:
        return MINUS_WORDS[code]
    one, negative = words_or_none(1, code), words_or_none(-1, code)
    if one is not None and negative is not None and negative.endswith(one):
        return negative.removesuffix(one).strip()
    word = _in_script(getattr(CONVERTER_CLASSES.get(_library_code(code)), "negword", None) or "", code)
    return word.strip() if word.strip().isalpha() else MINUS


def money(amount: str, currency: str, language: str | None) -> str | None:
    """Words of an amount of a currency: "2.50" USD is "two dollars, fifty cents"; None where nobody has its name."""
    code = number_language(language)
    whole, _, fraction = amount.partition(".")
    if code is not None and OWN_CURRENCY.get(code) == currency and len(fraction) in (0, 2) and len(whole) <= MAX_DIGITS:
        words = _money_words(Decimal(amount), code, {})
        if words is not None:
            return words
    if (
        code is not None
        and len(fraction) in (0, 2)
        and len(whole) <= MAX_DIGITS
        and currency in own_currency_forms(code)
    ):
        cents = f"{int(fraction):02d}" if fraction else "00"
        value = Decimal(f"{int(whole)}.{cents}")
        options: dict[str, Any] = {"currency": currency} | ({"separator": "|"} if cents == "00" else {})
        words = _money_words(value, code, options)
        if words is not None:
            words = words.partition("|")[0].strip().removesuffix(" 영센트")  # where Korean has no separator
            return _everyday_english(words, int(whole)) if code.startswith("en") else words
    if not fraction.strip("0"):
        amount = whole  # "5,00" is read as 5
    name = currency_unit(currency, Decimal(amount), language)
    return f"{cardinal(amount, code)} {name}" if name else None


def _money_words(value: Decimal, code: str, options: dict[str, Any]) -> str | None:
    """num2words' words of an amount of money, or None; a separator among the options stays in them."""
    from num2words import num2words

    try:
        words = num2words(value, lang=_library_code(code), to="currency", **options)
    except FAULTS:
        return None
    return None if not words or any(character.isdigit() for character in words) else _in_script(words, code)


@lru_cache
def own_currency_forms(code: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """num2words' names of currencies in a language's own words; many of its languages only inherit English ones."""
    from num2words import CONVERTER_CLASSES
    from num2words.lang_EU import Num2Word_EU

    forms = getattr(CONVERTER_CLASSES.get(_library_code(code)), "CURRENCY_FORMS", {})
    return {} if forms is Num2Word_EU.CURRENCY_FORMS and not code.startswith("en") else forms


def currency_unit(currency: str, count: Decimal | None, language: str | None) -> str | None:
    """A currency's name after a number that is written otherwise ("million", "2.5"); None where it has none."""
    code = number_language(language)
    if code is not None and code.startswith("en") and currency in own_currency_forms(code):
        singular, plural = own_currency_forms(code)[currency][0][:2]
        name = singular if count is None or count == 1 else plural
        return _everyday_english(name, 1 if count == 1 or count is None else 2)
    return currency_name(currency, count, language)


def _everyday_english(words: str, whole: int) -> str:
    """num2words says "five euro" and "five pounds sterling"."""
    words = words.replace(" sterling", "")
    return words if whole == 1 else re.sub(r"\beuro\b", "euros", words)
