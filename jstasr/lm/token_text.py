"""Text for language models, cut into a recogniser's tokens."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jstasr.kaldi.data_dir import UTT2LANG
from jstasr.kaldi.tables import read_table
from jstasr.text.languages import is_unspaced
from jstasr.text.nlsyms import take_out
from jstasr.text.normalize import clean
from jstasr.text.tokens import Tokenizer
from jstasr.text.unspaced import join_unspaced

ROW = (2, 4)  # fewest and most sentences in a row


@dataclass(frozen=True)
class TextReading:
    """What makes transcripts of a text: cleaner, language where no utt2lang names it, symbols to take out."""

    cleaner: str = "none"
    language: str | None = None
    symbols: tuple[str, ...] = ()


def token_sequences(
    paths: Iterable[str | Path], tokenizer: Tokenizer, reading: TextReading | None = None, joined: bool = False
) -> list[list[int]]:
    """Token ids of each line of Kaldi text files; characters outside the token list become `<unk>`.

    A multilingual token list puts the language's token first, as the recogniser learns it, where there is an
    utt2lang beside the text.

    Args:
        joined: each sentence once more, in a row of several of its language: a model of single sentences expects the
            end after each, and misleads a search in audio that goes on.
    """
    texts = list(_texts(paths, reading or TextReading()))
    if joined:
        texts += _in_rows(texts)
    tagged = bool(tokenizer.token_list.languages)
    return [tokenizer.encode(words, language if tagged else None, strict=False) for words, language in texts]


def _texts(paths: Iterable[str | Path], reading: TextReading) -> Iterator[tuple[str, str | None]]:
    """Each normalised line that is not empty, and its language in utt2lang."""
    for path in map(Path, paths):
        beside = path.parent / UTT2LANG
        named = read_table(beside) if beside.exists() else {}
        for utterance, text in read_table(path).items():
            words = take_out(text, reading.symbols) if reading.symbols else text
            words = clean(words, reading.cleaner, named.get(utterance, reading.language))
            if words:
                yield words, named.get(utterance)


def _in_rows(texts: list[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """All texts in rows of several of one language, at random."""
    draw = random.Random(1)
    of_language: dict[str | None, list[str]] = {}
    for words, language in draw.sample(texts, len(texts)):
        of_language.setdefault(language, []).append(words)
    rows: list[tuple[str, str | None]] = []
    for language, sentences in of_language.items():
        while sentences:
            count = draw.randint(*ROW)
            row = " ".join(sentences[-count:])
            del sentences[-count:]
            rows.append((join_unspaced(row) if is_unspaced(language) else row, language))
    return rows
