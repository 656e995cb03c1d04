"""The index of a set in shards: what each shard holds, and where each utterance lies in them.

A folder or URL holds the shards (WebDataset's tar files), the tables of the set (text, phones, utt2num_frames ...),
`shards.scp` (utterance -> shard, offset, bytes and CRC-32 of its features or audio) and, written last, `shards.json`
with the checksums of all of these.
"""

import hashlib
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, make_folder
from jstasr.shards.store import Store, is_url

INDEX, SHARDS_SCP = "shards.json", "shards.scp"
PLACE = "place"  # in the local copy of an index: the URL of its shards
CACHE = "JSTASR_CACHE"  # environment variable: the folder of such copies
VERSIONS = {"features": 1, "audio": 2}  # what the shards hold -> version of the index
FEATURES, AUDIO = VERSIONS
WRITE_AGAIN = "Write the shards again: jstasr shards"
BLOCK = 1 << 20  # bytes that are read at a time


class Shard(NamedTuple):
    """One tar file."""

    name: str
    size: int  # bytes
    sha256: str
    utterances: int
    frames: int


class Entry(NamedTuple):
    """Where the features or the audio of an utterance lie."""

    shard: str
    offset: int  # bytes from the beginning of the tar file
    size: int  # bytes
    crc32: int

    @property
    def end(self) -> int:
        """Offset behind the last byte."""
        return self.offset + self.size

    def __str__(self) -> str:
        return f"{self.shard} {self.offset} {self.size} {self.crc32:08x}"


def parse_entry(text: str, source: str | Path) -> Entry:
    """What a line of shards.scp says behind its utterance; `source`: the file, for the error."""
    try:
        shard, offset, size, crc32 = text.split()
        return Entry(shard, int(offset), int(size), int(crc32, 16))
    except ValueError:
        raise JstasrError(
            f"{source}: expected `shard offset bytes crc32` behind an utterance, found `{text}`. {WRITE_AGAIN}"
        ) from None


@dataclass(frozen=True)
class ShardIndex:
    """What shards.json holds.

    tables: name -> sha256 of each other file of the index; summary: of the features, as an experiment records it;
    holds: FEATURES, or AUDIO that they are computed from.
    """

    shards: list[Shard]
    dimensions: int  # features of a frame
    tables: dict[str, str]
    summary: dict[str, float]
    holds: str = FEATURES

    @property
    def utterances(self) -> int:
        """Their number in all shards."""
        return sum(shard.utterances for shard in self.shards)

    def to_json(self) -> str:
        """The content of shards.json; a line for each shard."""
        shards = ",\n  ".join(json.dumps(shard._asdict()) for shard in self.shards)
        rest = {
            "version": VERSIONS[self.holds],
            "utterances": self.utterances,
            "frames": sum(shard.frames for shard in self.shards),
            "dimensions": self.dimensions,
            "tables": self.tables,
            "summary": self.summary,
        }
        return f'{json.dumps(rest)[:-1]}, "shards": [\n  {shards}\n]}}\n'


def parse_index(content: bytes, source: str | Path) -> ShardIndex:
    """Read the content of shards.json; `source`: its name for the error."""
    try:
        found = json.loads(content)
        version = int(found["version"])
        shards = [Shard(**shard) for shard in found["shards"]]
        held = {number: name for name, number in VERSIONS.items()}.get(version, FEATURES)
        index = ShardIndex(shards, int(found["dimensions"]), dict(found["tables"]), dict(found["summary"]), held)
    except (ValueError, KeyError, TypeError) as error:
        raise JstasrError(f"{source}: damaged ({type(error).__name__}: {error}). {WRITE_AGAIN}") from error
    outside = [name for name in (*index.tables, *(shard.name for shard in shards)) if Path(name).name != name]
    if outside:  # a name from elsewhere must not lead out of the folder
        raise JstasrError(f"{source}: damaged ({outside[0]!r} is no name of a file). {WRITE_AGAIN}")
    if version not in VERSIONS.values():
        known = " and ".join(map(str, VERSIONS.values()))
        raise JstasrError(f"{source}: of version {version}; this jstasr reads {known}. {WRITE_AGAIN}")
    return index


def read_index(folder: str | Path) -> ShardIndex | None:
    """The index in a local folder; None where there is none."""
    path = Path(folder) / INDEX
    try:
        return parse_index(path.read_bytes(), path)
    except FileNotFoundError:
        return None


def place_of(folder: str | Path) -> Store:
    """Where the shards of the index in a local folder lie."""
    place = Path(folder) / PLACE
    return Store(place.read_text("utf-8").strip() if place.exists() else folder)


def lost_shards(store: Store, index: ShardIndex) -> list[str]:
    """Shards that are missing or have another size, by a list of the files; [] where the place gives none."""
    sizes = store.sizes()
    if INDEX not in sizes:
        return []
    return [shard.name for shard in index.shards if sizes.get(shard.name, -1) not in (None, shard.size)]


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where copies of indexes lie: $JSTASR_CACHE, else ~/.cache/jstasr."""
    home = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(environment.get(CACHE) or Path(home) / "jstasr") / "shards"


def local_folder(source: str) -> Path:
    """The local folder of a set's tables: a path as it is; for a URL, a copy of the index there, without the shards.

    Args:
        source: a folder, a URL, or either of them with /shards.json behind it.
    Raises:
        JstasrError: no index there; a table that is missing or is not the one that the index names.
    """
    source = source.rstrip("/").removesuffix(f"/{INDEX}")
    if not is_url(source):
        return Path(source)
    if source.startswith("file://"):
        return Path(source.removeprefix("file://"))
    store = Store(source)
    try:
        content = store.read(INDEX)
    except FileNotFoundError:
        raise JstasrError(
            f"{store.name_of(INDEX)}: no such file. Give the URL that `jstasr shards --outdir` wrote to"
        ) from None
    index = parse_index(content, store.name_of(INDEX))
    digest = hashlib.sha256(source.encode() + content).hexdigest()[:16]
    folder = cache_folder() / digest / source.rsplit("/", 1)[-1]
    if not (folder / INDEX).exists():
        make_folder(folder)
        for name, sha256 in index.tables.items():
            copy_table(store, name, sha256, folder)
        with atomic_write(folder / PLACE) as file:
            file.write(f"{source}\n")
        with atomic_write(folder / INDEX, "wb") as file:  # last: with it, the copy is whole
            file.write(content)
    return folder


def copy_table(store: Store, name: str, sha256: str, folder: Path) -> None:
    """Copy one file of an index, unless it is there.

    Raises:
        JstasrError: it is missing, or is not what the index says.
    """
    if (folder / name).exists():
        return
    temporary = folder / f".{name}.{uuid.uuid4().hex}.tmp"  # its own, where machines share the cache
    try:
        try:
            store.fetch(name, temporary)
        except FileNotFoundError:
            raise JstasrError(f"{store.name_of(name)}: no such file. {WRITE_AGAIN} --merge") from None
        if sha256_of(temporary) != sha256:
            raise JstasrError(f"{store.name_of(name)}: its checksum is not that in {INDEX}. {WRITE_AGAIN} --merge")
        os.replace(temporary, folder / name)
    finally:
        temporary.unlink(missing_ok=True)
