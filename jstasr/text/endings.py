"""Numbers with the ending of an inflected form after their digits: 5-го, 5:nnen, 1990-ben, 5ου, 5वीं.

Ordinals and cardinals come from the libraries; the endings are the languages' declensions. What is not known here is
read as a number and a word beside it, and counted (`endings_left`).
"""

import re
from collections.abc import Callable

from jstasr.text.albanian import albanian_ordinal
from jstasr.text.estonian import estonian_number
from jstasr.text.icelandic import spell_icelandic_ordinals
from jstasr.text.languages import primary_subtag
from jstasr.text.number_words import cardinal, words_or_none
from jstasr.text.rbnf import ordinal_by_rules

Reader = Callable[[int, str, str], str | None]  # (number, ending, code) -> words

# Endings of the masculine nominative -> by what is written after the digits, what stands in their place.
SLAVIC: dict[str, tuple[tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "be": (
        ("другі", "ці", "ы"),
        {
            "ага": ("другога", "цяга", "ага"), "га": ("другога", "цяга", "ага"), "аму": ("другому", "цяму", "аму"),
            "му": ("другому", "цяму", "аму"), "ая": ("другая", "цяя", "ая"), "я": ("другая", "цяя", "ая"),
            "ае": ("другое", "цяе", "ае"), "е": ("другое", "цяе", "ае"), "ую": ("другую", "цюю", "ую"),
            "ю": ("другую", "цюю", "ую"), "ым": ("другім", "цім", "ым"), "м": ("другім", "цім", "ым"),
            "ых": ("другіх", "ціх", "ых"), "х": ("другіх", "ціх", "ых"), "ы": ("другі", "ці", "ы"),
            "і": ("другі", "ці", "ы"),
        },
    ),
    "pl": (
        ("ci", "gi", "y"),
        {
            "ego": ("ciego", "giego", "ego"), "go": ("ciego", "giego", "ego"), "emu": ("ciemu", "giemu", "emu"),
            "mu": ("ciemu", "giemu", "emu"), "ej": ("ciej", "giej", "ej"), "ych": ("cich", "gich", "ych"),
            "ich": ("cich", "gich", "ych"), "ym": ("cim", "gim", "ym"), "im": ("cim", "gim", "ym"),
            "a": ("cia", "ga", "a"), "e": ("cie", "gie", "e"), "ą": ("cią", "gą", "ą"), "y": ("ci", "gi", "y"),
            "i": ("ci", "gi", "y"),
        },
    ),
    "uk": (
        ("ій", "ий"),
        {
            "ого": ("ього", "ого"), "го": ("ього", "ого"), "ому": ("ьому", "ому"), "му": ("ьому", "ому"),
            "ої": ("ьої", "ої"), "ї": ("ьої", "ої"), "их": ("іх", "их"), "х": ("іх", "их"), "ими": ("іми", "ими"),
            "им": ("ім", "им"), "м": ("ім", "им"), "ій": ("ій", "ій"), "ий": ("ій", "ий"), "й": ("ій", "ий"),
            "а": ("я", "а"), "я": ("я", "а"), "е": ("є", "е"), "є": ("є", "е"), "у": ("ю", "у"), "ю": ("ю", "у"),
            "і": ("і", "і"),
        },
    ),
}  # fmt: skip
# num2words' options of Russian ordinals.
RUSSIAN: dict[str, dict[str, str]] = {
    "й": {}, "ый": {}, "ий": {}, "ой": {}, "я": {"gender": "f"}, "ая": {"gender": "f"}, "ья": {"gender": "f"},
    "е": {"gender": "n"}, "ое": {"gender": "n"}, "ье": {"gender": "n"}, "го": {"case": "g"}, "ого": {"case": "g"},
    "его": {"case": "g"}, "му": {"case": "d"}, "ому": {"case": "d"}, "ему": {"case": "d"}, "м": {"case": "p"},
    "ом": {"case": "p"}, "ем": {"case": "p"}, "ым": {"case": "i"}, "им": {"case": "i"},
    "ю": {"case": "a", "gender": "f"}, "ую": {"case": "a", "gender": "f"}, "х": {"case": "g", "plural": "t"},
    "ых": {"case": "g", "plural": "t"}, "их": {"case": "g", "plural": "t"}, "ые": {"plural": "t"},
    "ми": {"case": "i", "plural": "t"}, "ыми": {"case": "i", "plural": "t"},
}  # fmt: skip
# Of cardinals, by what is written after their digits.
RUSSIAN_CARDINALS = {"ти": "g", "и": "g", "ух": "g", "ёх": "g", "ех": "g", "мя": "i", "умя": "i"}
# The word for a year after its number -> the ending of the ordinal before it; after "in" that of the locative.
YEARS = {
    "bg": {"година": "та"},
    "pl": {"rok": "y", "roku": "ego", "rokiem": "ym"},
    "ru": {"год": "й", "года": "го", "году": "м", "годом": "ым", "годе": "м"},
    "uk": {"рік": "й", "року": "го", "році": "му", "роком": "им"},
}  # fmt: skip
IN_YEAR = {"pl": {"w": "ym"}, "ru": {"к": "му"}, "uk": {}, "bg": {}}  # other endings after a preposition
# One word with what follows the hyphen: 25-jährig, 1990-luvulla, 25-årig.
COMPOUNDS = {
    "da": "[a-zæøå]{3,}", "de": "[a-zäöüß]{3,}", "fi": "[a-zäö]{3,}", "nb": "[a-zæøå]{3,}", "nl": "[a-z]{3,}",
    "nn": "[a-zæøå]{3,}", "no": "[a-zæøå]{3,}", "sv": "[a-zåäö]{3,}",
}  # fmt: skip
GREEK = {
    "ος": "ός", "η": "ή", "ο": "ό", "ου": "ού", "ης": "ής", "ον": "όν", "οι": "οί", "ες": "ές", "ων": "ών",
    "ους": "ούς",
}  # fmt: skip
FINNISH_ORDINALS = {
    "s": "nominative", "nnen": "genitive", "tta": "partitive", "nnessa": "inessive", "nnesta": "elative",
    "nteen": "illative", "nnella": "adessive", "nnelta": "ablative", "nnelle": "allative", "ntena": "essive",
    "nneksi": "translative",
}  # fmt: skip
FINNISH_CARDINALS = {
    "n": "genitive", "a": "partitive", "ta": "partitive", "ssa": "inessive", "sta": "elative", "en": "illative",
    "een": "illative", "an": "illative", "aan": "illative", "in": "illative", "hen": "illative", "lla": "adessive",
    "lta": "ablative", "lle": "allative", "na": "essive", "ksi": "translative",
}  # fmt: skip
# Hungarian stems before an ending that begins with a vowel, and sounds that the ending's first consonant becomes.
HUNGARIAN_STEMS = {"három": "hárm", "hét": "het", "tíz": "tiz", "ezer": "ezr", "kettő": "kett"}
MARK = r"[\u0300-\u036f\u0900-\u0dff]"  # an Indic ending may end in a vowel sign, which is no \w


def spell_endings(text: str, language: str | None, code: str) -> str:
    """Text with numbers that have an ending of their own in words.

    Args:
        text: as written.
        language: its language.
        code: of `number_language`.
    """
    short = primary_subtag(language)
    if short == "is":
        text = spell_icelandic_ordinals(text)
    if short in YEARS:
        text = YEAR[short].sub(lambda match: _year(match, short, code), text)
    if short in COMPOUNDS:
        text = COMPOUND[short].sub(lambda match: _compound(match, short, code), text)
    if short in PREFIXED:
        pattern, reader = PREFIXED[short]
        text = pattern.sub(lambda match: reader(int(match["number"]), "", code) or match[0], text)
    if short not in READERS:
        return text
    pattern, reader = READERS[short]

    def read(match: re.Match[str]) -> str:
        ending = match["ending"].lower()
        if ending == "е" and match.string.startswith(" годы", match.end()):
            ending = "ые"
        words = reader(int(re.sub(r"\D", "", match["number"])), ending, code)
        return f" {words} " if words else match[0]

    return pattern.sub(read, text)


def endings_left(text: str, language: str | None, code: str | None) -> list[str]:
    """Endings after digits that are not read as a part of the number: "-oji" of Lithuanian 5-oji."""
    short = primary_subtag(language)
    if code is None or not (short in READERS or short in UNREAD):
        return []
    pattern = READERS[short][0] if short in READERS else UNREAD[short]
    left = spell_endings(text, language, code)
    return [match["mark"] + match["ending"] for match in pattern.finditer(left)]


def _year(match: re.Match[str], short: str, code: str) -> str:
    """Russian в 1995 году: "in the thousand nine hundred ninety-fifth year"."""
    before = (match["before"] or "").strip().lower()
    ending = IN_YEAR[short].get(before) or YEARS[short][match["word"].lower()]
    words = READERS[short][1](int(match["number"]), ending, code)
    return f"{match['before'] or ''}{words} " if words else match[0]


def _compound(match: re.Match[str], short: str, code: str) -> str:
    """German 25-jährig is "fünfundzwanzigjährig"."""
    words = cardinal(match["number"], code)
    return f" {re.sub('eins$', 'ein', words) if short == 'de' else words}"


def _slavic(short: str) -> Reader:
    masculine, forms = SLAVIC[short]

    def read(number: int, ending: str, code: str) -> str | None:
        words = words_or_none(number, code, "ordinal")
        written = next((form for form in sorted(forms, key=len, reverse=True) if ending.endswith(form)), None)
        if words is None or written is None or len(ending) > len(written) + 2:
            return None
        replaced = dict(zip(masculine, forms[written], strict=True))
        return " ".join(_with_end(word, replaced) for word in words.split())

    return read


def _with_end(word: str, ends: dict[str, str]) -> str:
    end = next((end for end in ends if word.endswith(end)), None)
    return word.removesuffix(end) + ends[end] if end is not None else word


def _russian(number: int, ending: str, code: str) -> str | None:
    if ending == "х" and number in (2, 3, 4):
        return words_or_none(number, code, case="g")
    if ending in RUSSIAN_CARDINALS:
        return words_or_none(number, code, case=RUSSIAN_CARDINALS[ending])
    if ending.endswith(("летний", "летняя", "летнего", "летней", "летнее", "летие", "летия", "летию")):
        genitive = words_or_none(number, code, case="g") or ""
        joined = re.sub(r"ста\b", "сто", genitive).replace(" ", "")
        return {1: "одно", 2: "двух", 1000: "тысяче"}.get(number, joined) + ending
    return words_or_none(number, code, "ordinal", **RUSSIAN[ending]) if ending in RUSSIAN else None


def _bulgarian(number: int, ending: str, code: str) -> str | None:
    if ending == "те":
        return f"{cardinal(str(number), code)}те"
    form = re.fullmatch("[врмтн]?(?:(и)(?:я|ят)?|([ая])(?:та)?|([ое])(?:то)?)", ending)
    if form is None:
        return None
    gender = "masculine" if form[1] else "feminine" if form[2] else "neuter"
    words = ordinal_by_rules(number, code, gender)
    return words + (re.search("(?:ия|ият|ата|ото)$", ending) or [""])[0][1:] if words else None


def _greek(number: int, ending: str, code: str) -> str | None:
    words = words_or_none(number, code, "ordinal")
    plain = {accented: bare for bare, accented in GREEK.items()}.get(ending, ending)
    if words is None or plain not in GREEK:
        return None
    return " ".join(_with_end(word, {"ος": plain, "ός": GREEK[plain]}) for word in words.split())


def _hindi(number: int, ending: str, code: str) -> str | None:
    words = words_or_none(number, code, "ordinal")
    if words is None:
        return None
    vowel = "ी" if "ी" in ending else "े" if "े" in ending else None
    return words if vowel is None else re.sub("वाँ$", f"व{vowel}ं", re.sub("ा$", vowel, words))


def _nepali(number: int, ending: str, code: str) -> str | None:
    return ordinal_by_rules(number, code, "feminine" if ending.endswith("ी") and number < 5 else "masculine")


def _tamil(number: int, ending: str, code: str) -> str | None:
    words = "முதல்" if number == 1 else cardinal(str(number), code)
    end = "ாவது" if ending.endswith("வது") else "ாம்"
    if number == 1:
        return words[:-1] + end
    return words.removesuffix("ு") + end if words.endswith("ு") else None


def _georgian(number: int, ending: str, code: str) -> str | None:
    words = cardinal(str(number), code)
    if ending not in ("", "ე", "ელი"):
        if words.endswith("ი") and ending in ("მდე", "დან"):
            return words.removesuffix("ი") + {"მდე": "ამდე", "დან": "იდან"}[ending]
        return words.removesuffix("ი") + ending
    if number == 1 or not 0 < number <= 100:
        return "პირველი" if number == 1 else None
    tens, joined, last = words.rpartition("და") if number > 20 else ("", "", words)
    return f"{tens}{joined}მე{last[:-1]}ე"


def _armenian(number: int, ending: str, code: str) -> str | None:
    words = {1: "առաջին", 2: "երկրորդ", 3: "երրորդ", 4: "չորրորդ"}.get(number)
    if words is None and number > 0:
        words = re.sub("ինը$", "ինն", cardinal(str(number), code)) + "երորդ"
    return words


def _finnish(number: int, ending: str, code: str) -> str | None:
    ending = ending.replace("ä", "a")
    if ending in FINNISH_ORDINALS:
        return words_or_none(number, code, "ordinal", case=FINNISH_ORDINALS[ending])
    if ending in FINNISH_CARDINALS:
        return words_or_none(number, code, case=FINNISH_CARDINALS[ending])
    return None


def _hungarian(number: int, ending: str, code: str) -> str | None:
    words = cardinal(str(number), code)
    if ending == "ik":
        return words_or_none(number, code, "ordinal")
    if re.match("[aeoö][tsnkd]", ending):
        stem = next((stem for stem in HUNGARIAN_STEMS if words.endswith(stem)), None)
        words = words.removesuffix(stem) + HUNGARIAN_STEMS[stem] if stem else words
    return (words + ending).replace("gygy", "ggy").replace("szsz", "ssz")


def hungarian_day(number: int, ending: str, code: str) -> str | None:
    """A day of a month: május 5. is "ötödike", május 5-én "ötödikén", május 1-jén "elsején"."""
    words = "elsej" if number == 1 else words_or_none(number, code, "ordinal")
    vowels = re.findall("[aáeéiíoóöőuúüű]", (words or "")[:-2])
    if words is None or not vowels:
        return None
    # Vowel harmony: e after a front vowel, a after a back one.
    vowel = "e" if number == 1 or vowels[-1] not in "aáoóuú" else "a"
    ending = ending.removeprefix("j")
    if ending in ("", "e", "a"):
        return words + vowel
    if ending == "i":
        return words + ("ei" if number == 1 else "i")
    return words + {"e": "é", "a": "á"}[vowel] + ending.lstrip("éáea")


def _joined(number: int, ending: str, code: str) -> str | None:
    """Turkish 1990'da: the ending as written."""
    return cardinal(str(number), code) + ending


def _ordinal_only(number: int, ending: str, code: str) -> str | None:
    return words_or_none(number, code, "ordinal")


NUMBER = r"\d{1,3}(?:[ .\xa0\u202f]\d{3})+|\d{1,9}"


def _pattern(mark: str, ending: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.,:-])(?P<number>{NUMBER})(?P<mark>{mark})(?P<ending>{ending})(?!\w|{MARK})", re.I)


def _point(number: str) -> re.Pattern[str]:
    """An ordinal with a point, before a word in lower case."""
    return re.compile(rf"(?<![\w.,:-])(?P<number>{number})(?P<mark>\.)(?P<ending>) (?=[a-zà-ž])")


HYPHEN = "[-\u2011]"
YEAR = {
    short: re.compile(
        rf"(?P<before>\b(?:{'|'.join(IN_YEAR[short]) or '(?!)'}) )?(?<![\w.,:-])(?P<number>1\d{{3}}|20\d\d) "
        rf"(?=(?P<word>{'|'.join(sorted(words, key=len, reverse=True))})\b)",
        re.IGNORECASE,
    )
    for short, words in YEARS.items()
}
COMPOUND = {
    short: re.compile(rf"(?<![\w.,:-])(?P<number>\d{{1,4}}){HYPHEN}(?={word}\b)") for short, word in COMPOUNDS.items()
}
READERS: dict[str, tuple[re.Pattern[str], Reader]] = {
    "az": (_pattern(HYPHEN, "c[iıuü]|[iıuü]nc[iıuü]|nc[iıuü]"), _ordinal_only),
    "be": (_pattern(HYPHEN, "[а-яіў]{1,4}"), _slavic("be")),
    "bg": (_pattern("-?", "те|(?:[врмтн]|(?<=-))(?:ият?|ата|ото|и|а|о|я|е)"), _bulgarian),
    "el": (_pattern("[-\u2011]?", "|".join([*GREEK, *GREEK.values()])), _greek),
    "et": (_pattern(HYPHEN, "[a-zäõöü]{1,6}|aasta[a-z]+"), estonian_number),
    "fi": (_pattern(":", "[a-zäö]{1,8}"), _finnish),
    "hi": (_pattern("-?", "ला|ली|ले|रा|री|रे|था|थी|थे|ठा|ठी|ठे|वाँ|वां|वीं|वें|वा|वी|वे"), _hindi),
    "hu": (_pattern(HYPHEN, "[a-záéíóöőúüű]{1,8}"), _hungarian),
    "hy": (_pattern(HYPHEN, "րդ|ին|երորդ"), _armenian),
    "ka": (_pattern(HYPHEN, "[ა-ჰ]{1,6}"), _georgian),
    "kk": (_pattern(HYPHEN, "ші|шы|інші|ыншы|нші|ншы"), _ordinal_only),
    "ky": (_pattern(HYPHEN, "ч[иыуү]|[иыуү]нч[иыуү]|нч[иыуү]"), _ordinal_only),
    "ne": (_pattern("-?", "औँ|औं|ौँ|ौं|लो|ली|रो|री|थो|थी"), _nepali),
    "pl": (_pattern(HYPHEN, "[a-ząęó]{1,5}"), _slavic("pl")),
    "ru": (_pattern(HYPHEN, "[а-яё]{1,8}"), _russian),
    "sq": (_pattern(HYPHEN, "[a-zçë]{1,4}"), albanian_ordinal),
    "ta": (_pattern("-? ?", "ஆவது|வது|ஆம்|ம்"), _tamil),
    "tr": (_pattern("['\u2019]", "[a-zçğıöşü]{1,8}"), _joined),
    "uk": (_pattern(HYPHEN, "[а-яіїєґ]{1,4}"), _slavic("uk")),
}
# Ordinals with a part before the digits: მე-5, ika-5.
PREFIXED: dict[str, tuple[re.Pattern[str], Reader]] = {
    "fil": (
        re.compile(r"\bika-(?P<number>\d{1,9})\b", re.IGNORECASE),
        lambda number, ending, code: f"ika{cardinal(str(number), code)}",
    ),
    "ka": (re.compile(r"\bმე-(?P<number>\d{1,3})\b"), _georgian),
}
# Endings and ordinals of languages for which no library and no rule here has the words.
UNREAD = {
    "lt": _pattern(HYPHEN, "[b-dčf-hj-nprsštvzž][a-ząčęėįšųūž]{0,5}"),  # others are read (composed_endings.py)
    **{short: _point(r"\d{1,4}") for short in ("fo", "is")},
    **{short: _point(r"[1-9]\d{2,3}") for short in ("cs", "sk")},  # others are read (point_ordinals.py)
    "lv": _point(r"[1-9]\d?00"),
}
