"""Entries, which every format is read into, how they are read, and the faults that are found."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jstasr.errors import JstasrError, list_faults

MAX_FAULTS_SHOWN = 100


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
        tables: names of the tables to read, where a source has several; (): its own choice.
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
    extracted: Path | None = None
    listed_as: Path | None = None
    unpack_to: Path | None = None


class ImportFaults:
    """What is wrong with a source, all of it.

    Args:
        skip_rows: leave faulty rows out and list them, instead of refusing the source.
    """

    def __init__(self, skip_rows: bool = False):
        self.skip_rows = skip_rows
        self.fatal: list[str] = []
        self.rows: list[str] = []

    def add(self, where: str | Path, message: str) -> None:
        """A fault of the source as a whole."""
        self.fatal.append(_one_line(f"{where}: {message}"))

    def add_row(self, where: str | Path, message: str) -> None:
        """A fault of one row."""
        self.rows.append(_one_line(f"{where}: {message}"))

    def raise_all(self, source: str) -> None:
        """JstasrError with every fault, if there is any that is not skipped."""
        faults = self.fatal + ([] if self.skip_rows else sorted(self.rows, key=_by_line))
        if faults:
            remedy = "Nothing was written." + ("" if self.fatal else " --skip-bad leaves such rows out.")
            shown = list_faults(faults, MAX_FAULTS_SHOWN, indent="  ")
            raise JstasrError(f"{source}: {len(faults)} fault(s)\n{shown}\n{remedy}")


def _one_line(fault: str) -> str:
    """A fault as one line that can be printed, whatever names of files it holds."""
    return printable(fault).replace("\r", "\\r").replace("\n", "\\n")


def _by_line(fault: str) -> list[int | str]:
    """Orders faults by file and line: "m.tsv:12: ..." comes after "m.tsv:9: ..."."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", fault)]


def not_utf8(text: str) -> bool:
    """Does a text hold what UTF-8 cannot: bytes read with `surrogateescape`, or half a character of JSON (\\ud83d)?"""
    return any("\ud800" <= character <= "\udfff" for character in text)


def printable(text: str) -> str:
    """A text that may not be UTF-8, fit for an error message."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def read_text_file(path: str | Path) -> str:
    """Content of a text file without a byte-order mark; bytes that are not UTF-8 become surrogates.

    Raises:
        JstasrError: the file cannot be read, or is UTF-16.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise JstasrError(f"{path}: cannot read: {error.strerror}") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise JstasrError(f"{path}: is UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8")
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
