"""What must hold of entries of any format, and the ids that they get."""

import os
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import soundfile

from jstasr.corpus.format_audio import END_TOLERANCE
from jstasr.corpus.importers.entries import not_utf8
from jstasr.kaldi.audio import is_pipe, reason

LANGUAGE = re.compile("[A-Za-z0-9]+([-_][A-Za-z0-9]+)*")
MAX_HEADERS = 50_000  # of more recordings than these the audio is opened in stage 2 only: here it would take long
THREADS = 8  # that wait for the disk; libsndfile works outside Python's lock


def usable(entries, options, faults):
    """The entries without faults, with ids and speakers; the faults are told.

    An entry without speaker is its own; an id without its speaker in front gets it, so that Kaldi's tools can sort.
    """
    kept = [entry for entry in entries if _is_usable(entry, faults)]
    some = next((entry.lang for entry in kept if entry.lang), "")
    for entry in kept:
        if some and not entry.lang:
            faults.add_row(entry.where, f"no language, where others have one ({some}); add it, or say --lang CODE")
    kept = [entry for entry in kept if entry.lang or not some]
    kept = _with_audio(kept, options, faults)
    _name(kept)
    return _unique(kept, faults)


def _is_usable(entry, faults):
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


def _with_audio(entries, options, faults):
    """The entries whose audio is there and can be read; their `seconds` are set."""
    paths = {entry.audio: _path(entry.audio, options) for entry in entries if _is_file(entry)}
    look = _look if len(paths) <= MAX_HEADERS else _look_from_outside
    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(zip(paths, pool.map(look, paths.values()), strict=True))
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


def _is_file(entry):
    return entry.seconds is None and not is_pipe(entry.audio)


def _path(audio, options):
    path = Path(audio)
    return options.extracted / path.name if options.listed_as and path.parent == options.listed_as.absolute() else path


def _look(path):
    """(seconds, "") of an audio file by its header, or (None, what is wrong)."""
    seconds, fault = _look_from_outside(path)
    if fault:
        return seconds, fault
    try:
        info = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError) as error:
        return None, f"cannot be read as audio ({reason(error)})"
    return (info.duration, "") if info.frames else (None, "the audio has no samples")


def _look_from_outside(path):
    try:
        size = os.stat(path).st_size
    except OSError:
        return None, "missing audio"
    if path.is_dir() or size == 0:
        return None, f"the audio is {'a folder' if path.is_dir() else 'an empty file'}"
    return None, ""


def _word(name):
    return re.sub(r"\s+", "_", name.strip())


def _name(entries):
    """Give ids and speakers."""
    stems = {}
    for entry in entries:
        if not entry.id:
            stems.setdefault(Path(entry.audio).stem, set()).add(entry.audio)
    for entry in entries:
        named = bool(entry.id)
        if not named:
            path = Path(entry.audio)
            alone = len(stems[path.stem]) == 1
            entry.id = path.stem if alone else "_".join(path.with_suffix("").parts[-3:])
            if entry.start is not None:
                entry.recording = entry.recording or _word(entry.id)
                end = "end" if entry.end is None else f"{round(entry.end * 100):07d}"
                entry.id += f"-{round(entry.start * 100):07d}-{end}"
        entry.id, entry.speaker = _word(entry.id), _word(entry.speaker)
        if entry.start is not None and not entry.recording:
            entry.recording = f"{entry.id}-recording"
        if not entry.speaker:
            entry.speaker = entry.id
        elif not entry.keep_id and entry.id != entry.speaker and not entry.id.startswith(f"{entry.speaker}-"):
            entry.id = f"{entry.speaker}-{entry.id}"


def _unique(entries, faults):
    kept, first = [], {}
    for entry in entries:
        if entry.id in first:
            faults.add_row(entry.where, f"duplicate id {entry.id}, already on {first[entry.id]}")
        else:
            first[entry.id] = entry.where
            kept.append(entry)
    return kept
