"""Scripts that are written without spaces between words."""

import re

# Thai and Lao, Tibetan, Burmese, Khmer, kana, Chinese characters.
_CHARACTERS = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff\u1780-\u17ff\u19e0-\u19ff"
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_NEEDLESS_SPACE = re.compile(f"(?<=[{_CHARACTERS}]) +(?=[{_CHARACTERS}])")
_CHARACTER = re.compile(f"([{_CHARACTERS}])")


def join_unspaced(text: str) -> str:
    """Text without the spaces between two characters of scripts that are written without them."""
    return _NEEDLESS_SPACE.sub("", text)


def split_unspaced(text: str) -> str:
    """Text with spaces around each character of such scripts: the units in which their errors are counted."""
    return " ".join(_CHARACTER.sub(r" \1 ", text).split())
