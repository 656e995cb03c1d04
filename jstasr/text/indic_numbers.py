"""Number words of languages of India and Pakistan that num2words and CLDR lack, through indic-numtowords."""

import re
from functools import lru_cache
from typing import NamedTuple


class Names(NamedTuple):
    """Of the decimal sign and of minus."""

    point: str
    minus: str


NAMES = {
    "as": Names("দশমিক", "মাইনাছ"), "gu": Names("દશાંશ", "માઇનસ"), "ml": Names("ദശാംശം", "മൈനസ്"),
    "mr": Names("दशांश", "उणे"), "or": Names("ଦଶମିକ", "ମାଇନସ୍"), "pa": Names("ਦਸ਼ਮਲਵ", "ਮਨਫ਼ੀ"),
    "ur": Names("اعشاریہ", "منفی"),
}  # fmt: skip
# What the library spells otherwise than the language: Hindi's thousand, a nasal vowel for n before ch.
REWRITTEN = {"mr": {"हज़ार": "हजार"}, "ur": {"پاںچ": "پانچ"}}
TOP = 10**9  # from here on the library lacks some


@lru_cache(maxsize=10000)
def indic_cardinal(value: int, code: str) -> str | None:
    """Words of a whole number below `TOP`; None for others.

    Args:
        value: the number.
        code: a key of `NAMES`.
    """
    from indic_numtowords import num2words

    if abs(value) >= TOP:
        return None
    if value < 0:
        return f"{NAMES[code].minus} {indic_cardinal(-value, code)}"
    words = str(num2words(value, lang=code))
    for written, right in REWRITTEN.get(code, {}).items():
        words = words.replace(written, right)
    return re.sub(r"\s+", " ", words).strip() or None
