"""Write a set into shards: WebDataset's tar files, in jobs, and their index.

An utterance is three members of a tar file: `<key>.npy`, its features, or `<key>.flac`, its audio; `<key>.txt`, its
transcript; `<key>.json`, the rest. Which utterances a shard holds depends on neither the jobs nor their number:
utterances in random order, so that neighbours in a shard are no neighbours in the recordings, cut into shards of about
equal size.
"""

import hashlib
import io
import json
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.data_dir import PHONES, SPK2GENDER, SPK2UTT, TEXT, UTT2LANG, UTT2NUM_FRAMES, UTT2SPK
from jstasr.kaldi.files import file_stem, first_few
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.kaldi.job_share import job_share
from jstasr.shards.index import FEATURES, INDEX, SHARDS_SCP, Entry, Shard, ShardIndex, sha256_of
from jstasr.shards.store import Store

ORDER_SEED = 20230811  # of the order of the utterances
MEMBER_TABLES = {TEXT: "text", PHONES: "phones", UTT2SPK: "speaker", UTT2LANG: "language"}  # file -> key in the JSON
OTHER_TABLES = (SPK2UTT, SPK2GENDER)


class Plan(NamedTuple):
    """What every job knows of all shards."""

    shards: list[np.ndarray]  # rows of utt2num_frames that each holds
    digest: str  # equal for jobs that cut the same set the same way


def plan_shards(table: IndexedTable, num_frames: np.ndarray, frames_per_shard: int, holds: str = FEATURES) -> Plan:
    """Cut a set into shards of about equally many frames.

    Args:
        table: utt2num_frames.
        num_frames: (N,) int, its values.
        holds: FEATURES or AUDIO, which jobs must agree on.
    """
    order = np.random.default_rng(ORDER_SEED).permutation(len(num_frames))
    ends = num_frames[order].cumsum(dtype=np.int64)
    count = max(1, round(int(ends[-1]) / frames_per_shard))
    places = ((ends - num_frames[order] / 2) * count / ends[-1]).astype(np.int64)  # shard of each: its middle frame's
    parts = np.split(order, np.flatnonzero(np.diff(places)) + 1)
    digest = hashlib.sha256(num_frames.tobytes() + table.hashes.tobytes() + f"{len(parts)} {holds}".encode())
    return Plan(parts, digest.hexdigest()[:16])


def shard_name(number: int) -> str:
    """File name of a shard; number from 0."""
    return f"shard-{number:06}.tar"


def part_name(job: int) -> str:
    """File name of what a job says of its shards; job from 1."""
    return f"part.{job}.json"


class HashingFile:
    """A file that is written once from its beginning, with its digest."""

    def __init__(self, file: IO[bytes]):
        self.file, self.sha256, self.size = file, hashlib.sha256(), 0

    def write(self, content: bytes) -> int:
        """Write and digest."""
        self.file.write(content)
        self.sha256.update(content)
        self.size += len(content)
        return len(content)

    def tell(self) -> int:
        """Bytes that were written."""
        return self.size


class Members:
    """What a data directory says of each utterance, by row of utt2num_frames."""

    def __init__(self, data_dir: Path, table: IndexedTable):
        self.tables = {
            name: IndexedTable(data_dir / name, allow_empty=True)
            for name in MEMBER_TABLES
            if (data_dir / name).exists() or name in (TEXT, PHONES)
        }
        self.rows = {name: found.rows_of(table) for name, found in self.tables.items()}
        lost = {name: np.flatnonzero(rows < 0) for name, rows in self.rows.items() if name in (TEXT, PHONES)}
        for name, rows in lost.items():
            if len(rows):
                shown = first_few([table.key(int(row)) for row in rows[:20]])
                raise JstasrError(
                    f"{data_dir / name}: lacks {len(rows)} utterance(s) of {UTT2NUM_FRAMES}: {shown}. Run the data "
                    "preparation again: --stage 2 --stop_stage 5"
                )

    def of(self, row: int) -> dict[str, str]:
        """Key in the JSON -> value."""
        found = {name: int(rows[row]) for name, rows in self.rows.items()}
        return {MEMBER_TABLES[name]: self.tables[name].value(at) for name, at in found.items() if at >= 0}


def add_member(tar: tarfile.TarFile, name: str, content: bytes) -> int:
    """Write a file into a tar file, with no trace of when and by whom; the offset of its content."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
    return tar.offset - -(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


class Content(NamedTuple):
    """What is stored of an utterance, features or audio: the ending of its file, and that file."""

    ending: str
    content: bytes


def features_content(features: np.ndarray) -> Content:
    """Features (T, F) as numpy.save writes them."""
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(features), allow_pickle=False)
    return Content("npy", buffer.getvalue())


def write_shard(
    file: HashingFile, name: str, utterances: Iterator[tuple[str, int, Content, dict[str, str]]]
) -> tuple[Shard, dict[str, Entry]]:
    """Write one tar file.

    Args:
        utterances: id, number of frames, features or audio, what else there is.
    Returns:
        What the index says of the shard, and of each of its utterances.
    """
    entries: dict[str, Entry] = {}
    frames = 0
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:  # type: ignore[arg-type]
        for utterance, num_frames, (ending, content), rest in utterances:
            stem = file_stem(utterance).replace(".", "%2E")  # a key ends at the first point
            offset = add_member(tar, f"{stem}.{ending}", content)
            entries[utterance] = Entry(name, offset, len(content), zlib.crc32(content))
            add_member(tar, f"{stem}.txt", rest["text"].encode())
            described = {"id": utterance, "num_frames": num_frames, **rest}
            add_member(tar, f"{stem}.json", json.dumps(described, ensure_ascii=False).encode())
            frames += num_frames
    return Shard(name, file.size, file.sha256.hexdigest(), len(entries), frames), entries


def write_part(
    data_dir: Path,
    store: Store,
    table: IndexedTable,
    plan: Plan,
    read: Callable[[int], Content],
    job: int = 1,
    num_jobs: int = 1,
    progress: Callable[[str], None] = lambda line: None,
) -> list[Shard]:
    """Write one job's share of the shards.

    Args:
        table: utt2num_frames of the data directory.
        read: features or audio of the utterance on a row of it.
        progress: called with a line for each shard.
    Raises:
        JstasrError: features or tables that cannot be used.
    """
    members = Members(data_dir, table)
    shards: list[Shard] = []
    entries: dict[str, Entry] = {}
    for number in job_share(range(len(plan.shards)), job, num_jobs):
        name = shard_name(number)
        rows = plan.shards[number].tolist()
        with store.writing(name) as file:
            utterances = ((table.key(row), int(table.value(row)), read(row), members.of(row)) for row in rows)
            shard, found = write_shard(HashingFile(file), name, utterances)
        shards.append(shard)
        entries |= found
        progress(f"{store.name_of(name)}: {shard.utterances} utterances, {shard.size / 1e6:.1f} MB")
    part = {
        "plan": plan.digest,
        "shards": [shard._asdict() for shard in shards],
        "entries": {utterance: str(entry) for utterance, entry in entries.items()},
    }
    with store.writing(part_name(job)) as file:  # last: with it, the part is whole
        file.write(json.dumps(part).encode())
    return shards


def read_parts(store: Store, plan: Plan, num_jobs: int) -> tuple[list[Shard], dict[str, str]]:
    """The shards of all jobs, and the lines of shards.scp.

    Raises:
        JstasrError: names the job that did not run, or that cut another set, and shards that are not there.
    """
    shards: list[Shard] = []
    entries: dict[str, str] = {}
    for job in range(1, num_jobs + 1):
        name = store.name_of(part_name(job))
        try:
            part = json.loads(store.read(part_name(job)))
        except FileNotFoundError:
            raise JstasrError(f"{name}: no such file; run job {job} of {num_jobs} first") from None
        except ValueError as error:
            raise JstasrError(f"{name}: damaged ({error}); run job {job} of {num_jobs} again") from error
        if part["plan"] != plan.digest:
            raise JstasrError(f"{name}: of another set or --shard-mb; run job {job} of {num_jobs} again")
        shards += [Shard(**shard) for shard in part["shards"]]
        entries |= part["entries"]
    if [shard.name for shard in shards] != [shard_name(number) for number in range(len(plan.shards))]:
        raise JstasrError(
            f"{store.name_of(part_name(1))} and others: of another number of jobs; run all {num_jobs} jobs again"
        )
    sizes = store.sizes()
    lost = [shard.name for shard in shards if sizes.get(shard.name) != shard.size]
    if lost:
        raise JstasrError(f"{store.place}: shards missing or cut short; run their jobs again: {first_few(lost)}")
    return shards, entries


def merge_parts(
    data_dir: Path,
    store: Store,
    table: IndexedTable,
    plan: Plan,
    num_jobs: int,
    dimensions: int,
    settings_file: str,
    summary: dict[str, float],
    holds: str = FEATURES,
) -> ShardIndex:
    """Write the tables of the set beside its shards, and the index.

    Args:
        dimensions: features of a frame.
        settings_file: name of the file that says how the features were computed.
        summary: of the features, as an experiment records it.
        holds: FEATURES or AUDIO.
    Raises:
        JstasrError: as of `read_parts`.
    """
    shards, entries = read_parts(store, plan, num_jobs)
    tables: dict[str, str] = {}
    for name in (*MEMBER_TABLES, *OTHER_TABLES, UTT2NUM_FRAMES, settings_file):
        if (data_dir / name).exists():
            with store.writing(name) as target, open(data_dir / name, "rb") as source:
                shutil.copyfileobj(source, target)
            tables[name] = sha256_of(data_dir / name)
    digest = hashlib.sha256()
    with store.writing(SHARDS_SCP) as file:
        for utterance in table.keys():
            line = f"{utterance} {entries[utterance]}\n".encode()
            file.write(line)
            digest.update(line)
    tables[SHARDS_SCP] = digest.hexdigest()
    index = ShardIndex(shards, dimensions, tables, summary, holds)
    with store.writing(INDEX) as file:
        file.write(index.to_json().encode())
    return index
