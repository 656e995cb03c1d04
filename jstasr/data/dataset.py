"""Datasets of paired speech and of text, held as packed integers and file offsets."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jstasr.data.feats import FeatReader
from jstasr.data.io import first_few
from jstasr.data.kaldi import read_table
from jstasr.errors import JstasrError
from jstasr.text.tokens import UNK_ID, PhoneList, Tokenizer

SHOWN_IDS = 20
SHOWN_SYMBOLS = 20
SUBSAMPLING = 4
EXTRACT_AGAIN = "Extract the features again: --stage 5 --stop_stage 5"


class PackedSequences(Sequence):
    """Integer sequences of different lengths in one array: 4 bytes a symbol, 8 a sequence."""

    def __init__(self, sequences):
        """sequences: an iterable of integer sequences, consumed once."""
        parts, ends = [], [0]
        for sequence in sequences:
            parts.append(np.asarray(sequence, dtype=np.int32))
            ends.append(ends[-1] + len(parts[-1]))
        self.values = np.concatenate(parts) if parts else np.zeros(0, np.int32)
        self.ends = np.asarray(ends, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return self.values[self.ends[index] : self.ends[index + 1]]

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.ends)

    @classmethod
    def join(cls, parts: list["PackedSequences"]) -> "PackedSequences":
        """The sequences of all parts, one part after the other."""
        joined = cls([])
        joined.values = np.concatenate([joined.values, *(part.values for part in parts)])
        joined.ends = np.concatenate([joined.ends, *(part.lengths for part in parts)]).cumsum()
        return joined


def fingerprint(ids: list[str], *arrays: np.ndarray) -> str:
    """The size and a digest of a set: "3000 utterances, 1f0c..."."""
    digest = hashlib.sha256("\n".join(ids).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return f"{len(ids)} utterances, {digest.hexdigest()[:16]}"


def refuse(faults: dict[str, list[str]], source: Path, remedy: str) -> None:
    """Raise one error that lists every kind of fault with its utterances."""
    lines = [f"  {fault} ({len(ids)}): {first_few(ids, SHOWN_IDS)}" for fault, ids in faults.items() if ids]
    if lines:
        raise JstasrError(f"{source} cannot be used:\n" + "\n".join(lines) + f"\n{remedy}")


def read_num_frames(folder: Path, ids: list[str] | None = None) -> np.ndarray | dict[str, int]:
    """utt2num_frames of a folder: dict utterance -> frames, or (N,) int64 in the order of `ids`.

    Raises:
        JstasrError: a number that is none, or missing utterances.
    """
    path = folder / "utt2num_frames"
    table = read_table(path)
    wrong = [utt for utt, count in table.items() if not count.isdigit() or int(count) < 1]
    refuse({"numbers of frames that are not 1 or more": wrong}, path, EXTRACT_AGAIN)
    frames = {utt: int(count) for utt, count in table.items()}
    if ids is None:
        return frames
    refuse({"utterances without a number of frames": [utt for utt in ids if utt not in frames]}, path, EXTRACT_AGAIN)
    return np.asarray([frames[utt] for utt in ids], dtype=np.int64)


def encode_texts(folder: Path, ids: list[str], tokenizer: Tokenizer, phone_list: PhoneList):
    """Token and phoneme indexes of the utterances `ids` of a folder with text, phones and, maybe, utt2lang.

    Returns:
        text and languages (dicts), labels and phones (PackedSequences).
    Raises:
        JstasrError: lists all utterances without transcript, phonemes or language, and those that cannot be spelled.
    """
    text, phones = read_table(folder / "text"), read_table(folder / "phones")
    languages = read_table(folder / "utt2lang") if (folder / "utt2lang").exists() else {}
    multilingual = tokenizer.token_list.languages
    missing = {
        "no transcript in text": [utt for utt in ids if utt not in text],
        "no phonemes in phones": [utt for utt in ids if utt not in phones],
        "no language in utt2lang, which the language tokens need": [
            utt for utt in ids if multilingual and utt not in languages
        ],
    }
    refuse(missing, folder, "Run the data preparation again: --stage 2 --stop_stage 5")
    unknown = [utt for utt in ids if multilingual and languages[utt] not in multilingual]
    refuse({f"languages other than the token list's {' '.join(multilingual)}": unknown}, folder, "See --langs")
    labels = PackedSequences(tokenizer.encode(text[utt], languages.get(utt), strict=False) for utt in ids)
    refuse_unspellable(folder, ids, text, tokenizer, labels)
    symbols = PackedSequences(phone_list.encode(phones[utt].split()) for utt in ids)
    first = 1 if multilingual else 0  # the language's token alone is no transcript
    empty = {
        "empty transcripts": [utt for utt, length in zip(ids, labels.lengths) if length <= first],
        "no phonemes": [utt for utt, length in zip(ids, symbols.lengths) if length == 0],
    }
    refuse(empty, folder, "Remove these utterances from the data folder, or correct their text")
    return text, languages, labels, symbols


def refuse_unspellable(folder: Path, ids: list[str], text: dict, tokenizer: Tokenizer, labels: PackedSequences) -> None:
    """Refuse transcripts that hold what the token list lacks: each such symbol with its utterances."""
    faults: dict[str, list[str]] = {}
    for index in np.unique(np.searchsorted(labels.ends, np.flatnonzero(labels.values == UNK_ID), side="right") - 1):
        for piece in dict.fromkeys(tokenizer.pieces(text[ids[index]])):
            if tokenizer.token_list.get(piece, UNK_ID) == UNK_ID:
                faults.setdefault(f"{piece!r} is not in the token list", []).append(ids[index])
    shown = dict(sorted(faults.items(), key=lambda item: -len(item[1]))[:SHOWN_SYMBOLS])
    more = f"({len(faults) - len(shown)} more symbols like these)\n" if len(faults) > len(shown) else ""
    refuse(
        shown,
        folder / "text",
        f"{more}Clean the text (--cleaner basic), or make the token list from text that holds them (--stage 4)",
    )


@dataclass
class TextSet:
    """Unpaired text: its labels and phonemes."""

    ids: list[str]
    labels: PackedSequences
    phones: PackedSequences

    @classmethod
    def load(cls, folders: list[Path], tokenizer: Tokenizer, phone_list: PhoneList) -> "TextSet":
        """Read dump/text/<set> folders (text, phones, maybe utt2lang) as one set."""
        ids, labels, phones = [], [], []
        for folder in folders:
            folder_ids = list(read_table(folder / "text"))
            _, _, folder_labels, folder_phones = encode_texts(folder, folder_ids, tokenizer, phone_list)
            ids += folder_ids
            labels.append(folder_labels)
            phones.append(folder_phones)
        if not ids:
            raise JstasrError(f"{' '.join(map(str, folders))}: no text. Run the data preparation again: --stage 1")
        return cls(ids, PackedSequences.join(labels), PackedSequences.join(phones))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def fingerprint(self) -> str:
        """Size and digest of what training sees of the set."""
        return fingerprint(self.ids, self.labels.values, self.phones.values)


class SpeechSet:
    """Paired speech: features by random access, labels, phonemes, transcripts."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, phone_list: PhoneList):
        """folder: dump/fbank/<set> with feats.scp, utt2num_frames, text, phones and, maybe, utt2lang."""
        self.folder = Path(folder)
        self.dimension: int | None = None  # of the features; known after `check`
        self.reader = FeatReader(self.folder / "feats.scp")
        frames = read_num_frames(self.folder)
        self.ids = list(frames)
        if not self.ids:
            raise JstasrError(f"{self.folder}: no utterances. {EXTRACT_AGAIN}")
        refuse({"no features in feats.scp": [u for u in self.ids if u not in self.reader]}, self.folder, EXTRACT_AGAIN)
        self.num_frames = np.asarray(list(frames.values()), dtype=np.int64)
        text, languages, self.labels, self.phones = encode_texts(self.folder, self.ids, tokenizer, phone_list)
        self.texts = [text[utt] for utt in self.ids]
        self.languages = [languages.get(utt, "") for utt in self.ids]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def fingerprint(self) -> str:
        """Size and digest of what training sees of the set."""
        return fingerprint(self.ids, self.num_frames, self.labels.values, self.phones.values)

    def features(self, index: int) -> np.ndarray:
        """Log-mel features of one utterance, (T, F) float32; `check` settles F.

        Raises:
            JstasrError: they are missing, damaged, or another number of frames or dimensions than the set's.
        """
        features = self.reader[self.ids[index]]
        wanted = (int(self.num_frames[index]), self.dimension or features.shape[1])
        if features.shape != wanted:
            raise JstasrError(
                f"{self.ids[index]}: its features in {self.folder / 'feats.scp'} are {features.shape}, expected "
                f"{wanted} (frames, dimensions). {EXTRACT_AGAIN}"
            )
        return features

    def check(self, num_mel_bins: int) -> None:
        """Refuse, before the first step, what would fail or poison it later.

        Raises:
            JstasrError: lists all utterances that are too short for their labels under CTC, or the wrong dimension.
        """
        frames = -(-self.num_frames // SUBSAMPLING)
        too_short = [self.ids[i] for i in np.flatnonzero(frames < self.labels.lengths)]
        refuse(
            {f"more labels than encoder frames ({SUBSAMPLING * 10} ms each)": too_short},
            self.folder,
            "Remove these utterances, or use larger tokens (--token_type bpe with a larger --nbpe)",
        )
        dimension = self.features(0).shape[1]
        if dimension != num_mel_bins:
            raise JstasrError(
                f"{self.folder}: features have {dimension} dimensions and the model's num_mel_bins is "
                f"{num_mel_bins}. Set model.num_mel_bins, or extract the features again (--stage 5)"
            )
        self.dimension = dimension
