"""Text without speech: sentences of any text file, without those of dev and test."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

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
            lang, path = langs[0], file
            if len(langs) > 1:
                raise JstasrError(f"--text {file}: say its language, one of {' '.join(langs)}: --text LANG=FILE")
        paths.setdefault(lang, []).append(path)
    return paths


@dataclass
class TextReading:
    """What was found in text files, what was taken, and what was left out, by reason."""

    lines: int = 0
    sentences: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.left_out.most_common())
        return f"{self.lines} lines, {self.sentences} sentences taken" + (f"; left out: {reasons}" if reasons else "")


def sentences_of(paths: Sequence[str], reading: TextReading, count: int = 0, seed: int = 1) -> list[str]:
    """Sentences of text files, `count` lines of them at random (0: all); what is left out goes to `reading`."""
    lines = choose_lines((line for path in paths for line in read_lines(path)), count, seed)
    reading.lines += len(lines)
    return [sentence for line in lines for sentence in _sentences_of_line(line, reading)]


def _sentences_of_line(line: str, reading: TextReading) -> list[str]:
    """The sentences of a line that can be read aloud."""
    found = []
    for piece in SENTENCE_END.split(line) if len(line) > LONG else [line]:
        piece = " ".join((piece or "").split())
        if not piece:
            continue
        if len(piece) > LONGEST:
            reading.left_out[f"of over {LONGEST} characters without the end of a sentence"] += 1
        elif any(unicodedata.category(character) in ("Cc", "Cn", "Cs") for character in piece):
            reading.left_out["with characters that cannot be printed"] += 1
        elif not any(unicodedata.category(character)[0] == "L" for character in piece):
            reading.left_out["without letters"] += 1
        else:
            found.append(piece)
    return found


def refuse_without_sentence(files: Iterable[str], langs: Sequence[str]) -> None:
    """JstasrError naming the text files, as of `parse_text_files`, of a language without a sentence in them."""
    for paths in parse_text_files(files, langs).values():
        reading = TextReading()
        lines = (" ".join(line.split()) for path in paths for line in read_lines(path))
        if not any(_sentences_of_line(line, reading) for line in lines if line):
            refuse_nothing_taken(paths, reading)


def refuse_nothing_taken(paths: Sequence[str], reading: TextReading) -> NoReturn:
    """JstasrError: text files without a sentence to take, and why."""
    why = ", ".join(f"{count} {reason}" for reason, count in reading.left_out.items())
    why = f"left out {why}" if why else "there is no text"
    raise JstasrError(f"{' '.join(paths)}: no sentence can be taken: {why}; give text with one sentence a line")


def new_sentences(sentences: Iterable[str], lang: str, excluded: Collection[str], reading: TextReading) -> list[str]:
    """Sentences, each once, without those whose key is in `excluded`; what is left out goes to `reading`."""
    kept: dict[str, str] = {}
    for sentence in sentences:
        key = sentence_key(sentence, lang)
        if key in excluded:
            reading.left_out["that dev or test has"] += 1
        elif not key:
            reading.left_out["without letters"] += 1
        elif key in kept:
            reading.left_out["that are there already"] += 1
        else:
            kept[key] = sentence
    reading.sentences += len(kept)
    return list(kept.values())
