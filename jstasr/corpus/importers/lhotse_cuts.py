"""Cuts of lhotse: a manifest of a cut a line, `cuts.jsonl.gz`, read with the package lhotse.

Each supervision of a cut is an utterance: a part of the recording, or the whole.
"""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions, first_there
from jstasr.errors import JstasrError

if TYPE_CHECKING:
    from lhotse import Recording

TOLERANCE = 0.025  # seconds, a window of the features: less than that at an end of a recording is the end
HEAD = 1 << 20  # bytes that hold a cut
OWN_FILE = "write each cut to a file of one channel first: CutSet.save_audios, or MultiCut.to_mono before it"


def require_lhotse() -> None:
    """JstasrError with the remedy where lhotse is not installed."""
    try:
        import lhotse  # noqa: F401
    except ImportError:
        raise JstasrError(
            "cuts of lhotse are read with the package lhotse, which is not installed: pip install '.[lhotse]'"
        ) from None


def is_cuts(path: Path) -> bool:
    """Does a file begin with a cut?"""
    try:
        with _open(path) as file:
            first = json.loads(file.readline(HEAD))
    except (OSError, EOFError, zlib.error, ValueError):
        return False
    return isinstance(first, dict) and str(first.get("type", "")).endswith("Cut")


def _open(path: Path) -> Any:
    return gzip.open(path) if path.suffix == ".gz" else open(path, "rb")


def read_cuts(source: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a manifest of cuts; relative paths begin at audio_dir, or here, or at the manifest."""
    require_lhotse()
    source = Path(source)
    if source.is_dir():
        raise JstasrError(f"{source}: is a folder; name the file of its cuts, or say --format shar")
    starts = [options.audio_dir] if options.audio_dir else [Path.cwd(), source.absolute().parent]
    entries: list[Entry] = []
    for where, cut in cuts_of(source, faults):
        recording = recording_of(cut, where, faults)
        if recording is None:
            continue
        kind, audio = recording.sources[0].type, str(recording.sources[0].source)
        if kind == "file":
            audio = first_there(audio, starts)
        elif kind == "command":
            audio = f"{audio} |"
        else:
            remedy = "name the folder that holds it" if kind == "shar" else "copy it to a disk and cut from there"
            faults.add_row(where, f"the audio of {cut.id} is in a source of type {kind}; {remedy}", "audio elsewhere")
            continue
        entries += cut_entries(cut, audio, recording, where, options, faults)
    return entries


def cuts_of(path: Path, faults: ImportFaults) -> Iterator[tuple[str, Any]]:
    """("file:line", cut) of a manifest; what is no cut goes to `faults`.

    Raises:
        JstasrError: the file is damaged or cut short.
    """
    from lhotse.serialization import deserialize_item

    try:
        with _open(path) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                faults.found += 1
                where = f"{path}:{number}"
                try:
                    content = json.loads(line)
                    if not str(content.get("type", "")).endswith("Cut"):
                        raise ValueError("no key type that says so")
                    yield where, deserialize_item(content)
                except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
                    remedy = "of recordings and supervisions `lhotse cut simple` makes cuts"
                    faults.add_row(where, f"not a cut ({type(error).__name__}: {error}); {remedy}", "not a cut")
    except (OSError, EOFError, zlib.error) as error:
        raise JstasrError(f"{path}: is damaged or cut short: {error}; get the file again") from None


def recording_of(cut: Any, where: str, faults: ImportFaults) -> "Recording | None":
    """The recording of a cut of one channel; None where it has none, which goes to `faults`."""
    from lhotse import MonoCut

    recording = cut.recording if isinstance(cut, MonoCut) else None
    if not isinstance(cut, MonoCut):
        fault = f"is a {type(cut).__name__}; {OWN_FILE}"
    elif recording is None:
        fault = "has no recording; features alone are not read"
    elif len(recording.sources) != 1 or recording.num_channels != 1:
        fault = f"is one channel of a recording of {recording.num_channels}; {OWN_FILE}"
    elif recording.transforms:
        fault = f"changes its recording (transforms); {OWN_FILE}"
    else:
        return recording
    faults.add_row(where, f"{cut.id}: {fault}", fault)
    return None


def cut_entries(
    cut: Any, audio: str, recording: "Recording", where: str, options: ReadOptions, faults: ImportFaults, name: str = ""
) -> list[Entry]:
    """The supervisions of a cut.

    Args:
        cut: lhotse's MonoCut.
        audio: path or command of its recording.
        recording: that recording.
        name: of the recording, where it is not lhotse's own.
    """
    if not cut.supervisions:
        faults.add_row(where, f"{cut.id}: has no supervision, so no transcript", "no transcript")
    entries: list[Entry] = []
    for segment in cut.supervisions:
        if segment.start < -TOLERANCE or segment.end > cut.duration + TOLERANCE:
            message = f"{segment.id} begins or ends outside of its cut; cut again: CutSet.trim_to_supervisions"
            faults.add_row(where, message, "supervision that crosses the ends of its cut")
            continue
        start = cut.start + max(0.0, segment.start)
        end = cut.start + min(segment.end, cut.duration)
        whole = start < TOLERANCE and end > recording.duration - TOLERANCE
        entries.append(
            Entry(
                where,
                audio,
                segment.text or "",
                id=segment.id,
                speaker=segment.speaker or "",
                lang=options.lang or segment.language or "",
                recording="" if whole else name or recording.id,
                start=None if whole else start,
                end=None if whole else end,
                stated=recording.duration if whole else None,
            )
        )
    return entries
