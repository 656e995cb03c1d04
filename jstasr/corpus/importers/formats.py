"""The formats by name, and how the format of a source is guessed."""

from collections.abc import Callable
from pathlib import Path

from jstasr.corpus.importers import commonvoice, huggingface, kaldi_dirs, wav_txt
from jstasr.corpus.importers.entries import Entry, ImportFaults, ReadOptions
from jstasr.corpus.importers.manifests import read_csv, read_jsonl, read_tsv
from jstasr.errors import JstasrError

READERS: dict[str, Callable[[Path, ReadOptions, ImportFaults], list[Entry]]] = {
    "tsv": read_tsv,
    "csv": read_csv,
    "jsonl": read_jsonl,
    "nemo": read_jsonl,
    "commonvoice": commonvoice.read_commonvoice,
    "kaldi": kaldi_dirs.read_kaldi,
    "huggingface": huggingface.read_huggingface,
    "folder": wav_txt.read_wav_txt,
}
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


def guess_format(source: str | Path) -> str:
    """Name of the format, by a file's ending or a folder's content.

    Raises:
        JstasrError: nothing is there, or it is none of FORMATS.
    """
    path = Path(source)
    if not path.exists():
        raise JstasrError(f"{source}: no such file or folder")
    if path.is_file():
        if path.name.endswith(commonvoice.ARCHIVES):
            return "commonvoice"
        if path.suffix.lower() in ENDINGS:
            return ENDINGS[path.suffix.lower()]
    elif kaldi_dirs.is_kaldi(path):
        return "kaldi"
    elif commonvoice.language_folders(path):
        return "commonvoice"
    elif huggingface.is_dataset(path):
        return "huggingface"
    elif wav_txt.audio_files(path):
        return "folder"
    raise JstasrError(f"{source}: cannot tell its format; say --format {'|'.join(FORMATS)}")
