"""Codes of languages: BCP 47 with script and region, ISO 639-1 to 639-3, in any case and with - or _.

`canonical_code` is the one spelling in which a code is written into data; `best_match` finds which of the codes that
a library has fits a language best. Validity, aliases and macrolanguages come from the IANA registry and CLDR, through
langcodes.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import langcodes
from langcodes import Language
from langcodes.data_dicts import MACROLANGUAGES, NORMALIZED_MACROLANGUAGES

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few
from jstasr.text.language_tags import known_tag

if TYPE_CHECKING:
    from babel import Locale

# Languages that others stand in for where they have nothing of their own, beside the members of a macrolanguage.
SAME = {"no": "nb"}
STAND_INS = {"nn": "nb", "hyw": "hy"}
# Their members are languages apart, which no other member's voice can read.
APART = {"zh"}
CANTONESE_REGIONS = {"HK", "MO"}
ENGLISH_OF_THE_US = set("US AS CA GU MH MP PH PR UM VI".split())  # CLDR's language matching, variable $enUS
CARIBBEAN = set("AG AI AW BB BL BQ BS CU CW DM DO GD GP HT JM KN KY LC MF MQ MS SX TC TT VC VG".split())  # UN M49 029
SCRIPT_OF = {"Hans": "Hani", "Hant": "Hani", "Hira": "Jpan", "Kana": "Jpan", "Hrkt": "Jpan", "Hang": "Kore"}


def canonical_code(code: str, where: str = "") -> str:
    """The canonical spelling of a language code: "pol" -> "pl", "EN_us" -> "en-US".

    Args:
        code: as the user wrote it.
        where: what to call its place in an error, as in "--lang".
    Raises:
        JstasrError: it is no language code; names the likely one.
    """
    tag = known_tag(code)
    if tag is None:
        raise JstasrError(f"{where} {no_code(code)}".strip())
    return tag.to_tag()


def canonical_table(utt2lang: Mapping[str, str], where: str) -> dict[str, str]:
    """utt2lang with canonical codes.

    Raises:
        JstasrError: every value that is no language code, with its utterances.
    """
    strange: dict[str, list[str]] = {}
    for utterance, code in utt2lang.items():
        if known_tag(code) is None:
            strange.setdefault(code, []).append(utterance)
    if strange:
        faults = "; ".join(f"{no_code(code)} ({first_few(found, 3)})" for code, found in sorted(strange.items()))
        raise JstasrError(f"{where}: {faults}")
    return {utterance: canonical_code(code) for utterance, code in utt2lang.items()}


def no_code(code: str) -> str:
    """Why a text is no language code, and which one is likely meant."""
    likely = suggestion(code)
    meant = f"; {likely} is {language_name(likely)}" if likely else ""
    return (
        f"{code!r} is no language code (BCP 47 or ISO 639: en, pt-BR, zh-Hant, cnh){meant}; "
        "a language without a code is x-NAME"
    )


@lru_cache(maxsize=1000)
def suggestion(code: str) -> str:
    """The language code that was likely meant: of a name, a country, a misspelt name or subtag; "" where none is."""
    words = re.sub(r"[.@].*", "", code.strip())  # en_US.UTF-8
    if words != code.strip() and known_tag(words):
        return canonical_code(words)
    names = " ".join(re.split(r"[\W_]+", words)).strip()
    first = names.split(" ")[0]
    if found := _named(names):
        return _with_script(found, names)
    if first != names and (found := canonical_code(first) if known_tag(first) else _named(first)):
        return _with_script(found, names)
    if official := _language_of_country(first.upper()):
        return official
    near = difflib.get_close_matches(names.lower(), _english_names(), n=1, cutoff=0.8)
    return _english_names()[near[0]] if near else ""


def _named(name: str) -> str:
    """The code of a language by its name in any language; "" where there is none, or a name is too short to tell."""
    if len(name) <= 3 and name.isascii():
        return ""
    try:
        return canonical_code(str(langcodes.find(name)))
    except LookupError:
        return ""


def _with_script(code: str, names: str) -> str:
    """A code with the script whose English name is among the words: "uzb script cyrillic"."""
    scripts = {str(name).lower(): script for script, name in _english().scripts.items()}
    found = next((scripts[word] for word in names.lower().split()[1:] if word in scripts), None)
    tag = Language.get(code)
    return tag.update_dict({"script": found}).to_tag() if found and not tag.script else code


def _language_of_country(country: str) -> str:
    """The code of the most likely language of a country: "JP" -> "ja"; "" where there is no such country."""
    if not re.fullmatch("[A-Z]{2}", country) or country not in _english().territories or country[0] in "XZ":
        return ""
    return Language.make(territory=country).maximize().language or ""


@cache
def _english_names() -> dict[str, str]:
    """English name, in small letters -> code."""
    return {str(name).lower(): code for code, name in _english().languages.items() if known_tag(code)}


@cache
def _english() -> "Locale":
    from babel import Locale

    return Locale("en")


def language_name(code: str) -> str:
    """The English name of a code: "pt-BR" -> "Portuguese (Brazil)"; the code itself where it has none."""
    tag = known_tag(code)
    if tag is None or not tag.language or "x" in tag.language.split("-"):
        return code
    return tag.display_name("en")


@lru_cache(maxsize=10000)
def general_tag(code: str | None) -> Language | None:
    """The tag in which a member of a macrolanguage that is its usual form has the macrolanguage's code: cmn is zh."""
    tag = known_tag(code)
    return tag.prefer_macrolanguage() if tag else None


def script_of(tag: Language) -> str:
    """The script that a tag names or that is likely: "Latn"; Hans and Hant are one, as are the kana; "" if unknown."""
    script = tag.script or _likely(tag, 1)
    return SCRIPT_OF.get(script, script)


def _likely(tag: Language, part: int) -> str:
    """A subtag that CLDR adds to a tag: 1 the script, 2 the region; "" where it does not know the language."""
    from babel.core import get_global

    likely = get_global("likely_subtags")
    full = likely.get(f"{tag.language}_{tag.territory}") or likely.get(tag.language or "")
    return full.split("_")[part] if full else ""


def is_member(tag: Language, macrolanguage: str) -> bool:
    """Is the language a member of a macrolanguage in ISO 639-3, as Egyptian Arabic is of Arabic?"""
    return MACROLANGUAGES.get(tag.language or "") == macrolanguage


def same_language(code: str, among: Sequence[str]) -> str | None:
    """Which of some canonical codes means the same: the same tag, or else the only one of the same language."""
    tag = known_tag(code)
    if tag is None:
        return code if code in among else None
    if tag.to_tag() in among:
        return tag.to_tag()
    near = [other for other in among if (found := known_tag(other)) and found.language == tag.language]
    return near[0] if len(near) == 1 and (not tag.territory or not Language.get(near[0]).territory) else None


def best_match(code: str | None, available: Mapping[str, str], members: bool = True) -> str | None:
    """Which of the codes that a library has fits a language best.

    Of the same language, or else of its macrolanguage or a stand-in with the same script: the one of its script, its
    variant, its region, and its region's wider area, in this order.

    Args:
        code: of the language, in any spelling.
        available: the library's code -> its language code, with the script where that is not the likely one.
        members: the macrolanguage serves every member that has nothing of its own, as Arabic Egyptian Arabic.
    Returns:
        A key of `available`; None where none is of the language. It may be of another script.
    """
    tag = general_tag(code)
    if tag is None or not tag.language:
        return None
    tags = {one: found for one, meant in available.items() if (found := general_tag(meant))}
    script, regions = script_of(tag), _regions(tag)

    def distance(one: str) -> tuple[bool, int, int, int, str]:
        found = tags[one]
        marks = {*(tag.variants or ()), tag.private} ^ {*(found.variants or ()), found.private}
        region = found.territory or ""
        rank = regions.index(region) if region in regions else len(regions)
        return (script_of(found) != script, len(marks), rank, len(one), one)

    for language, must_share_script in _languages(tag, members):
        found = [one for one, other in tags.items() if SAME.get(other.language or "", other.language) == language]
        found = [one for one in found if not must_share_script or script_of(tags[one]) == script]
        if found:
            return min(found, key=distance)
    return None


def _languages(tag: Language, members: bool) -> list[tuple[str, bool]]:
    """Primary subtags that may serve a language, the best first, and whether the script must be the same."""
    language = SAME.get(tag.language or "", tag.language or "")
    found = [("yue", False)] if language == "zh" and tag.territory in CANTONESE_REGIONS and tag.script != "Latn" else []
    found.append((language, False))
    whole = MACROLANGUAGES.get(language, "") if members else ""
    wider = STAND_INS.get(language) or NORMALIZED_MACROLANGUAGES.get(whole, whole)
    if wider and wider not in APART:
        found.append((wider, True))
    return found


def _regions(tag: Language) -> list[str]:
    """Regions whose form of the language is nearest to a tag's, the best first; "" is a code without region."""
    from babel.core import get_global

    region = tag.territory or ""
    chain = [region]
    if tag.language == "en" and region:
        chain += ["029"] if region in CARIBBEAN else ["US"] if region in ENGLISH_OF_THE_US else []
        chain.append("GB")
    elif region:
        parent = get_global("parent_exceptions").get(f"{tag.language}_{region}", "")
        chain.append(parent.partition("_")[2])
    return [*chain, "", _likely(Language.make(tag.language), 2)]
