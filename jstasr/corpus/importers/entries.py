"""Entries, which every format is read into, how they are read, and the faults that are found."""

import os
import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError, list_faults
from jstasr.kaldi.audio_parts import file_of
from jstasr.kaldi.files import first_few

MAX_FAULTS_SHOWN = 100
MAX_OF_A_KIND = 10
UTF8_MARK = b"\xef\xbb\xbf"
BYTE_ORDER_MARKS = {  # UTF-32 first: UTF-16's mark is its beginning
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
AUDIO_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".sph", ".w64", ".caf")
HEAD = 4096  # bytes that tell UTF-16 without a mark: every second one is 0 there
MANY_LINES = 3  # that are not UTF-8: fewer are faults of their own


@dataclass
class Entry:
    """One utterance of a source.

    Args:
        where: "file:line" (or row), to name in an error.
        audio: path of an audio file, or `command |`.
        text: the transcript, unchanged.
        id, speaker, lang, split: "" where the source has none.
        recording: id of the recording that the utterance is cut from; "": it is the whole of its audio.
        start, end: seconds in the recording; None: its beginning, its end.
        stated: seconds that the source says the audio lasts, without saying where in it they begin.
        seconds: length of the audio file, once it is known.
        keep_id: the id is Kaldi's already and needs no speaker in front.
        own_speaker: who speaks is not known, so that the utterance is its own speaker.
    """

    where: str
    audio: str
    text: str
    id: str = ""
    speaker: str = ""
    lang: str = ""
    split: str = ""
    recording: str = ""
    start: float | None = None
    end: float | None = None
    stated: float | None = None
    seconds: float | None = None
    keep_id: bool = False
    own_speaker: bool = False


@dataclass(frozen=True)
class ReadOptions:
    """How a source is read.

    Args:
        columns: role (audio, text, ...) -> name of the source's column.
        ignore: names of columns that are not read.
        lang: language of entries without one.
        langs: languages to read, of a source of several; (): all.
        audio_dir: where relative audio paths begin; None: at the source.
        tables: names of the tables or splits to read, where a source has several; (): its own choice.
        limit: rows to read of each split of a streamed source; 0: all.
        extracted: folder for audio that is stored inside other files; None: it is only measured.
        listed_as: the absolute path that `extracted` will have in the end.
        unpack_to: folder for archives.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    lang: str = ""
    langs: tuple[str, ...] = ()
    audio_dir: Path | None = None
    tables: tuple[str, ...] = ()
    limit: int = 0
    extracted: Path | None = None
    listed_as: Path | None = None
    unpack_to: Path | None = None


class RowFault(NamedTuple):
    """What is wrong with one row.

    Args:
        where: "file:line" (or row).
        message: for the user.
        reason: the kind of fault, under which a report counts it.
    """

    where: str
    message: str
    reason: str

    def __str__(self) -> str:
        return _one_line(f"{self.where}: {self.message}")


class ImportFaults:
    """What is wrong with a source, all of it, and what a report says about its reading.

    `found` counts the rows or recordings that were seen, `left_out` those that were not taken though nothing is wrong
    with them, by reason; `notes` are lines for the user.

    Args:
        skip_rows: leave faulty rows out and list them, instead of refusing the source.
    """

    def __init__(self, skip_rows: bool = False):
        self.skip_rows = skip_rows
        self.fatal: list[str] = []
        self.rows: list[RowFault] = []
        self.found = 0
        self.left_out: Counter[str] = Counter()
        self.notes: list[str] = []

    def add(self, where: str | Path, message: str) -> None:
        """A fault of the source as a whole."""
        self.fatal.append(_one_line(f"{where}: {message}"))

    def add_row(self, where: str | Path, message: str, reason: str = "") -> None:
        """A fault of one row; without a reason its message is one."""
        self.rows.append(RowFault(str(where), message, reason or message))

    def note(self, line: str) -> None:
        """A line for the user, once."""
        if line not in self.notes:
            self.notes.append(line)

    def raise_all(self, source: str) -> None:
        """JstasrError with every fault, if there is any that is not skipped."""
        rows = [] if self.skip_rows else self.rows
        if self.fatal or rows:
            remedy = "Nothing was written." + ("" if self.fatal else " --skip-bad leaves such rows out.")
            shown = list_faults(self.fatal + _first_of_each_kind(rows), MAX_FAULTS_SHOWN, indent="  ")
            raise JstasrError(f"{source}: {len(self.fatal) + len(rows)} fault(s)\n{shown}\n{remedy}")

    def refuse_nothing_left(self, source: str) -> None:
        """JstasrError where all rows were skipped, so that no set can be made of the others."""
        shown = list_faults(_first_of_each_kind(self.rows), MAX_FAULTS_SHOWN, indent="  ")
        raise JstasrError(
            f"{source}: no usable utterance: nothing is left without the {len(self.rows)} faulty row(s)\n{shown}\n"
            "Nothing was written."
        )


def _first_of_each_kind(rows: Sequence[RowFault]) -> list[str]:
    """Faults in the order of their lines, of each reason the first few and the number of the others."""
    shown: list[str] = []
    count: Counter[str] = Counter(row.reason for row in rows)
    seen: Counter[str] = Counter()
    for row in sorted(rows, key=lambda row: _by_line(str(row))):
        seen[row.reason] += 1
        if seen[row.reason] <= MAX_OF_A_KIND:
            shown.append(str(row))
    shown += [f"(and {n - MAX_OF_A_KIND} more: {_one_line(r)})" for r, n in count.items() if n > MAX_OF_A_KIND]
    return shown


def _one_line(fault: str) -> str:
    """A fault as one line that can be printed, whatever names of files it holds."""
    return printable(fault).replace("\r", "\\r").replace("\n", "\\n")


def _by_line(fault: str) -> list[int | str]:
    """Orders faults by file and line: "m.tsv:12: ..." comes after "m.tsv:9: ..."."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", fault)]


def not_utf8(text: str) -> bool:
    """Does a text hold what UTF-8 cannot: bytes read with `surrogateescape`, or half a character of JSON (\\ud83d)?"""
    return any("\ud800" <= character <= "\udfff" for character in text)


def encoding_fault(text: str) -> str:
    """What is wrong with a text that is `not_utf8`, and what to do."""
    # Of bytes that are not UTF-8 `surrogateescape` makes U+DC80 to U+DCFF.
    if any("\udc80" <= character <= "\udcff" for character in text):
        return "not UTF-8; convert the file with iconv"
    half = next(character for character in text if "\ud800" <= character <= "\udfff")
    return f"not UTF-8: \\u{ord(half):04x} is half a character; write all of it, or leave it out"


def printable(text: str) -> str:
    """A text that may not be UTF-8, fit for an error message."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def read_text_file(path: str | Path, in_place: bool = False) -> str:
    """Content of a text file without a byte-order mark; bytes that are not UTF-8 become surrogates.

    Args:
        path: the file.
        in_place: it must keep its name, so that the remedy of another encoding is to replace it.
    Raises:
        JstasrError: the file cannot be read, or is in another encoding as a whole.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise JstasrError(f"{path}: cannot read: {error.strerror}") from None
    if encoding := other_encoding(content):
        raise JstasrError(f"{path}: is {encoding.fault}, not UTF-8; convert it: {encoding.command(path, in_place)}")
    return content.removeprefix(UTF8_MARK).decode("utf-8", "surrogateescape")


class Encoding(NamedTuple):
    """How a file that is not UTF-8 is written: a name that iconv knows, and words for a message."""

    name: str
    fault: str

    def command(self, path: str | Path, in_place: bool = False) -> str:
        """The command that makes a UTF-8 file of it, beside it or in its place."""
        path = Path(path)
        converted = path.with_name(f"{path.stem}.utf8{path.suffix}")
        old, new = shlex.quote(str(path)), shlex.quote(str(converted))
        return f"iconv -f {self.name} -t UTF-8 {old} > {new}" + (f" && mv {new} {old}" if in_place else "")


def other_encoding(content: bytes) -> Encoding | None:
    """The encoding of a file's bytes, where that is another than UTF-8 for the file as a whole; else None."""
    for mark, name in BYTE_ORDER_MARKS.items():
        if content.startswith(mark):
            return Encoding(name, name)
    head = content[:HEAD]
    for first, name in ((1, "UTF-16LE"), (0, "UTF-16BE")):
        if len(head) >= 4 and head[first::2].count(0) * 16 > len(head) and not head[1 - first :: 2].count(0):
            return Encoding(name, name)
    try:
        content.decode("utf-8")
        return None
    except UnicodeDecodeError:
        pass
    lines = {number: line for number, line in enumerate(content.split(b"\n"), 1) if not line.isascii()}
    wrong = [number for number, line in lines.items() if not _is_utf8(line)]
    if len(wrong) < MANY_LINES or 2 * len(wrong) <= len(lines):
        return None  # lines of their own
    places = f"{first_few(wrong, 3)}"
    return Encoding("WINDOWS-1252", f"in another encoding, Windows-1252 perhaps (lines {places})")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def split_lines(content: str) -> list[str]:
    """Lines by LF, CR LF or, where a file has no LF at all, CR; no other character ends a line."""
    if "\n" not in content:
        content = content.replace("\r", "\n")
    lines = [line.removesuffix("\r") for line in content.split("\n")]
    return lines[:-1] if lines[-1] == "" else lines


def first_there(path: str, starts: Sequence[Path]) -> str:
    """A relative path below the first of some folders that has the file, else below the first one."""
    return str(next((start / path for start in starts if os.path.isfile(file_of(str(start / path)))), starts[0] / path))


def files_below(folder: str | Path) -> list[Path]:
    """Files below a folder, sorted, dead links too; links to folders are followed, hidden names left out.

    Raises:
        JstasrError: a link leads back to a folder that it is in, or a folder cannot be read.
    """
    folder = Path(folder)

    def refuse(error: OSError) -> None:
        raise JstasrError(f"{error.filename}: cannot read: {error.strerror}") from None

    found: list[Path] = []
    above = {str(folder): {os.path.realpath(folder)}}  # folder -> the real paths of it and of those that it is in
    for at, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            path = os.path.join(at, name)
            real = os.path.realpath(path)
            if real in above[at]:
                raise JstasrError(f"{path}: is a link to a folder that it is in; remove the link")
            above[path] = above[at] | {real}
        found += [Path(at, name) for name in names if not name.startswith(".")]
    return sorted(found)
