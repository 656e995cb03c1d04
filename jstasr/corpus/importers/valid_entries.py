"""Checks of the entries of any format, and the ids that they get."""

import os
import re
import unicodedata
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import soundfile

from jstasr.corpus.format_audio import END_TOLERANCE
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions, not_utf8
from jstasr.kaldi.audio import audio_fault, is_pipe

LANGUAGE = re.compile("[A-Za-z0-9]+([-_][A-Za-z0-9]+)*")
MAX_HEADERS = 50_000  # the headers of more recordings than these are read in stage 2 only: here it would take long
THREADS = 8  # that wait for the disk; libsndfile works outside Python's lock


class AudioLength(NamedTuple):
    """Length of a recording, None where it is not known, and what is wrong with it or ""."""

    seconds: float | None
    fault: str


def valid_entries(entries: Iterable[Entry], options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """The entries without faults, with ids and speakers; what is wrong with the others goes to `faults`.

    An entry without a speaker is its own speaker; an id without its speaker in front gets it, so that Kaldi's tools
    can sort.
    """
    kept = [entry for entry in entries if _has_valid_text(entry, faults)]
    some = next((entry.lang for entry in kept if entry.lang), "")
    for entry in kept:
        if some and not entry.lang:
            faults.add_row(entry.where, f"no language, where others have one ({some}); add it, or say --lang CODE")
    kept = [entry for entry in kept if entry.lang or not some]
    kept = _with_readable_audio(kept, options, faults)
    _assign_ids(kept)
    return _unique(kept, faults)


def _has_valid_text(entry: Entry, faults: ImportFaults) -> bool:
    """Are transcript, times and language in order?"""
    entry.text = " ".join(entry.text.split())
    if not_utf8(entry.text):
        faults.add_row(entry.where, "the transcript is not UTF-8; convert the file with iconv")
        return False
    if not entry.text:
        faults.add_row(entry.where, "empty transcript")
        return False
    if not any(unicodedata.category(character)[0] in "LN" for character in entry.text):
        faults.add_row(entry.where, f"the transcript has neither letter nor digit: {entry.text!r}")
        return False
    if entry.start is not None and (entry.start < 0 or (entry.end is not None and entry.end <= entry.start)):
        faults.add_row(entry.where, f"segment {entry.start:g} to {entry.end} s: 0 <= start < end must hold")
        return False
    if entry.lang and not LANGUAGE.fullmatch(entry.lang):
        faults.add_row(entry.where, f"language {entry.lang!r}: must be a code such as en, zh-CN or pt_br")
        return False
    return True


def _with_readable_audio(entries: list[Entry], options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """The entries whose audio is there and can be read; their `seconds` are set."""
    paths = {entry.audio: _path_now(entry.audio, options) for entry in entries if _is_file(entry)}
    length_of = _length_by_header if len(paths) <= MAX_HEADERS else _length_unread
    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(zip(paths, pool.map(length_of, paths.values()), strict=True))
    kept = []
    for entry in entries:
        if _is_file(entry):
            entry.seconds, fault = found[entry.audio]
            if fault:
                faults.add_row(entry.where, f"{fault}: {entry.audio}")
                continue
        end = entry.start if entry.end is None else entry.end - END_TOLERANCE
        if entry.seconds is not None and end is not None and end >= entry.seconds:
            until = "its end" if entry.end is None else f"{entry.end:g}"
            faults.add_row(
                entry.where,
                f"segment {entry.start:g} to {until} s lies outside the {entry.seconds:.2f} s of {entry.audio}",
            )
            continue
        kept.append(entry)
    return kept


def _is_file(entry: Entry) -> bool:
    return entry.seconds is None and not is_pipe(entry.audio)


def _path_now(audio: str, options: ReadOptions) -> Path:
    """Where an audio file is during the import."""
    path = Path(audio)
    return options.extracted / path.name if options.extracted and path.parent == options.listed_as else path


def _length_by_header(path: Path) -> AudioLength:
    length = _length_unread(path)
    if length.fault:
        return length
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError) as error:
        return AudioLength(None, f"cannot be read as audio ({audio_fault(error)})")
    return AudioLength(info.duration, "") if info.frames else AudioLength(None, "the audio has no samples")


def _length_unread(path: Path) -> AudioLength:
    """Only a fault that shows without opening the file: it is missing or empty."""
    try:
        size = os.stat(path).st_size
    except (OSError, ValueError):  # ValueError: a zero byte in the path
        return AudioLength(None, "missing audio")
    if path.is_dir() or size == 0:
        return AudioLength(None, f"the audio is {'a folder' if path.is_dir() else 'an empty file'}")
    return AudioLength(None, "")


def _without_spaces(name: str) -> str:
    return re.sub(r"\s+", "_", name.strip())


def _assign_ids(entries: list[Entry]) -> None:
    """Give every entry an id and a speaker, and a segment its recording."""
    stems: dict[str, set[str]] = {}  # of the names of audio files -> the files
    for entry in entries:
        if not entry.id:
            stems.setdefault(Path(entry.audio).stem, set()).add(entry.audio)
    for entry in entries:
        if not entry.id:
            path = Path(entry.audio)
            alone = len(stems[path.stem]) == 1
            entry.id = path.stem if alone else "_".join(path.with_suffix("").parts[-3:])
            if entry.start is not None:
                entry.recording = entry.recording or _without_spaces(entry.id)
                end = "end" if entry.end is None else f"{round(entry.end * 100):07d}"
                entry.id += f"-{round(entry.start * 100):07d}-{end}"
        entry.id, entry.speaker = _without_spaces(entry.id), _without_spaces(entry.speaker)
        if entry.start is not None and not entry.recording:
            entry.recording = f"{entry.id}-recording"
        if not entry.speaker:
            entry.speaker = entry.id
        elif not entry.keep_id and entry.id != entry.speaker and not entry.id.startswith(f"{entry.speaker}-"):
            entry.id = f"{entry.speaker}-{entry.id}"


def _unique(entries: list[Entry], faults: ImportFaults) -> list[Entry]:
    """The first entry of each id."""
    kept: list[Entry] = []
    first: dict[str, str] = {}
    for entry in entries:
        if entry.id in first:
            faults.add_row(entry.where, f"duplicate id {entry.id}, already on {first[entry.id]}")
        else:
            first[entry.id] = entry.where
            kept.append(entry)
    return kept
