"""Kaldi tables.

A table is a text file of lines `key value...`, UTF-8, sorted by the bytes of the key (LC_ALL=C). The
separators are space and tab only, as in Kaldi: a no-break space or U+2028 in a transcript belongs to it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from jstasr.errors import JstasrError, list_faults
from jstasr.kaldi.files import atomic_write

BLANKS = " \t"
FIRST_BLANK = re.compile("[ \t]")


def read_table(path: str | Path, allow_empty: bool = False) -> dict[str, str]:
    """Read a Kaldi table.

    Args:
        path: the file.
        allow_empty: accept a key without a value (an empty transcript); the value is then "".
    Returns:
        Key -> rest of the line without outer blanks, in the file's order.
    Raises:
        JstasrError: naming file and line of every fault (the first ten): duplicate key, missing value,
            blank line, bytes that are not UTF-8, byte-order mark, Windows line end.
    """
    path = Path(path)
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such file; run the stage that makes it first") from None
    except OSError as error:
        raise JstasrError(f"{path}: cannot read: {error.strerror}") from error
    if lines[-1] == b"":
        lines.pop()
    if lines and lines[0].startswith(b"\xef\xbb\xbf"):
        raise JstasrError(f"{path}:1: starts with a byte-order mark; remove it: sed -i '1s/^\\xEF\\xBB\\xBF//' {path}")
    if lines and lines[0].endswith(b"\r"):
        raise JstasrError(f"{path}:1: Windows line end (CR LF); convert the file: sed -i 's/\\r$//' {path}")

    table: dict[str, str] = {}
    first_line: dict[str, int] = {}
    faults: list[str] = []
    for number, raw in enumerate(lines, 1):
        try:
            line = raw.decode("utf-8").strip(BLANKS)
        except UnicodeDecodeError as error:
            byte = f"byte {error.start + 1} is 0x{raw[error.start]:02x}"
            faults.append(f"{path}:{number}: not UTF-8 ({byte}); convert the file with iconv")
            continue
        if "\r" in line:
            faults.append(f"{path}:{number}: carriage return inside the line; remove it")
            continue
        if not line:
            faults.append(f"{path}:{number}: blank line; remove it")
            continue
        key, *rest = FIRST_BLANK.split(line, maxsplit=1)
        value = rest[0].strip(BLANKS) if rest else ""
        if key in table:
            faults.append(f"{path}:{number}: {key} is already on line {first_line[key]}; keep one of the two")
        elif not value and not allow_empty:
            faults.append(f"{path}:{number}: nothing after {key}; give it a value or remove the line")
        else:
            table[key] = value
            first_line[key] = number
    if faults:
        raise JstasrError(list_faults(faults))
    return table


def write_table(path: str | Path, table: Mapping[str, object]) -> None:
    """Write a Kaldi table, sorted by the bytes of the keys, whole or not at all; values are written as `str` does.

    Raises:
        JstasrError: a key that is empty or holds white space, a value that holds a newline.
    """
    for key, value in table.items():
        if not key or any(character in key for character in " \t\r\n"):
            raise JstasrError(f"{path}: {key!r} cannot be a key: empty or with white space in it")
        if "\n" in str(value) or "\r" in str(value):
            raise JstasrError(f"{path}: the value of {key} holds a line break: {str(value)!r}")
    with atomic_write(path) as file:
        # Python orders strings by code point, which is the order of their UTF-8 bytes.
        for key in sorted(table):
            file.write(f"{key} {table[key]}".rstrip(" ") + "\n")


def spk2utt_of(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """Invert utt2spk: speaker -> "utt1 utt2 ..." with the utterances sorted."""
    speakers: dict[str, list[str]] = {}
    for utterance in sorted(utt2spk):
        speakers.setdefault(utt2spk[utterance], []).append(utterance)
    return {speaker: " ".join(utterances) for speaker, utterances in speakers.items()}
