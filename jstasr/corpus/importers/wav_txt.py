"""A folder of recordings, each with its transcript in a text file of the same name: hello.wav, hello.txt."""

import os
import shlex
import unicodedata
from pathlib import Path

from jstasr.corpus.importers.entries import (
    AUDIO_ENDINGS,
    Entry,
    ImportFaults,
    ReadOptions,
    files_below,
    not_utf8,
    read_text_file,
)
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

TEXT_ENDING = ".txt"
# Audio that libsndfile does not read.
UNREADABLE = (".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".3gp", ".mka", ".ape", ".mov", ".mkv", ".avi")


def audio_files(folder: str | Path) -> list[Path]:
    """Audio files below a folder, hidden ones left out, sorted."""
    return [path for path in files_below(folder) if path.suffix.lower() in AUDIO_ENDINGS]


def has_transcripts(folder: str | Path) -> bool:
    """Does any recording below a folder have its transcript beside it?"""
    files = files_below(folder)
    texts = {_stem(path) for path in files if path.suffix.lower() == TEXT_ENDING}
    return any(path.suffix.lower() in AUDIO_ENDINGS and _stem(path) in texts for path in files)


def _stem(path: Path) -> Path:
    """A path without its ending, the same however its accents are encoded: macOS takes them apart, editors do not."""
    return path.parent / unicodedata.normalize("NFC", path.stem)


def read_wav_txt(folder: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a folder. The speaker of recordings in sub-folders is the name of the first sub-folder.

    A recording without a transcript, a transcript without a recording, and either of them twice are faults; other files
    are counted in a note.
    """
    folder = Path(folder)
    recordings: dict[Path, list[Path]] = {}  # path without ending -> files
    transcripts: dict[Path, list[Path]] = {}
    others: list[Path] = []
    for path in files_below(folder):
        ending, stem = path.suffix.lower(), _stem(path)
        if ending in AUDIO_ENDINGS or ending in UNREADABLE:
            recordings.setdefault(stem, []).append(path)
        elif ending == TEXT_ENDING:
            transcripts.setdefault(stem, []).append(path)
        else:
            others.append(path)
    if not recordings:
        faults.add(folder, f"no recordings ({' '.join(AUDIO_ENDINGS)})")
    faults.found += sum(map(len, recordings.values()))
    entries: list[Entry] = []
    first_of: dict[str, Path] = {}  # real path -> path
    for stem, paths in recordings.items():
        texts = transcripts.get(stem, [])
        for path in paths:
            same = first_of.setdefault(os.path.realpath(path), path) if path.exists() else path
            if path.suffix.lower() in UNREADABLE:
                command = f"ffmpeg -i {shlex.quote(path.name)} {shlex.quote(path.stem + '.wav')}"
                faults.add_row(path, f"{path.suffix} files cannot be read; convert it: {command}", "unreadable format")
            elif len(paths) > 1:
                names = " and ".join(path.name for path in paths)
                faults.add_row(path, f"{names} would share one transcript; keep one of them", "recordings of one name")
            elif same != path:
                faults.add_row(path, f"is the same file as {same}; remove one of the links", "the same file twice")
            elif not texts:
                faults.add_row(path, f"no transcript {path.stem}.txt beside it", "no transcript")
            elif len(texts) > 1:
                names = " and ".join(path.name for path in texts)
                faults.add_row(path, f"{names} are both there; keep one of them", "two transcripts")
            elif (text := _transcript(texts[0], faults)) is not None:
                inner = path.relative_to(folder).parts
                speaker = inner[0] if len(inner) > 1 else ""
                where = f"{texts[0]}:1"
                entries.append(Entry(where, str(path.absolute()), text, lang=options.lang, speaker=speaker))
    lonely = [path for stem, paths in transcripts.items() if stem not in recordings for path in paths]
    for path in lonely:
        if path.name.lower().startswith(("readme", "licen")):
            others.append(path)
        else:
            faults.found += 1
            faults.add_row(path, "no recording of that name beside it", "no recording")
    if others:
        faults.note(
            f"{len(others)} file(s) that are neither recordings nor transcripts: {first_few(sorted(others), 3)}"
        )
    return entries


def _transcript(path: Path, faults: ImportFaults) -> str | None:
    """Content of a transcript's file, or None where it has a fault."""
    try:
        text = read_text_file(path, in_place=True)
    except JstasrError as error:
        where, _, message = str(error).partition(": ")
        faults.add_row(where, message, "a transcript that cannot be read")
        return None
    if not_utf8(text):
        number = next(n for n, line in enumerate(text.split("\n"), 1) if not_utf8(line))
        faults.add_row(f"{path}:{number}", "not UTF-8; convert the file with iconv", "not UTF-8")
        return None
    return text
