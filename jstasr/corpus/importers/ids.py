"""The ids of utterances, speakers and recordings: valid in Kaldi's tables whatever files and speakers are called.

Kaldi's tools sort utterances, and want that to sort their speakers too: `ann-z` after `ann-marie-m` breaks it.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from jstasr.corpus.importers.entries import Entry

DIGEST = 8  # hexadecimal digits that tell two names apart which would become the same id
# What decoders use for themselves, and validate_data_dir.sh refuses. With letters around it is harmless.
RESERVED = re.compile("<s>|</s>|#0")
SEPARATOR = "-"  # between speaker and the rest


def assign_ids(entries: Sequence[Entry]) -> None:
    """Give every entry an id and a speaker, and a segment its recording.

    Ids of the source are kept where they begin with the speaker, or are Kaldi's (`keep_id`), and otherwise get the
    speaker in front; without one, they are made of the audio's name, and of as much of its path as tells it apart.
    An entry without a speaker is its own speaker. Names stay as they are if their order is Kaldi's; else `_` takes the
    place of those characters in speakers' names that sort before the separator.
    """
    own = [not entry.id for entry in entries]
    files = _file_ids(sorted({entry.audio for entry, made in zip(entries, own, strict=True) if made}))
    plain = [files[entry.audio] if made else safe_id(entry.id) for entry, made in zip(entries, own, strict=True)]
    spoken = sorted({entry.speaker for entry in entries} - {""})
    for safe_speaker, keep in ((safe_id, True), (_sortable, False)):
        speakers = _distinct(spoken, safe_speaker)
        ids = _utterance_ids(entries, plain, own, speakers, keep)
        spoken_by = [speakers.get(entry.speaker) or utterance for entry, utterance in zip(entries, ids, strict=True)]
        if _in_order(ids, spoken_by):
            break
    for entry, name, made, utterance, speaker in zip(entries, plain, own, ids, spoken_by, strict=True):
        if entry.start is not None and not entry.recording:
            entry.recording = name if made else f"{utterance}-recording"
        entry.own_speaker = entry.speaker in ("", utterance)  # the second is Kaldi's way to say so
        entry.id, entry.speaker = utterance, speaker
    _part_recordings(entries)


def safe_id(name: str) -> str:
    """A name as a key of a table: `_` for white space, what cannot be printed, and what decoders reserve."""
    name = re.sub(r"\s+", "_", name.strip() or name)
    name = "".join("_" if unicodedata.category(character)[0] == "C" else character for character in name)
    return RESERVED.sub("_", name)


def _sortable(speaker: str) -> str:
    """A speaker's name of which no character sorts before or with the separator."""
    return "".join("_" if character <= SEPARATOR else character for character in safe_id(speaker))


def digest(text: str) -> str:
    """A few digits that differ between texts."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST]


def _distinct(names: Iterable[str], safe: Callable[[str], str]) -> dict[str, str]:
    """Name -> safe name, different for different names."""
    found = {name: safe(name) for name in names}
    count = Counter(found.values())
    return {name: one if count[one] == 1 or one == name else f"{one}_{digest(name)}" for name, one in found.items()}


def _file_ids(paths: Sequence[str]) -> dict[str, str]:
    """Path -> id: the file's name, with so many of its folders that no two are the same."""
    found = {path: safe_id(Path(path).stem) for path in paths}
    depth = 1
    while same := _repeated(found):
        depth += 1
        for path in same:
            parts = Path(path).with_suffix("").parts
            # Where no more folders are left, the ending or the place of a `_` is the difference.
            found[path] = safe_id("_".join(parts[-depth:]) if depth <= len(parts) else f"{parts[-1]}_{digest(path)}")
    return found


def _repeated(found: dict[str, str]) -> list[str]:
    """Keys whose value another key has too."""
    count = Counter(found.values())
    return [key for key, value in found.items() if count[value] > 1]


def _utterance_ids(
    entries: Sequence[Entry], plain: Sequence[str], own: Sequence[bool], speakers: dict[str, str], keep: bool
) -> list[str]:
    """The ids of entries: of different (id, speaker, place) different ones.

    Args:
        entries: as read.
        plain: their ids, or their files', before the speaker comes in front.
        own: is the id made here?
        speakers: speaker -> its id.
        keep: Kaldi's ids stay as they are.
    """
    ids = []
    taken = set(speakers.values())  # an utterance without a speaker is of none of these
    for entry, name, made in zip(entries, plain, own, strict=True):
        speaker = speakers.get(entry.speaker, "")
        if made and entry.start is not None:
            name += f"-{_hundredths(entry.start)}-{'end' if entry.end is None else _hundredths(entry.end)}"
        if keep and entry.keep_id:
            ids.append(name)
            continue
        if not speaker:
            name = name if keep else _sortable(name)
            ids.append(f"{name}_{digest(name)}" if name in taken else name)
            continue
        before = safe_id(entry.speaker)
        rest = next((name.removeprefix(f"{one}{SEPARATOR}") for one in (before, speaker) if name.startswith(one)), name)
        ids.append(name if name == speaker else f"{speaker}{SEPARATOR}{rest}")
    origins: dict[str, set[tuple[object, ...]]] = {}
    origin_of = [
        (entry.audio, entry.start, entry.end, entry.speaker) if made else (entry.id, entry.speaker)
        for entry, made in zip(entries, own, strict=True)
    ]
    for utterance, origin in zip(ids, origin_of, strict=True):
        origins.setdefault(utterance, set()).add(origin)
    # the name of a speaker alone goes on as that of other utterances of the speaker does
    return [
        utterance
        if len(origins[utterance]) == 1
        else f"{utterance}{SEPARATOR if utterance in taken else '_'}{digest(repr(origin))}"
        for utterance, origin in zip(ids, origin_of, strict=True)
    ]


def _hundredths(seconds: float) -> str:
    return f"{round(seconds * 100):07d}"


def _in_order(ids: Sequence[str], speakers: Sequence[str]) -> bool:
    """Does the order of the utterances sort the speakers too? Strings sort by code point, as their UTF-8 bytes do."""
    ordered = [speaker for _, speaker in sorted(zip(ids, speakers, strict=True))]
    return all(ordered[i] <= ordered[i + 1] for i in range(len(ordered) - 1))


def _part_recordings(entries: Sequence[Entry]) -> None:
    """Make the recordings of different audio different ones."""
    audio_of = {entry.id: entry.audio for entry in entries if not entry.recording}
    for entry in entries:
        if entry.recording:
            entry.recording = safe_id(entry.recording)
            if audio_of.setdefault(entry.recording, entry.audio) != entry.audio:
                entry.recording += f"-{digest(entry.audio)}"
                audio_of[entry.recording] = entry.audio
