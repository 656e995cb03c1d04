"""Numbers whose form depends on what is counted: Korean 3개 in native words, Russian 2 книги in the feminine."""

import re

from jstasr.text.number_words import words_or_none
from jstasr.text.rbnf import native_korean

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
    return text


def _korean(match: re.Match[str]) -> str:
    highest = 12 if match["hour"] else 99  # hours of the afternoon are not native
    words = native_korean(int(match[1])) if 0 < int(match[1]) <= highest else None
    return f"{words} " if words else match[0]


def _russian(match: re.Match[str], code: str, case: str) -> str:
    words = words_or_none(int(match[1]), code, gender="f", case=case)
    return f"{words} " if words else match[0]
