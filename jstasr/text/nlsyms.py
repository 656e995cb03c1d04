"""Non-linguistic symbols of transcripts, such as `<noise>` and `[laughter]`: no sound of a word."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from jstasr.errors import JstasrError


def read_symbols(sources: Iterable[str]) -> list[str]:
    """The symbols of several sources, each a file with one symbol a line or symbols with commas between.

    Raises:
        JstasrError: a path that does not exist, or a source without a symbol.
    """
    symbols: list[str] = []
    for source in sources:
        if Path(source).is_file():
            try:
                lines = Path(source).read_text(encoding="utf-8-sig").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise JstasrError(f"{source}: non-linguistic symbols, one a line in UTF-8: {error}") from None
            found = [line.split()[0] for line in lines if line.strip()]
        elif "/" in re.sub(r"</|\[/", "", source):
            raise JstasrError(f"{source}: no such file of non-linguistic symbols")
        else:
            found = [symbol.strip() for symbol in source.split(",") if symbol.strip()]
        if not found:
            raise JstasrError(f"{source}: no symbol in it")
        symbols += found
    return symbols


def take_out(text: str, symbols: Iterable[str]) -> str:
    """The text without the symbols; one of letters and digits alone is taken out as a whole word only."""
    for symbol in sorted(symbols, key=len, reverse=True):
        text = re.sub(rf"(?<!\S){re.escape(symbol)}(?!\S)" if symbol.isalnum() else re.escape(symbol), " ", text)
    return " ".join(text.split())


def take_out_of(texts: Mapping[str, str], symbols: Iterable[str]) -> tuple[dict[str, str], set[str]]:
    """A table of transcripts without the symbols, and the utterances that held nothing but symbols and punctuation."""
    symbols = list(symbols)
    if not symbols:
        return dict(texts), set()
    left = {utterance: take_out(text, symbols) for utterance, text in texts.items()}
    wordless = {
        utterance
        for utterance, text in left.items()
        if " ".join(texts[utterance].split()) != text and not any(character.isalnum() for character in text)
    }
    return left, wordless
