"""Stage 5: features of a formatted set, in jobs, and their statistics."""

import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jstasr.errors import JstasrError, list_faults
from jstasr.features.cmvn import CmvnStats
from jstasr.features.compute import FeatureComputer
from jstasr.features.on_the_fly import read_at_rate
from jstasr.features.settings import SETTINGS, FeatureSettings, read_settings, write_settings
from jstasr.kaldi.data_dir import (
    FEATS_SCP,
    PHONES,
    SPK2GENDER,
    SPK2UTT,
    TEXT,
    UTT2LANG,
    UTT2NUM_FRAMES,
    UTT2SPK,
    WAV_SCP,
)
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.kaldi.job_share import job_share
from jstasr.kaldi.tables import read_table, write_table

ONE_BYTE = 2  # Kaldi's kSpeechFeature: one byte per value, by percentiles of each column
TWO_BYTES = 3  # Kaldi's kTwoByteAuto: two bytes per value, evenly spread over the range of the matrix
SECONDS_BETWEEN_LINES = 30  # of the progress
COPIED = (TEXT, UTT2SPK, SPK2UTT, SPK2GENDER, UTT2LANG, PHONES)


class PartFiles(NamedTuple):
    """What one job writes."""

    archive: Path  # the matrices
    scp: Path  # where each is; for features on the fly the audio instead
    num_frames: Path  # written last: with it, the part is whole
    cmvn: Path  # its statistics
    settings: Path  # how they are computed
    silent: Path  # a table of the utterances that are digital silence


def part_files(outdir: str | Path, job: int) -> PartFiles:
    """The files of a job; job from 1."""
    outdir = Path(outdir)
    parts = outdir / "parts"
    return PartFiles(
        outdir / f"feats.{job}.ark",
        parts / f"feats.{job}.scp",
        parts / f"{UTT2NUM_FRAMES}.{job}",
        parts / f"cmvn.{job}.ark",
        parts / f"{job}.{SETTINGS}",
        parts / f"silent.{job}",
    )


class ExtractedPart(NamedTuple):
    """What one job found: number of utterances, seconds of audio, utterances that are digital silence."""

    num_utterances: int
    seconds: float
    silent: list[str]


class ExtractedSet(NamedTuple):
    """What all jobs found: number of utterances, number of frames, utterances that are digital silence."""

    num_utterances: int
    num_frames: int
    silent: list[str]


def extract_part(
    data_dir: str | Path,
    outdir: str | Path,
    computer: FeatureComputer,
    job: int = 1,
    num_jobs: int = 1,
    compression: int | None = None,
    keep: bool = True,
    progress: Callable[[str], None] | None = None,
) -> ExtractedPart:
    """Extract the features of one job's share of a set.

    Args:
        data_dir: folder with wav.scp: one entry per utterance, mono, at the rate of `computer`.
        outdir: folder of the features; paths in the scp begin with it, as it is given.
        computer: what computes them.
        job, num_jobs: the share, from 1.
        compression: Kaldi's, ONE_BYTE or TWO_BYTES per value; None: four.
        keep: write them; else only their numbers of frames and statistics, for features on the fly.
        progress: called every half a minute with a line on how far it is.
    Raises:
        JstasrError: all utterances that cannot be read, have another rate, or are shorter than a window.
    """
    import kaldiio

    wav_scp = read_table(Path(data_dir) / WAV_SCP)
    if not wav_scp:
        raise JstasrError(f"{Path(data_dir) / WAV_SCP}: no utterances; run stage 2 again")
    utterances = job_share(sorted(wav_scp), job, num_jobs)
    part = part_files(outdir, job)
    scp: dict[str, str] = {}
    num_frames: dict[str, int] = {}
    faults: list[str] = []
    silent: list[str] = []
    seconds = 0.0
    stats = CmvnStats(computer.num_mel_bins)
    started = shown = time.perf_counter()
    if read_settings(Path(outdir) / SETTINGS) != computer.settings:  # its table must not name what this run writes
        (Path(outdir) / FEATS_SCP).unlink(missing_ok=True)
    with atomic_write(part.archive, "wb") if keep else nullcontext() as file:
        for done, utterance in enumerate(utterances):
            if progress is not None and (now := time.perf_counter()) - shown > SECONDS_BETWEEN_LINES:
                left = (now - started) / done * (len(utterances) - done)
                progress(f"{done}/{len(utterances)} utterances, {left:.0f} s left")
                shown = now
            try:
                samples = read_at_rate(wav_scp[utterance], computer)
                features = computer(samples)
                if not np.isfinite(features).all():
                    raise JstasrError("features are not finite")
            except JstasrError as error:
                faults.append(f"{utterance}: {error}")
                continue
            if not samples.any():
                silent.append(utterance)
            if file is not None:
                file.write(f"{utterance} ".encode())
                scp[utterance] = f"{part.archive}:{file.tell()}"
                kaldiio.save_mat(file, features, compression_method=compression)
            num_frames[utterance] = len(features)
            stats.add(features)
            seconds += len(samples) / computer.sample_rate
        if faults:  # inside: no archive is left behind
            shown = list_faults(faults, indent="  ")
            raise JstasrError(f"no features for {len(faults)} of {len(utterances)} utterances:\n{shown}")
    stats.save(part.cmvn)
    write_settings(part.settings, computer.settings)
    write_table(part.silent, {utterance: wav_scp[utterance] for utterance in silent})
    write_table(part.scp, scp if keep else {utterance: wav_scp[utterance] for utterance in utterances})
    write_table(part.num_frames, num_frames)
    return ExtractedPart(len(utterances), seconds, silent)


def merge_parts(
    data_dir: str | Path,
    outdir: str | Path,
    num_jobs: int,
    settings: FeatureSettings,
    cmvn_out: str | Path | None = None,
    keep: bool = True,
) -> ExtractedSet:
    """Join the parts of all jobs into feats.scp and utt2num_frames, beside copies of the set's other tables.

    Args:
        data_dir: the folder that the jobs read.
        outdir: the folder that they wrote.
        num_jobs: their number.
        settings: how the jobs computed the features.
        cmvn_out: where to write the statistics of the set, or None.
        keep: the jobs wrote the features; else wav.scp is written instead of feats.scp, for features on the fly.
    Raises:
        JstasrError: the parts do not add up to the set.
    """
    data_dir, outdir = Path(data_dir), Path(outdir)
    parts = [part_files(outdir, job) for job in range(1, num_jobs + 1)]
    scp: dict[str, str] = {}
    num_frames: dict[str, str] = {}
    silent: list[str] = []
    stats: list[CmvnStats] = []
    for job, part in enumerate(parts, 1):
        needed = part.archive if keep else part.num_frames
        if not needed.exists():
            raise JstasrError(f"{needed}: no such file; run job {job} of {num_jobs} first")
        if read_settings(part.settings) != settings:
            raise JstasrError(f"{part.settings}: computed with other settings; run job {job} of {num_jobs} again")
        scp.update(read_table(part.scp))
        num_frames.update(read_table(part.num_frames))
        silent += read_table(part.silent, allow_empty=True)
        stats.append(CmvnStats.load(part.cmvn))
    total = stats[0]
    for other in stats[1:]:
        total.merge(other)
    lost = sorted(set(read_table(data_dir / WAV_SCP)) ^ set(scp))
    if lost:
        raise JstasrError(f"{outdir}: parts do not make {data_dir}; run all jobs again: {first_few(lost)}")
    for archive in outdir.glob("feats.*.ark"):  # of an earlier run in more jobs
        number = archive.name.split(".")[1]
        if number.isdigit() and (not keep or int(number) > num_jobs):
            archive.unlink()
    if cmvn_out is not None:
        total.save(cmvn_out)
    write_table(outdir / UTT2NUM_FRAMES, num_frames)
    for name in COPIED:
        if (data_dir / name).exists():
            with atomic_write(outdir / name, "wb") as target, open(data_dir / name, "rb") as source:
                shutil.copyfileobj(source, target)
    write_settings(outdir / SETTINGS, settings)
    if keep:
        write_table(outdir / FEATS_SCP, scp)
    else:
        (outdir / FEATS_SCP).unlink(missing_ok=True)
        write_table(outdir / WAV_SCP, scp)
    return ExtractedSet(len(scp), total.count, silent)
