"""A scored test set: its words, its alignments and their counts."""

from array import array
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from jstasr.errors import JstasrError
from jstasr.score._edit import align_pairs
from jstasr.score.trn import sclite_words, speaker_of

NULL_WORD = b"@"
CORRECT, SUBSTITUTION, DELETION, INSERTION = range(4)
Word = TypeVar("Word", bound=Hashable)
Step = tuple[int, Word | None, Word | None]  # mark, reference word, hypothesis word


@dataclass
class Alignment:
    """Every utterance of a test set, aligned.

    Attributes:
        ids: U bytes, `(speaker-utterance)`.
        speakers: S bytes, in the order in which the hypotheses name them.
        speaker_index: (U,) int64, the speaker of each utterance.
        words: V bytes, the words by number.
        marks: (steps,) uint8, 0 correct, 1 substitution, 2 deletion, 3 insertion.
        step_ref, step_hyp: (steps,) int32, the words of each step, -1 for none.
        offsets: (U + 1,) int64, where each utterance's steps begin.
        counts: (U, 4) int64, correct, substituted, deleted, inserted.
        null_words: how often the empty word `@` stood in the texts; it counts as nothing.
    """

    ids: list[bytes]
    speakers: list[bytes]
    speaker_index: np.ndarray
    words: list[bytes]
    marks: np.ndarray
    step_ref: np.ndarray
    step_hyp: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray
    null_words: int

    @property
    def errors(self) -> np.ndarray:
        """(U,) int64, substitutions + deletions + insertions of each utterance."""
        return self.counts[:, 1:].sum(1)

    @property
    def ref_words(self) -> np.ndarray:
        """(U,) int64, reference words of each utterance."""
        return self.counts[:, :3].sum(1)

    @property
    def hyp_words(self) -> np.ndarray:
        """(U,) int64, words of the hypothesis of each utterance."""
        return self.counts[:, [0, 1, 3]].sum(1)

    def steps(self, utterance: int) -> list[Step[bytes]]:
        """(mark, reference word or None, hypothesis word or None) of each step of one utterance."""
        span = slice(self.offsets[utterance], self.offsets[utterance + 1])
        name = [*self.words, None]
        return [
            (int(mark), name[ref], name[hyp])
            for mark, ref, hyp in zip(self.marks[span], self.step_ref[span], self.step_hyp[span], strict=True)
        ]


def align_words(ref: Sequence[Word], hyp: Sequence[Word]) -> list[Step[Word]]:
    """Align two lists of words as sclite does, without folding upper and lower case.

    Returns:
        (mark, reference word or None, hypothesis word or None) of each step.
    """
    numbers: dict[Word, int] = {}
    ref_numbers, ref_offsets = _number([ref], numbers, list)
    hyp_numbers, hyp_offsets = _number([hyp], numbers, list)
    words = [*numbers, None]
    marks, step_ref, step_hyp, _, _ = align_pairs(ref_numbers, ref_offsets, hyp_numbers, hyp_offsets, -1)
    return [(int(m), words[r], words[h]) for m, r, h in zip(marks, step_ref, step_hyp, strict=True)]


def align_sets(ids: list[bytes], ref: Sequence[bytes], hyp: Sequence[bytes]) -> Alignment:
    """Align a test set.

    Args:
        ids: U bytes, `(speaker-utterance)`, in the order of the report.
        ref, hyp: U bytes, the texts.
    Raises:
        JstasrError: an utterance is too long for the memory.
    """
    numbers: dict[bytes, int] = {}
    ref_numbers, ref_offsets = _number(ref, numbers, sclite_words)
    hyp_numbers, hyp_offsets = _number(hyp, numbers, sclite_words)
    null = numbers.get(NULL_WORD, -1)
    try:
        marks, step_ref, step_hyp, offsets, counts = align_pairs(
            ref_numbers, ref_offsets, hyp_numbers, hyp_offsets, null
        )
    except MemoryError as error:
        raise JstasrError(f"{error}; cut the longest utterances into segments before scoring") from error
    speakers: dict[bytes, int] = {}
    speaker_index = np.array([speakers.setdefault(_known_speaker(name), len(speakers)) for name in ids], np.int64)
    return Alignment(
        ids=ids,
        speakers=list(speakers),
        speaker_index=speaker_index,
        words=list(numbers),
        marks=marks,
        step_ref=step_ref,
        step_hyp=step_hyp,
        offsets=offsets,
        counts=counts,
        null_words=int((ref_numbers == null).sum() + (hyp_numbers == null).sum()) if null >= 0 else 0,
    )


def _known_speaker(utterance_id: bytes) -> bytes:
    speaker = speaker_of(utterance_id)
    assert speaker is not None, f"{utterance_id!r} names no speaker"  # parse_trn refuses such ids
    return speaker


def _number(
    texts: Sequence, numbers: dict[Word, int], split: Callable[..., Sequence[Word]]
) -> tuple[np.ndarray, np.ndarray]:
    """Flat int32 word numbers and int64 offsets of U texts; new words join `numbers`."""
    flat, offsets = array("i"), array("q", [0])
    for text in texts:
        flat.extend([numbers.setdefault(word, len(numbers)) for word in split(text)])
        offsets.append(len(flat))
    return np.array(flat, np.int32), np.array(offsets, np.int64)
