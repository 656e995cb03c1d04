"""What every format is read into, and how its faults are gathered."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from jstasr.errors import JstasrError

MAX_FAULTS_SHOWN = 100


@dataclass
class Entry:
    """One utterance as a source tells of it.

    Args:
        where: "file:line" (or row), for the reader of an error.
        audio: path of an audio file, or `command |`.
        text: the transcript as it came.
        id, speaker, lang, split: "" where the source does not tell.
        recording: id of the recording that the utterance is cut from; "": it is the whole of its audio.
        start, end: seconds in the recording; None: its beginning, its end.
        seconds: length of the audio file, once it is known.
        keep_id: the id is Kaldi's already and needs no speaker in front.
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


@dataclass(frozen=True)
class Options:
    """How a source is read.

    Args:
        columns: dict name here (audio, text, ...) -> name of the source's column.
        ignore: names of columns without use, or that shall not be used.
        lang: language of entries that do not tell theirs.
        langs: languages to read, of a source of several; (): all.
        audio_dir: where relative audio paths begin; None: at the source.
        tables: names of the tables to read, where a source has several; (): its own choice.
        extracted: folder for audio that lies inside other files, None: it is measured only; listed_as: what the
            folder will be called in the end.
        unpack_to: folder for archives.
    """

    columns: dict = field(default_factory=dict)
    ignore: tuple = ()
    lang: str = ""
    langs: tuple = ()
    audio_dir: Path | None = None
    tables: tuple = ()
    extracted: Path | None = None
    listed_as: Path | None = None
    unpack_to: Path | None = None


class Faults:
    """What is wrong with a source, all of it.

    Args:
        skip_rows: leave faulty rows out and list them, instead of refusing the source.
    """

    def __init__(self, skip_rows=False):
        self.skip_rows = skip_rows
        self.fatal, self.rows = [], []

    def add(self, where, message):
        """A fault of the source as a whole."""
        self.fatal.append(f"{where}: {message}")

    def add_row(self, where, message):
        """A fault of one row."""
        self.rows.append(f"{where}: {message}")

    def lines(self):
        """All faults in words, the first hundred."""
        everything = self.fatal + ([] if self.skip_rows else sorted(self.rows, key=_by_line))
        more = len(everything) - MAX_FAULTS_SHOWN
        return everything[:MAX_FAULTS_SHOWN] + ([f"(and {more} more)"] if more > 0 else [])

    def raise_all(self, source):
        """JstasrError with every fault, if there is any that counts."""
        lines = self.lines()
        if lines:
            count = len(self.fatal) + (0 if self.skip_rows else len(self.rows))
            remedy = "Nothing was written." + ("" if self.fatal else " --skip-bad leaves such rows out.")
            raise JstasrError(f"{source}: {count} fault(s)\n  " + "\n  ".join(lines) + f"\n{remedy}")


def _by_line(fault):
    """Orders faults by file and line: "m.tsv:12: ..." comes after "m.tsv:9: ..."."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"([0-9]+)", fault)]


def not_utf8(text):
    """Does a text that was decoded with `surrogateescape` hold bytes that are not UTF-8?"""
    return any("\udc80" <= character <= "\udcff" for character in text)


def show(text):
    """A text from a file, fit for an error message."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read_text_file(path):
    """Content of a text file; bytes that are not UTF-8 stay as surrogates, a byte-order mark goes.

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
