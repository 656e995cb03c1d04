"""sclite's transcript files: `word word (speaker-utterance)`, one utterance a line.

Words are bytes here, because sclite reads bytes: only ASCII letters fold, only ASCII white space separates.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ALTERNATION = re.compile(rb"(?:^|\s)\{[^{}]*/[^{}]*\}")


@dataclass
class Transcripts:
    """One transcript file: `ids` as sclite prints them (folded, in parentheses) and `texts`, U of each."""

    ids: list[bytes]
    texts: list[bytes]

    def __len__(self) -> int:
        return len(self.ids)


def sclite_word(token: bytes) -> bytes:
    """The word that sclite makes of a token.

    What follows a `;` is a tag, a backslash is an escape and is dropped, and a star at the end of a longer
    word is dropped too. Most tokens hold none of the three.
    """
    if b";" in token or b"\\" in token:
        position = token.find(b";")
        while position > 0 and token[position - 1 : position] == b"\\":
            position = token.find(b";", position + 1)
        if position >= 0:
            token = token[:position]
        token = token.replace(b"\\", b"")
    if len(token) > 1 and token.endswith(b"*"):
        token = token[:-1]
    return token


def sclite_words(text: bytes) -> list[bytes]:
    """The words of a text, ASCII letters folded."""
    tokens = text.lower().split()
    if b";" in text or b"\\" in text or b"*" in text:
        return [sclite_word(token) for token in tokens]
    return tokens


def speaker_of(utterance_id: bytes) -> bytes | None:
    """The speaker in `(speaker-utterance)`: what stands before the first `-`, or else before the first `_`.

    Args:
        utterance_id: with its parentheses.
    Returns:
        The speaker; None when the id names none.
    """
    end = utterance_id.find(b"-")
    if end < 0:
        end = utterance_id.find(b"_")
    return utterance_id[1:end] if end >= 0 else None


def parse_trn(content: bytes, name: str | Path, allow_alternations: bool = False) -> Transcripts:
    """Transcripts from the content of a trn file.

    Args:
        name: what to call the file in an error.
        allow_alternations: read `{ a / b }` as the words it is made of instead of refusing it.
    Returns:
        Transcripts: in the order of the file.
    Raises:
        JstasrError: wrong encoding, a line without an id or a speaker, an id twice, an alternation.
    """
    check_text(content, name)
    ids, texts, seen = [], [], set()
    without_id, without_speaker, repeated, alternations = [], [], [], []
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.startswith((b";;", b"**")) or not line.strip():
            continue
        left, right = line.rfind(b"("), line.rfind(b")")
        if left < 0 or right < left:
            without_id.append(f"line {number}")
            continue
        utterance_id = line[left : right + 1].lower()
        if speaker_of(utterance_id) is None:
            without_speaker.append(f"line {number}: {utterance_id.decode()}")
            continue
        if utterance_id in seen:
            repeated.append(f"line {number}: {utterance_id.decode()}")
        seen.add(utterance_id)
        if not allow_alternations and b"{" in line and ALTERNATION.search(line[:left]):
            alternations.append(f"line {number}: {utterance_id.decode()}")
        ids.append(utterance_id)
        texts.append(line[:left])
    _refuse(name, without_id, "without an utterance id; each line ends in (speaker-utterance)")
    _refuse(
        name,
        without_speaker,
        "whose id names no speaker; an id is (speaker-utterance) or (speaker_utterance)",
    )
    _refuse(name, repeated, "repeat an utterance id (upper and lower case are the same to sclite); keep one of each")
    _refuse(name, alternations, "hold an alternation { a / b }, which is not supported; write one of the readings")
    return Transcripts(ids, texts)


def read_bytes(path: str | Path) -> bytes:
    """The content of a file; JstasrError when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise JstasrError(f"{path}: cannot read: {error.strerror}") from error


def check_text(content: bytes, name: str | Path) -> None:
    """Raise JstasrError unless `content` is UTF-8 without a byte order mark or null bytes."""
    if content.startswith(BYTE_ORDER_MARK):
        raise JstasrError(f"{name}: starts with a byte order mark; save it as plain UTF-8")
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise JstasrError(f"{name}: line {line}: null byte; is it UTF-16? Save it as UTF-8")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = [number for number, line in enumerate(content.split(b"\n"), 1) if not _is_utf8(line)]
        raise JstasrError(
            f"{name}: {len(bad)} lines are not UTF-8: line {first_few(bad)}; convert the file with iconv"
        ) from error


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _refuse(name: str | Path, lines: list[str], what: str) -> None:
    if lines:
        raise JstasrError(f"{name}: {len(lines)} lines {what}: {first_few(lines)}")
