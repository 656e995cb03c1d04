"""Estonian ordinals: 5-ndal is "viiendal", 5-aastane "viieaastane"."""

import re

from jstasr.text.number_words import cardinal

ORDINALS = {
    "üks": "esimene", "kaks": "teine", "kolm": "kolmas", "neli": "neljas", "viis": "viies", "kuus": "kuues",
    "seitse": "seitsmes", "kaheksa": "kaheksas", "üheksa": "üheksas", "kümme": "kümnes", "sada": "sajas",
    "tuhat": "tuhandes",
}  # fmt: skip
GENITIVES = {
    "üks": "ühe", "kaks": "kahe", "kolm": "kolme", "neli": "nelja", "viis": "viie", "kuus": "kuue",
    "seitse": "seitsme", "kaheksa": "kaheksa", "üheksa": "üheksa", "kümme": "kümne", "tuhat": "tuhande",
}  # fmt: skip
CASES = {"l", "le", "lt", "s", "sse", "st", "ks", "ni", "na", "ga", "ta"}


def estonian_number(number: int, ending: str, code: str) -> str | None:
    """A number with the ending written after its hyphen; None where that is none of an ordinal or of a compound."""
    words = estonian_ordinal(number, code)
    if words is None:
        return None
    if ending.startswith("aasta"):  # 5-aastane: "viieaastane"
        return "".join(map(_genitive_of_cardinal, cardinal(str(number), code).split())) + ending
    if ending == "s" or re.fullmatch("[mn]es?|nes|mas|jas|es|as", ending):
        return words
    form = re.fullmatch("(?:nda|da|se)(.*)", ending)
    if form is None or (form[1] and form[1] not in CASES):
        return None
    return estonian_genitive(words) + form[1]


def estonian_ordinal(number: int, code: str) -> str | None:
    """The nominative: 1995 is "tuhande üheksasaja üheksakümne viies"; None from a million on."""
    if not 0 < number < 1_000_000:
        return None
    *before, last = re.sub("^üks tuhat", "tuhat", cardinal(str(number), code)).split()
    return " ".join([*map(_genitive_of_cardinal, before), _last(last)])


def _last(word: str) -> str:
    if word in ORDINALS:
        return ORDINALS[word]
    for end, ordinal in (("teist", "teistkümnes"), ("kümmend", "kümnes"), ("sada", "sajas")):
        unit = word.removesuffix(end)
        if unit != word:
            return ("" if end == "sada" and unit == "üks" else GENITIVES[unit]) + ordinal
    return word


def _genitive_of_cardinal(word: str) -> str:
    if word in GENITIVES:
        return GENITIVES[word]
    for end, genitive in (("teist", "teistkümne"), ("kümmend", "kümne"), ("sada", "saja")):
        unit = word.removesuffix(end)
        if unit != word:
            return ("" if not unit or (end == "sada" and unit == "üks") else GENITIVES[unit]) + genitive
    return word


def estonian_genitive(words: str) -> str:
    """The genitive of an ordinal: viies -> viienda."""
    if words.endswith(("esimene", "teine")):
        return words[:-2] + "se"
    return words.removesuffix("s") + "nda"
