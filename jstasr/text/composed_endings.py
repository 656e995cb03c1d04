"""Numbers with endings, and ordinals, of languages whose numbers are composed: uz 5-sinf, mn 5-р, eu 1995eko, gl 3ª."""

import re
from collections.abc import Callable

from jstasr.text.composed_numbers import compose

GALICIAN_UNITS = "primeiro segundo terceiro cuarto quinto sexto sétimo oitavo noveno".split()
GALICIAN_TENS = (
    "décimo vixésimo trixésimo cuadraxésimo quincuaxésimo sesaxésimo septuaxésimo octoxésimo nonaxésimo".split()
)
# Case endings that Basque writes against the digits, and no abbreviations of units.
BASQUE = (
    "garren(?:a|ak|ean|eko|etik|era)?|a|ak|ek|e?n|e?an|e?ko|e?koa|e?koak|e?ra|e?rako|e?raino|e?tik|e?z|e?tan|"
    "a?ren|e?kin|rekin|arekin|na"
)
# Vowels after which Mongolian has the front form of the ending.
FRONT = re.compile("[эөүе]")


def _uzbek(number: int, ending: str) -> str:
    """A number with a hyphen is an ordinal: 5-sinf is "beshinchi sinf"."""
    words = compose(number, "uz") or ""
    return f"{words}{'nchi' if words[-1] in 'aioue' else 'inchi'}"


def _mongolian(number: int, ending: str) -> str:
    words = compose(number, "mn") or ""
    last = words.rpartition(" ")[2]
    return words + ("дүгээр" if FRONT.search(last) else "дугаар")


def _basque(number: int, ending: str) -> str:
    words = compose(number, "eu") or ""
    if not ending or ending.startswith("garren"):
        case = ending.removeprefix("garren")
        if number == 1:
            return f"lehen{case}"
        return f"{re.sub('bost$', 'bos', words)}garren{case}"
    if words.endswith("r") and ending[0] in "aeiou":  # hamarreko: the r that is not doubled is another sound
        words += "r"
    return words.removesuffix("a") + ending if words.endswith("a") and ending[0] == "a" else words + ending


def _galician(number: int, ending: str) -> str | None:
    tens, unit = divmod(number, 10)
    if not 0 < number < 100:
        return {100: "centésimo", 1000: "milésimo"}.get(number)
    words = " ".join(([GALICIAN_TENS[tens - 1]] if tens else []) + ([GALICIAN_UNITS[unit - 1]] if unit else []))
    return re.sub(r"o\b", "a", words) if "ª" in ending else words


START = r"(?<![\w.,:-])(?P<number>\d{1,9})"
HYPHEN = "[-\u2011]"
READERS: dict[str, tuple[re.Pattern[str], Callable[[int, str], str | None]]] = {
    "eu": (re.compile(rf"{START}(?:{HYPHEN}?(?P<ending>{BASQUE})(?!\w)|\.(?= [a-z]))", re.IGNORECASE), _basque),
    "gl": (re.compile(rf"{START}(?P<ending>\.?[ºª])(?!\w)"), _galician),
    "mn": (re.compile(rf"{START}{HYPHEN}(?P<ending>р|дугаар|дүгээр)(?!\w)", re.IGNORECASE), _mongolian),
    "uz": (re.compile(rf"{START}{HYPHEN}(?:(?P<ending>(?:i?n)?chi)\b|(?=[^\W\d_]))", re.IGNORECASE), _uzbek),
}


def spell_composed_endings(text: str, code: str) -> str:
    """Text with such numbers in words.

    Args:
        text: as written.
        code: of `number_language`.
    """
    if code not in READERS:
        return text
    pattern, reader = READERS[code]
    return pattern.sub(lambda match: _words(match, reader), text)


def _words(match: re.Match[str], reader: Callable[[int, str], str | None]) -> str:
    words = reader(int(match["number"]), (match["ending"] or "").lower())
    return match[0] if words is None else f" {words} "
