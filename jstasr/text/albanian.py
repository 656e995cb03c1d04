"""Albanian ordinals: 5-të is "pestë", 1-rë "parë", 25-ta "njëzetepesta"."""

import re

from jstasr.text.number_words import cardinal

STEMS = {"dy": "dyt", "tre": "tret", "tri": "tret", "katër": "katërt", "pesë": "pest"}
CHANGED = re.compile(f"(?:{'|'.join(STEMS)})$")


def albanian_ordinal(number: int, ending: str, code: str) -> str | None:
    """An ordinal up to a hundred, or the thousandth; None for others, and where the ending is none of an ordinal.

    Args:
        number: the number.
        ending: as written after the hyphen: "të", "rë", or of a definite form, "ta", "tin".
        code: of `number_language`.
    """
    end = re.fullmatch("[tr]?(ë|i|a|in|ën|ës|it|ët)|[tr]", ending)
    if end is None or not (0 < number <= 100 or number == 1000):
        return None
    stem = _stem(number, cardinal(str(number), code))
    vowel = end[1] or "ë"
    return stem if vowel == "ë" and stem.endswith("katërt") else stem + vowel


def _stem(number: int, words: str) -> str:
    """What the endings are added to; compounds are one word."""
    if number in (1, 100, 1000):
        return {1: "par", 100: "njëqindt", 1000: "njëmijt"}[number]
    if number > 20 and number % 10 == 1:
        return words.replace(" e ", "e") + "t"
    return CHANGED.sub(lambda match: STEMS[match[0]], words.replace(" e ", "e")).removesuffix("ë")
