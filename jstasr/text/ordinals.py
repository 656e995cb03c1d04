"""Ordinal numbers as languages write them: 3rd, 2ème, 1ª, 3:e, 3. Mai."""

import re
from collections.abc import Callable

from jstasr.text.languages import primary_subtag
from jstasr.text.number_words import words_or_none

# What follows the digits of an ordinal, by grammar. Spanish, Italian, Portuguese and Catalan end in o (m) and a (f).
ENDINGS = {
    "af": r"(?:ste|de)",
    "en": r"(?:st|nd|rd|th)",
    "fr": r"(?:er|ère|re|e|i?ème|nde?)s?",
    "es": r"\.?(?:er|[rdtmvn][oa]|[ºª])",
    "pt": r"\.?[ºª]",
    "it": r"\.?[ºª]",
    "ca": r"(?:r|n|t|è|a)",
    "nl": r"(?:e|de|ste)",
    "sv": r":[ae]",
    "ro": r"-(?:lea|a)",
    "cy": r"(?:af|ail|il|ydd|edd|ed|fed|eg|ain|fain)",
    "eo": r"-?a",
    "tr": r"['\u2019]?(?:inci|ıncı|uncu|üncü|nci|ncı)",
    "fa": r"[ \u200c]?(?:ام|اُم|م)",
    "kn": r"-?ನೇ",
    "ko": r" ?번째",
    "te": r"-?వ",
}
# Romanian feminines: al treilea, a treia.
ROMANIAN_FEMININE = {
    "doilea": "doua", "unulea": "una", "cilea": "cea", "ulea": "a", "ălea": "a", "lea": "a",
}  # fmt: skip
FEMININE = {"es": "o", "pt": "o", "it": "o"}
# German ordinals before a month take the ending that the word before asks for.
GERMAN_WEAK = r"(?P<word>\b(?:am|vom|zum|dem|den|im|beim|bis|ab|seit|und|des) )"
# Nouns that an ordinal stands before, beside months.
DEGREES = {
    "es": "piso|lugar|puesto|siglo|grado|curso|aniversario|batallón|congreso|capítulo|artículo",
    "it": "piano|posto|secolo|grado|anniversario|reggimento|congresso|capitolo|classificato|governo",
    "pt": "andar|lugar|século|grau|ano|aniversário|batalhão|congresso|capítulo|artigo|ciclo|dia",
}
SCANDINAVIAN = {"da", "nb", "no", "nn"}
DATES = {"de", "da", "lb", "nb", "no", "nn"}
# Elsewhere an article tells that the point after a number is that of an ordinal: der 2. Weltkrieg, det 3. barn.
ARTICLES = {
    "de": "der|die|das|dem|den|des|am|vom|zum|zur|im|beim",
    "lb": "de|den|dem|der|am|vum|zum",
} | dict.fromkeys(("da", "nb", "no", "nn"), "den|det|de")
GERMAN_STRONG = ("die", "das", "der")  # "der" after a preposition is a dative
GERMAN_DATIVE = "in|mit|von|zu|bei|nach|aus|seit|an|auf|vor|hinter|unter|über|während|wegen|ab"


def spell_ordinals(
    text: str, language: str | None, code: str, plain: Callable[[str], str], months: tuple[str, ...]
) -> str:
    """Text with its ordinal numbers in words.

    Args:
        text: as written.
        language: its language.
        code: num2words' code of it.
        plain: a number as written -> its digits.
        months: the language's names of months.
    """
    short = primary_subtag(language)
    blank = r"(?: \d{3})+" if plain("1,5") == "1.5" else r"(?: 000)+"
    number = rf"(?<![\w.,])(?P<number>\d{{1,3}}(?:(?:[.,\u202f\xa0]\d{{3}})+|{blank})|\d{{1,9}})"
    if short in DEGREES:  # the sign of degrees for that of ordinals: 1° maggio, 3° piso
        names = "|".join([*map(re.escape, months), DEGREES[short]])
        text = re.sub(rf"(?<![\w.,-])(\d{{1,2}})\xb0(?= (?:de )?(?:{names})\b)", "\\1\xba", text)
    if short in ENDINGS:
        prefix = r"(?:\bal? )?" if short == "ro" else ""
        pattern = rf"{prefix}{number}(?P<ending>{ENDINGS[short]})(?!\w)"
        text = re.sub(pattern, lambda match: _ordinal(match, short, code, plain), text, flags=re.IGNORECASE)
    if short in ("id", "ms"):
        text = re.sub(r"\bke-(?P<number>\d{1,9})\b", lambda match: _ordinal(match, short, code, plain), text)
    if short == "de":
        text = re.sub(r"(?<![\w.,])(\d{1,4})er\b", lambda match: _decade(match, code), text)
        both = r"(?<![\w.,])(?P<number>\d{1,2})\. bis (?P<second>\d{1,2})\. (?=[^\W\d_])"
        text = re.sub(both, lambda match: _both_of_range(match, code), text)
        pair = r"(?<![\w.,])(?P<number>[0-3]?\d)\.(?= (?:bis(?: zum)?|und|oder) [0-3]?\d\. )"
        text = re.sub(pair, lambda match: _first_of_two(match, code), text)
    if short in SCANDINAVIAN:
        pair = r"(?<![\w.,])(?P<number>[0-3]?\d)\. ?[-\u2013] ?(?=[0-3]?\d\. [^\W\d_])"
        text = re.sub(pair, lambda match: _first_of_range(match, code), text)
    if short in DATES and months:
        names = "|".join(map(re.escape, months))
        dated = rf"(?:{GERMAN_WEAK})?(?<![\w.,])(?P<number>[0-3]?\d)\. ?(?={names})"
        text = re.sub(dated, lambda match: _day(match, short, code), text, flags=re.IGNORECASE)
    if short in ARTICLES:
        before = rf"(?:\b(?P<preposition>{GERMAN_DATIVE}) )?" if short == "de" else ""
        pattern = (
            rf"{before}\b(?P<article>{ARTICLES[short]}) (?P<number>\d{{1,3}}(?:\.\d{{3}})+|\d{{1,4}})\. (?=[^\W\d_])"
        )
        text = re.sub(pattern, lambda match: _after_article(match, short, code, plain), text, flags=re.IGNORECASE)
    return text


def _ordinal(match: re.Match[str], short: str, code: str, plain: Callable[[str], str]) -> str:
    digits = plain(match["number"])
    if not digits.isdigit():
        return match[0]
    ending = (match.groupdict().get("ending") or "").lower()
    words = words_or_none(int(digits), code, "ordinal")
    if words is None:
        return match[0]
    plural = "s" if short == "fr" and ending.endswith("s") else ""
    ending = ending.removesuffix(plural)
    if short in FEMININE and ending.endswith("ª"):
        words = re.sub(r"o\b", "a", words)
    elif short == "es" and ending.endswith(("o", "a")):  # 2do, 3ra: the last letters of the word
        words = re.sub(r"o\b", ending[-1], words)
        if not words.endswith(ending.removeprefix(".")):
            return match[0]
    elif short == "es" and ending.endswith("er"):
        words = re.sub(r"(primer|tercer)o$", r"\1", words)
    elif short == "fr" and digits == "1" and ending in ("re", "ère"):
        words = "première"
    elif short == "fr" and ending in ("nd", "nde"):
        words = {"nd": "second", "nde": "seconde"}[ending]
    elif short == "ro" and ending == "-a" and digits != "1":
        masculine = next(end for end in ROMANIAN_FEMININE if words.endswith(end))
        words = "a " + words.removeprefix("al ").removesuffix(masculine) + ROMANIAN_FEMININE[masculine]
    elif short == "ca" and ending == "a":
        words = {"quart": "quarta", "cinquè": "cinquena"}.get(
            words, re.sub("è$", "ena", words) if words[-1] == "è" else words + "a"
        )
    return f" {words}{plural} "


def _decade(match: re.Match[str], code: str) -> str:
    """German 1990er is read by hundreds: "neunzehnhundertneunziger"."""
    number = int(match[1])
    words = words_or_none(number, code, "year" if 1100 <= number <= 1999 else "cardinal")
    return f"{words}er" if words and number else match[0]


def _first_of_two(match: re.Match[str], code: str) -> str:
    words = words_or_none(int(match["number"]), code, "ordinal")
    return f"{words}n" if words and int(match["number"]) else match[0]


def _both_of_range(match: re.Match[str], code: str) -> str:
    first, last = (words_or_none(int(match[name]), code, "ordinal") for name in ("number", "second"))
    return f"{first}n bis {last}n " if first and last and int(match["number"]) else match[0]


def _first_of_range(match: re.Match[str], code: str) -> str:
    words = words_or_none(int(match["number"]), code, "ordinal")
    return f"{words} til " if words and int(match["number"]) else match[0]


def _day(match: re.Match[str], short: str, code: str) -> str:
    words = words_or_none(int(match["number"]), code, "ordinal")
    if words is None or int(match["number"]) == 0:
        return match[0]
    before = match["word"] or ""
    end = ""
    if short == "de":  # am dritten Mai, der dritte Mai, dritter Mai
        article = re.search(r"\b(?:der|die|das) $", match.string[: match.start()], re.IGNORECASE)
        end = "n" if before else "" if article else "r"
    return f"{before}{words}{end} "


def _after_article(match: re.Match[str], short: str, code: str, plain: Callable[[str], str]) -> str:
    words = words_or_none(int(plain(match["number"])), code, "ordinal")
    if words is None:
        return match[0]
    article = match["article"].lower()
    dative = short == "de" and (article not in GERMAN_STRONG or (article == "der" and match["preposition"]))
    return f"{match[0][: match.start('number') - match.start()]}{words}{'n' if dative else ''} "
