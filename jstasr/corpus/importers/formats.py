"""The formats by name, and how the format of a source is guessed."""

import shlex
from collections.abc import Callable
from pathlib import Path

from jstasr.corpus.importers import (
    audiofolder,
    commonvoice,
    hf_stream,
    huggingface,
    kaldi_dirs,
    lhotse_cuts,
    lhotse_shar,
    ljspeech,
    nemo_tarred,
    wav_txt,
    webdataset_tars,
)
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions
from jstasr.corpus.importers.manifests import read_csv, read_jsonl, read_tsv
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

READERS: dict[str, Callable[[Path, ReadOptions, ImportFaults], list[Entry]]] = {
    "tsv": read_tsv,
    "csv": read_csv,
    "jsonl": read_jsonl,
    "nemo": read_jsonl,
    "commonvoice": commonvoice.read_commonvoice,
    "ljspeech": ljspeech.read_ljspeech,
    "deepspeech": read_csv,
    "kaldi": kaldi_dirs.read_kaldi,
    "huggingface": huggingface.read_huggingface,
    "hf-stream": hf_stream.read_hf_stream,
    "audiofolder": audiofolder.read_audiofolder,
    "folder": wav_txt.read_wav_txt,
    "lhotse": lhotse_cuts.read_cuts,
    "shar": lhotse_shar.read_shar,
    "webdataset": webdataset_tars.read_webdataset,
    "nemo-tarred": nemo_tarred.read_nemo_tarred,
}
NAMED = ("hf-stream",)  # formats whose source may be a name instead of a path
TEXT_ONLY = "text"  # text without speech, which has no reader of entries
FORMATS = (*READERS, TEXT_ONLY)
ENDINGS = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "huggingface",
    ".parquet": "huggingface",
    ".txt": TEXT_ONLY,
    ".gz": TEXT_ONLY,
}
CUTS = (".jsonl", ".jsonl.gz")  # endings of cuts of lhotse


# What programs write that people name tables, and what to do with it.
CONVERTED = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods"), "is a spreadsheet; save it as CSV (UTF-8) and name that file"),
    **dict.fromkeys(
        (".docx", ".doc", ".odt", ".rtf"), "is a document; save it as plain text (UTF-8) and name that file"
    ),
}
PACKED = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")
TABLES = (".tsv", ".csv", ".jsonl", ".json", ".ndjson")  # endings of tables that a folder may hold


def guess_format(source: str | Path) -> str:
    """Name of the format, by a file's ending or a folder's content.

    Raises:
        JstasrError: nothing is there, it is none of FORMATS, or several fit.
    """
    path = Path(source)
    if not path.exists():
        dead = " (it is a link to what is not there)" if path.is_symlink() else ""
        raise JstasrError(f"{source}: no such file or folder{dead}")
    if not path.is_dir():
        return _guess_file(path)
    fitting = _fitting_folder_formats(path)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        choice = " or ".join(f"--format {name}" for name in fitting)
        raise JstasrError(f"{source}: could be of several formats; which one is it? Say {choice}")
    tables = [file.name for file in sorted(path.iterdir()) if file.suffix.lower() in TABLES]
    if tables:
        raise JstasrError(
            f"{source}: no recording has a transcript beside it, and there are tables; which one is it? Name it "
            f"instead of the folder: {first_few([path / name for name in tables], 3)}"
        )
    if wav_txt.audio_files(path):
        return "folder"
    inner = [folder.name for folder in sorted(path.iterdir()) if folder.is_dir() and kaldi_dirs.is_kaldi(folder)]
    if inner:
        raise JstasrError(f"{source}: holds data directories; name one of them: {first_few(inner, 5)}")
    packed = [path / file.name for file in sorted(path.iterdir()) if file.suffix.lower() in PACKED]
    if packed:
        raise JstasrError(
            f"{source}: holds archives and no recordings; unpack them there, or name one: {first_few(packed, 3)}"
        )
    raise JstasrError(f"{source}: cannot tell its format; say --format {'|'.join(FORMATS)}")


def _guess_file(path: Path) -> str:
    name, ending = path.name.lower(), path.suffix.lower()
    if path.is_file() and webdataset_tars.SHARD.search(name) and webdataset_tars.is_shard(path):
        return "webdataset"
    if path.is_file() and name.endswith(CUTS) and lhotse_cuts.is_cuts(path):
        return "lhotse"
    if path.is_file() and ending in ENDINGS and nemo_tarred.is_tarred_manifest(path):
        return "nemo-tarred"
    if name.endswith(commonvoice.ARCHIVES):
        return "commonvoice"
    if not path.is_file():  # a named pipe: read once only, so not to guess from
        raise JstasrError(f"{path}: is no plain file; say --format {'|'.join(FORMATS)}")
    if ending == ".csv" and ljspeech.is_ljspeech(path):
        return "ljspeech"
    if ending in CONVERTED:
        raise JstasrError(f"{path}: {CONVERTED[ending]}")
    if ending == ".gz" and Path(path.stem).suffix.lower() in TABLES:
        raise JstasrError(f"{path}: is a compressed table; unpack it: gunzip -k {shlex.quote(str(path))}")
    if ending in ENDINGS:
        return ENDINGS[ending]
    raise JstasrError(f"{path}: cannot tell its format; say --format {'|'.join(FORMATS)}")


def _fitting_folder_formats(folder: Path) -> list[str]:
    """The formats that a folder's content fits, each judged by what it alone has."""
    tables = audiofolder.metadata_files(folder)
    arrow = huggingface.data_files(folder)
    datasets = huggingface.is_dataset(folder) and not (arrow and set(arrow) <= set(tables))
    fits = {
        "kaldi": kaldi_dirs.is_kaldi(folder),
        "commonvoice": bool(commonvoice.language_folders(folder)),
        "audiofolder": bool(tables),
        "ljspeech": ljspeech.is_ljspeech(folder),
        "huggingface": datasets,
        "folder": wav_txt.has_transcripts(folder),
        "shar": lhotse_shar.is_shar(folder),
        "webdataset": webdataset_tars.is_webdataset(folder) and not lhotse_shar.is_shar(folder),
        "nemo-tarred": nemo_tarred.is_nemo_tarred(folder),
    }
    return [name for name, fit in fits.items() if fit]
