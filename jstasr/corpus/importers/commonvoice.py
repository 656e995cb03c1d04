"""Mozilla Common Voice: <release>/<language>/{validated,train,dev,test,...}.tsv and clips/."""

from dataclasses import replace
from pathlib import Path

from jstasr.corpus.importers.columns import Columns
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions
from jstasr.corpus.importers.manifests import tsv_table
from jstasr.corpus.unpack import unpack
from jstasr.errors import JstasrError
from jstasr.text.language_codes import canonical_code
from jstasr.text.language_tags import known_tag

OFFICIAL = ("train", "dev", "test")
SPEAKER_DIGITS = 16  # of the 128 hexadecimal digits of a client_id
HEADER = 1 << 16  # bytes of a first line, at most
ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")


def is_language(folder: Path) -> bool:
    """Is this the folder of one language? Other corpora have a train.tsv too, of other columns."""
    return any(map(_is_table, (folder / "validated.tsv", folder / "train.tsv")))


def _is_table(path: Path) -> bool:
    """Does a file have Common Voice's columns?"""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        header = file.readline(HEADER).removeprefix(b"\xef\xbb\xbf").strip().split(b"\t")
    return {b"client_id", b"path", b"sentence"} <= set(header)


def language_folders(release: Path) -> dict[str, Path]:
    """Code -> folder, of the languages of a release; the folder of one language alone is a release too."""
    if is_language(release):
        return {_code(release): release}
    return {_code(folder): folder for folder in sorted(release.iterdir()) if folder.is_dir() and is_language(folder)}


def _code(folder: Path) -> str:
    """The canonical form of the code that a folder is named by: "nan-tw" is "nan-TW"."""
    return canonical_code(folder.name) if known_tag(folder.name) else folder.name


def unpacked(archive: Path, folder: Path) -> Path:
    """The folder of a release archive, which is unpacked below `folder` if it is not there already."""
    name = next(archive.name[: -len(ending)] for ending in ARCHIVES if archive.name.lower().endswith(ending))
    target = folder / name
    if not target.is_dir():
        print(f"unpacking {archive} to {target}", flush=True)
        unpack(archive, target)
    inner = [path for path in target.iterdir() if path.is_dir()]
    # An archive holds <release>/<language>/..., or was packed without the first of these.
    return target if is_language(target) or language_folders(target) or len(inner) != 1 else inner[0]


def read_commonvoice(release: str | Path, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    """Entries of a release, of those of `options.langs` that it has (default: all).

    Where a language has the official train.tsv, dev.tsv and test.tsv, these are read and are the split; else
    validated.tsv. `options.tables` names others, as in ("validated",).
    """
    release, archive = Path(release), None
    if release.is_file() and release.name.lower().endswith(ARCHIVES):
        if options.unpack_to is None:
            raise JstasrError(f"{release}: is an archive; say where to unpack it: --unpack-to DIR")
        archive, release = release, unpacked(release, options.unpack_to)
    if not release.is_dir():
        raise JstasrError(f"{release}: no such folder or archive of a Common Voice release")
    folders = language_folders(release)
    if not folders:
        if archive is not None:
            raise JstasrError(
                f"{archive}: is no release of Common Voice; it is unpacked in {release}: name the table or folder there"
            )
        raise JstasrError(f"{release}: no Common Voice release: neither validated.tsv nor <language>/validated.tsv")
    if is_language(release) and (options.lang or len(options.langs) == 1):
        folders = {options.lang or options.langs[0]: release}
    langs = [lang for lang in options.langs or folders if lang in folders]
    if not langs:
        raise JstasrError(f"{release}: has no language {' '.join(options.langs)}; it has: {' '.join(folders)}")
    entries: list[Entry] = []
    for lang in langs:
        entries += _read_language(folders[lang], lang, options, faults)
    _shorten_speakers(entries)
    return entries


def _read_language(folder: Path, lang: str, options: ReadOptions, faults: ImportFaults) -> list[Entry]:
    official = all((folder / f"{name}.tsv").is_file() for name in OFFICIAL)
    tables = options.tables or (OFFICIAL if official else ("validated",))
    for name in tables:
        if not (folder / f"{name}.tsv").is_file():
            there = sorted(path.stem for path in folder.glob("*.tsv"))
            raise JstasrError(f'{folder}: has no {name}.tsv; choose of its tables: --tables "{" ".join(there)}"')
    options = replace(options, lang=lang, audio_dir=(folder / "clips").absolute())
    entries: list[Entry] = []
    for name in tables:
        path = folder / f"{name}.tsv"
        table = tsv_table(path, faults)
        columns = Columns(table.columns, options, faults, f"{path}:1", ("audio", "text", "speaker"))
        if not columns.complete:
            continue
        for where, row in table.rows:
            entry = columns.entry(row, where, faults)
            if entry is None:
                continue
            if not Path(entry.audio).suffix:  # the first releases name the clips without ending
                entry.audio += ".mp3"
            entry.lang = lang  # not the column's: "locale" holds other codes in some releases
            entry.split = name if name in OFFICIAL else ""
            entries.append(entry)
    return entries


def _shorten_speakers(entries: list[Entry]) -> None:
    """client_id -> its first digits, where these are different for all speakers."""
    speakers = {entry.speaker for entry in entries}
    if len({speaker[:SPEAKER_DIGITS] for speaker in speakers}) == len(speakers):
        for entry in entries:
            entry.speaker = entry.speaker[:SPEAKER_DIGITS]
