"""A folder of recordings, each with its transcript in a text file of the same name: hello.wav, hello.txt."""

from pathlib import Path

from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions, not_utf8, read_text_file
from jstasr.errors import JstasrError

AUDIO_ENDINGS = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".au", ".sph", ".w64", ".caf"}
TEXT_ENDINGS = (".txt", ".TXT")


def audio_files(folder: str | Path) -> list[Path]:
    """Audio files below a folder, hidden ones left out, sorted."""
    found = (path for path in Path(folder).rglob("*") if path.suffix.lower() in AUDIO_ENDINGS)
    return sorted(path for path in found if not _is_hidden(path, folder))


def _is_hidden(path: Path, folder: str | Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def read_wav_txt(folder: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a folder. The speaker of recordings in sub-folders is the name of the first sub-folder."""
    folder = Path(folder)
    recordings = audio_files(folder)
    if not recordings:
        faults.add(folder, f"no recordings ({' '.join(sorted(AUDIO_ENDINGS))})")
    entries: list[Entry] = []
    for path in recordings:
        transcript = next(filter(Path.is_file, map(path.with_suffix, TEXT_ENDINGS)), None)
        if transcript is None:
            faults.add_row(path, f"no transcript {path.stem}.txt beside it")
            continue
        try:
            text = read_text_file(transcript)
        except JstasrError as error:
            where, _, message = str(error).partition(": ")
            faults.add_row(where, message)
            continue
        if not_utf8(text):
            number = next(n for n, line in enumerate(text.split("\n"), 1) if not_utf8(line))
            faults.add_row(f"{transcript}:{number}", "not UTF-8; convert the file with iconv")
            continue
        inner = path.relative_to(folder).parts
        speaker = inner[0] if len(inner) > 1 else ""
        entries.append(Entry(f"{transcript}:1", str(path.absolute()), text, lang=options.lang, speaker=speaker))
    stems = {path.with_suffix("") for path in recordings}
    transcripts = (path for path in folder.rglob("*") if path.suffix in TEXT_ENDINGS and not _is_hidden(path, folder))
    for transcript in sorted(transcripts):
        if transcript.with_suffix("") not in stems and not transcript.name.lower().startswith(("readme", "licen")):
            faults.add_row(transcript, "no recording of that name beside it")
    return entries
