"""The roles of a table's columns: audio, text, speaker and so on, by their names."""

import difflib
import math
import os
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from jstasr.corpus.importers.entries import (
    AUDIO_ENDINGS,
    Entry,
    ImportFaults,
    ReadOptions,
    encoding_fault,
    not_utf8,
    printable,
)
from jstasr.kaldi.audio import is_pipe
from jstasr.kaldi.data_dir import parse_seconds

# Names in use, the likeliest first: where a table has several for one thing, the first counts.
ALIASES = {
    "audio": "audio audio_filepath audio_path audio_file audio_filename wav wav_path wav_file wav_filename "
    "audio_file_name path file file_path filepath filename file_name recording clip",
    "text": "text sentence transcript transcription raw_transcription raw_text normalized_text",
    "id": "id utt utt_id utterance utterance_id uttid",
    "speaker": "speaker speaker_id spk spk_id client_id speaker_name reader reader_id user_id",
    "lang": "lang language locale lang_id",
    "split": "split set subset partition",
    "start": "start offset start_time begin",
    "end": "end end_time",
    "duration": "duration",
}
ROLES = tuple(ALIASES)
NUMBERED = ("id", "speaker")  # a whole number can be the name of these
ADDRESS = re.compile("(?!file:)[A-Za-z][A-Za-z0-9+.-]*://")
TIMES = ("start", "end", "duration")
ROLE_OF = {alias: role for role, aliases in ALIASES.items() for alias in aliases.split()}
# Known and of no use here: no misspelt names of roles.
UNUSED = set(
    "up_votes down_votes votes age gender sex accent accents variant segment sentence_id sentence_domain "
    "sampling_rate sample_rate num_samples is_validated dataset corpus source license note notes comment lang_group_id "
    "wav_filesize".split()
)


def _no_header(names: Sequence[tuple[str, str]]) -> str:
    """What is wrong with a first line that names no columns, or ""."""
    shown = [printable(name) for name, _ in names]
    if len(shown) == 1 and any(separator in shown[0] for separator in "\t,;|"):
        return f"one column only, {shown[0]!r}: tsv has tabs between columns, csv commas, semicolons or | (--format)"
    if any(name.lower().endswith(AUDIO_ENDINGS) for name in shown):
        return f"the first line must name the columns, as audio, text, speaker; it is {', '.join(map(repr, shown))}"
    return ""


class Columns:
    """The columns of a table by their roles.

    `complete` is false where rows would all have the same fault: a column that they need is missing.

    Args:
        names: columns of the table, in its order, with where each was first seen: (name, where).
        options: names that the user gives for roles, and columns to ignore.
        faults: gets missing columns and those that are there twice, and a note of what each column is taken for.
        source: what to call the table's header in an error.
        required: roles that a row cannot do without.
    """

    def __init__(
        self,
        names: Sequence[tuple[str, str]],
        options: ReadOptions,
        faults: ImportFaults,
        source: str,
        required: Sequence[str] = ("audio", "text"),
    ):
        self.options, self.complete = options, True
        self.column_of: dict[str, str] = {}  # role -> column
        present: dict[str, str] = {}
        for name, where in names:
            plain = name.strip().lower()
            read = plain in ROLE_OF or name in options.columns.values()
            if plain in present and read and name not in options.ignore:
                faults.add(where, f"two columns {printable(name)!r}; remove or rename one of them")
                self.complete = False
            if name not in options.ignore:
                present[plain] = name
        for role, aliases in ALIASES.items():
            if role in options.columns:
                wanted = options.columns[role]
                if wanted not in (name for name, _ in names):
                    faults.add(source, f"no column {wanted!r}, which --columns names for {role}")
                    self.complete = False
                self.column_of[role] = wanted
            else:
                found = next((present[alias] for alias in aliases.split() if alias in present), None)
                if found is not None:
                    self.column_of[role] = found
        if "audio" in required and "audio" not in self.column_of and (fault := _no_header(names)):
            self.complete = False
            faults.add(source, fault)
            return
        for role in required:
            if role not in self.column_of:
                self.complete = False
                have = ", ".join(repr(printable(name)) for name, _ in names) or "none"
                near = difflib.get_close_matches(role, [name for name, _ in names], n=1)
                hint = f" (is it {printable(near[0])!r}?)" if near else ""
                remedy = f"name it: --columns {role}=NAME"
                faults.add(source, f"no column for the {role}{hint}; columns are {have}; {remedy}")
        if self.complete:
            faults.note(self._described([name for name, _ in names]))

    def _described(self, names: Sequence[str]) -> str:
        """Which column is taken for what, and which are not read."""
        taken = ", ".join(f"{role}={printable(name)}" for role, name in self.column_of.items())
        unread = [name for name in dict.fromkeys(names) if name not in {*self.column_of.values(), *self.options.ignore}]
        ignored = ", ".join(map(_unread, unread))
        return f"columns: {taken}" + (f"; ignored: {ignored}" if ignored else "")

    def entry(self, row: Mapping[str, object], where: str, faults: ImportFaults) -> Entry | None:
        """The entry of a row (column -> value), or None where it has faults, which go to `faults`."""
        values: dict[str, str] = {}
        times: dict[str, float | None] = dict.fromkeys(TIMES)
        wrong = []
        for role, column in self.column_of.items():
            value = row.get(column)
            try:
                if role in TIMES:
                    times[role] = _seconds(value)
                else:
                    values[role] = _words(role, value)
            except ValueError as fault:
                wrong.append(f"{printable(column)} {fault}")
        if wrong:
            faults.add_row(where, "; ".join(wrong), "a field that cannot be understood")
            return None
        start, end = times["start"], times["end"]
        if start is not None and end is None and times["duration"] is not None:
            end = start + times["duration"]
        if start is None and end is not None:
            start = 0.0
        stated = times["duration"] if start is None else None
        if stated is not None and stated <= 0:
            faults.add_row(where, f"duration is {stated:g}, not above 0 s", "a duration that is not above 0")
            return None
        if not values.get("audio"):
            faults.add_row(where, "no audio file is named")
            return None
        if ADDRESS.match(values["audio"]) and not is_pipe(values["audio"]):
            shown = printable(values["audio"])
            faults.add_row(
                where, f"{shown} is an address, not a file; fetch it and give its path", "audio at an address"
            )
            return None
        return Entry(
            where,
            self.resolve(values["audio"]),
            values.get("text", ""),
            id=values.get("id", ""),
            speaker=values.get("speaker", ""),
            lang=values.get("lang") or self.options.lang,
            split=values.get("split", ""),
            start=start,
            end=end,
            stated=stated,
        )

    def resolve(self, audio: str) -> str:
        """The audio's path: relative ones begin at audio_dir; file:///a%20b.wav, ~/a.wav and Windows' a\\b.wav too."""
        if is_pipe(audio):
            return audio
        if audio.startswith("file://"):
            audio = unquote(audio.removeprefix("file://").removeprefix("localhost"))
        elif audio.startswith("~/"):
            audio = os.path.expanduser(audio)
        path = audio if self.options.audio_dir is None else str(self.options.audio_dir / audio)
        if "\\" in audio and not os.path.lexists(path) and os.path.isfile(slashed := path.replace("\\", "/")):
            return slashed
        return path


def _unread(name: str) -> str:
    """A column that is not read, with the role that it may have been meant for."""
    plain, shown = name.strip().lower(), printable(name) or "(without a name)"
    near = () if plain in UNUSED else difflib.get_close_matches(plain, sorted(ROLE_OF), n=1, cutoff=0.8)
    return f"{shown} (--columns {ROLE_OF[near[0]]}={shown} reads it)" if near else shown


def _words(role: str, value: object) -> str:
    """A field as text; "" where there is none. Raises ValueError: what is wrong with it, as the end of a sentence."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    if missing:
        if role == "text":
            raise ValueError(f"is {_shown(value)}: no transcript")
        return ""
    if isinstance(value, str):
        if not_utf8(value):
            raise ValueError(f"is {encoding_fault(value)}")
        return value.strip()
    # Numbers with a fraction of 0 are how tables with gaps hold whole numbers.
    if role in NUMBERED and isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return str(int(value))
    raise ValueError(f"is {_shown(value)}, not {'a transcript' if role == 'text' else 'a string'}")


def _seconds(value: object) -> float | None:
    """A field as seconds; None where there is none. Raises ValueError: what is wrong with it."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        return parse_seconds(str(value).strip())
    except ValueError:
        raise ValueError(f"is {_shown(value)}, not seconds") from None


def _shown(value: object) -> str:
    """A value for an error message, as JSON writes it where it can."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    shown = repr(value)
    return printable(shown if len(shown) <= 40 else f"{shown[:40]}...")
