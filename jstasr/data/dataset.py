"""Datasets of paired speech and of text, held as packed integers and file offsets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jstasr.data.feats import FeatReader
from jstasr.data.kaldi import read_table
from jstasr.errors import JstasrError
from jstasr.text.tokens import PhoneList, Tokenizer

SHOWN_IDS = 10
SUBSAMPLING = 4


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


def refuse(faults: dict[str, list[str]], source: Path, remedy: str) -> None:
    """Raise one error that lists every kind of fault with its first utterances."""
    lines = []
    for fault, ids in faults.items():
        if ids:
            more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
            lines.append(f"  {fault} ({len(ids)}): {' '.join(ids[:SHOWN_IDS])}{more}")
    if lines:
        raise JstasrError(f"{source} cannot be used:\n" + "\n".join(lines) + f"\n{remedy}")


def encode_texts(folder: Path, ids: list[str], tokenizer: Tokenizer, phone_list: PhoneList):
    """Token and phoneme indexes of the utterances `ids` of a folder with text, phones and, maybe, utt2lang."""
    text, phones = read_table(folder / "text"), read_table(folder / "phones")
    languages = read_table(folder / "utt2lang") if (folder / "utt2lang").exists() else {}
    missing = {
        "no transcript in text": [utt for utt in ids if utt not in text],
        "no phonemes in phones": [utt for utt in ids if utt not in phones],
    }
    refuse(missing, folder, "Run the data preparation again: --stage 2 --stop_stage 5")
    unknown = []

    def encode(utt: str) -> list[int]:
        try:
            return tokenizer.encode(text[utt], languages.get(utt))
        except JstasrError as error:
            unknown.append(f"\n    {utt}: {error}")
            return [0]

    labels = PackedSequences(encode(utt) for utt in ids)
    symbols = PackedSequences(phone_list.encode(phones[utt].split()) for utt in ids)
    refuse(
        {"transcripts that the token list cannot spell": unknown},
        folder,
        "Clean the text (--cleaner basic), or make the token list from text that holds them (--stage 4)",
    )
    empty = {
        "empty transcripts": [utt for utt, length in zip(ids, labels.lengths) if length == 0],
        "no phonemes": [utt for utt, length in zip(ids, symbols.lengths) if length == 0],
    }
    refuse(empty, folder, "Remove these utterances from the data folder, or correct their text")
    return text, languages, labels, symbols


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
            labels += folder_labels
            phones += folder_phones
        return cls(ids, PackedSequences(labels), PackedSequences(phones))

    def __len__(self) -> int:
        return len(self.ids)


class SpeechSet:
    """Paired speech: features by random access, labels, phonemes, transcripts."""

    def __init__(self, folder: Path, tokenizer: Tokenizer, phone_list: PhoneList):
        """folder: dump/fbank/<set> with feats.scp, utt2num_frames, text, phones and, maybe, utt2lang."""
        self.folder = Path(folder)
        self.reader = FeatReader(self.folder / "feats.scp")
        frames = {utt: int(count) for utt, count in read_table(self.folder / "utt2num_frames").items()}
        self.ids = list(frames)
        self.num_frames = np.asarray([frames[utt] for utt in self.ids], dtype=np.int32)
        text, languages, self.labels, self.phones = encode_texts(self.folder, self.ids, tokenizer, phone_list)
        self.texts = [text[utt] for utt in self.ids]
        self.languages = [languages.get(utt, "") for utt in self.ids]

    def __len__(self) -> int:
        return len(self.ids)

    def features(self, index: int) -> np.ndarray:
        """Log-mel features of one utterance, (T, F) float32."""
        return self.reader[self.ids[index]]

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
