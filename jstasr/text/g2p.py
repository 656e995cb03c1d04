"""What turns the text of a language into phonemes: espeak, a lexicon, or the letters themselves."""

from dataclasses import dataclass
from functools import cache, partial

from jstasr.errors import JstasrError
from jstasr.text.graphemes import grapheme_phones
from jstasr.text.lexicon import Lexicon
from jstasr.text.phonemes import espeak_code, misreading, phonemize_texts

METHODS = ("auto", "espeak", "grapheme", "lexicon", "lexicon+grapheme", "lexicon+espeak")
MAX_WORDS_SHOWN = 50


@dataclass(frozen=True)
class G2p:
    """How a run makes phonemes.

    Args:
        method: one of METHODS; what follows the + reads the words outside the lexicon.
        lexicon: the file of the methods with a lexicon.
        cleaner: the transcripts' cleaner, for the lexicon's words too.
    """

    method: str = "auto"
    lexicon: str | None = None
    cleaner: str = "basic"

    def __post_init__(self):
        if self.method not in METHODS:
            raise JstasrError(f"--g2p must be one of {', '.join(METHODS)}, not {self.method!r}")
        if self.method.startswith("lexicon") != bool(self.lexicon):
            raise JstasrError("--g2p lexicon and --lexicon FILE go together: give both or neither")

    @property
    def fallback(self):
        """What reads the words outside the lexicon: "espeak", "grapheme" or ""."""
        return self.method.partition("+")[2]


@dataclass(frozen=True)
class Choice:
    """What speaks a language (espeak, lexicon or grapheme), and why, for the reader."""

    method: str
    reason: str


@cache
def choose(g2p, language):
    """The Choice for a language.

    Raises:
        JstasrError: espeak was asked for and does not speak the language, or a lexicon cannot be read.
    """
    if g2p.lexicon:
        if g2p.fallback == "espeak":
            espeak_code(language)
        others = f"; other words by {g2p.fallback}" if g2p.fallback else ""
        return Choice("lexicon", f"{g2p.lexicon}, {len(_lexicon(g2p, language))} words{others}")
    if g2p.method == "grapheme":
        return Choice("grapheme", "letters, as --g2p says")
    try:
        code = espeak_code(language)
    except JstasrError:
        if g2p.method == "espeak":
            raise
        return Choice("grapheme", f"letters: espeak has no voice for {language}")
    fault = misreading(language)
    if fault and g2p.method == "auto":
        return Choice("grapheme", f"letters: {fault}")
    return Choice("espeak", f"voice {code}" + (f"; WARNING: {fault}" if fault else ""))


@cache
def _lexicon(g2p, language):
    return Lexicon(g2p.lexicon, language, g2p.cleaner)


def phones_of(texts, language, g2p):
    """Phones of texts in one language.

    Args:
        texts: list of str, normalised.
        language: its code.
        g2p: G2p.
    Returns:
        list of lists of str with `_` between words, as long as `texts`.
    """
    method = choose(g2p, language).method
    if method == "espeak":
        return phonemize_texts(texts, language)
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


def refuse_unknown_words(texts, language, g2p, name):
    """JstasrError that lists the words outside the lexicon, the most frequent first, where nothing else reads them."""
    if choose(g2p, language).method != "lexicon" or g2p.fallback:
        return
    counts = _lexicon(g2p, language).unknown(texts)
    if counts:
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        shown = " ".join(f"{word} ({counts[word]})" for word in ranked[:MAX_WORDS_SHOWN])
        more = f" and {len(ranked) - MAX_WORDS_SHOWN} more" if len(ranked) > MAX_WORDS_SHOWN else ""
        raise JstasrError(
            f"{name}: {len(counts)} words are not in {g2p.lexicon} (how often): {shown}{more}; add them, or have them "
            "read otherwise: --g2p lexicon+grapheme (letters) or --g2p lexicon+espeak"
        )
