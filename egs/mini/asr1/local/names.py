"""Names of things in 11 languages, from CLDR (through Babel), and their split into common and rare."""

import unicodedata

from babel import Locale
from babel.core import get_global
from num2words import num2words

MAX_WORDS, MIN_LETTERS, MAX_LETTERS = 3, 3, 24
COMMON_SHARE = 0.3
PLAIN_CHARS = str.maketrans("’ʼʻ-\N{NON-BREAKING HYPHEN}\N{NO-BREAK SPACE}", "'''   ")
# Codes of no place and of no language: outlying, unknown, test values.
PSEUDO = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ", "mis", "mul", "und", "zxx", "root"}

# Letters of each language's orthography, those of its usual loan words included.
LATIN = "abcdefghijklmnopqrstuvwxyz"
ALPHABETS = {
    "en": LATIN,
    "es": LATIN + "áéíñóúü",
    "fr": LATIN + "àâæçèéêëîïôùûüÿœ",
    "pt": LATIN + "àáâãçéêíóôõú",
    "it": LATIN + "àèéìòóù",
    "de": LATIN + "äöüß",
    "nl": LATIN + "áäéëíïóöúü",
    "pl": LATIN + "ąćęłńóśźż",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyz" + "âîû" + "qwx",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "sv": LATIN + "åäöé",
}


def number_words(number, lang):
    """A number below 100 in words, as it is written out: no hyphens, Turkish tens and ones apart."""
    if lang == "tr" and number > 10 and number % 10:
        return f"{num2words(number - number % 10, lang=lang)} {num2words(number % 10, lang=lang)}"
    return num2words(number, lang=lang).replace("-", " ")


def clean_name(name, lang):
    """A CLDR name as lower-case words, or None where that would not be what people say.

    Hyphens become spaces; letters that are foreign to the language lose their accents. Dropped are names with
    digits, brackets, abbreviations or several variants, and those that are too long or too short.
    """
    abbreviated = any(part.isupper() and len(part) > 1 for part in name.replace("-", " ").split())
    if abbreviated or "о-в" in name:
        return None
    if lang == "tr":
        name = name.replace("I", "ı").replace("İ", "i")
    letters = []
    for char in unicodedata.normalize("NFC", name.lower()).translate(PLAIN_CHARS):
        if char not in ALPHABETS[lang] + "' ":
            char = unicodedata.normalize("NFKD", char)[0]
            if char not in ALPHABETS[lang]:
                return None
        letters.append(char)
    words = "".join(letters).split()
    if any(word[0] == "'" or word[-1] == "'" for word in words):
        return None
    name = " ".join(words)
    fits = len(words) <= MAX_WORDS and MIN_LETTERS <= len(name) <= MAX_LETTERS
    return name if fits else None


def _cldr_names(lang):
    """Category -> CLDR names as they stand there."""
    locale = Locale.parse(lang)
    cities = {zone: names.get("city") for zone, names in locale.time_zones.items()}
    if lang != "ru":  # CLDR's rule for Latin scripts: a zone without a city has the last part of its id
        for zone in get_global("zone_territories"):
            cities[zone] = cities.get(zone) or zone.split("/")[-1].replace("_", " ")
    territories = [(code, name) for code, name in locale.territories.items() if code not in PSEUDO]
    languages = [(code, name) for code, name in locale.languages.items() if code not in PSEUDO]
    return {
        "territory": [name for code, name in territories if len(code) == 2],
        "language": [name for code, name in languages if "_" not in code],
        "currency": [name for code, name in locale.currencies.items() if code[0] != "X"],
        "city": [name for zone, name in cities.items() if name and not zone.startswith("Etc/")],
        "month": list(locale.months["stand-alone"]["wide"].values()),
        "weekday": list(locale.days["stand-alone"]["wide"].values()),
    }


def all_names(lang):
    """Names of a language by category; a name that several categories have belongs to the first of them.

    Args:
        lang: a key of ALPHABETS.
    Returns:
        dict category -> sorted list of names, lower case.
    """
    seen, names = set(), {}
    for category, raw in _cldr_names(lang).items():
        kept = {clean_name(name, lang) for name in raw} - seen - {None}
        seen |= kept
        names[category] = sorted(kept)
    return names


def spans(words, longest=MAX_WORDS):
    """All runs of up to `longest` neighbouring words, joined by spaces."""
    return {
        " ".join(words[start:end])
        for start in range(len(words))
        for end in range(start + 1, min(start + longest, len(words)) + 1)
    }


def split_names(names, rng):
    """Draw the 30% of each category that paired speech may hold.

    A name inside a common name ("guinea" in "equatorial guinea") is heard with it, so it is common too.

    Args:
        names: dict category -> names, as from `all_names`.
        rng: random.Random.
    Returns:
        (common, rare): two dicts like `names`.
    """
    owner = {name: category for category, members in names.items() for name in members}
    quota = {category: max(1, round(COMMON_SHARE * len(members))) for category, members in names.items()}
    chosen = {category: set() for category in names}
    for members in names.values():
        for name in rng.sample(members, len(members)):
            inside = [part for part in spans(name.split()) & owner.keys() if part not in chosen[owner[part]]]
            wanted = {kind: sum(owner[part] == kind for part in inside) for kind in names}
            if all(len(chosen[kind]) + count <= quota[kind] for kind, count in wanted.items()):
                for part in inside:
                    chosen[owner[part]].add(part)
    common = {category: sorted(members) for category, members in chosen.items()}
    rare = {category: sorted(set(members) - chosen[category]) for category, members in names.items()}
    return common, rare
