"""A scored test set: its words, its alignments and their counts."""

from dataclasses import dataclass

import numpy as np

from jstasr.errors import JstasrError
from jstasr.score._edit import align_pairs
from jstasr.score.trn import speaker_of

NULL_WORD = b"@"
CORRECT, SUBSTITUTION, DELETION, INSERTION = range(4)


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
    """

    ids: list
    speakers: list
    speaker_index: np.ndarray
    words: list
    marks: np.ndarray
    step_ref: np.ndarray
    step_hyp: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray

    @property
    def errors(self):
        """(U,) int64, substitutions + deletions + insertions of each utterance."""
        return self.counts[:, 1:].sum(1)

    @property
    def ref_words(self):
        """(U,) int64, reference words of each utterance."""
        return self.counts[:, :3].sum(1)

    def steps(self, utterance):
        """[(mark, reference word or None, hypothesis word or None)] of one utterance."""
        span = slice(self.offsets[utterance], self.offsets[utterance + 1])
        name = [*self.words, None]
        return [
            (int(mark), name[ref], name[hyp])
            for mark, ref, hyp in zip(self.marks[span], self.step_ref[span], self.step_hyp[span], strict=True)
        ]


def align_words(ref, hyp):
    """[(mark, reference word or None, hypothesis word or None)] of two lists of words (str), as sclite aligns them.

    No folding here: words that are equal are the same word.
    """
    numbers = {}
    ref_numbers, ref_offsets = _number([ref], numbers)
    hyp_numbers, hyp_offsets = _number([hyp], numbers)
    words = [*numbers, None]
    marks, step_ref, step_hyp, _, _ = align_pairs(ref_numbers, ref_offsets, hyp_numbers, hyp_offsets, -1)
    return [(int(m), words[r], words[h]) for m, r, h in zip(marks, step_ref, step_hyp, strict=True)]


def align_sets(ids, ref, hyp):
    """Align a test set.

    Args:
        ids: U bytes, `(speaker-utterance)`, in the order of the report.
        ref, hyp: U lists of words (bytes), ASCII letters folded.
    Returns:
        Alignment.
    """
    numbers = {}
    ref_numbers, ref_offsets = _number(ref, numbers)
    hyp_numbers, hyp_offsets = _number(hyp, numbers)
    try:
        marks, step_ref, step_hyp, offsets, counts = align_pairs(
            ref_numbers, ref_offsets, hyp_numbers, hyp_offsets, numbers.get(NULL_WORD, -1)
        )
    except MemoryError as error:
        raise JstasrError(f"{error}; cut the longest utterances into segments before scoring") from error
    speakers = {}
    speaker_index = np.array([speakers.setdefault(speaker_of(name), len(speakers)) for name in ids], np.int64)
    return Alignment(
        ids, list(speakers), speaker_index, list(numbers), marks, step_ref, step_hyp, offsets, counts
    )


def _number(sentences, numbers):
    """Flat int32 word numbers and int64 offsets of U lists of words; new words join `numbers`."""
    offsets = np.zeros(len(sentences) + 1, np.int64)
    np.cumsum([len(sentence) for sentence in sentences], out=offsets[1:])
    flat = np.fromiter(
        (numbers.setdefault(word, len(numbers)) for sentence in sentences for word in sentence),
        np.int32,
        count=int(offsets[-1]),
    )
    return flat, offsets
