"""Number words by CLDR's rules (RBNF, Unicode TS 35), for what num2words lacks, through unicode-rbnf."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unicode_rbnf import RbnfEngine

# Rule sets of cardinal numbers, where the shortest is not the one that is spoken: zh 〇 is written in years only.
CARDINAL = {"zh": "spellout-cardinal", "zh_Hant": "spellout-cardinal", "no": "spellout-numbering"}
# Bosnian numbers are the Croatian ones but for the thousands; CLDR's own have "jedinica hiljada".
RULES = {"bs": "hr"}
# CLDR's Zulu is no longer in ICU. Its Macedonian is wrong from a hundred on ("еднасто"): composed_numbers.py.
UNFIT = {"mk", "zu"}
# What CLDR writes otherwise than the language is written: Thai words among Lao ones; stress marks of dictionaries.
REWRITTEN = {
    "bs": {"tisuć": "hiljad", "lijun": "lion"},
    "el": {"χίλιάδες": "χιλιάδες"},
    "lo": {
        "ร้อย": "ຮ້ອຍ", "พัน": "ພັນ", "หมื่น": "ໝື່ນ", "แสน": "ແສນ", "ล้าน": "ລ້ານ", "จุด": "ຈຸດ", "ลบ": "ລົບ",
        "ที่": "ທີ", "ศูนย์": "ສູນ",
    },
    "qu": {"-": ""},  # endings of one word
    "sr": {"\u2018": ""},
    "sr_Latn": {"\u2018": ""},
}  # fmt: skip
STRESS_MARKS = {"fil"}
# Ordinals from a hundred on that CLDR has wrong ("sti", "devetst"): cardinals before the last two digits.
LAST_TWO_DIGITS = {"bs", "hr", "sr", "sr_Latn"}
HUNDREDTH = {"masculine": "stoti", "feminine": "stota", "neuter": "stoto"}
FAULTS = (ArithmeticError, LookupError, RecursionError, ValueError)


@cache
def rule_codes() -> frozenset[str]:
    """Codes of languages, with script or region, that CLDR has rules of numbers for."""
    from unicode_rbnf import RbnfEngine

    return frozenset(RbnfEngine.get_supported_languages()) - UNFIT


@lru_cache(maxsize=20)
def _engine(code: str) -> "RbnfEngine":
    from unicode_rbnf import RbnfEngine

    return RbnfEngine.for_language(RULES.get(code, code))


@lru_cache(maxsize=10000)
def cardinal_by_rules(value: int, code: str) -> str | None:
    """Words of a whole number; None where the rules have none.

    Args:
        value: the number.
        code: one of `rule_codes`.
    """
    return _words(value, code, CARDINAL.get(code, "spellout-numbering"))


@lru_cache
def point_by_rules(code: str) -> str | None:
    """The name of the decimal sign where the digits after it are read one by one; None elsewhere.

    From the words of 3.25 in the first rule set, of a gender or of none, that has decimals.
    """
    for ruleset in _engine(code).rulesets:
        said, *digits = (_words(value, code, ruleset) for value in (3.25, 3, 2, 5))
        if said and all(digits) and ruleset.startswith("spellout"):
            three, two, five = (re.escape(digit or "") for digit in digits)
            found = re.fullmatch(rf"{three} *(.+?) *{two} *{five}", said)
            if found:
                return found[1]
    return None


@lru_cache(maxsize=10000)
def ordinal_by_rules(value: int, code: str, form: str = "") -> str | None:
    """Words of an ordinal number; None where CLDR has none.

    Args:
        value, code: as of `cardinal_by_rules`.
        form: CLDR's name of the gender or case, as "feminine"; "" is the plain or the masculine one.
    """
    if value == 100 and code in ("bs", "hr"):
        return HUNDREDTH[form or "masculine"]
    if value > 100 and code in LAST_TWO_DIGITS:
        last = ordinal_by_rules(value % 100, code, form) if value % 100 else None
        before = cardinal_by_rules(value - value % 100, code)
        return f"{before} {last}" if before and last else None
    names = [f"spellout-ordinal-{form}"] if form else ["spellout-ordinal", "spellout-ordinal-masculine"]
    name = next((name for name in names if name in _engine(code).rulesets), None)
    words = _words(value, code, name) if name is not None and value > 0 else None
    return None if words == cardinal_by_rules(value, code) else words


def feminine_by_rules(value: int, code: str) -> str | None:
    """Words of a whole number before a feminine noun; None where CLDR has none."""
    return _words(value, code, "spellout-cardinal-feminine")


def native_korean(value: int) -> str | None:
    """The Korean number before what is counted in native words, as hours: 10 is "\uc5f4"."""
    return _words(value, "ko", "spellout-cardinal-native-attributive")


def _words(value: float, code: str, ruleset: str) -> str | None:
    from unicode_rbnf.engine import RbnfError

    try:
        words = _engine(code).format_number(value, ruleset_names=[ruleset]).text
    except (*FAULTS, RbnfError):
        return None
    words = words.replace("\u200b", "")  # between the words of Lao and Khmer, which transcripts lack
    for written, right in REWRITTEN.get(code, {}).items():
        words = words.replace(written, right)
    if code in STRESS_MARKS:
        words = unicodedata.normalize("NFC", re.sub("[\u0300\u0301\u0302]", "", unicodedata.normalize("NFD", words)))
    if code == "my":  # the creaky tone of hundreds and thousands is theirs before other words only
        words = re.sub("\u1037(\u103a?)$", r"\1", words)
    # A comma without a word before it: the engine has lost a part of the rule.
    return None if " ," in words else words
