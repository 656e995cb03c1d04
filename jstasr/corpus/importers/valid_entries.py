"""Checks of the entries of any format, and the ids that they get."""

import os
import re
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions, encoding_fault, not_utf8, printable
from jstasr.corpus.importers.ids import RESERVED, assign_ids
from jstasr.corpus.importers.stored_audio import stored_now
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import audio_info, is_pipe
from jstasr.kaldi.audio_parts import file_of
from jstasr.kaldi.data_dir import MAX_OVERSHOOT, is_outside, is_segment
from jstasr.text.language_codes import canonical_code, no_code
from jstasr.text.language_tags import known_tag

RESERVED_WORD = re.compile(f"(?<![A-Za-z0-9_])({RESERVED.pattern})(?![A-Za-z0-9_])")
MAX_HEADERS = 50_000  # the headers of more recordings than these are read in stage 2 only: here it would take long
MISSING = "missing audio"
THREADS = 8  # that wait for the disk; libsndfile works outside Python's lock


class AudioLength(NamedTuple):
    """Length of a recording, None where it is not known, and what is wrong with it or ""."""

    seconds: float | None
    fault: str


def valid_entries(entries: Iterable[Entry], options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """The entries without faults, with ids and speakers; what is wrong with the others goes to `faults`.

    An entry without a speaker is its own speaker; what ids are made of: see ids.assign_ids.
    """
    kept = [entry for entry in name_languages(entries, faults) if _has_valid_fields(entry, faults)]
    some = next((entry.lang for entry in kept if entry.lang), "")
    for entry in kept:
        if some and not entry.lang:
            message = f"no language, where others have one ({some}); add it, or say --lang CODE"
            faults.add_row(entry.where, message, "no language")
    kept = [entry for entry in kept if entry.lang or not some]
    for entry in kept:
        entry.audio = _as_on_disk(entry.audio)
        if not entry.keep_id:  # one voice, however a table writes the accents of its name
            entry.speaker = unicodedata.normalize("NFC", entry.speaker)
    kept = _with_readable_audio(kept, options, faults)
    assign_ids(kept)
    return _unique(kept, faults)


def _has_valid_fields(entry: Entry, faults: ImportFaults) -> bool:
    """Are transcript, path and times in order?"""
    entry.text = " ".join(entry.text.split())
    if not_utf8(entry.text):
        faults.add_row(entry.where, f"the transcript is {encoding_fault(entry.text)}", "not UTF-8")
        return False
    if not entry.text:
        faults.add_row(entry.where, "empty transcript")
        return False
    if not any(unicodedata.category(character)[0] in "LN" for character in entry.text):
        message = f"the transcript has neither letter nor digit: {entry.text[:80]!r}"
        faults.add_row(entry.where, message, "transcript without letters")
        return False
    if found := next((c for c in entry.text if unicodedata.category(c) in ("Cc", "Cn")), None):
        message = f"the transcript holds U+{ord(found):04X}, which cannot be printed; remove it"
        faults.add_row(entry.where, message, "transcript with what cannot be printed")
        return False
    if found := RESERVED_WORD.search(entry.text):
        message = f"the transcript holds {found[0]}, which decoders use for themselves; remove it"
        faults.add_row(entry.where, message, "transcript with a reserved word")
        return False
    if not_utf8(entry.audio) or any(character in entry.audio for character in "\n\r"):
        message = f"the path of the audio is not one line of UTF-8; rename {entry.audio}"
        faults.add_row(entry.where, message, "path that is not UTF-8")
        return False
    if entry.start is not None and not is_segment(entry.start, -1 if entry.end is None else entry.end):
        message = f"segment {entry.start:g} to {entry.end} s: 0 <= start < end must hold"
        faults.add_row(entry.where, message, "segment without length")
        return False
    return True


def name_languages(entries: Iterable[Entry], faults: ImportFaults) -> list[Entry]:
    """The entries with canonical codes of languages; each value that is no code is one fault, with its first row."""
    kept: list[Entry] = []
    strange: dict[str, list[str]] = {}
    for entry in entries:
        if entry.lang and known_tag(entry.lang) is None:
            strange.setdefault(entry.lang, []).append(entry.where)
            continue
        entry.lang = canonical_code(entry.lang) if entry.lang else ""
        kept.append(entry)
    for code, rows in strange.items():
        more = f" ({len(rows)} rows say so)" if len(rows) > 1 else ""
        for row in rows if faults.skip_rows else rows[:1]:
            faults.add_row(row, f"language {no_code(printable(code))}{more}")
    return kept


def _with_readable_audio(entries: list[Entry], options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """The entries whose audio is there and can be read; their `seconds` are set."""
    paths = {entry.audio: stored_now(entry.audio, options) for entry in entries if _is_file(entry)}
    length_of = _length_by_header if len(paths) <= MAX_HEADERS else _length_unread
    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(zip(paths, pool.map(length_of, paths.values()), strict=True))
    missing = [audio for audio, length in found.items() if length.fault == MISSING]
    if len(missing) == len(found) > 1:
        path = paths[missing[0]]
        where = next(entry.where for entry in entries if entry.audio == missing[0])
        faults.add(
            where,
            f"{MISSING}: {path}, and so are all {len(missing)} of them; relative paths begin at --audio-dir DIR",
        )
        return []
    kept = []
    for entry in entries:
        if _is_file(entry):
            entry.seconds, fault = found[entry.audio]
            if fault:
                faults.add_row(entry.where, f"{fault}: {entry.audio}", fault.partition(":")[0].partition(" (")[0])
                continue
        end = -1 if entry.end is None else entry.end
        if entry.seconds is not None and entry.start is not None and is_outside(entry.start, end, entry.seconds):
            until = "its end" if entry.end is None else f"{entry.end:g}"
            faults.add_row(
                entry.where,
                f"segment {entry.start:g} to {until} s lies outside the {entry.seconds:.2f} s of {entry.audio}",
                "segment outside its recording",
            )
            continue
        if entry.stated is not None and entry.seconds is not None and abs(entry.stated - entry.seconds) > MAX_OVERSHOOT:
            faults.add_row(
                entry.where,
                f"a duration of {entry.stated:g} s without a start, where {entry.audio} lasts {entry.seconds:.2f} s; "
                "say that it starts at 0, or leave the column out: --ignore NAME",
                "duration that is not its recording's",
            )
            continue
        kept.append(entry)
    return kept


def _as_on_disk(audio: str) -> str:
    """A path with its accents encoded as the file's name has them: composed, or as macOS archives have them, not."""
    if audio.isascii() or is_pipe(audio) or os.path.lexists(audio):
        return audio
    forms = (unicodedata.normalize(form, audio) for form in ("NFC", "NFD"))
    return next(filter(os.path.lexists, forms), audio)


def _is_file(entry: Entry) -> bool:
    return entry.seconds is None and not is_pipe(entry.audio)


def _length_by_header(path: Path) -> AudioLength:
    length = _length_unread(path)
    if length.fault:
        return length
    try:
        info = audio_info(str(path))
    except JstasrError as error:
        fault = str(error).removeprefix(f"{path}: ")
        reason = fault.removeprefix("cannot read as audio: ")
        return AudioLength(None, f"cannot be read as audio ({reason})" if reason != fault else f"the audio {fault}")
    return AudioLength(info.frames / info.rate, "") if info.frames else AudioLength(None, "the audio has no samples")


def _length_unread(path: Path) -> AudioLength:
    """Only a fault that shows without opening the file: it is missing or empty."""
    try:
        path = Path(file_of(str(path)))
        size = os.stat(path).st_size
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        return AudioLength(None, MISSING)
    if path.is_dir() or size == 0:
        return AudioLength(None, f"the audio is {'a folder' if path.is_dir() else 'an empty file'}")
    return AudioLength(None, "")


def _unique(entries: list[Entry], faults: ImportFaults) -> list[Entry]:
    """The first entry of each id."""
    kept: list[Entry] = []
    first: dict[str, str] = {}
    for entry in entries:
        if entry.id in first:
            message = f"duplicate id {entry.id}, already on {first[entry.id]}"
            faults.add_row(entry.where, message, "duplicate id")
        else:
            first[entry.id] = entry.where
            kept.append(entry)
    return kept
