"""Text for language models, cut into a recogniser's tokens."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jstasr.kaldi.data_dir import UTT2LANG
from jstasr.kaldi.tables import read_table
from jstasr.text.nlsyms import take_out
from jstasr.text.normalize import clean
from jstasr.text.tokens import Tokenizer


@dataclass(frozen=True)
class TextReading:
    """What makes transcripts of a text: cleaner, language where no utt2lang names it, symbols to take out."""

    cleaner: str = "none"
    language: str | None = None
    symbols: tuple[str, ...] = ()


def token_sequences(
    paths: Iterable[str | Path], tokenizer: Tokenizer, reading: TextReading | None = None
) -> list[list[int]]:
    """Token ids of each line of Kaldi text files; characters outside the token list become `<unk>`.

    A multilingual token list puts the language's token first, as the recogniser learns it, where there is an
    utt2lang beside the text.
    """
    reading = reading or TextReading()
    sequences = []
    for path in map(Path, paths):
        texts = read_table(path)
        beside = path.parent / UTT2LANG
        named = read_table(beside) if beside.exists() else {}
        languages = named if tokenizer.token_list.languages else {}
        for utterance, text in texts.items():
            words = take_out(text, reading.symbols) if reading.symbols else text
            words = clean(words, reading.cleaner, named.get(utterance, reading.language))
            if words:
                sequences.append(tokenizer.encode(words, languages.get(utterance), strict=False))
    return sequences
