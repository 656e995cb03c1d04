"""Text without speech: sentences of any text file, without those of dev and test."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from jstasr.corpus.importers.split import sentence_key
from jstasr.corpus.recipe_sets import choose_lines, read_lines
from jstasr.errors import JstasrError
from jstasr.text.language_codes import same_language

LONG = 200  # characters; longer lines are paragraphs, cut at the ends of their sentences
LONGEST = 400  # a sentence that is longer still is left out
SENTENCE_END = re.compile(
    r"(?<=[.!?\u061f\u06d4\u0964\u1362\u2026])[\"'\u00bb\u201d\u2019)]*\s+|(?<=[\u3002\uff01\uff1f])"
)


def parse_text_files(files: Iterable[str], langs: Sequence[str]) -> dict[str, list[str]]:
    """Language -> paths, of "FILE" or "LANG=FILE".

    Args:
        files: of text, one sentence or paragraph per line; the language may be left out where there is only one.
        langs: the languages of the recordings.
    Raises:
        JstasrError: several languages and a file without one of them.
    """
    paths: dict[str, list[str]] = {}
    for file in files:
        named, equals, path = file.partition("=")
        lang = same_language(named, langs) if equals else None
        if not lang:
            lang, path = (langs[0], file) if len(langs) == 1 else ("", file)
        if not lang:
            raise JstasrError(f"--text {file}: say its language, one of {' '.join(langs)}: --text LANG=FILE")
        paths.setdefault(lang, []).append(path)
    return paths


def sentences_of(paths: Sequence[str], count: int = 0, seed: int = 1) -> list[str]:
    """Sentences of text files, `count` lines of them at random (0: all)."""
    lines = (line for path in paths for line in read_lines(path))
    found: list[str] = []
    for line in choose_lines(lines, count, seed):
        pieces = SENTENCE_END.split(line) if len(line) > LONG else [line]
        found += [piece.strip() for piece in pieces if piece and len(piece) <= LONGEST]
    return found


def new_sentences(sentences: Iterable[str], lang: str, excluded: Collection[str]) -> tuple[list[str], int]:
    """Sentences with letters, each once, without those whose key is in `excluded`; and how many of the latter."""
    kept: dict[str, str] = {}
    num_excluded = 0
    for sentence in sentences:
        if not any(unicodedata.category(character)[0] == "L" for character in sentence):
            continue
        key = sentence_key(sentence, lang)
        if key in excluded:
            num_excluded += 1
        elif key:
            kept.setdefault(key, sentence)
    return list(kept.values()), num_excluded
