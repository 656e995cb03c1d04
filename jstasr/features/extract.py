"""Stage 5: features of a formatted set, in jobs, and their statistics."""

import shutil
from contextlib import nullcontext
from pathlib import Path

import numpy as np

from jstasr.errors import JstasrError
from jstasr.features.cmvn import CmvnStats
from jstasr.features.on_the_fly import read_at_rate, write_settings
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.kaldi.job_share import job_share
from jstasr.kaldi.tables import read_table, write_table

KALDI_COMPRESSION = 2  # Kaldi's kSpeechFeature: one byte a value, by percentiles of each column
COPIED = ("text", "utt2spk", "spk2utt", "utt2lang", "phones")


def part_paths(outdir, job):
    """Files of a job: archive, scp, frame counts, statistics."""
    parts = Path(outdir) / "parts"
    archive = Path(outdir) / f"feats.{job}.ark"
    return archive, parts / f"feats.{job}.scp", parts / f"utt2num_frames.{job}", parts / f"cmvn.{job}.ark"


def extract_part(data_dir, outdir, fbank, job=1, num_jobs=1, compress=False, keep=True):
    """Extract the features of one job's share of a set.

    Args:
        data_dir: folder with wav.scp: one entry an utterance, mono, at the rate of `fbank`.
        outdir: folder of the features; paths in the scp begin with it, as it is given.
        fbank: jstasr.features.fbank.Fbank.
        job, num_jobs: the share, from 1.
        compress: one byte a value instead of four.
        keep: write them; else only their numbers of frames and statistics, for features on the fly.
    Returns:
        number of utterances, seconds of audio, utterances that are digital silence.
    Raises:
        JstasrError: all utterances that cannot be read, have another rate, or are shorter than a window.
    """
    import kaldiio

    wav_scp = read_table(Path(data_dir) / "wav.scp")
    utterances = job_share(sorted(wav_scp), job, num_jobs)
    archive, scp_path, frames_path, cmvn_path = part_paths(outdir, job)
    scp, num_frames, faults, silent, seconds = {}, {}, [], [], 0.0
    stats = CmvnStats(fbank.num_mel_bins)
    with atomic_write(archive, "wb") if keep else nullcontext() as file:
        for utterance in utterances:
            try:
                samples = read_at_rate(wav_scp[utterance], fbank)
                features = fbank(samples)
                if not np.isfinite(features).all():
                    raise JstasrError("features are not finite")
            except JstasrError as error:
                faults.append(f"{utterance}: {error}")
                continue
            if not samples.any():
                silent.append(utterance)
            if keep:
                file.write(f"{utterance} ".encode())
                scp[utterance] = f"{archive}:{file.tell()}"
                kaldiio.save_mat(file, features, compression_method=KALDI_COMPRESSION if compress else None)
            num_frames[utterance] = len(features)
            stats.add(features)
            seconds += len(samples) / fbank.sample_rate
        if faults:  # inside: no archive is left behind
            more = f"\n  (and {len(faults) - 10} more)" if len(faults) > 10 else ""
            shown = "\n  ".join(faults[:10]) + more
            raise JstasrError(f"no features for {len(faults)} of {len(utterances)} utterances:\n  {shown}")
    stats.save(cmvn_path)
    write_table(scp_path, scp if keep else {utterance: wav_scp[utterance] for utterance in utterances})
    write_table(frames_path, num_frames)  # last: with it, the part is whole
    return len(utterances), seconds, silent


def merge_parts(data_dir, outdir, num_jobs, cmvn_out=None, raw_fbank=None):
    """Join the parts of all jobs into feats.scp and utt2num_frames, beside copies of the set's texts.

    Args:
        data_dir: the folder that the jobs read.
        outdir: the folder that they wrote.
        num_jobs: their number.
        cmvn_out: where to write the statistics of the set, or None.
        raw_fbank: the Fbank of parts whose features were not kept; then wav.scp and fbank.json instead of feats.scp.
    Returns:
        number of utterances, number of frames.
    Raises:
        JstasrError: the parts do not make the set.
    """
    data_dir, outdir = Path(data_dir), Path(outdir)
    scp, num_frames, stats = {}, {}, None
    for job in range(1, num_jobs + 1):
        archive, scp_path, frames_path, cmvn_path = part_paths(outdir, job)
        made = archive if raw_fbank is None else frames_path
        if not made.exists():
            raise JstasrError(f"{made}: no such file; run job {job} of {num_jobs} first")
        scp.update(read_table(scp_path))
        num_frames.update(read_table(frames_path))
        part = CmvnStats.load(cmvn_path)
        stats = part if stats is None else stats
        if stats is not part:
            stats.merge(part)
    lost = sorted(set(read_table(data_dir / "wav.scp")) ^ set(scp))
    if lost:
        raise JstasrError(f"{outdir}: parts do not make {data_dir}; run all jobs again: {first_few(lost)}")
    for archive in outdir.glob("feats.*.ark"):  # of an earlier run in more jobs
        number = archive.name.split(".")[1]
        if number.isdigit() and (raw_fbank is not None or int(number) > num_jobs):
            archive.unlink()
    if cmvn_out is not None:
        stats.save(cmvn_out)
    write_table(outdir / "utt2num_frames", num_frames)
    for name in COPIED:
        if (data_dir / name).exists():
            with atomic_write(outdir / name, "wb") as target, open(data_dir / name, "rb") as source:
                shutil.copyfileobj(source, target)
    if raw_fbank is None:
        write_table(outdir / "feats.scp", scp)
    else:
        (outdir / "feats.scp").unlink(missing_ok=True)
        write_settings(outdir, raw_fbank)
        write_table(outdir / "wav.scp", scp)
    return len(scp), stats.count
