"""Grapheme-to-phoneme conversion of a language: by espeak, by a lexicon, or by its letters themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Literal

from jstasr.errors import JstasrError
from jstasr.text.graphemes import grapheme_phones
from jstasr.text.language_codes import canonical_code
from jstasr.text.lexicon import Lexicon
from jstasr.text.phonemes import espeak_code, misreading, phonemize_texts
from jstasr.text.spelled_out import phonemize_or_spell

Method = Literal["espeak", "lexicon", "grapheme"]
METHODS = ("auto", "espeak", "grapheme", "lexicon", "lexicon+grapheme", "lexicon+espeak")
MAX_WORDS_SHOWN = 50


@dataclass(frozen=True)
class G2p:
    """The settings of a run.

    Args:
        method: one of METHODS; what follows the + converts the words outside the lexicon.
        lexicon: path of the lexicon, for the methods that have one.
        cleaner: the transcripts' cleaner, for the lexicon's words too.
    Raises:
        JstasrError: an unknown method, or a lexicon without such a method or the other way round.
    """

    method: str = "auto"
    lexicon: str | None = None
    cleaner: str = "basic"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise JstasrError(f"--g2p must be one of {', '.join(METHODS)}, not {self.method!r}")
        if self.method.startswith("lexicon") != bool(self.lexicon):
            raise JstasrError("--g2p lexicon and --lexicon FILE go together: give both or neither")

    @property
    def fallback(self) -> str:
        """What converts the words outside the lexicon: "espeak", "grapheme" or ""."""
        return self.method.partition("+")[2]


@dataclass(frozen=True)
class MethodChoice:
    """The method for one language, and why, in words for the user."""

    method: Method
    reason: str


@cache
def choose_method(g2p: G2p, language: str) -> MethodChoice:
    """The method for a language.

    Raises:
        JstasrError: no language code, espeak is asked for and lacks the language, or the lexicon cannot be read.
    """
    canonical_code(language)
    if g2p.lexicon:
        if g2p.fallback == "espeak":
            espeak_code(language)
        others = f"; other words by {g2p.fallback}" if g2p.fallback else ""
        return MethodChoice("lexicon", f"{g2p.lexicon}, {len(_lexicon(g2p, language))} words{others}")
    if g2p.method == "grapheme":
        return MethodChoice("grapheme", "letters, as --g2p says")
    try:
        code = espeak_code(language)
    except JstasrError as error:
        if g2p.method == "espeak":
            raise
        return MethodChoice("grapheme", f"letters: {str(error).partition(';')[0]}")
    fault = misreading(language)
    if fault and g2p.method == "auto":
        return MethodChoice("grapheme", f"letters: {fault}")
    return MethodChoice("espeak", f"voice {code}" + (f"; WARNING: {fault}" if fault else ""))


@cache
def _lexicon(g2p: G2p, language: str) -> Lexicon:
    assert g2p.lexicon is not None
    return Lexicon(g2p.lexicon, language, g2p.cleaner)


def phones_of(texts: Sequence[str], language: str, g2p: G2p) -> list[list[str]]:
    """Phones of texts in one language.

    Args:
        texts: normalised.
        language: its code, as in utt2lang.
        g2p: how they are converted.
    Returns:
        The phones of each text, with `_` between words.
    """
    method = choose_method(g2p, language).method
    if method == "espeak":
        return (phonemize_or_spell if g2p.method == "auto" else phonemize_texts)(texts, language)
    if method == "grapheme":
        return [grapheme_phones(text, language) for text in texts]
    lexicon = _lexicon(g2p, language)
    if g2p.fallback == "espeak":
        words = sorted(lexicon.unknown(texts))
        fallback = dict(zip(words, phonemize_texts(words, language), strict=True)).__getitem__
    elif g2p.fallback == "grapheme":
        fallback = partial(grapheme_phones, language=language)
    else:
        fallback = None
    return [lexicon.phones(text, fallback) for text in texts]


def refuse_unknown_words(texts: Sequence[str], language: str, g2p: G2p, name: str | Path) -> None:
    """JstasrError that lists the words outside the lexicon, the most frequent first, where there is no fallback.

    Args:
        texts, language, g2p: as of `phones_of`.
        name: what to call the set in an error.
    """
    if choose_method(g2p, language).method != "lexicon" or g2p.fallback:
        return
    counts = _lexicon(g2p, language).unknown(texts)
    if counts:
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        shown = " ".join(f"{word} ({counts[word]})" for word in ranked[:MAX_WORDS_SHOWN])
        more = f" and {len(ranked) - MAX_WORDS_SHOWN} more" if len(ranked) > MAX_WORDS_SHOWN else ""
        raise JstasrError(
            f"{name}: {len(counts)} words are not in {g2p.lexicon} (how often): {shown}{more}; add them, or have them "
            "converted by --g2p lexicon+grapheme (letters) or --g2p lexicon+espeak"
        )
