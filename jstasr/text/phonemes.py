"""Phonemes of texts by espeak, through phonemizer.

Whole sentences go to espeak, since its pronunciation of a word depends on the neighbours (French liaison, English
"the" and "a"); it runs some short words together ("of the" is one word, ʌvðə), where a word mark is then missing.
Stress marks are dropped, length marks stay with their vowel, punctuation is silent.
"""

import ctypes.util
import logging
import os
import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal

from jstasr.errors import JstasrError
from jstasr.text.language_codes import best_match, canonical_code, general_tag, script_of
from jstasr.text.languages import join_split_letters
from jstasr.text.tokens import WORD_MARK

if TYPE_CHECKING:
    from phonemizer.backend import EspeakBackend

# Voices whose names are no language codes.
VOICES = {"chr-US-Qaaa-x-west": "chr", "piqd": "tlh", "py": "x-py"}
TIES = re.compile("[\u0361\u035c]")
# What espeak prints for a phoneme without an IPA name (German glottal stop).
REPAIRS = {"??": "ʔ", "?": "ʔ"}


@cache
def use_espeak_library() -> str:
    """Point phonemizer at the system's libespeak-ng or else at the espeakng-loader wheel; returns its name or path.

    JSTASR_ESPEAK=wheel in the environment takes the wheel's, which is newer than Debian's.
    """
    from phonemizer.backend.espeak.wrapper import EspeakWrapper

    system = ctypes.util.find_library("espeak-ng") or ctypes.util.find_library("espeak")
    wanted = os.environ.get("JSTASR_ESPEAK", "")
    if wanted not in ("", "system", "wheel"):
        raise JstasrError(f"JSTASR_ESPEAK is {wanted!r}: it must be system, wheel or unset")
    if system and wanted != "wheel":
        return system
    try:
        import espeakng_loader
    except ImportError:
        raise JstasrError(
            "no espeak library: install Debian's espeak-ng (root) or the Python package espeakng-loader"
        ) from None
    library = espeakng_loader.get_library_path()
    EspeakWrapper.set_library(library)
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    return library


@cache
def _voices() -> dict[str, str]:
    """espeak's voice -> its language code."""
    from phonemizer.backend import EspeakBackend

    use_espeak_library()
    return {str(voice): VOICES.get(voice, str(voice)) for voice in EspeakBackend.supported_languages()}


@cache
def espeak_code(language: str) -> str:
    """espeak's voice for a language, its region and its script: "en" -> "en-us", "sv-SE" -> "sv", "zh-HK" -> "yue".

    Raises:
        JstasrError: no language code, or espeak lacks the language or cannot read it in this script.
    """
    canonical_code(language)
    voice, tag = best_match(language, _voices()), general_tag(language)
    if voice is None or tag is None:
        raise JstasrError(f"espeak has no voice for {language}; `espeak-ng --voices` lists those that it has")
    own = general_tag(_voices()[voice])
    script = script_of(tag)
    if own is not None and script_of(own) != script and not _reads(voice, script):
        raise JstasrError(f"espeak's voice {voice} does not read {language} in its script, {script or 'unknown'}")
    return voice


# A word or two of scripts in which languages are written beside their usual one, of letters that all alphabets have.
SCRIPT_SAMPLES = {"Latn": "mana tolado", "Cyrl": "мана толадо", "Arab": "سلام باد", "Deva": "मनात कमल"}


def _reads(voice: str, script: str) -> bool:
    """Does a voice read a script itself, and not by the names of letters or in another language?"""
    sample = SCRIPT_SAMPLES.get(script)
    return sample is not None and "(" not in _backend(voice, "keep-flags").phonemize([sample])[0]


# Everyday sentences of scripts that some versions of espeak read by the names of their characters.
PROBES = {"cmn": "今天天气很好", "yue": "今日天氣好好", "ja": "今日は天気がいい"}


@cache
def misreading(language: str) -> str:
    """Why espeak's phonemes of a language are useless although it has a voice for it; "" where they are not.

    Found from its phonemes of an ordinary sentence: for a character without a reading it gives those of "Chinese
    letter", or of a Latin spelling letter by letter, in English.
    """
    code = espeak_code(language)
    if code not in PROBES or "(en)" not in _backend(code, "keep-flags").phonemize([PROBES[code]])[0]:
        return ""
    library = os.path.basename(use_espeak_library())
    remedy = (
        "; JSTASR_ESPEAK=wheel takes a version that may read it" if os.environ.get("JSTASR_ESPEAK") != "wheel" else ""
    )
    return f"espeak ({library}) names the characters of {language} in English instead of reading them{remedy}"


@cache
def _backend(code: str, language_switch: Literal["keep-flags", "remove-flags"] = "remove-flags") -> "EspeakBackend":
    """The one backend of a language in this process: creating another would leak about 5 MB."""
    from phonemizer.backend import EspeakBackend

    use_espeak_library()
    quiet = logging.getLogger("jstasr.phonemizer")
    quiet.setLevel(logging.ERROR)  # it warns of each word in another language, whose flags are removed anyway
    try:
        return EspeakBackend(code, language_switch=language_switch, words_mismatch="ignore", logger=quiet)
    except RuntimeError as error:
        raise JstasrError(f"espeak cannot be started for {code!r}: {error}") from error


def phonemize_texts(texts: Sequence[str], lang: str) -> list[list[str]]:
    """Phonemes of texts.

    Args:
        texts: one utterance each.
        lang: language of all of them, as in utt2lang.
    Returns:
        The phonemes of each text with `_` between words; empty for a text of punctuation alone.
    Raises:
        JstasrError: espeak is missing or lacks the language.
    """
    from phonemizer.separator import Separator

    # A line break or a NUL inside would end the text for espeak. Equal sentences are converted once.
    # Letters that NFKC has taken apart are read only whole.
    flat = [" ".join(join_split_letters(text).replace("\0", " ").split()) for text in texts]
    unique = sorted(set(flat))
    # "|" cannot come from espeak, which spells "_" itself between phones.
    separator = Separator(phone=" ", word="|")
    lines = _backend(espeak_code(lang)).phonemize(unique, separator=separator, strip=True)
    if len(lines) != len(unique):
        raise JstasrError(f"phonemizer returned {len(lines)} lines for {len(unique)} texts in {lang!r}")
    spoken = dict(zip(unique, map(_split_phones, lines), strict=True))
    return [list(spoken[text]) for text in flat]


def read_words(words: Sequence[str], code: str) -> list[str]:
    """Phonemes of words one by one, in espeak's voice `code`, with spaces where it makes several words of one."""
    return _backend(code).phonemize(list(words), strip=True) if words else []


def _split_phones(line: str) -> list[str]:
    """ "h ə l oʊ|w ɜː" -> [h ə l oʊ _ w ɜː]; words without phones leave no mark."""
    phones: list[str] = []
    for word in TIES.sub("", line).split("|"):
        found = [REPAIRS.get(phone, phone) for phone in word.split()]
        if found:
            phones += [WORD_MARK, *found] if phones else found
    return phones
