"""Words that espeak does not read but spells out, by names of letters as "Thai letter E4D" or "Cyrillic em"."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from os.path import commonprefix

from babel.core import get_global

from jstasr.text.cldr import locale_of
from jstasr.text.graphemes import grapheme_phones
from jstasr.text.languages import compose, is_unspaced
from jstasr.text.phonemes import espeak_code, phonemize_texts, read_words
from jstasr.text.tokens import WORD_MARK

# Letters that no voice reads, whose code points begin with different digits: their names begin with "letter".
UNREAD = ("\U00010280", "\ua500")
MIN_SHARED = 4  # symbols that two names share where they begin with the name of the script
# Scripts whose characters are syllables and words: neighbours in Unicode may sound alike.
SYLLABIC = {"CJK", "HANGUL", "HIRAGANA", "KATAKANA", "ETHIOPIC", "YI", "LATIN"}


def spelled_out(texts: Iterable[str], language: str) -> Counter[str]:
    """How often which words of texts are spelled out by espeak.

    Args:
        texts: utterances in one language.
        language: its code; espeak has a voice for it.
    Returns:
        The words or, in languages written without spaces, the characters.
    """
    voice = espeak_code(language)
    counts = Counter(word for text in texts for word in compose(text).split() if not word.isascii())
    characters = sorted({character for word in counts for character in word if not character.isascii()})
    _learn_names(voice, characters)
    named = {character for character in characters if _is_name(voice, character)}
    foreign = {character for character in characters if _is_foreign(character, language)}
    suspects = [word for word in counts if not named.isdisjoint(word) or not foreign.isdisjoint(word)]
    if not suspects:
        return Counter()
    found: Counter[str] = Counter()
    for word, spoken in zip(suspects, read_words(suspects, voice), strict=True):
        phones = "".join(spoken.split())
        spelled = {character for character in named.intersection(word) if _names[voice, character] in phones}
        letters = sum(map(str.isalpha, word))
        if is_unspaced(language):
            found.update({character: word.count(character) * counts[word] for character in spelled})
        elif spelled or (1 < letters <= len(spoken.split()) and foreign.issuperset(filter(str.isalpha, word))):
            found[word] += counts[word]
    return found


def phonemize_or_spell(texts: Sequence[str], language: str) -> list[list[str]]:
    """Phones of texts by espeak, and the letters themselves of what it spells out."""
    texts = [compose(text) for text in texts]
    found = spelled_out(texts, language)
    if not found:
        return phonemize_texts(texts, language)
    alternatives = "|".join(re.escape(word) for word in sorted(found, key=len, reverse=True))
    unspaced = is_unspaced(language)
    pattern = re.compile(f"((?:{alternatives})+)" if unspaced else rf"(?<!\S)({alternatives})(?!\S)")
    split = [pattern.split(text) for text in texts]
    pieces = [piece for parts in split for piece in parts[::2]]
    spoken = iter(phonemize_texts(pieces, language))
    phones = []
    for parts in split:
        whole: list[str] = []
        for number, part in enumerate(parts):
            piece = grapheme_phones(part, language) if number % 2 else next(spoken)
            if whole and piece and not unspaced:
                whole.append(WORD_MARK)
            whole += piece
        phones.append(whole)
    return phones


_names: dict[tuple[str, str], str] = {}


def _learn_names(voice: str, characters: Iterable[str]) -> None:
    """Ask espeak for its reading of single characters, of all at once, and of their neighbours in Unicode."""
    wanted = {name for character in characters for name in (character, _sibling(character)) if name} | set(UNREAD)
    new = sorted(character for character in wanted if (voice, character) not in _names)
    for character, spoken in zip(new, read_words(new, voice), strict=True):
        _names[voice, character] = "".join(spoken.split())


def _is_name(voice: str, character: str) -> bool:
    """Is the reading of a character the name of a letter: with the word for it, or the script's name before it?"""
    name = _names[voice, character]
    letter = commonprefix([_names[voice, unread] for unread in UNREAD])
    if len(letter) >= MIN_SHARED and letter in name:
        return True
    sibling = _sibling(character)
    return bool(sibling) and len(commonprefix([name, _names[voice, sibling]])) >= MIN_SHARED


@cache
def _sibling(character: str) -> str:
    """Another letter of the same alphabet, the nearest in Unicode; "" for syllabic scripts."""
    script = _script(character)
    if not character.isalpha() or script in SYLLABIC:
        return ""
    for distance in (1, -1, 2, -2, 3, -3):
        other = chr(ord(character) + distance)
        if other.isalpha() and _script(other) == script and other.lower() != character.lower():
            return other
    return ""


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]


def _is_foreign(character: str, language: str) -> bool:
    """Is the letter of another alphabet than the language's? Syllabic scripts and Latin letters are not."""
    script = _script(character)
    if not character.isalpha() or script in SYLLABIC:
        return False
    own = _own_script(language)
    return bool(own) and script != own


@cache
def _own_script(language: str) -> str:
    """The script of a language as Unicode names it in its characters: "CYRILLIC"; "" where it is not known."""
    locale = locale_of(language)
    if locale is None:
        return ""
    likely = get_global("likely_subtags").get(locale.language, "").split("_")
    code = locale.script or next((part for part in likely if len(part) == 4), "")
    name = str(locale_of("en").scripts.get(code, "")) if code else ""  # type: ignore[union-attr]
    return name.upper().split(" ")[0]
