"""Text without speech: sentences of any text file, without those of dev and test."""

import re
import unicodedata

from jstasr.corpus.importers.split import sentence_key
from jstasr.corpus.recipe_sets import choose_lines, read_lines
from jstasr.errors import JstasrError

LONG = 200  # characters; longer lines are paragraphs, cut at the ends of their sentences
LONGEST = 400  # a sentence that is longer still is left out
SENTENCE_END = re.compile(
    r"(?<=[.!?\u061f\u06d4\u0964\u1362\u2026])[\"'\u00bb\u201d\u2019)]*\s+|(?<=[\u3002\uff01\uff1f])"
)


def parse_text_files(options, langs):
    """dict language -> list of files, of --text options FILE or LANG=FILE.

    Raises:
        JstasrError: several languages and a file that does not say which one it is in.
    """
    files = {}
    for option in options:
        lang, equals, path = option.partition("=")
        if not equals or "/" in lang or lang not in langs:
            lang, path = (langs[0], option) if len(langs) == 1 else ("", option)
        if not lang:
            raise JstasrError(f"--text {option}: say its language, one of {' '.join(langs)}: --text LANG=FILE")
        files.setdefault(lang, []).append(path)
    return files


def sentences_of(paths, count=0, seed=1):
    """Sentences of text files, `count` lines of them at random (0: all)."""
    lines = (line for path in paths for line in read_lines(path))
    found = []
    for line in choose_lines(lines, count, seed):
        pieces = SENTENCE_END.split(line) if len(line) > LONG else [line]
        found += [piece.strip() for piece in pieces if piece and len(piece) <= LONGEST]
    return found


def new_sentences(sentences, lang, excluded):
    """Sentences with letters, each once, without those whose key is in `excluded`; and how many of the latter."""
    kept, held = {}, 0
    for sentence in sentences:
        if not any(unicodedata.category(character)[0] == "L" for character in sentence):
            continue
        key = sentence_key(sentence, lang)
        if key in excluded:
            held += 1
        elif key:
            kept.setdefault(key, sentence)
    return list(kept.values()), held
