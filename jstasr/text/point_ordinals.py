"""Ordinal numbers written with a point: fi `5. luokka`, cs `5. května`, hu `május 5.`, and dates read as ordinals."""

import re

from jstasr.text.number_words import cardinal, words_or_none

# Before a word in lower case the point ends no sentence. German and its kin write nouns otherwise (ordinals.py).
LANGUAGES = {"cs", "fi", "hu", "lv", "pl", "sk", "sl", "tr"}
# Days before a month are genitives. Polish, Russian and Ukrainian write them without a point.
DAYS_WITHOUT_POINT = {"pl", "ru", "uk"}
# Ordinals of languages that num2words has only cardinals of: words, then ends of words; below a hundred.
FROM_CARDINALS = {
    "cs": (
        {"jeden": "první", "jedna": "první", "dva": "druhý", "tři": "třetí", "čtyři": "čtvrtý", "pět": "pátý",
         "šest": "šestý", "sedm": "sedmý", "osm": "osmý", "devět": "devátý", "deset": "desátý"},
        {"náct": "náctý", "cet": "cátý", "sát": "sátý"},
    ),
    "sk": (
        {"jeden": "prvý", "dva": "druhý", "tri": "tretí", "štyri": "štvrtý", "päť": "piaty", "šesť": "šiesty",
         "sedem": "siedmy", "osem": "ôsmy", "deväť": "deviaty", "desať": "desiaty"},
        {"násť": "násty", "dsať": "dsiaty", "desiat": "desiaty"},
    ),
    "lv": (
        {"viens": "pirmais", "divi": "otrais", "trīs": "trešais", "četri": "ceturtais", "pieci": "piektais",
         "seši": "sestais", "septiņi": "septītais", "astoņi": "astotais", "deviņi": "devītais"},
        {"desmit": "desmitais", "padsmit": "padsmitais"},
    ),
}  # fmt: skip
# Ends of the nominative masculine -> of the genitive.
GENITIVE = {
    "cs": {"ý": "ého", "í": "ího"},
    "pl": {"y": "ego", "i": "iego"},
    "sk": {"ý": "ého", "í": "ieho", "y": "eho"},
    "sl": {"i": "ega"},
    "uk": {"ій": "ього", "ий": "ого"},
}
# CLDR has only the nominative of the Slovenian ones.
MONTHS = {
    "sl": ("januarja", "februarja", "marca", "aprila", "maja", "junija", "julija", "avgusta", "septembra", "oktobra",
           "novembra", "decembra"),
}  # fmt: skip
# By the last letter of the noun, which shows its gender: ends of the masculine -> of the feminine or neuter.
AGREEMENT = {
    "cs": {"a": {"ý": "á"}, "o": {"ý": "é"}},
    "lv": {"a": {"ais": "ā"}, "e": {"ais": "ā"}},
    "pl": {"a": {"y": "a", "gi": "ga", "ci": "cia"}, "o": {"y": "e", "i": "ie"}, "e": {"y": "e", "i": "ie"}},
    "sk": {"a": {"ý": "á", "í": "ia", "y": "a"}, "o": {"ý": "é", "í": "ie", "y": "e"}},
    "sl": {"a": {"i": "a"}, "o": {"ji": "je", "i": "o"}, "e": {"ji": "je", "i": "o"}},
}


def spell_point_ordinals(text: str, short: str, code: str, months: tuple[str, ...]) -> str:
    """Text with its ordinals with a point, and its days of months, in words.

    Args:
        text: as written.
        short: its language.
        code: num2words' code of it.
        months: the language's names of months as they stand in dates.
    """
    if short not in LANGUAGES | DAYS_WITHOUT_POINT:
        return text
    names = "|".join(map(re.escape, MONTHS.get(short, months))) or "(?!)"
    if short in GENITIVE or short == "ru":
        point = r" " if short in DAYS_WITHOUT_POINT else r"\. ?"
        day = rf"(?<![\w.,:/\-\u2013])([12]?\d|3[01]){point}(?=(?:{names})\b)"
        text = re.sub(day, lambda match: _day(match, short, code), text, flags=re.IGNORECASE)
    if short == "hu":
        day = rf"(?<=\b)((?:{names}) )([12]?\d|3[01])\.(?!\d)"
        text = re.sub(day, lambda match: _hungarian_day(match, code), text, flags=re.IGNORECASE)
    if short in LANGUAGES:
        before_noun = r"(?<![\w.,:/\-\u2013])(\d{1,4})\. (?=([^\W\d_]+))"
        text = re.sub(before_noun, lambda match: _before_noun(match, short, code), text)
    return text


def _ordinal(number: int, short: str, code: str) -> str | None:
    if short not in FROM_CARDINALS:
        return words_or_none(number, code, "ordinal") if number else None
    if not 0 < number < 100:
        return None
    words, ends = FROM_CARDINALS[short]
    tens, unit = divmod(number, 10)
    values = (tens * 10, unit) if tens > 1 and unit else (number,)
    parts = [cardinal(str(value), code) for value in values]
    # Of Latvian compounds only the last word is an ordinal.
    kept = parts[:-1] if short == "lv" else []
    return " ".join(kept + [words.get(part) or _with_end(part, ends) for part in parts[len(kept) :]])


def _with_end(words: str, ends: dict[str, str]) -> str:
    """Each word with the first of the ends that it has exchanged."""

    def exchanged(word: str) -> str:
        end = next((end for end in ends if word.endswith(end)), None)
        return word.removesuffix(end) + ends[end] if end is not None else word

    return " ".join(map(exchanged, words.split()))


def _day(match: re.Match[str], short: str, code: str) -> str:
    if short == "ru":
        words = words_or_none(int(match[1]), code, "ordinal", case="g")
    else:
        nominative = _ordinal(int(match[1]), short, code)
        words = _with_end(nominative, GENITIVE[short]) if nominative else None
    return f"{words} " if words else match[0]


def _hungarian_day(match: re.Match[str], code: str) -> str:
    """május 5. is "május ötödike"."""
    if match[2] == "1":
        return f"{match[1]}elseje "
    words = words_or_none(int(match[2]), code, "ordinal")
    # Vowel harmony: e after a front vowel, a after a back one.
    vowel = re.findall("[aáeéiíoóöőuúüű]", (words or "")[:-2])[-1:]
    return f"{match[1]}{words}{'a' if vowel and vowel[0] in 'aáoóuú' else 'e'} " if words else match[0]


def _before_noun(match: re.Match[str], short: str, code: str) -> str:
    if not match[2].islower():
        return match[0]
    words = _ordinal(int(match[1]), short, code)
    if words is None:
        return match[0]
    return f"{_with_end(words, AGREEMENT.get(short, {}).get(match[2][-1], {}))} "
