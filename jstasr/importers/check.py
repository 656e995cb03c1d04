"""What must hold of entries of any format, and the ids that they get."""

import os
import re
import unicodedata
from pathlib import Path

from jstasr.importers.entries import not_utf8


def usable(entries, options, faults):
    """The entries without faults, with ids and speakers; the faults are told.

    An entry without speaker is its own; an id without its speaker in front gets it, so that Kaldi's tools can sort.
    """
    kept = [entry for entry in entries if _is_usable(entry, options, faults)]
    _name(kept)
    return _unique(kept, faults)


def _is_usable(entry, options, faults):
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
    return _has_audio(entry, options, faults)


def _has_audio(entry, options, faults):
    if entry.audio.rstrip().endswith("|"):
        return True
    path = Path(entry.audio)
    if options.listed_as and path.parent == options.listed_as.absolute():
        path = options.extracted / path.name
    try:
        size = os.stat(path).st_size
    except OSError:
        faults.add_row(entry.where, f"missing audio: {entry.audio}")
        return False
    if path.is_dir() or size == 0:
        faults.add_row(entry.where, f"the audio is {'a folder' if path.is_dir() else 'an empty file'}: {entry.audio}")
        return False
    return True


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
