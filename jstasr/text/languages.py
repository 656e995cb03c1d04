"""What languages differ in as text: letters, spaces between words.

Codes are those of corpora (BCP 47, Common Voice): "pt", "sv-SE", "zh_CN".
"""

import re

# Written without spaces between words: tokens are characters, and the character error rate is what counts.
UNSPACED = {"zh", "cmn", "yue", "wuu", "hak", "nan", "lzh", "ja", "th", "lo", "km", "my", "bo", "dz"}
DOTLESS_I = {"tr", "az", "crh", "gag"}  # dotted and dotless i are two letters: I is the capital of the dotless one
# Thai and Lao, Tibetan, Burmese, Khmer, kana, Chinese characters.
_UNSPACED_CHARACTERS = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\u1780-\u17ff\u19e0-\u19ff"
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_NEEDLESS_SPACE = re.compile(f"(?<=[{_UNSPACED_CHARACTERS}]) +(?=[{_UNSPACED_CHARACTERS}])")
_UNSPACED_CHARACTER = re.compile(f"([{_UNSPACED_CHARACTERS}])")
JOINERS = "\u200c\u200d"  # spelling of Persian and of Indic scripts
ZERO_WIDTH_SPACE = "\u200b"  # marks a word's end in Khmer, Thai and Burmese texts
# Soft hyphen, tatweel (it stretches an Arabic word for looks), direction marks, word joiner, byte-order mark.
_INVISIBLE = re.compile("[\xad\u034f\u0640\u061c\u180e\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")


def primary_subtag(language: str | None) -> str:
    """The language without region or script, in small letters: "zh-CN" -> "zh"; "" for None."""
    return re.split("[-_]", language.lower(), maxsplit=1)[0] if language else ""


def is_unspaced(language: str | None) -> bool:
    """Is the language written without spaces between words?"""
    return primary_subtag(language) in UNSPACED


def drop_invisible(text: str) -> str:
    """Text without characters that have no shape: soft hyphens, direction marks, byte-order marks, tatweel."""
    if text.isascii():
        return text
    return _INVISIBLE.sub("", text.replace(ZERO_WIDTH_SPACE, " "))


def join_unspaced(text: str) -> str:
    """Text without the spaces between two characters of scripts that are written without them."""
    return _NEEDLESS_SPACE.sub("", text)


def split_unspaced(text: str) -> str:
    """Text with spaces around each character of such scripts: the units in which their errors are counted."""
    return " ".join(_UNSPACED_CHARACTER.sub(r" \1 ", text).split())
