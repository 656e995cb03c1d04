"""Stage 2: every utterance of a data directory as a mono file at one sampling rate."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jstasr.errors import JstasrError, list_faults
from jstasr.kaldi import audio
from jstasr.kaldi.data_dir import (
    SPK2GENDER,
    SPK2UTT,
    TEXT,
    UTT2LANG,
    UTT2NUM_SAMPLES,
    UTT2SPK,
    WAV_SCP,
    DataDir,
    is_outside,
)
from jstasr.kaldi.files import file_stem, first_few
from jstasr.kaldi.tables import read_table, spk2utt_of, write_table
from jstasr.text.language_codes import canonical_table

DROPPED = "dropped"  # table of the utterances left out -> seconds


@dataclass(frozen=True)
class FormatPlan:
    """How the audio is written.

    Args:
        outdir: folder of the formatted set.
        rate: Hz.
        channel: which one to take of recordings with several; None refuses them.
        file_type: "wav" | "flac".
    """

    outdir: Path
    rate: int
    channel: audio.Channel | None = None
    file_type: str = "wav"


class Cut(NamedTuple):
    """An utterance in a recording: its seconds; `start` None: the whole recording, `end` None: its end."""

    utterance: str
    start: float | None = None
    end: float | None = None


class Recording(NamedTuple):
    """A value of wav.scp, and the utterances in it."""

    source: str
    cuts: list[Cut]


class Formatted(NamedTuple):
    """Outcome for an utterance: where its audio is and its length in samples, or what is wrong."""

    utterance: str
    path: str = ""
    num_samples: int = 0
    fault: str = ""


def format_recording(plan: FormatPlan, recording: Recording) -> list[Formatted]:
    """Format the utterances of one recording; faults are returned, so that all of a set can be reported at once."""
    source, cuts = recording
    whole = len(cuts) == 1 and cuts[0].start is None
    try:
        if audio.is_pipe(source):
            samples, rate = audio.read_audio(source, channel=plan.channel)
            seconds = len(samples) / rate
        else:
            samples = None
            rate, channels, frames, is_plain = audio.audio_info(source)
            seconds = frames / rate
            if whole and rate == plan.rate and channels == 1 and plan.channel in (None, 1, "mix"):
                if not is_plain:  # floating point of any size, or NaN; compressed sound that is damaged
                    frames = len(audio.read_audio(source, channel=plan.channel)[0])
                fault = "" if frames else f"{source}: no samples"
                return [Formatted(cuts[0].utterance, source, frames, fault)]
    except JstasrError as error:
        return [Formatted(cut.utterance, fault=str(error)) for cut in cuts]
    return [_format_cut(plan, source, cut, samples, rate, seconds) for cut in cuts]


def _format_cut(
    plan: FormatPlan, source: str, cut: Cut, samples: np.ndarray | None, rate: int, seconds: float
) -> Formatted:
    """One utterance; `samples` of the whole recording (N,), or None where they are still to be read."""
    start, end = cut.start, cut.end
    if start is not None and is_outside(start, -1 if end is None else end, seconds):
        until = "its end" if end is None else f"{end:g}"
        return Formatted(
            cut.utterance, fault=f"segment {start:g} to {until} s lies outside {source} of {seconds:.3f} s"
        )
    if end is not None and end >= seconds:
        end = None
    try:
        if samples is None:
            samples, rate = audio.read_audio(source, start, end, plan.channel)
        elif start is not None:
            samples = samples[round(start * rate) : None if end is None else round(end * rate)]
        if not len(samples):
            return Formatted(cut.utterance, fault=f"{source}: no samples")
        samples = audio.resample(samples, rate, plan.rate)
        path = plan.outdir / "audio" / f"{file_stem(cut.utterance)}.{plan.file_type}"
        audio.write_audio(path, samples, plan.rate)
    except JstasrError as error:
        return Formatted(cut.utterance, fault=str(error))
    return Formatted(cut.utterance, str(path), len(samples))


def recordings_of(data: DataDir) -> list[Recording]:
    """The recordings of a data directory, sorted by their ids."""
    if data.segments is None:
        return [Recording(data.wav_scp[utterance], [Cut(utterance)]) for utterance in sorted(data.wav_scp)]
    cuts: dict[str, list[Cut]] = {}
    for utterance in sorted(data.segments):
        recording, start, end = data.segments[utterance]
        cuts.setdefault(recording, []).append(Cut(utterance, start, None if end == -1 else end))
    return [Recording(data.wav_scp[recording], cuts[recording]) for recording in sorted(cuts)]


def format_audio(plan: FormatPlan, recordings: Sequence[Recording], nj: int = 1) -> list[Formatted]:
    """Format recordings in `nj` processes.

    Raises:
        JstasrError: all faults of the recordings, the first ten in words.
    """
    work = partial(format_recording, plan)
    if nj > 1 and len(recordings) > 1:
        try:
            with ProcessPoolExecutor(nj, mp_context=get_context("forkserver")) as pool:
                chunk = max(1, min(200, len(recordings) // (4 * nj)))
                outcomes = list(pool.map(work, recordings, chunksize=chunk))
        except BrokenProcessPool:
            raise JstasrError("a process was killed, by lack of memory perhaps; use a smaller --nj") from None
    else:
        outcomes = list(map(work, recordings))
    done = [formatted for outcome in outcomes for formatted in outcome]
    faults = [f"{formatted.utterance}: {formatted.fault}" for formatted in done if formatted.fault]
    if faults:
        shown = list_faults(faults, indent="  ")
        raise JstasrError(f"unusable audio in {len(faults)} of {len(done)} utterances; correct or remove:\n{shown}")
    return done


def part_path(outdir: Path, job: int) -> Path:
    """Where a job writes its part: a table utterance -> `samples path`."""
    return outdir / "parts" / f"formatted.{job}"


def format_part(plan: FormatPlan, share: DataDir, job: int, nj: int = 1) -> int:
    """Format one job's share of a data directory, or with job 1 all of it; returns the number of its utterances."""
    done = format_audio(plan, recordings_of(share), nj)
    write_table(
        part_path(plan.outdir, job),
        {formatted.utterance: f"{formatted.num_samples} {formatted.path}" for formatted in done},
    )
    return len(done)


def merge_parts(
    plan: FormatPlan,
    data: DataDir,
    texts: Mapping[str, str],
    num_jobs: int,
    min_seconds: float | None = None,
    max_seconds: float | None = None,
    max_rate: float | None = None,
) -> tuple[int, dict[str, str]]:
    """Join the parts of all jobs into the tables of the formatted set.

    Args:
        plan: of the parts.
        data: the source.
        texts: utterance -> transcript to write; an utterance without words is left out, unless the source accepts them.
        num_jobs: number of parts.
        min_seconds, max_seconds: leave out utterances outside; None: keep.
        max_rate: leave out utterances with more characters per second: their transcript is hardly what is heard,
            and has more characters than an encoder has frames; None: keep.
    Returns:
        number of utterances kept; those left out, utterance -> seconds.
    Raises:
        JstasrError: the parts do not add up to the set, or nothing is left.
    """
    formatted: dict[str, str] = {}
    for job in range(1, num_jobs + 1):
        formatted.update(read_table(part_path(plan.outdir, job), allow_empty=True))
    lost = sorted(set(data.utt2spk) ^ set(formatted))
    if lost:
        raise JstasrError(
            f"{plan.outdir}: {num_jobs} parts do not make {data.path}; run all jobs again: {first_few(lost)}"
        )
    seconds: dict[str, float] = {}
    paths: dict[str, str] = {}
    samples: dict[str, int] = {}
    for utterance, value in formatted.items():
        count, paths[utterance] = value.split(" ", 1)
        samples[utterance] = int(count)
        seconds[utterance] = int(count) / plan.rate
    shortest = 0.0 if min_seconds is None else min_seconds
    longest = float("inf") if max_seconds is None else max_seconds
    fastest = float("inf") if max_rate is None else max_rate
    kept = [
        utterance
        for utterance, length in seconds.items()
        if shortest <= length <= longest
        and len(texts[utterance]) <= fastest * length
        and (texts[utterance] or data.allow_empty_text)
    ]
    dropped = {utterance: f"{seconds[utterance]:.3f}" for utterance in seconds.keys() - set(kept)}
    if not kept:
        raise JstasrError(
            f"{data.path}: no utterance lasts {shortest:g} to {longest:g} s and is spoken "
            f"at {fastest:g} characters a second at most; change the limits"
        )

    utt2spk = {utterance: data.utt2spk[utterance] for utterance in kept}
    tables: dict[str, Mapping[str, object]] = {
        TEXT: {utterance: texts[utterance] for utterance in kept},
        UTT2SPK: utt2spk,
        SPK2UTT: spk2utt_of(utt2spk),
        UTT2NUM_SAMPLES: {utterance: samples[utterance] for utterance in kept},
        DROPPED: dropped,
    }
    if data.utt2lang is not None:
        codes = canonical_table(data.utt2lang, str(data.path / UTT2LANG))
        tables[UTT2LANG] = {utterance: codes[utterance] for utterance in kept}
    if (data.path / SPK2GENDER).exists():
        spk2gender = read_table(data.path / SPK2GENDER)
        tables[SPK2GENDER] = {speaker: spk2gender[speaker] for speaker in tables[SPK2UTT] if speaker in spk2gender}
    # wav.scp last: where it is new, the rest is.
    tables[WAV_SCP] = {utterance: paths[utterance] for utterance in kept}
    for name, table in tables.items():
        write_table(plan.outdir / name, table)
    return len(kept), dropped
