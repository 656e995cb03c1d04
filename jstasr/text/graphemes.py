"""Letters in the place of phonemes, for languages that espeak lacks."""

import unicodedata

from jstasr.text.languages import JOINERS, drop_invisible, has_dotless_i, write_words_whole
from jstasr.text.tokens import WORD_MARK


def grapheme_phones(text: str, language: str | None = None) -> list[str]:
    """Letters of a text with `_` between words: "Kana'n" -> [k, a, n, a, ', n].

    Small letters, composed (NFC). Accents that Unicode has no composed letter for stay with their letter, as one
    symbol; marks that are sounds of their own (vowel signs of Indic scripts, of Thaana, Thai and Arabic) are
    symbols of their own. Apostrophes inside words count as letters, other punctuation is silent.

    Args:
        text: the transcript.
        language: its code, for the dotless i of Turkish and the like.
    """
    text = unicodedata.normalize("NFC", write_words_whole(drop_invisible(text), language))
    text = text.replace("\u2019", "'")
    if has_dotless_i(language):
        text = text.replace("I", "\u0131").replace("\u0130", "i")
    text = unicodedata.normalize("NFC", text.lower().replace("i\u0307", "i"))
    phones: list[str] = []
    for word in "".join(character if _is_symbol(character) else " " for character in text).split():
        found = _letters(word.strip("'"))
        if found:
            phones += [WORD_MARK, *found] if phones else found
    return phones


def _is_symbol(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or character == "'" or character in JOINERS


def _letters(word: str) -> list[str]:
    letters: list[str] = []
    for character in word:
        if character in JOINERS:
            continue
        if _is_accent(character) and letters:
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _is_accent(character: str) -> bool:
    """A mark of the blocks of diacritics, which modify the letter before them in any alphabet; or a virama."""
    if not unicodedata.combining(character):
        return False
    code = ord(character)
    blocks = ((0x300, 0x36F), (0x483, 0x487), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F))
    return any(first <= code <= last for first, last in blocks) or unicodedata.combining(character) == 9
