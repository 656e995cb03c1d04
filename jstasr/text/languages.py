"""What languages differ in as text: letters, spaces between words.

Codes are taken in any spelling (jstasr/text/language_codes.py): "pt", "sv-SE", "zh_CN", "tur".
"""

import re
import unicodedata
from functools import lru_cache

from jstasr.text.language_codes import general_tag, script_of

# Written without spaces between words: tokens are characters, and the character error rate is what counts.
UNSPACED_SCRIPTS = {"Hani", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"}
UNSPACED = {"lzh"}  # of languages whose script CLDR does not know
# Dotted and dotless i are two letters: I is the capital of the dotless one. Those of the second set write so in Latin
# letters, which are not their usual ones.
DOTLESS_I = {"tr", "az", "crh", "gag"}
DOTLESS_I_IN_LATIN = {"kk", "tt", "ba"}
JOINERS = "\u200c\u200d"  # spelling of Persian and of Indic scripts
ZERO_WIDTH_SPACE = "\u200b"  # marks a word's end in Khmer, Thai and Burmese texts
# Soft hyphen, tatweel (it stretches an Arabic word for looks), direction marks, word joiner, byte-order mark.
_INVISIBLE = re.compile("[\xad\u034f\u0640\u061c\u180e\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")

APOSTROPHES = str.maketrans(dict.fromkeys("\u2019\u2018\u02bc\u2032\u05f3\u055a`", "'"))
# Other code points in which a language's letters are found: Romanian with cedillas, Persian and Urdu in Arabic letters.
VARIANTS = {
    "ro": str.maketrans("\u015f\u015e\u0163\u0162", "\u0219\u0218\u021b\u021a"),
    "fa": str.maketrans("\u064a\u0649\u0643", "\u06cc\u06cc\u06a9"),
    "ur": str.maketrans("\u064a\u0643", "\u06cc\u06a9"),
}
MIDDLE_DOT = "\xb7"
TSHEG = "\u0f0b"  # between the syllables of a Tibetan word
SIGNS_IN_WORDS = MIDDLE_DOT + TSHEG
OKINA = "\u02bb"  # a letter: the consonant of Polynesian languages, a part of the Uzbek letters o\u02bb and g\u02bb
_ANY_APOSTROPHE = "['\u2018\u2019\u02bb\u02bc\u2032`\xb4]"
# Characters that NFKC would take apart although they are letters of their script: sara am, Lao, Tibetan, Armenian
# and Kazakh letters, and the Korean letters that stand alone.
_INDIVISIBLE = re.compile("([\u0587\u0675-\u0678\u0e33\u0eb3\u0edc\u0edd\u0f77\u0f79\u3131-\u318e])")
_SPLIT_AM = (
    (re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32|([\u0e48-\u0e4b])\u0e4d\u0e32"), "\u0e33"),
    (re.compile("\u0ecd([\u0ec8-\u0ecb]?)\u0eb2|([\u0ec8-\u0ecb])\u0ecd\u0eb2"), "\u0eb3"),
)
# Letters that are typed in two parts, which look the same and are read otherwise: Thai and Lao ae as two e; Malayalam
# chillu letters and the Bengali khanda ta as a consonant, a virama and a joiner.
_TYPED_IN_PARTS = {
    "\u0e40\u0e40": "\u0e41", "\u0ec0\u0ec0": "\u0ec1", "\u09a4\u09cd\u200d": "\u09ce",
    "\u0d23\u0d4d\u200d": "\u0d7a", "\u0d28\u0d4d\u200d": "\u0d7b", "\u0d30\u0d4d\u200d": "\u0d7c",
    "\u0d32\u0d4d\u200d": "\u0d7d", "\u0d33\u0d4d\u200d": "\u0d7e", "\u0d15\u0d4d\u200d": "\u0d7f",
}  # fmt: skip
_PARTS = re.compile("|".join(_TYPED_IN_PARTS))
# Cherokee is written in the letters that Unicode counts as capitals; lower() makes others of them.
CHEROKEE = {0xAB70 + i: 0x13A0 + i for i in range(80)} | {0x13F8 + i: 0x13F0 + i for i in range(6)}
_HEBREW = "[\u0591-\u05c7\u05d0-\u05ea\u05ef-\u05f2]"
# Signs of scripts inside a word that are not read: Armenian tones and the sign of abbreviation, Hebrew gershayim.
_UNREAD_SIGNS = re.compile(f"[\u055b\u055c\u055e\u055f]|(?<={_HEBREW})(?:[\"\u05f4\u201c-\u201e]|'')(?={_HEBREW})")
_ORTHOGRAPHY = {
    # The geminate l, however its dot is typed.
    "ca": [
        (re.compile("(?<=l)[\xb7\u0387\u2022\u2027\u2219\u22c5\u30fb](?=l)", re.IGNORECASE), MIDDLE_DOT),
        (re.compile(r"(?<=[^\W\d_]l)\.(?=l[^\W\d_])", re.IGNORECASE), MIDDLE_DOT),
        (re.compile("\u0140(?=l)", re.IGNORECASE), "l" + MIDDLE_DOT),
        (re.compile("(?<!l)\xb7|\xb7(?!l)", re.IGNORECASE), " "),
    ],
    # Gascon n\xb7h and s\xb7h.
    "oc": [(re.compile("(?<![ns])\xb7|\xb7(?!h)", re.IGNORECASE), " ")],
    # One word "and", in either orthography and with a capital; the ligature within words.
    "hy": [
        (re.compile(r"[\u0535\u0565][\u0582\u0552]"), "\u0587"),
        (re.compile(r"\b[\u0535\u0565][\u054e\u057e]\b"), "\u0587"),
    ],
    "uz": [(re.compile(f"(?<=[og]){_ANY_APOSTROPHE}", re.IGNORECASE), OKINA), (re.compile("(?<![ogOG])\u02bb"), "'")],
    # A colon before the ending of an abbreviation: "EU:ssa", "EU:s".
    "fi": [(re.compile(r"(?<=[^\W\d_]):(?=[^\W\d_])"), "")],
    "sv": [(re.compile(r"(?<=[^\W\d_]):(?=[^\W\d_])"), "")],
} | dict.fromkeys(
    ("haw", "sm", "to", "ty"),
    [(re.compile(f"{_ANY_APOSTROPHE}(?=[aeiou\u0101\u0113\u012b\u014d\u016b])", re.IGNORECASE), OKINA)],
)
_TSHEG_OUTSIDE = re.compile("(?<![\u0f40-\u0fbc])[\u0f0b\u0f0c]|[\u0f0b\u0f0c](?![\u0f40-\u0fbc])")


@lru_cache(maxsize=10000)
def primary_subtag(language: str | None) -> str:
    """The language without region or script: "zh-CN", "zho" and "cmn" are "zh"; "" for None."""
    tag = general_tag(language)
    if tag is not None:
        return tag.language or ""
    return re.split("[-_]", language.lower(), maxsplit=1)[0] if language else ""


@lru_cache(maxsize=10000)
def is_unspaced(language: str | None) -> bool:
    """Is the language, in its script, written without spaces between words?"""
    tag = general_tag(language)
    return tag is not None and (script_of(tag) in UNSPACED_SCRIPTS or tag.language in UNSPACED)


@lru_cache(maxsize=10000)
def has_dotless_i(language: str | None) -> bool:
    """Is I the capital letter of the dotless i?"""
    tag = general_tag(language)
    if tag is None or tag.script not in (None, "Latn"):
        return False
    return tag.language in DOTLESS_I or (tag.script == "Latn" and tag.language in DOTLESS_I_IN_LATIN)


def letters_around(language: str | None) -> str:
    """What a number may not follow or precede if it stands alone, for a regular expression's brackets.

    Letters and digits; in languages without spaces between words only those of other scripts.
    """
    return r"A-Za-z\d_" if is_unspaced(language) else r"\w"


def drop_invisible(text: str) -> str:
    """Text without characters that have no shape: soft hyphens, direction marks, byte-order marks, tatweel."""
    if text.isascii():
        return text
    return _INVISIBLE.sub("", text.replace(ZERO_WIDTH_SPACE, " "))


def join_split_letters(text: str) -> str:
    """Text with letters as one character that are typed in parts, as Thai sara am and Malayalam chillu letters."""
    text = _PARTS.sub(lambda match: _TYPED_IN_PARTS[match[0]], text)
    for split, whole in _SPLIT_AM:
        text = split.sub(lambda match, whole=whole: (match[1] or match[2] or "") + whole, text)
    return text


def compose(text: str) -> str:
    """NFKC but for letters that it would take apart, and with those that it has taken apart whole again."""
    text = join_split_letters(text)
    if not _INDIVISIBLE.search(text):
        return unicodedata.normalize("NFKC", text)
    parts = _INDIVISIBLE.split(text)
    return "".join(part if number % 2 else unicodedata.normalize("NFKC", part) for number, part in enumerate(parts))


def write_words_whole(text: str, language: str | None) -> str:
    """Text whose signs inside words are those of the language's orthography, in one spelling; others are spaces."""
    short = primary_subtag(language)
    if text.isascii() and short not in _ORTHOGRAPHY:
        return text
    text = text.replace("\xb4", "'").replace("\u201b", "'")  # NFKC makes a space and an accent of the first
    text = _UNREAD_SIGNS.sub("", text.translate(VARIANTS.get(short, {})))
    for pattern, replacement in _ORTHOGRAPHY.get(short, ()):
        text = pattern.sub(replacement, text)
    if MIDDLE_DOT in text and short not in ("ca", "oc"):
        text = text.replace(MIDDLE_DOT, " ")
    return _TSHEG_OUTSIDE.sub(" ", text)
