"""Paired speech: features by random access, with their transcripts and phonemes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jstasr.data.refusals import Refusals, refuse
from jstasr.data.text_set import LazyArrays, LazySequence, TextFolder
from jstasr.errors import JstasrError
from jstasr.features.frames import ENCODER_FRAME_SECONDS, FRAME_SHIFT_MS
from jstasr.features.on_the_fly import open_features
from jstasr.features.reader import FeatureReader
from jstasr.features.settings import EXTRACT_AGAIN, KINDS, settings_of
from jstasr.kaldi.data_dir import UTT2NUM_FRAMES, UTT2SPK
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.kaldi.tables import read_table
from jstasr.shards.index import lost_shards, read_index
from jstasr.shards.reader import LOST_REMEDY
from jstasr.text.tokens import PhoneList, Tokenizer

BAD_NUM_FRAMES = "numbers of frames that are not 1 or more"
WRONG_DIMENSIONS = "features have"
ALL_ZERO, TOO_SHORT, MISSING_AUDIO = "features that are all zero", "audio that is too short", "audio that is missing"
ABOUT_AUDIO = (ALL_ZERO, TOO_SHORT, MISSING_AUDIO)
FEATURE_FAULTS = {  # words of a reader's error -> the kind of fault that its utterances are listed under
    "NaN or infinity": "NaN or infinity in the features",
    "are all zero": ALL_ZERO,
    "cut short": "features in an archive that is cut short or damaged",
    "no archive": "features in an archive that is missing",
    "lies outside the recording": TOO_SHORT,
    "no such audio file": MISSING_AUDIO,
}


def num_frames_of(table: IndexedTable) -> np.ndarray:
    """Parse utt2num_frames: (N,) int32, in the order of the table.

    Raises:
        JstasrError: lists the utterances whose value is no number of frames.
    """
    frames, wrong = np.zeros(len(table), dtype=np.int32), []
    for row in range(len(table)):
        utterance, count = table.line(row)
        if count.isdigit() and 0 < int(count) < 2**31:
            frames[row] = int(count)
        else:
            wrong.append(utterance)
    refuse({BAD_NUM_FRAMES: wrong}, table.path, EXTRACT_AGAIN)
    return frames


def read_num_frames(folder: Path, ids: list[str]) -> np.ndarray:
    """Read utt2num_frames of a folder: (N,) int64, in the order of `ids`.

    Raises:
        JstasrError: lists the utterances whose value is no number of frames, or that are missing.
    """
    path = folder / UTT2NUM_FRAMES
    table = read_table(path)
    wrong = [utt for utt, count in table.items() if not count.isdigit() or int(count) < 1]
    refuse({BAD_NUM_FRAMES: wrong}, path, EXTRACT_AGAIN)
    refuse({"utterances without a number of frames": [utt for utt in ids if utt not in table]}, path, EXTRACT_AGAIN)
    return np.asarray([int(table[utt]) for utt in ids], dtype=np.int64)


class SpeechSet:
    """Paired speech: features by random access, labels, phonemes, transcripts."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, phone_list: PhoneList, refusals: Refusals | None = None):
        """
        Args:
            folder: dump/<features>/<set>, with feats.scp (dump/raw/<set>: with wav.scp; in shards: with their index),
                utt2num_frames, text, phones and, optionally, utt2lang.
            refusals: collects what cannot be used; None: raise it here.
        """
        self.folder = Path(folder)
        self.dimension: int | None = None  # of the features; known after `check`
        self.index = read_index(self.folder)  # of a set in shards
        settings = settings_of(self.folder)
        self.frame_ms, self.log_mel = settings.frame_ms, settings.kind in KINDS
        found = Refusals() if refusals is None else refusals
        self.table = IndexedTable(self.folder / UTT2NUM_FRAMES)
        if not len(self.table):
            raise JstasrError(f"{self.folder}: no utterances. {EXTRACT_AGAIN}")
        self.num_frames = num_frames_of(self.table)  # (N,) int32
        self.reader = open_features(self.folder)
        self.shards = self.reader.shards if isinstance(self.reader, FeatureReader) else None
        self.rows = self.reader.table.rows_of(self.table)  # (N,) int32, in feats.scp (wav.scp); -1: missing
        lost = [self.table.key(int(i)) for i in np.flatnonzero(self.rows < 0)]
        found.add(self.folder, f"no features in {Path(self.reader.name).name}", lost, EXTRACT_AGAIN)
        self.transcripts = TextFolder(self.folder, self.table, tokenizer, phone_list, found, self.num_frames)
        self.multilingual = bool(self.transcripts.multilingual)
        self.reader.table.drop_index()
        self.table.drop_index()
        if refusals is None:
            found.raise_all()
        count = len(self.table)
        self.ids = LazySequence(self.table.key, count)
        self.tokenizer = tokenizer
        self.texts = LazySequence(self.transcripts.text, count)
        self.languages = LazySequence(self.transcripts.language, count)
        self.labels = LazyArrays(self.transcripts.labels, self.transcripts.label_lengths)
        self.phones = LazyArrays(self.transcripts.phones, self.transcripts.phone_lengths)
        self.language_codes = self.transcripts.language_codes

    def __len__(self) -> int:
        return len(self.table)

    @property
    def durations(self) -> np.ndarray:
        """(N,) int32, lengths of the utterances in 10 ms."""
        return self.num_frames * (self.frame_ms // FRAME_SHIFT_MS)

    def speaker_groups(self) -> np.ndarray:
        """(N,) int64, equal for utterances of one speaker and language.

        Speakers are unknown without utt2spk, and where an utterance has one of its own: these utterances are grouped
        by language alone.
        """
        speakers = np.zeros(len(self), dtype=np.uint64)
        if (self.folder / UTT2SPK).exists():
            table = IndexedTable(self.folder / UTT2SPK)
            for index, row in enumerate(table.rows_of(IndexedTable(self.table.path))):
                if row >= 0:  # digests of 64 bits take less memory than names
                    digest = hashlib.blake2b(table.value(row).encode(), digest_size=8).digest()
                    speakers[index] = int.from_bytes(digest, "big")
        _, codes, counts = np.unique(speakers, return_inverse=True, return_counts=True)
        codes = np.where(counts[codes] > 1, codes + 1, 0)
        return codes * len(self.transcripts.languages) + self.language_codes

    @property
    def speakers_fingerprint(self) -> str:
        """Digest of who says which utterance; names of speakers do not matter."""
        _, groups = np.unique(self.speaker_groups(), return_inverse=True)
        return hashlib.sha256(groups.astype(np.int64).tobytes()).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """Size and digest of the encoded transcripts, phonemes and numbers of frames."""
        return self.transcripts.fingerprint

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each kind of content: utterances, transcripts, phonemes, lengths."""
        return self.transcripts.digests

    def prefetch(self, indexes: Sequence[int] | np.ndarray) -> None:
        """Begin to read the features of some utterances, where they are at a URL."""
        if self.shards is not None:
            self.shards.prefetch([int(self.rows[index]) for index in indexes])

    def features(self, index: int) -> np.ndarray:
        """Features of one utterance, (T, F) float32; `check` fixes F.

        Raises:
            LostShard: the shard that holds them is missing or damaged.
            JstasrError: missing or damaged features, or a shape other than the set's.
        """
        features = self.reader.read(int(self.rows[index]))
        wanted = (int(self.num_frames[index]), self.dimension or features.shape[1])
        if features.shape != wanted:
            raise JstasrError(
                f"{self.ids[index]}: its features in {self.reader.name} are {features.shape}, expected "
                f"{wanted} (frames, dimensions). {EXTRACT_AGAIN}"
            )
        return features

    def check(
        self, num_mel_bins: int, read_features: int = 0, refusals: Refusals | None = None, headers: bool = True
    ) -> None:
        """Refuse, before the first step, utterances that would fail in training or make it diverge.

        Args:
            num_mel_bins: dimensions that the features must have.
            read_features: number of utterances, evenly spread, whose features are read; of the others only the
                header in the archive is. Those in shards were checked when they were written.
            headers: False: do not open the archives.
            refusals: collects what cannot be used; None: raise it here.
        Raises:
            JstasrError: lists all utterances that are too short for their labels under CTC, and those whose features
                have another size, are cut short or, of those that were read, are not finite or all zero.
        """
        found = Refusals() if refusals is None else refusals
        encoder_ms = round(1000 * ENCODER_FRAME_SECONDS)
        frames = -(-self.num_frames // (encoder_ms // self.frame_ms))
        found.add(
            self.folder,
            f"more labels than encoder frames ({encoder_ms} ms each)",
            [self.ids[int(i)] for i in np.flatnonzero(frames < self.labels.lengths)],
            "Remove these utterances, or use larger tokens (--token_type bpe with a larger --nbpe)",
        )
        read = set(np.linspace(0, len(self) - 1, min(read_features, len(self))).round().astype(int).tolist())
        faults: dict[str, list[str]] = {}
        if self.index is not None and self.index.dimensions != num_mel_bins:
            fault = (
                f"{WRONG_DIMENSIONS} {self.index.dimensions} dimensions and the model's num_mel_bins is {num_mel_bins}"
            )
            faults[fault] = [shard.name for shard in self.index.shards]
        for index in np.flatnonzero(self.rows >= 0) if headers and self.index is None else ():
            index = int(index)
            fault = self.fault_of_features(index, num_mel_bins, index in read)
            if fault:
                faults.setdefault(fault, []).append(self.ids[index])
        for fault, ids in faults.items():
            found.add(self.folder, fault, ids, self.remedy_of_features(fault))
        if refusals is None:
            found.raise_all()
        self.dimension = num_mel_bins

    def shard_numbers(self) -> np.ndarray:
        """(N,) int32, the shard that holds each utterance; all are read from shards.scp.

        Raises:
            JstasrError: the set is not in shards.
        """
        if self.index is None or self.shards is None:
            raise JstasrError(f"data.window_shards: {self.folder} is not in shards. Set it to 0, or: jstasr shards")
        numbers = {shard.name: number for number, shard in enumerate(self.index.shards)}
        names = (self.shards.table.value(int(row)).split(" ", 1)[0] for row in self.rows)
        return np.fromiter((numbers[name] for name in names), dtype=np.int32, count=len(self))

    def check_shards(self, refusals: Refusals) -> None:
        """Refuse a set in shards of which some are missing or have another size, where there is a list of the files."""
        if self.shards is not None and self.index is not None:
            store = self.shards.store
            lost = lost_shards(store, self.index)
            refusals.add(store.place, "shards that are missing or cut short", lost, LOST_REMEDY)

    def remedy_of_features(self, fault: str) -> str:
        """What to do about a fault that `fault_of_features` names."""
        if fault.startswith(WRONG_DIMENSIONS):
            return f"Set model.num_mel_bins to what the features have, or: {EXTRACT_AGAIN}"
        if fault in ABOUT_AUDIO:
            return f"Leave these utterances out of data/{self.folder.name}, or mend their audio; then: --stage 2"
        return EXTRACT_AGAIN

    def fault_of_features(self, index: int, num_mel_bins: int, read: bool) -> str:
        """What is wrong with the features of an utterance, or ""."""
        row, frames = int(self.rows[index]), int(self.num_frames[index])
        try:
            shape = self.reader.read(row).shape if read else self.reader.shape(row)
        except JstasrError as error:
            return next((kind for words, kind in FEATURE_FAULTS.items() if words in str(error)), str(error))
        if shape is None or shape == (frames, num_mel_bins):
            return ""
        if shape[1] != num_mel_bins:
            return f"{WRONG_DIMENSIONS} {shape[1]} dimensions and the model's num_mel_bins is {num_mel_bins}"
        return "features of another number of frames than utt2num_frames has"
