"""The zip of a packed model, perhaps a stranger's: sizes are judged, parts unpacked and compared with the manifest."""

import errno
import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import jstasr
from jstasr.errors import JstasrError
from jstasr.experiment.files import AVERAGED, BPE, CONFIG, DECODE, ENCODER, LM, MANIFEST, NNLM, PHONES, TOKENS
from jstasr.experiment.torch_file import check_torch_file
from jstasr.kaldi.files import cannot_write, first_few

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
LARGEST = {  # bytes of a part, unpacked
    CONFIG: 256 * KIB,
    DECODE: 256 * KIB,
    MANIFEST: MIB,
    TOKENS: 16 * MIB,
    PHONES: 16 * MIB,
    BPE: 16 * MIB,
    LM: 16 * GIB,
    NNLM: 4 * GIB,
    AVERAGED: 32 * GIB,
}
ENCODER_CONFIG = re.compile(rf"{ENCODER}/(preprocessor_)?config\.json")
ENCODER_INDEX = re.compile(rf"{ENCODER}/[\w.-]+\.index\.json")  # of weights in several files
ENCODER_WEIGHTS = re.compile(rf"{ENCODER}/[\w.-]+\.(safetensors|bin)")
LARGEST_BY_PATTERN = ((ENCODER_CONFIG, 64 * KIB), (ENCODER_INDEX, 16 * MIB), (ENCODER_WEIGHTS, 32 * GIB))
MOST_RATIO = 10  # of unpacked to packed bytes: weights shrink by a tenth, language models to a quarter
SMALL = MIB  # bytes unpacked, below which any ratio will do
GZIP = b"\x1f\x8b"  # first bytes
FORMAT = 1  # of the manifest
BLOCK = MIB  # bytes that are read at a time
PACK_AGAIN = "Bring or pack it again: jstasr pack"


def largest(name: str) -> int | None:
    """Bytes that a part may have, unpacked; None: a model has no such part."""
    return LARGEST.get(name, next((most for pattern, most in LARGEST_BY_PATTERN if pattern.fullmatch(name)), None))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """A temporary folder with the parts of a packed model; errors within it that name the folder name the pack.

    Raises:
        JstasrError: it is no packed model, damaged, larger than it can be, or not what its manifest says.
    """
    with TemporaryDirectory(prefix="jstasr") as name:
        try:
            unpack(path, Path(name))
            yield Path(name)
        except JstasrError as error:
            raise JstasrError(str(error).replace(f"{name}/", f"{path}: ")) from error


def unpack(path: Path, folder: Path) -> None:
    """Unpack the known parts of a packed model into a folder; errors as of `unpacked`."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = known_parts(path, archive, folder)
            described = read_manifest(path, archive)
            if described is not None:
                compare_names(path, archive, described)
            for name, entry in parts.items():
                (folder / name).parent.mkdir(exist_ok=True)
                digest = extract(archive, entry, folder / name)
                if described is not None and (entry.file_size, digest) != described[name]:
                    raise JstasrError(f"{path}: {name} is not the one that was packed, by its SHA-256. {PACK_AGAIN}")
            check_encoder_files(folder / ENCODER)
            if LM in parts:
                check_gzip(folder / LM, parts[LM].compress_size)
    except JstasrError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise cannot_write(folder, error) from error
        raise JstasrError(f"{path}: cannot be read ({error.strerror or error}). {PACK_AGAIN}") from error
    except Exception as error:  # zipfile and zlib have a type for every kind of damage
        raise JstasrError(f"{path}: not a packed model, or damaged ({error}). {PACK_AGAIN}") from error


def known_parts(path: Path, archive: zipfile.ZipFile, folder: Path) -> dict[str, zipfile.ZipInfo]:
    """The parts of a model in a pack, without its manifest; judged by what the directory says of their sizes.

    Raises:
        JstasrError: a part is there twice, or packed in another way; sizes that no model has, or that do not fit here.
    """
    parts: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        most = largest(entry.filename)
        if most is None:
            continue
        name, size, packed = entry.filename, entry.file_size, entry.compress_size
        if name in parts:
            raise JstasrError(f"{path}: holds {name} twice. {PACK_AGAIN}")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or entry.flag_bits & 1:
            raise JstasrError(f"{path}: {name} is encrypted or compressed in a way that packs are not. {PACK_AGAIN}")
        if size > most or size > max(SMALL, MOST_RATIO * packed):
            raise JstasrError(
                f"{path}: {name} would unpack from {megabytes(packed)} to {megabytes(size)}, which no model needs. "
                "It was not unpacked"
            )
        parts[name] = entry
    total = sum(entry.file_size for entry in parts.values())
    weights = sum(part.file_size for name, part in parts.items() if name == AVERAGED or ENCODER_WEIGHTS.fullmatch(name))
    free = shutil.disk_usage(folder).free
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if total > free:
        raise JstasrError(
            f"{path}: unpacks to {megabytes(total)}, and {megabytes(free)} are free in {folder.parent}. Free "
            "some space, or name another folder by TMPDIR"
        )
    if weights > memory:
        raise JstasrError(
            f"{path}: has {megabytes(weights)} of weights, and this machine {megabytes(memory)} of memory"
        )
    parts.pop(MANIFEST, None)
    return parts


def megabytes(size: int) -> str:
    """Bytes for a message."""
    return f"{size / 1e6:.1f} MB"


def extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path | None = None) -> str:
    """Read a part, into a file if one is given, and return its SHA-256."""
    digest = hashlib.sha256()
    with archive.open(entry) as source, open(target or os.devnull, "wb") as file:
        while block := source.read(BLOCK):
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def check_encoder_files(folder: Path) -> None:
    """Refuse weights of an encoder that torch must not read, and an index of weights that lie elsewhere."""
    for path in folder.glob("*.bin"):
        with zipfile.ZipFile(path) as archive:
            check_torch_file(path, archive)
    for path in folder.glob("*.index.json"):
        elsewhere = set(json.loads(path.read_bytes())["weight_map"].values()) - {part.name for part in folder.iterdir()}
        if elsewhere:
            raise JstasrError(f"{path}: names {first_few(map(repr, elsewhere), 3)}, which the pack lacks. {PACK_AGAIN}")


def check_gzip(path: Path, packed: int) -> None:
    """Refuse a gzipped language model that the zip made smaller still: it would swell twice."""
    with open(path, "rb") as file:
        gzipped = file.read(2) == GZIP
    if gzipped and path.stat().st_size > max(SMALL, 2 * packed):
        raise JstasrError(f"{path}: would unpack from {megabytes(packed)} twice, which no model needs")


def add_manifest(path: Path) -> None:
    """Put the manifest into a zip: sizes and SHA-256 of all its parts."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        parts = {
            entry.filename: {"size": entry.file_size, "sha256": extract(archive, entry)} for entry in archive.infolist()
        }
        content = {"format": FORMAT, "jstasr": jstasr.__version__, "parts": parts}
        archive.writestr(MANIFEST, json.dumps(content, indent=1) + "\n")


def read_manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, tuple[int, str]] | None:
    """Part -> size in bytes and SHA-256, by the manifest of a pack; None: an earlier version packed it without one.

    Raises:
        JstasrError: it is damaged, or of a later version.
    """
    if MANIFEST not in archive.namelist():
        return None
    try:
        content = json.loads(archive.read(MANIFEST))
        form = content["format"]
        parts = {str(name): (int(part["size"]), str(part["sha256"])) for name, part in content["parts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise JstasrError(f"{path}: its {MANIFEST} is damaged ({type(error).__name__}). {PACK_AGAIN}") from error
    if form != FORMAT:
        raise JstasrError(f"{path}: its {MANIFEST} is of another version of jstasr ({form!r}). Update this one")
    return parts


def compare_names(path: Path, archive: zipfile.ZipFile, described: dict[str, tuple[int, str]]) -> None:
    """Refuse a pack with other parts than its manifest names."""
    found = {name for name in archive.namelist() if name != MANIFEST}
    for names, what in ((described.keys() - found, "lacks"), (found - described.keys(), "holds besides its own parts")):
        if names:
            raise JstasrError(f"{path}: {what} {first_few(map(repr, sorted(names)), 3)}. {PACK_AGAIN}")
