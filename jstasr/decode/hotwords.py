"""Hotwords: the names and phrases that somebody expects to be spoken, as lines of a file or a list.

A line is a phrase and, if it has one of its own, its boost: `anna smith :2.5`. That is the form of sherpa-onnx. Empty
lines and lines that begin with # are left out.
"""

import math
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import torch

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few
from jstasr.lm.hotwords import HotwordGraph
from jstasr.text.tokens import UNK_ID, Tokenizer

LONGEST = 200  # characters of a phrase


def read_hotwords(path: str | Path) -> list[str]:
    """The lines of a file.

    Raises:
        JstasrError: it cannot be read, or holds no phrase.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").rstrip().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise JstasrError(f"--hotwords {path}: cannot be read: {reason}") from error
    if not any(map(is_phrase, lines)):
        raise JstasrError(f"--hotwords {path}: holds no phrase. Write one a line, as in `anna smith :2.5`")
    return [line.strip() for line in lines]


def is_phrase(line: str) -> bool:
    """Neither empty nor a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


def hotword_graph(
    lines: Sequence[str], default_boost: float, tokenizer: Tokenizer, device: torch.device
) -> HotwordGraph | None:
    """What beam search adds for hotwords; None without any.

    Args:
        lines: a phrase each.
        default_boost: of phrases without one of their own.

    Raises:
        JstasrError: a boost that is none, characters that the model does not know, too many; names the line.
    """
    phrases = spelled_hotwords(lines, default_boost, tokenizer)
    if not phrases:
        return None
    return HotwordGraph(phrases, [tokenizer.spaced([label]) for label in range(len(tokenizer))]).to(device)


def spelled_hotwords(lines: Sequence[str], default_boost: float, tokenizer: Tokenizer) -> dict[str, float]:
    """The phrases as the model spells them, each with the score of the whole: its boost for each of its tokens.

    Of two lines with the same phrase the one with the larger boost counts.
    """
    found: dict[str, float] = {}
    for number, line in enumerate(lines, 1):
        if not is_phrase(line):
            continue
        name = f"hotwords, line {number}"
        phrase, boost = phrase_and_boost(line, name)
        ids = spell(phrase, tokenizer, name)
        text = tokenizer.decode(ids)
        score = len(ids) * (default_boost if boost is None else boost)
        found[text] = max(score, found.get(text, 0.0))
    return found


def phrase_and_boost(line: str, name: str) -> tuple[str, float | None]:
    """The phrase of a line, and its own boost if it has one; `name` of the line, for messages."""
    if len(line) > LONGEST:
        raise JstasrError(f"{name}: has {len(line)} characters, may have {LONGEST}: give names and phrases, not a text")
    *words, last = line.split()
    if not last.startswith(":"):
        return " ".join([*words, last]), None
    try:
        boost = float(last[1:])
    except ValueError:
        boost = math.nan
    if not words or not 0 < boost < math.inf:
        raise JstasrError(f"{name}: {line.strip()!r}: must be a phrase and a boost above 0, as in `anna smith :2.5`")
    return " ".join(words), boost


def spell(phrase: str, tokenizer: Tokenizer, name: str) -> list[int]:
    """The tokens of a phrase: as it stands, in small letters without signs, or in capitals, as the model knows it."""
    normalised = without_signs(phrase.lower())
    for text in (phrase, normalised, normalised.upper()):
        ids = tokenizer.encode(text, strict=False)
        if ids and UNK_ID not in ids:
            return ids
    what = "words" if tokenizer.kind == "word" else "characters"
    unknown = sorted({piece for piece in tokenizer.pieces(normalised) if piece not in tokenizer.token_list})
    listed = f" {first_few(map(repr, unknown))}" if unknown else ""
    raise JstasrError(
        f"{name}: {phrase!r} has {what} that the model does not know:{listed}. Spell it with those it knows"
    )


def without_signs(text: str) -> str:
    """Letters, their marks, digits and apostrophes; a blank for anything else."""
    plain = text.replace("\u2019", "'")
    kept = (sign if sign == "'" or unicodedata.category(sign)[0] in "LMN" else " " for sign in plain)
    return " ".join("".join(kept).split())
