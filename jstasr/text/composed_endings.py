"""Ordinals and numbers with case endings: uz 5-sinf, kk 5-сынып, mn 5-р, lt 5-oji, eu 1995eko, gl 3ª, bn ১ম."""

import re
from collections.abc import Callable

from jstasr.text.composed_numbers import compose
from jstasr.text.number_words import cardinal, words_or_none

GALICIAN_UNITS = "primeiro segundo terceiro cuarto quinto sexto sétimo oitavo noveno".split()
GALICIAN_TENS = (
    "décimo vixésimo trixésimo cuadraxésimo quincuaxésimo sesaxésimo septuaxésimo octoxésimo nonaxésimo".split()
)
# Case endings that Basque writes against the digits, and no abbreviations of units.
BASQUE = (
    "garren(?:a|ak|ean|eko|etik|era)?|a|ak|ek|e?n|e?an|e?ko|e?koa|e?koak|e?ra|e?rako|e?raino|e?tik|e?z|e?tan|"
    "a?ren|e?kin|rekin|arekin|na"
)
# Case endings, which a cardinal has; before any other word a hyphen tells an ordinal.
CASES = {
    "kz": "[ғқ]а|[гк]е|[дт][ае]н?|[ндт][ыі]ң?|н[ыі]ң|[мбп]ен|[ғқ]а дейін",
    "ky": "[гк][аеоө]|[дт][аеоө]н?|[ндт][ыиуү]н?",
    "uz": "[gkq]a|dan?|ni|ning|gacha",
    "uz_Cyrl": "[гкқ]а|дан?|ни|нинг|гача",
}
# Stems of Lithuanian ordinals, to which what is written after the hyphen is added.
LITHUANIAN = dict(enumerate("pirm antr treči ketvirt penkt šešt septint aštunt devint dešimt".split(), 1)) | {
    11: "vienuolikt", 12: "dvylikt", 13: "trylikt", 14: "keturiolikt", 15: "penkiolikt", 16: "šešiolikt",
    17: "septyniolikt", 18: "aštuoniolikt", 19: "devyniolikt", 20: "dvidešimt", 30: "trisdešimt",
    40: "keturiasdešimt", 50: "penkiasdešimt", 60: "šešiasdešimt", 70: "septyniasdešimt", 80: "aštuoniasdešimt",
    90: "devyniasdešimt", 100: "šimt", 1000: "tūkstant",
}  # fmt: skip
# Macedonian stems of ordinals; others are the number and т.
MACEDONIAN = {
    "еден": "прв", "два": "втор", "три": "трет", "четири": "четврт", "пет": "петт", "шест": "шест", "седум": "седм",
    "осум": "осм",
}  # fmt: skip
BENGALI = "প্রথম দ্বিতীয় তৃতীয় চতুর্থ পঞ্চম ষষ্ঠ সপ্তম অষ্টম নবম দশম".split()
BENGALI_DAYS = {(1, "লা"): "পহেলা", (2, "রা"): "দোসরা", (3, "রা"): "তেসরা", (4, "ঠা"): "চৌঠা"}
# Vowels after which Mongolian has the front form of the ending.
FRONT = re.compile("[эөүе]")


def _turkic(code: str) -> Callable[[int, str], str | None]:
    """A number with a hyphen is an ordinal: Uzbek 5-sinf is "beshinchi sinf"; not one with a case: Kazakh 5-ке."""

    def read(number: int, ending: str) -> str | None:
        words = cardinal(str(number), code)
        if ending and not ending.endswith(("chi", "чи")):
            return words + ending
        if code == "uz":
            return f"{words}{'nchi' if words[-1] in 'aioue' else 'inchi'}"
        if code == "uz_Cyrl":
            return f"{words}{'нчи' if words[-1] in 'аиоуэ' else 'инчи'}"
        return words_or_none(number, code, "ordinal")

    return read


def _bengali(number: int, ending: str) -> str | None:
    if (number, ending) in BENGALI_DAYS:
        return BENGALI_DAYS[number, ending]
    words = cardinal(str(number), "bn")
    if ending in ("ই", "তম", "টা", "টি", "টার", "টির", "টায়"):
        return words + ending
    if ending == "শে":  # ২১শে is "একুশে"
        return f"{words}ে" if words.endswith("শ") else None
    return BENGALI[number - 1] if 0 < number <= len(BENGALI) else None


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


def _lithuanian(number: int, ending: str) -> str | None:
    """5-oji is "penktoji", 1995-aisiais "vienas tūkstantis devyni šimtai devyniasdešimt penktaisiais"."""
    last = next((size for size in (number, number % 100, number % 10) if size in LITHUANIAN), None)
    if last is None:
        return None
    stem = LITHUANIAN[last]
    if ending[0] == "i" and stem[-1] == "i":
        ending = ending[1:]
    elif ending[:2] in ("ia", "io", "iu", "ią", "ių"):  # 3-ioji
        return None
    head = number - last
    before = cardinal(str(head), "lt") if head else ""
    if last < 10 and head % 100:  # twenty before a unit has no ending: dvidešimt pirmoji
        before = re.sub("dešimtas$", "dešimt", before)
    return f"{before} {stem}{ending}".strip()


def _macedonian(number: int, ending: str) -> str:
    """3-ти is "трети", 5-тата "петтата"; before a noun with a point, by its last letter: 20. век, 1. класа."""
    before, blank, last = (compose(number, "mk") or "").rpartition(" ")
    stem = MACEDONIAN.get(last, f"{last}т")
    if "." in ending:
        end = {"а": "а", "о": "о", "е": "о"}.get(ending[-1], "" if stem in ("прв", "втор", "трет") else "и")
        return before + blank + stem + end
    return before + blank + stem + ending[1:]


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
    "bn": (re.compile(rf"{START}(?P<ending>ম|য়|য়|র্থ|ষ্ঠ|তম|ই|শে|লা|রা|ঠা|টা|টি|টার|টির|টায়)(?![\u0980-\u09ff])"), _bengali),
    "lt": (
        re.compile(rf"{START}{HYPHEN}(?P<ending>[aąeęėiouų][a-ząčęėįšųūž]{{0,7}})(?!\w)", re.IGNORECASE),
        _lithuanian,
    ),
    "mk": (
        re.compile(
            rf"{START}(?:{HYPHEN}(?P<ending>[твр](?:и(?:от|те)?|а(?:та)?|о(?:то)?))(?!\w)"
            r"|\.(?= (?P<noun>[а-шѓѕјљњќџ]+)))"
        ),
        _macedonian,
    ),
    "mn": (re.compile(rf"{START}{HYPHEN}(?P<ending>р|дугаар|дүгээр)(?!\w)", re.IGNORECASE), _mongolian),
    **{
        code: (
            re.compile(
                rf"{START}{HYPHEN}(?:(?P<ending>{cases}|(?:i?n)?chi|(?:и?н)?чи)(?!\w)|(?=[^\W\d_]))", re.IGNORECASE
            ),
            _turkic(code),
        )
        for code, cases in CASES.items()
    },
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
    noun = match.groupdict().get("noun")
    words = reader(int(match["number"]), f".{noun}" if noun else (match["ending"] or "").lower())
    return match[0] if words is None else f" {words} "
