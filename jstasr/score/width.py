"""How many terminal columns a text takes."""

import unicodedata
from functools import lru_cache

ZERO_WIDTH = {"Mn", "Me", "Cf"}


@lru_cache(maxsize=1 << 16)
def _letter_width(letter: str) -> int:
    if unicodedata.category(letter) in ZERO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def display_width(text: str) -> int:
    """Columns of a text: 2 for wide East Asian letters, 0 for combining and format characters, else 1."""
    return len(text) if text.isascii() else sum(map(_letter_width, text))
