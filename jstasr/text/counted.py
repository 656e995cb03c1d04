"""Numbers whose form depends on what is counted: Korean 3개 in native words, Russian 2 книги in the feminine.

Only where the noun's end, or a list of common ones, tells its gender.
"""

import re

from jstasr.text.number_words import cardinal, words_or_none
from jstasr.text.rbnf import feminine_by_rules, native_korean

# Counted in native words; years, months, minutes, money and the like have the others.
KOREAN = re.compile(
    r"(?<![\w.,:~-])(\d{1,2}) ?(?=(?:개(?![월국년])|명|시간|(?P<hour>시(?:(?![가-힣])|에|부터|까지|쯤|경|반))|살|마리"
    r"|권|잔|사람|가지|그루|켤레|송이|군데|달(?!러)|채|벌|척))"
)
# After 2 a noun is in the genitive singular, where only feminine ones end in -ы or -и.
RUSSIAN_TWO = re.compile(r"(?<![\w.,:-])(\d{0,8}(?<!1)2) (?=([а-яё]{2,}[ыи])\b)", re.IGNORECASE)
RUSSIAN_OTHERS = {"или", "при", "мои", "твои", "свои", "наши", "ваши", "три", "почти", "если", "после", "были"}
# After 1 the end does not tell them from masculine genitives: some that are counted often.
RUSSIAN_ONE = re.compile(
    r"(?<![\w.,:-])(\d{0,8}(?<!1)1) "
    r"(?=(?:минут|секунд|недел|страниц|книг|копейк|тонн|глав|строк|групп|команд|женщин|машин|комнат|квартир|школ)([аяую])\b)",
    re.IGNORECASE,
)


# After 2, 3 and 4 masculine and neuter nouns end in -a in Serbo-Croatian, feminine ones in -e.
FEMININE_TWO = {
    **dict.fromkeys(("bs", "hr"), re.compile(r"(?<![\w.,:-])(\d{0,8}(?<!1)2) (?=(?!dne\b)[a-zčćšžđ]{2,}e\b)")),
    "sr": re.compile(r"(?<![\w.,:-])(\d{0,8}(?<!1)2) (?=[a-zčćšžđ]{2,}e\b|[а-шђћљњџ]{2,}е\b)"),
}
SERBIAN_RULES = {"sr": "sr_Latn", "sr_Cyrl": "sr"}  # num2words' code of Serbian in Latin letters -> CLDR's
# Hungarian two before what is counted.
HUNGARIAN_TWO = re.compile(
    r"(?<![\w.,:-])(\d{0,8}2) (?=(?!(?:és|vagy|meg|volt|van|lett|az|is|de|mert|közül|alatt|felett|ezer|[mb]ill\w+)\b)"
    r"[a-záéíóöőúüű]{2,})"
)
# German one before what is counted.
GERMAN_ONE = {
    "ein": "Uhr|Euro|Cent|Dollar|Prozent|Grad|Kilo(?:gramm|meter)?|Gramm|Meter|Zentimeter|Liter|Jahr|Monat|Tag|Mal",
    "eine": "Stunde|Minute|Sekunde|Woche|Tonne|Seite",
}
# Irish numbers without "a" before what is counted.
IRISH = re.compile(r"(?<![\w.,:/€£$-])([2-9]|10)(?= (?!agus\b|nó\b|go\b|ar\b|a\b|is\b)[a-záéíóú]{2,}| ?[%€£])")


def spell_counted(text: str, short: str, code: str) -> str:
    """Text with such numbers in words.

    Args:
        text: as written.
        short: its language.
        code: of `number_language`.
    """
    if short == "ko":
        return KOREAN.sub(_korean, text)
    if short == "ru":
        text = RUSSIAN_ONE.sub(lambda match: _russian(match, code, "a" if match[2] in "ую" else "n"), text)
        return RUSSIAN_TWO.sub(
            lambda match: match[0] if match[2].lower() in RUSSIAN_OTHERS else _russian(match, code, "n"), text
        )
    if short in FEMININE_TWO:
        rules = SERBIAN_RULES.get(code, code)
        return FEMININE_TWO[short].sub(lambda match: f"{feminine_by_rules(int(match[1]), rules) or match[1]} ", text)
    if short == "hu":
        return HUNGARIAN_TWO.sub(lambda match: re.sub("kettő$", "két", cardinal(match[1], code)) + " ", text)
    if short == "de":
        for one, nouns in GERMAN_ONE.items():
            text = re.sub(rf"(?<![\w.,:/-])1 (?=(?:{nouns})\b)", f"{one} ", text)
        return re.sub(r"(?<![\w.,:/-])1(?= ?%)", "ein", text)
    if short == "ga":
        return IRISH.sub(lambda match: cardinal(match[1], code).removeprefix("a "), text)
    return text


def _korean(match: re.Match[str]) -> str:
    highest = 12 if match["hour"] else 99  # hours of the afternoon are not native
    words = native_korean(int(match[1])) if 0 < int(match[1]) <= highest else None
    return f"{words} " if words else match[0]


def _russian(match: re.Match[str], code: str, case: str) -> str:
    words = words_or_none(int(match[1]), code, gender="f", case=case)
    return f"{words} " if words else match[0]
