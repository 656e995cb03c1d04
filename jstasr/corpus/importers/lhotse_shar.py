"""lhotse's Shar: `cuts.000000.jsonl.gz` and, beside it, `recording.000000.tar`, read with the package lhotse."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions
from jstasr.corpus.importers.lhotse_cuts import cut_entries, cuts_of, read_cuts, recording_of, require_lhotse
from jstasr.corpus.importers.stored_audio import ending_of, store_audio
from jstasr.corpus.importers.tars import DAMAGES, GET_AGAIN, path_below, refuse_cut_short
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

FILE = re.compile(r"(?P<field>[^.]+)(\.(?P<number>[^.]+))?\.(?P<ending>jsonl|jsonl\.gz|tar)")
CUTS, RECORDING = "cuts", "recording"


class Stored(NamedTuple):
    """lhotse's Recording in a tar file; None: the cut has none."""

    key: str
    recording: Any


def fields_of(folder: Path) -> dict[str, dict[str, Path]]:
    """Field -> number of the shard, as it is written -> file."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if name := FILE.fullmatch(path.name):
            found.setdefault(name["field"], {})[name["number"] or ""] = path
    return found


def is_shar(folder: Path) -> bool:
    """Does a folder hold cuts by lhotse's names?"""
    return CUTS in fields_of(folder)


def read_shar(source: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a folder; recordings are written to `options.extracted`, other fields are not read.

    Without a field of recordings the cuts must say where theirs are.
    """
    require_lhotse()
    source = Path(source)
    fields = fields_of(source) if source.is_dir() else {}
    cuts, recordings = fields.get(CUTS, {}), fields.get(RECORDING, {})
    if not cuts:
        raise JstasrError(f"{source}: no cuts.000000.jsonl.gz there; give the folder that SharWriter wrote to")
    if others := sorted(fields.keys() - {CUTS, RECORDING}):
        faults.note(f"fields that are not read: {' '.join(others)}")
    if not recordings and any(folder for name, folder in fields.items() if name != CUTS):
        faults.note("no recording.*.tar: the audio is what the cuts name")
    for number in sorted(cuts.keys() ^ recordings.keys() if recordings else ()):
        there, lost = (cuts[number], RECORDING) if number in cuts else (recordings[number], CUTS)
        faults.add(there, f"has no {lost} of the number {number!r} beside it; {GET_AGAIN}, or move this one away")
    numbers = [int(number) for number in cuts if number.isdecimal()]
    if missing := sorted({*range(max(numbers, default=-1) + 1)} - {*numbers}):
        faults.note(f"shards that are not there: {first_few(missing, 5)}")
    entries: list[Entry] = []
    for number, path in cuts.items():
        try:
            if recordings:
                if number in recordings:
                    entries += _read_shard(path, recordings[number], options, faults)
            else:
                entries += read_cuts(path, options, faults)
        except JstasrError as error:  # all damaged ones are named
            faults.add(source, str(error))
    return entries


def _read_shard(cuts: Path, tar: Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of one shard, whose recordings are in the order of its cuts."""
    entries: list[Entry] = []
    stored = stored_recordings(tar)
    for where, cut in cuts_of(cuts, faults):
        key, recording = next(stored, Stored("", None))
        if key != cut.id:
            found = f"holds {key} there" if key else "ends before"
            raise JstasrError(f"{tar}: {found}, where {cut.id} is expected ({where}); {GET_AGAIN}")
        cut.recording = recording
        recording = recording_of(cut, where, faults)
        if recording is None:
            continue
        content = recording.sources[0].source
        assert isinstance(content, bytes), "lhotse attaches the content of the file"
        name = f"{path_below(tar.name.removesuffix('.tar'))}/{path_below(cut.id)}{ending_of(content)}"
        audio, seconds = store_audio(content, name, where, options, faults)
        if not audio:
            continue
        for entry in cut_entries(cut, audio, recording, where, options, faults, cut.id):
            entry.seconds = seconds
            entries.append(entry)
    left = next(stored, None)
    if left is not None:
        raise JstasrError(f"{tar}: holds {left.key}, which {cuts} lacks; {GET_AGAIN}")
    return entries


def stored_recordings(tar: Path) -> Iterator[Stored]:
    """The recordings in a tar file of Shar.

    Raises:
        JstasrError: the file is missing, damaged or cut short.
    """
    from lhotse.shar.readers.tar import TarIterator

    refuse_cut_short(tar)
    last = ""
    try:
        for recording, path in TarIterator(tar):
            last = str(path.parent / path.stem)
            yield Stored(last, recording)
    except (*DAMAGES, RuntimeError, ValueError, KeyError, TypeError, AssertionError) as error:
        behind = f" behind {last}" if last else ""
        raise JstasrError(f"{tar}: is damaged{behind}: {error}; {GET_AGAIN}") from None
