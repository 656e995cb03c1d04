"""CTM files: the times of words or phonemes, a line each, `utterance channel begin duration word`."""

from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError


class TimedWord(NamedTuple):
    """A word, or phoneme, and where it begins and ends, in seconds."""

    text: str
    begin: float
    end: float


def read_ctm(path: Path) -> dict[str, list[TimedWord]]:
    """Utterance -> its words in the order of the file; `;;` begins a comment, and what follows the word is not read.

    Raises:
        JstasrError: the file cannot be read, or a line is no such line, with its number.
    """
    found: dict[str, list[TimedWord]] = {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise JstasrError(f"{path}: cannot be read: {error}") from None
    for number, line in enumerate(lines, 1):
        if line.startswith(";;"):
            continue
        try:
            utterance, _, begin, duration, text = line.split()[:5]
            found.setdefault(utterance, []).append(TimedWord(text, float(begin), float(begin) + float(duration)))
        except ValueError:
            expected = "expected `utterance channel begin duration word`"
            raise JstasrError(f"{path}, line {number}: {expected}, found: {line}") from None
    return found
