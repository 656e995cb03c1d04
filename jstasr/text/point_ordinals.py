"""Ordinal numbers written with a point: fi `5. luokka`, cs `5. května`, hu `május 5.`, and dates read as ordinals."""

import re

from jstasr.text.endings import hungarian_day
from jstasr.text.estonian import estonian_genitive, estonian_ordinal
from jstasr.text.number_words import cardinal, words_or_none
from jstasr.text.times import RANGE

# Before a word in lower case the point ends no sentence. German writes nouns otherwise (ordinals.py).
LANGUAGES = {"bs", "cs", "da", "et", "fi", "hr", "hu", "lv", "nb", "nn", "no", "pl", "sk", "sl", "sr", "tr"}
# Days before a month are genitives. Polish, Russian and Ukrainian write them without a point.
DAYS_WITHOUT_POINT = {"be", "pl", "ru", "sv", "uk"}
# Ordinals of languages that num2words has only cardinals of: words, then ends of words; below a hundred.
FROM_CARDINALS = {
    "cs": (
        {"jeden": "první", "jedna": "první", "dva": "druhý", "tři": "třetí", "čtyři": "čtvrtý", "pět": "pátý",
         "šest": "šestý", "sedm": "sedmý", "osm": "osmý", "devět": "devátý", "deset": "desátý"},
        {"náct": "náctý", "cet": "cátý", "sát": "sátý"},
    ),
    "sk": (
        {"jeden": "prvý", "dva": "druhý", "tri": "tretí", "štyri": "štvrtý", "päť": "piaty", "šesť": "šiesty",
         "sedem": "siedmy", "osem": "ôsmy", "deväť": "deviaty", "desať": "desiaty"},
        {"násť": "násty", "dsať": "dsiaty", "desiat": "desiaty"},
    ),
    "lv": (
        {"viens": "pirmais", "divi": "otrais", "trīs": "trešais", "četri": "ceturtais", "pieci": "piektais",
         "seši": "sestais", "septiņi": "septītais", "astoņi": "astotais", "deviņi": "devītais"},
        {"desmit": "desmitais", "padsmit": "padsmitais"},
    ),
}  # fmt: skip
# Ends of the nominative masculine -> of the genitive.
GENITIVE = {
    "be": {"ці": "цяга", "гі": "гога", "ы": "ага"},
    "bs": {"ći": "ćeg", "i": "og"},
    "cs": {"ý": "ého", "í": "ího"},
    "hr": {"ći": "ćeg", "i": "og"},
    "pl": {"y": "ego", "i": "iego"},
    "sk": {"ý": "ého", "í": "ieho", "y": "eho"},
    "sl": {"i": "ega"},
    "sr": {"ći": "ćeg", "i": "og", "ћи": "ћег", "и": "ог"},
    "uk": {"ій": "ього", "ий": "ого"},
}
# Genitives of months, of which CLDR has only the nominatives.
SERBIAN_MONTHS = (
    "januara", "februara", "marta", "aprila", "maja", "juna", "jula", "augusta", "avgusta", "septembra", "oktobra",
    "novembra", "decembra",
)  # fmt: skip
MONTHS = {
    "bs": SERBIAN_MONTHS,
    "sl": ("januarja", "februarja", "marca", "aprila", "maja", "junija", "julija", "avgusta", "septembra", "oktobra",
           "novembra", "decembra"),
    "sr": SERBIAN_MONTHS + (
        "јануара", "фебруара", "марта", "априла", "маја", "јуна", "јула", "августа", "септембра", "октобра",
        "новембра", "децембра",
    ),
}  # fmt: skip
# By the last letter of the noun, which shows its gender: ends of the masculine -> of the feminine or neuter.
AGREEMENT = {
    "cs": {"a": {"ý": "á"}, "o": {"ý": "é"}},
    "lv": {"a": {"ais": "ā"}, "e": {"ais": "ā"}},
    "pl": {"a": {"y": "a", "gi": "ga", "ci": "cia"}, "o": {"y": "e", "i": "ie"}, "e": {"y": "e", "i": "ie"}},
    "sk": {"a": {"ý": "á", "í": "ia", "y": "a"}, "o": {"ý": "é", "í": "ie", "y": "e"}},
    "sl": {"a": {"i": "a"}, "o": {"ji": "je", "i": "o"}, "e": {"ji": "je", "i": "o"}},
    "sr": {"а": {"и": "а"}, "о": {"ћи": "ће", "и": "о"}, "е": {"ћи": "ће", "и": "о"}},
}
SERBO_CROATIAN = {"a": {"i": "a"}, "o": {"ći": "će", "i": "o"}, "e": {"ći": "će", "i": "o"}}
AGREEMENT |= {"bs": SERBO_CROATIAN, "hr": SERBO_CROATIAN, "sr": SERBO_CROATIAN | AGREEMENT["sr"]}
# Nouns that ordinals stand before most often, in cases that their last letter does not tell.
SERBO_CROATIAN_NOUNS = {
    "godine": "e", "godini": "oj", "godinu": "u", "godinom": "om", "razreda": "og", "razredu": "om", "veka": "og",
    "veku": "om", "vijeka": "og", "vijeku": "om", "stoljeća": "og", "stoljeću": "om", "sata": "og", "dana": "og",
    "mesta": "og", "mjesta": "og", "mestu": "om", "mjestu": "om",
    "године": "е", "години": "ој", "годину": "у", "годином": "ом", "разреда": "ог", "разреду": "ом", "века": "ог",
    "веку": "ом", "сата": "ог", "дана": "ог", "места": "ог", "месту": "ом",
}  # fmt: skip
SOFT = {"og": "eg", "om": "em", "ог": "ег", "ом": "ем"}  # after ć: treći, trećeg
# Plural cases of nouns after the number of a decade, and locatives.
DECADES = {
    "cs": {"letech": {"ý": "ých"}, "let": {"ý": "ých"}, "léta": {"ý": "á"}, "letům": {"ý": "ým"}},
    "sk": {"rokoch": {"y": "ych"}, "rokov": {"y": "ych"}, "roky": {"y": "e"}, "rokom": {"y": "ym"}},
}
LATVIAN_LOCATIVE = re.compile("[āēīū]$")
RANGES = {"bs": "do", "et": "kuni", "hr": "do"}  # between two ordinals: et 5.-7. klass
LAST_WORD_ONLY = {"bs", "hr", "sr"}  # of compounds: "dvadeset i prva"
# Cases that show at the end of a Finnish noun; the ordinal has the same.
FINNISH_CASES = {
    "ssa": "inessive", "ssä": "inessive", "sta": "elative", "stä": "elative", "lla": "adessive", "llä": "adessive",
    "lta": "ablative", "ltä": "ablative", "lle": "allative", "ksi": "translative", "aan": "illative",
    "ään": "illative", "een": "illative", "seen": "illative", "n": "genitive",
}  # fmt: skip
# Genitives of Estonian nouns that ordinals stand before most often, and the ends of other cases after them.
ESTONIAN = re.compile(
    "(?:(?:aasta|sajandi|klassi|korruse|koha|päeva|jaanuari|veebruari|märtsi|aprilli|mai|juuni|juuli|augusti|septembri"
    "|oktoobri|novembri|detsembri)(l|s|st|le|lt|ks|sse|ni)|sajandi|klassi|korruse|koha|päeva)"
)


def spell_point_ordinals(text: str, short: str, code: str, months: tuple[str, ...]) -> str:
    """Text with its ordinals with a point, and its days of months, in words.

    Args:
        text: as written.
        short: its language.
        code: num2words' code of it.
        months: the language's names of months as they stand in dates.
    """
    if short not in LANGUAGES | DAYS_WITHOUT_POINT:
        return text
    names = "|".join(map(re.escape, MONTHS.get(short, months))) or "(?!)"
    if short == "sv":
        pair = rf"(?<![\w.,:/\-\u2013])([12]?\d|3[01]) ?[-\u2013] ?(?=(?:[12]?\d|3[01]) (?:{names})\b)"
        text = re.sub(pair, lambda match: f"{words_or_none(int(match[1]), code, 'ordinal') or match[1]} till ", text)
        day = rf"(?<![\w.,:/\-\u2013])([12]?\d|3[01]) (?=(?:{names})\b)"
        text = re.sub(day, lambda match: f"{words_or_none(int(match[1]), code, 'ordinal') or match[1]} ", text)
    if short in LAST_WORD_ONLY:  # 90-ih
        plural = r"(?<![\w.,:-])(\d{1,4})\.?-(ih|им|их|im)\b"
        text = re.sub(plural, lambda match: _genitive_plural(match, short, code), text)
    if short in GENITIVE or short == "ru":
        point = r" " if short in DAYS_WITHOUT_POINT else r"\. ?"
        one = r"(?:[12]?\d|3[01])"
        if short in RANGE:  # 1.–3. května
            pair = rf"(?<![\w.,:/\-\u2013])({one})\.? ?[-\u2013] ?(?={one}{point}(?:{names})\b)"
            text = re.sub(pair, lambda match: _first_day(match, short, code), text, flags=re.IGNORECASE)
        day = rf"(?<![\w.,:/\-\u2013])({one}){point}(?=(?:{names})\b)"
        text = re.sub(day, lambda match: _day(match, short, code), text, flags=re.IGNORECASE)
    if short == "hu":  # years before months are cardinals
        text = re.sub(rf"(?<![\w.,-])(1\d{{3}}|20\d\d)\. (?=(?:{names})\b)", r"\1 ", text, flags=re.IGNORECASE)
        day = rf"\b((?:{names}) )([12]?\d|3[01])(?:\.(?!\d)|-([a-záéíóöőúüű]{{1,6}})\b)"
        text = re.sub(day, lambda match: _hungarian_day(match, code), text, flags=re.IGNORECASE)
    if short in RANGES:
        text = re.sub(r"(?<![\w.,:/-])(\d{1,4})\. ?[-\u2013] ?(?=\d{1,4}\. )", rf"\1. {RANGES[short]} ", text)
    if short == "pl":
        decade = r"(?<!\d )\b(?P<noun>lata|lat|latach|latom) (?P<first>[2-9]0)\b(?P<point>\.?)"
        decade += r"(?: (?P<word>i|do) (?P<second>[2-9]0)\b\.?)?"
        text = re.sub(decade, lambda match: _decade(match, code), text, flags=re.IGNORECASE)
    if short in LANGUAGES:
        before_noun = r"(?<![\w.,:/\-\u2013])(\d{1,4})\. (?=([^\W\d_]+))"
        text = re.sub(before_noun, lambda match: _before_noun(match, short, code), text)
    return text


def _ordinal(number: int, short: str, code: str) -> str | None:
    if short == "et":
        return estonian_ordinal(number, code)
    if short not in FROM_CARDINALS:
        return words_or_none(number, code, "ordinal") if number else None
    words, ends = FROM_CARDINALS[short]
    if short == "lv" and number > 100 and number % 100:  # of compounds only the last word is an ordinal
        return f"{cardinal(str(number - number % 100), code)} {_ordinal(number % 100, short, code)}"
    if not 0 < number < 100:
        return None
    tens, unit = divmod(number, 10)
    values = (tens * 10, unit) if tens > 1 and unit else (number,)
    parts = [cardinal(str(value), code) for value in values]
    # Of Latvian compounds only the last word is an ordinal.
    kept = parts[:-1] if short == "lv" else []
    return " ".join(kept + [words.get(part) or _with_end(part, ends) for part in parts[len(kept) :]])


def _with_end(words: str, ends: dict[str, str], short: str = "") -> str:
    """Each word, or the last one, with the first of the ends that it has exchanged."""

    def exchanged(word: str) -> str:
        end = next((end for end in ends if word.endswith(end)), None)
        return word.removesuffix(end) + ends[end] if end is not None else word

    parts = words.split()
    kept = parts[:-1] if short in LAST_WORD_ONLY else []
    return " ".join(kept + [exchanged(part) for part in parts[len(kept) :]])


def _day(match: re.Match[str], short: str, code: str) -> str:
    if short == "ru":
        words = words_or_none(int(match[1]), code, "ordinal", case="g")
    else:
        nominative = _ordinal(int(match[1]), short, code)
        words = _with_end(nominative, GENITIVE[short], short) if nominative else None
    return f"{words} " if words else match[0]


def _genitive_plural(match: re.Match[str], short: str, code: str) -> str:
    """Croatian "90-ih godina" is "devedesetih godina"."""
    words = _ordinal(int(match[1]), short, code)
    return words + match[2][1:] if words else match[0]


def _decade(match: re.Match[str], code: str) -> str:
    """Polish "w latach 80. i 90." is "w latach osiemdziesiątych i dziewięćdziesiątych"."""
    noun = match["noun"].lower()
    if noun == "lat" and not match["point"]:
        return match[0]
    end = {"lata": "e", "latom": "ym"}.get(noun, "ych")
    first, second = (
        re.sub("y$", end, words_or_none(int(number), code, "ordinal") or number) if number else ""
        for number in match.group("first", "second")
    )
    return " ".join(filter(None, (match["noun"], first, match["word"], second))) + " "


def _first_day(match: re.Match[str], short: str, code: str) -> str:
    words = _day(match, short, code)
    return match[0] if words == match[0] else f"{words}{RANGE[short]} "


def _hungarian_day(match: re.Match[str], code: str) -> str:
    words = hungarian_day(int(match[2]), (match[3] or "").lower(), code)
    return f"{match[1]}{words} " if words else match[0]


def _before_noun(match: re.Match[str], short: str, code: str) -> str:
    noun = match[2]
    if not noun.islower():
        return match[0]
    if short == "fi" and not noun.endswith("kuuta"):
        end = next((end for end in FINNISH_CASES if noun.endswith(end)), None)
        case = FINNISH_CASES[end] if end is not None and len(noun) > len(end) + 2 else "nominative"
        words = words_or_none(int(match[1]), code, "ordinal", case=case)
    else:
        words = _ordinal(int(match[1]), short, code)
    if words is None:
        return match[0]
    if short == "et" and (oblique := ESTONIAN.fullmatch(noun)):
        return f"{estonian_genitive(words)}{oblique[1] or ''} "
    if noun == RANGES.get(short):
        return f"{words} "
    if noun in DECADES.get(short, {}) and int(match[1]) % 10 == 0:
        return f"{_with_end(words, DECADES[short][noun], short)} "
    if short == "lv" and LATVIAN_LOCATIVE.search(noun):  # 1995. gadā
        return f"{words.removesuffix('ais')}ajā "
    if short in LAST_WORD_ONLY and (end := SERBO_CROATIAN_NOUNS.get(noun)):
        soft = SOFT.get(end, end) if noun[:5] not in ("godin", "годин") else end
        ends = {"ći": f"ć{soft}", "i": end, "ћи": f"ћ{soft}", "и": end}
        return f"{_with_end(words, ends, short)} "
    return f"{_with_end(words, AGREEMENT.get(short, {}).get(noun[-1], {}), short)} "
