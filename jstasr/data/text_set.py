"""Transcripts, phonemes and unpaired text: only lengths and line offsets are in memory, the rest stays in files."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from jstasr.data.refusals import Refusals
from jstasr.errors import JstasrError
from jstasr.kaldi.data_dir import PHONES, TEXT, UTT2LANG
from jstasr.kaldi.indexed_table import IndexedTable
from jstasr.text.tokens import UNK_ID, PhoneList, Tokenizer

PREPARE_AGAIN = "Run the data preparation again: --stage 2 --stop_stage 5"


Item = TypeVar("Item", covariant=True)


class LazySequence(Sequence[Item]):
    """A sequence whose item i is read by `read(i)` at every access."""

    def __init__(self, read: Callable[[int], Item], size: int):
        self.read, self.size = read, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Item:
        """The item at an index, which may be an integer of numpy; no slices, no negative indexes."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        return self.read(int(index))


class LazyArrays(LazySequence[np.ndarray]):
    """Arrays (L_i,) read at every access; `lengths` (N,) int, their L_i, is in memory."""

    def __init__(self, read: Callable[[int], np.ndarray], lengths: np.ndarray):
        super().__init__(read, len(lengths))
        self.lengths = lengths


class TextFolder:
    """Transcripts and phonemes of a folder with text, phones and, optionally, utt2lang, encoded at every access.

    Args:
        folder: the folder.
        ids: table whose keys are the utterances of the set, in its order; None: text.
        refusals: collects utterances without transcript, phonemes or language, with symbols outside the token list,
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
        tables = [IndexedTable(self.folder / name, allow_empty=True) for name in (TEXT, PHONES)]
        has_languages = (self.folder / UTT2LANG).exists()
        tables += [IndexedTable(self.folder / UTT2LANG)] if has_languages else []
        self.table = tables[0] if ids is None else ids
        self.tables = tables
        self.rows = [table.rows_of(self.table) for table in tables]
        names = ["no transcript in text", "no phonemes in phones"]
        names += ["no language in utt2lang, which the language tokens need"] if self.multilingual else []
        for rows, fault in zip(self.rows, names):
            refusals.add(self.folder, fault, [self.table.key(int(i)) for i in np.flatnonzero(rows < 0)], PREPARE_AGAIN)
        if self.multilingual and not has_languages:
            refusals.add(self.folder, names[2], list(self.table.keys()), PREPARE_AGAIN)
        self.languages = [""]
        self.language_codes = np.zeros(len(self.table), dtype=np.int16)  # indexes of `languages`
        self.label_lengths = np.zeros(len(self.table), dtype=np.int32)
        self.phone_lengths = np.zeros(len(self.table), dtype=np.int32)
        complete = all((rows >= 0).all() for rows in self.rows[:2])
        self.digest = ""
        self.digests: dict[str, str] = {}  # of utterances (ids), transcripts, phonemes, lengths of features
        if complete and not (self.multilingual and (not has_languages or (self.rows[2] < 0).any())):
            self.read_through(refusals, num_frames)
        for table in tables:
            table.drop_index()

    def __len__(self) -> int:
        return len(self.table)

    def text(self, index: int) -> str:
        """The transcript of an utterance."""
        return self.tables[0].value(self.rows[0][index])

    def language(self, index: int) -> str:
        """The language of an utterance, or ""."""
        if len(self.tables) < 3 or self.rows[2][index] < 0:
            return ""
        return self.tables[2].value(self.rows[2][index])

    def labels(self, index: int) -> np.ndarray:
        """(U,) int32, the transcript as labels."""
        language = self.language(index) if self.multilingual else None
        return np.asarray(self.tokenizer.encode(self.text(index), language, strict=False), dtype=np.int32)

    def phones(self, index: int) -> np.ndarray:
        """(P,) int32, the phonemes as indexes of the phone list."""
        return np.asarray(self.phone_list.encode(self.tables[1].value(self.rows[1][index]).split()), dtype=np.int32)

    def read_through(self, refusals: Refusals, num_frames: np.ndarray | None) -> None:
        """Encode every utterance once: lengths, languages and digest; refuse what cannot be trained on."""
        digest = hashlib.sha256()
        parts = {name: hashlib.sha256() for name in ("utterances", "transcripts", "phonemes")}
        codes: dict[str, int] = {}
        faults: dict[str, list[str]] = {"empty transcripts": [], "no phonemes": []}
        foreign: list[str] = []
        unspellable: dict[str, list[str]] = {}
        prefix = 1 if self.multilingual else 0  # the language token alone is no transcript
        for index in range(len(self.table)):
            utterance, language = self.table.key(index), self.language(index)
            self.language_codes[index] = codes.setdefault(language, len(codes))
            if self.multilingual and language not in self.multilingual:
                foreign.append(utterance)
                continue
            labels, phones = self.labels(index), self.phones(index)
            self.label_lengths[index], self.phone_lengths[index] = len(labels), len(phones)
            if len(labels) <= prefix:
                faults["empty transcripts"].append(utterance)
            if not len(phones):
                faults["no phonemes"].append(utterance)
            if UNK_ID in labels:
                for piece in dict.fromkeys(self.tokenizer.pieces(self.text(index))):
                    if self.tokenizer.token_list.get(piece, UNK_ID) == UNK_ID:
                        unspellable.setdefault(piece, []).append(utterance)
            digest.update(utterance.encode() + labels.tobytes() + b"|" + phones.tobytes())
            for part, content in zip(parts.values(), (utterance.encode(), labels.tobytes(), phones.tobytes())):
                part.update(content + b"|")
        if num_frames is not None:
            digest.update(np.ascontiguousarray(num_frames).tobytes())
            parts["lengths"] = hashlib.sha256(np.ascontiguousarray(num_frames).tobytes())
        self.languages, self.digest = list(codes), digest.hexdigest()[:16]
        self.digests = {name: part.hexdigest()[:16] for name, part in parts.items()}
        known = " ".join(self.multilingual)
        refusals.add(self.folder, f"languages other than the token list's {known}", foreign, "See --langs")
        for fault, ids in faults.items():
            refusals.add(self.folder, fault, ids, "Remove these utterances from the data folder, or correct their text")
        refusals.add_unspellable(self.folder / TEXT, unspellable)

    @property
    def fingerprint(self) -> str:
        """Size and digest of the encoded set: "3000 utterances, 1f0c..."."""
        return f"{len(self)} utterances, {self.digest}"


class TextSet:
    """Unpaired text: its labels and phonemes."""

    def __init__(self, parts: list[TextFolder]):
        self.parts = parts
        self.ends = np.cumsum([len(part) for part in parts])
        self.tokenizer = parts[0].tokenizer
        self.ids = LazySequence(self.key_of, int(self.ends[-1]))
        self.texts = LazySequence(self.text_of, int(self.ends[-1]))
        self.languages = LazySequence(self.language_of, int(self.ends[-1]))
        self.labels = LazyArrays(self.labels_of, np.concatenate([part.label_lengths for part in parts]))
        self.phones = LazyArrays(self.phones_of, np.concatenate([part.phone_lengths for part in parts]))
        names = list(dict.fromkeys(name for part in parts for name in part.languages))
        codes = [np.asarray([names.index(name) for name in part.languages], dtype=np.int16) for part in parts]
        self.language_codes = np.concatenate([code[part.language_codes] for code, part in zip(codes, parts)])

    @classmethod
    def load(
        cls, folders: list[Path], tokenizer: Tokenizer, phone_list: PhoneList, refusals: Refusals | None = None
    ) -> "TextSet":
        """Read dump/text/<set> folders (text, phones, optionally utt2lang) as one set.

        Args:
            refusals: collects what cannot be used; None: raise it here.
        Raises:
            JstasrError: no text; without `refusals`, every utterance that cannot be used.
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

    def locate(self, index: int) -> tuple[TextFolder, int]:
        """The folder that holds a text, and the index of the text in it."""
        number = int(np.searchsorted(self.ends, index, side="right"))
        return self.parts[number], index - int(self.ends[number]) + len(self.parts[number])

    def key_of(self, index: int) -> str:
        """The id of a text."""
        part, local = self.locate(index)
        return part.table.key(local)

    def text_of(self, index: int) -> str:
        """A text as it stands in its file."""
        part, local = self.locate(index)
        return part.text(local)

    def language_of(self, index: int) -> str:
        """The language of a text, or ""."""
        part, local = self.locate(index)
        return part.language(local)

    def labels_of(self, index: int) -> np.ndarray:
        """(V,) int32, its labels."""
        part, local = self.locate(index)
        return part.labels(local)

    def phones_of(self, index: int) -> np.ndarray:
        """(Q,) int32, its phonemes."""
        part, local = self.locate(index)
        return part.phones(local)

    @property
    def fingerprint(self) -> str:
        """Size and digest of the encoded set, of each folder."""
        return "; ".join(part.fingerprint for part in self.parts)

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each kind of content, over all folders."""
        names = self.parts[0].digests
        return {name: " ".join(part.digests.get(name, "") for part in self.parts) for name in names}
