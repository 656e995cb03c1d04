"""Kaldi data directories: their tables, read when first asked for, and whether they fit each other."""

import math
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError, list_faults
from jstasr.kaldi.files import first_few
from jstasr.kaldi.tables import read_table

# Kaldi's names of the tables, all of them by utterance except wav.scp (by recording), spk2utt and spk2gender.
WAV_SCP, TEXT, UTT2SPK, SPK2UTT, SEGMENTS = "wav.scp", "text", "utt2spk", "spk2utt", "segments"
FEATS_SCP, UTT2NUM_FRAMES, UTT2NUM_SAMPLES = "feats.scp", "utt2num_frames", "utt2num_samples"
SPK2GENDER = "spk2gender"  # m or f, by speaker
UTT2LANG, PHONES = "utt2lang", "phones"  # not Kaldi's: languages, and phonemes with `_` between words

SECONDS = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def parse_seconds(text: str) -> float:
    """A finite number; ValueError for anything else, so also for nan, inf and 1_000, which float() reads."""
    if not SECONDS.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError(f"not a number of seconds: {text!r}")
    return float(text)


# The rule for segments. utils/internal/Segments.pm has the same for the Perl tools, and test/utils/test_segments.py
# gives the same data to both.
MAX_OVERSHOOT = 0.5  # seconds by which a segment may end after its recording: it is cut there, as in Kaldi
SHORTEST = 0.0005  # seconds: at the lowest sampling rate still a sample


class Segment(NamedTuple):
    """Part of a recording; `start` and `end` in seconds, `end` -1 for the end of the recording."""

    recording: str
    start: float
    end: float


def is_segment(start: float, end: float) -> bool:
    """Are these times of a segment, whatever its recording?"""
    return start >= 0 and (end == -1 or end - start >= SHORTEST)


def is_outside(start: float, end: float, seconds: float) -> bool:
    """Does a segment lie outside a recording of so many seconds? One that ends a little late does not: cut it there."""
    return seconds - start < SHORTEST or end > seconds + MAX_OVERSHOOT


def parse_segments(table: Mapping[str, str], path: Path) -> dict[str, Segment]:
    """Utterance -> Segment of a table of segments; JstasrError lists the lines of `path` that are none."""
    segments: dict[str, Segment] = {}
    faults: list[str] = []
    for utterance, value in table.items():
        try:
            recording, start, end = value.split()
            segment = Segment(recording, parse_seconds(start), parse_seconds(end))
            if not is_segment(segment.start, segment.end):
                raise ValueError
        except ValueError:
            faults.append(
                f"{path}: {utterance}: expected `recording start end` in seconds, 0 <= start < end, found `{value}`"
            )
            continue
        segments[utterance] = segment
    if faults:
        raise JstasrError(list_faults(faults))
    return segments


class DataDir:
    """A Kaldi data directory, or a text-only set (text [utt2lang]); each table is read when first asked for.

    Args:
        path: the folder.
        allow_empty_text: accept utterances without words (test sets may hold silence).
    """

    def __init__(self, path: str | Path, allow_empty_text: bool = False):
        self.path = Path(path)
        self.allow_empty_text = allow_empty_text
        if not self.path.is_dir():
            raise JstasrError(f"{path}: no such data directory; run the stage that makes it first")

    def _optional(self, name: str) -> dict[str, str] | None:
        path = self.path / name
        return read_table(path) if path.exists() else None

    @cached_property
    def wav_scp(self) -> dict[str, str]:
        """Recording (utterance, without segments) -> path or `command |`."""
        return read_table(self.path / WAV_SCP)

    @cached_property
    def text(self) -> dict[str, str]:
        """Utterance -> transcript."""
        return read_table(self.path / TEXT, self.allow_empty_text)

    @cached_property
    def utt2spk(self) -> dict[str, str]:
        """Utterance -> speaker."""
        return read_table(self.path / UTT2SPK)

    @cached_property
    def utt2lang(self) -> dict[str, str] | None:
        """Utterance -> language, or None without such a file."""
        return self._optional(UTT2LANG)

    @cached_property
    def phones(self) -> dict[str, str] | None:
        """Utterance -> "p1 p2 _ p3", or None without such a file."""
        return self._optional(PHONES)

    @cached_property
    def segments(self) -> dict[str, Segment] | None:
        """Utterance -> Segment, or None without such a file."""
        table = self._optional(SEGMENTS)
        return None if table is None else parse_segments(table, self.path / SEGMENTS)

    @property
    def utterances(self) -> list[str]:
        """Utterance ids, sorted."""
        return sorted(self.text)

    def check(self, with_audio: bool = True) -> None:
        """Check that all tables hold the same utterances.

        Args:
            with_audio: of wav.scp, utt2spk and segments too; False for a text-only set.
        Raises:
            JstasrError: every disagreement at once.
        """
        keys: dict[str, set[str]] = {TEXT: set(self.text)}
        if with_audio:
            keys[UTT2SPK] = set(self.utt2spk)
            if self.segments is None:
                keys[WAV_SCP] = set(self.wav_scp)
            else:
                keys[SEGMENTS] = set(self.segments)
        if self.utt2lang is not None:
            keys[UTT2LANG] = set(self.utt2lang)
        everything = set().union(*keys.values())
        faults = []
        for name, found in keys.items():
            missing = sorted(everything - found)
            if missing:
                what = f"{len(missing)} utterance(s) that other files have: {first_few(missing)}"
                faults.append(f"{self.path / name}: lacks {what}")
        if with_audio and self.segments is not None:
            lost = sorted(u for u, segment in self.segments.items() if segment.recording not in self.wav_scp)
            if lost:
                faults.append(
                    f"{self.path / SEGMENTS}: {len(lost)} utterance(s) cut from recordings that wav.scp "
                    f"lacks: {first_few(lost)}"
                )
        if not everything:
            raise JstasrError(f"{self.path}: no utterances; make this set again, from a source that holds some")
        if faults:
            remedy = f"utils/fix_data_dir.sh {self.path} keeps what all files share"
            raise JstasrError("\n".join([*faults, remedy]))
