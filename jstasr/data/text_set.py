"""Transcripts, phonemes and unpaired text: only lengths and places of lines are in memory, the rest stays in files."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from jstasr.data.refusals import Refusals
from jstasr.errors import JstasrError
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.text.tokens import UNK_ID, PhoneList, Tokenizer

PREPARE_AGAIN = "Run the data preparation again: --stage 2 --stop_stage 5"


class Lazy(Sequence):
    """A list whose item i is function(i), made anew whenever it is asked for.

    `lengths` (N,) int: of the items, where they are sequences.
    """

    def __init__(self, function: Callable[[int], object], count: int, lengths: np.ndarray | None = None):
        self.function, self.count, self.lengths = function, count, lengths

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int):
        if not 0 <= index < self.count:
            raise IndexError(index)
        return self.function(int(index))


class TextFolder:
    """Transcripts and phonemes of a folder with text, phones and, maybe, utt2lang, encoded when asked for.

    Args:
        folder: the folder.
        ids: table whose keys are the utterances wanted, in its order; None: those of text.
        refusals: where to note utterances without transcript, phonemes or language, those that cannot be spelled,
            and empty ones.
        num_frames: (N,) of the features, for the fingerprint; None for text alone.
    """

    def __init__(
        self,
        folder: Path,
        ids: IndexedTable | None,
        tokenizer: Tokenizer,
        phone_list: PhoneList,
        refusals: Refusals,
        num_frames: np.ndarray | None = None,
    ):
        self.folder, self.tokenizer, self.phone_list = Path(folder), tokenizer, phone_list
        self.multilingual = tokenizer.token_list.languages
        tables = [IndexedTable(self.folder / name, allow_empty=True) for name in ("text", "phones")]
        has_languages = (self.folder / "utt2lang").exists()
        tables += [IndexedTable(self.folder / "utt2lang")] if has_languages else []
        self.table = tables[0] if ids is None else ids
        self.tables = tables
        self.rows = [table.rows_of(self.table) for table in tables]
        names = ["no transcript in text", "no phonemes in phones"]
        names += ["no language in utt2lang, which the language tokens need"] if self.multilingual else []
        for rows, fault in zip(self.rows, names):
            refusals.add(self.folder, fault, [self.table.key(i) for i in np.flatnonzero(rows < 0)], PREPARE_AGAIN)
        if self.multilingual and not has_languages:
            refusals.add(self.folder, names[2], list(self.table.keys()), PREPARE_AGAIN)
        self.languages = [""]
        self.language_codes = np.zeros(len(self.table), dtype=np.int16)  # indexes of `languages`
        self.label_lengths = np.zeros(len(self.table), dtype=np.int32)
        self.phone_lengths = np.zeros(len(self.table), dtype=np.int32)
        complete = all((rows >= 0).all() for rows in self.rows[:2])
        self.digest = ""
        if complete and not (self.multilingual and (not has_languages or (self.rows[2] < 0).any())):
            self.read_through(refusals, num_frames)
        for table in tables:
            table.drop_index()

    def __len__(self) -> int:
        return len(self.table)

    def text(self, index: int) -> str:
        return self.tables[0].value(self.rows[0][index])

    def language(self, index: int) -> str:
        if len(self.tables) < 3 or self.rows[2][index] < 0:
            return ""
        return self.tables[2].value(self.rows[2][index])

    def labels(self, index: int) -> np.ndarray:
        language = self.language(index) if self.multilingual else None
        return np.asarray(self.tokenizer.encode(self.text(index), language, strict=False), dtype=np.int32)

    def phones(self, index: int) -> np.ndarray:
        return np.asarray(self.phone_list.encode(self.tables[1].value(self.rows[1][index]).split()), dtype=np.int32)

    def read_through(self, refusals: Refusals, num_frames: np.ndarray | None) -> None:
        """Encode everything once: lengths, languages, digest, and what cannot be used."""
        digest = hashlib.sha256()
        codes: dict[str, int] = {}
        faults: dict[str, list[str]] = {"empty transcripts": [], "no phonemes": []}
        foreign: list[str] = []
        unspellable: dict[str, list[str]] = {}
        first = 1 if self.multilingual else 0  # the language's token alone is no transcript
        for index in range(len(self.table)):
            utterance, language = self.table.key(index), self.language(index)
            self.language_codes[index] = codes.setdefault(language, len(codes))
            if self.multilingual and language not in self.multilingual:
                foreign.append(utterance)
                continue
            labels, phones = self.labels(index), self.phones(index)
            self.label_lengths[index], self.phone_lengths[index] = len(labels), len(phones)
            if len(labels) <= first:
                faults["empty transcripts"].append(utterance)
            if not len(phones):
                faults["no phonemes"].append(utterance)
            if UNK_ID in labels:
                for piece in dict.fromkeys(self.tokenizer.pieces(self.text(index))):
                    if self.tokenizer.token_list.get(piece, UNK_ID) == UNK_ID:
                        unspellable.setdefault(piece, []).append(utterance)
            digest.update(utterance.encode() + labels.tobytes() + b"|" + phones.tobytes())
        if num_frames is not None:
            digest.update(np.ascontiguousarray(num_frames).tobytes())
        self.languages, self.digest = list(codes), digest.hexdigest()[:16]
        known = " ".join(self.multilingual)
        refusals.add(self.folder, f"languages other than the token list's {known}", foreign, "See --langs")
        for fault, ids in faults.items():
            refusals.add(self.folder, fault, ids, "Remove these utterances from the data folder, or correct their text")
        refusals.add_unspellable(self.folder / "text", unspellable)

    @property
    def fingerprint(self) -> str:
        """Size and digest of what training sees: "3000 utterances, 1f0c..."."""
        return f"{len(self)} utterances, {self.digest}"


class TextSet:
    """Unpaired text: its labels and phonemes."""

    def __init__(self, parts: list[TextFolder]):
        self.parts = parts
        self.ends = np.cumsum([len(part) for part in parts])
        count = int(self.ends[-1])
        self.ids = Lazy(self.key_of, count)
        self.labels = Lazy(self.labels_of, count, np.concatenate([part.label_lengths for part in parts]))
        self.phones = Lazy(self.phones_of, count, np.concatenate([part.phone_lengths for part in parts]))
        names = list(dict.fromkeys(name for part in parts for name in part.languages))
        codes = [np.asarray([names.index(name) for name in part.languages], dtype=np.int16) for part in parts]
        self.language_codes = np.concatenate([code[part.language_codes] for code, part in zip(codes, parts)])

    @classmethod
    def load(
        cls, folders: list[Path], tokenizer: Tokenizer, phone_list: PhoneList, refusals: Refusals | None = None
    ) -> "TextSet":
        """Read dump/text/<set> folders (text, phones, maybe utt2lang) as one set.

        Args:
            refusals: gathers what is wrong; None: it is raised here.
        """
        found = Refusals() if refusals is None else refusals
        parts = [TextFolder(folder, None, tokenizer, phone_list, found) for folder in folders]
        if not sum(map(len, parts)):
            raise JstasrError(f"{' '.join(map(str, folders))}: no text. Run the data preparation again: --stage 1")
        if refusals is None:
            found.raise_all()
        return cls(parts)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def place(self, index: int) -> tuple[TextFolder, int]:
        """The part that a text lies in, and its index there."""
        number = int(np.searchsorted(self.ends, index, side="right"))
        return self.parts[number], index - int(self.ends[number]) + len(self.parts[number])

    def key_of(self, index: int) -> str:
        part, local = self.place(index)
        return part.table.key(local)

    def labels_of(self, index: int) -> np.ndarray:
        part, local = self.place(index)
        return part.labels(local)

    def phones_of(self, index: int) -> np.ndarray:
        part, local = self.place(index)
        return part.phones(local)

    @property
    def fingerprint(self) -> str:
        """Size and digest of what training sees of the set."""
        return "; ".join(part.fingerprint for part in self.parts)
