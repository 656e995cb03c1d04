"""Kaldi data directories: their tables, read when first asked for, and whether they fit each other."""

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few
from jstasr.kaldi.tables import list_faults, read_table


class Segment(NamedTuple):
    """Part of a recording; `start` and `end` in seconds, `end` -1 for the end of the recording."""

    recording: str
    start: float
    end: float


class DataDir:
    """A Kaldi data directory, or a text-only set (text [utt2lang]); each table is read when first asked for.

    Args:
        path: the folder.
        allow_empty_text: accept utterances without words (test sets may hold silence).
    """

    def __init__(self, path, allow_empty_text=False):
        self.path = Path(path)
        self.allow_empty_text = allow_empty_text
        if not self.path.is_dir():
            raise JstasrError(f"{path}: no such data directory; run the stage that makes it first")

    def _optional(self, name, allow_empty=False):
        path = self.path / name
        return read_table(path, allow_empty) if path.exists() else None

    @cached_property
    def wav_scp(self):
        """dict recording (utterance, without segments) -> path or `command |`."""
        return read_table(self.path / "wav.scp")

    @cached_property
    def text(self):
        """dict utterance -> transcript."""
        return read_table(self.path / "text", self.allow_empty_text)

    @cached_property
    def utt2spk(self):
        """dict utterance -> speaker."""
        return read_table(self.path / "utt2spk")

    @cached_property
    def utt2lang(self):
        """dict utterance -> language, or None without such a file."""
        return self._optional("utt2lang")

    @cached_property
    def phones(self):
        """dict utterance -> "p1 p2 _ p3", or None without such a file."""
        return self._optional("phones")

    @cached_property
    def segments(self):
        """dict utterance -> Segment, or None without such a file."""
        table = self._optional("segments")
        if table is None:
            return None
        segments, faults = {}, []
        for utterance, value in table.items():
            try:
                recording, start, end = value.split()
                segment = Segment(recording, float(start), float(end))
                if not segment.start >= 0 or not (segment.end == -1 or segment.end > segment.start):
                    raise ValueError
            except ValueError:
                faults.append(
                    f"{self.path / 'segments'}: {utterance}: expected `recording start end` in seconds, "
                    f"0 <= start < end, found `{value}`"
                )
                continue
            segments[utterance] = segment
        if faults:
            raise JstasrError(list_faults(faults))
        return segments

    @property
    def utterances(self):
        """Utterance ids, sorted."""
        return sorted(self.text)

    def check(self, with_audio=True):
        """Check that the files speak of the same utterances.

        Raises:
            JstasrError: every disagreement at once.
        """
        here = {"text": self.text}
        if with_audio:
            here["utt2spk"] = self.utt2spk
            if self.segments is None:
                here["wav.scp"] = self.wav_scp
            else:
                here["segments"] = self.segments
        if self.utt2lang is not None:
            here["utt2lang"] = self.utt2lang
        everything = set().union(*here.values())
        faults = []
        for name, table in here.items():
            missing = sorted(everything - set(table))
            if missing:
                what = f"{len(missing)} utterance(s) that other files have: {first_few(missing)}"
                faults.append(f"{self.path / name}: lacks {what}")
        if with_audio and self.segments is not None:
            lost = sorted(u for u, segment in self.segments.items() if segment.recording not in self.wav_scp)
            if lost:
                faults.append(
                    f"{self.path / 'segments'}: {len(lost)} utterance(s) cut from recordings that wav.scp "
                    f"lacks: {first_few(lost)}"
                )
        if not everything:
            faults.append(f"{self.path}: no utterances")
        if faults:
            remedy = f"utils/fix_data_dir.sh {self.path} keeps what all files share"
            raise JstasrError("\n".join([*faults, remedy]))
