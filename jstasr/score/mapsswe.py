"""NIST's matched-pairs test of two systems (MAPSSWE; Gillick and Cox, ICASSP 1989; Pallett et al. 1990).

The utterances are cut into segments that hold errors of either system and are bounded by words that both
recognised; errors in different segments are taken as independent, and a z-test asks whether the mean difference
of the errors per segment is zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jstasr.score.alignment import CORRECT, INSERTION, Alignment

BOUNDARY_WORDS = 2  # words that both systems recognised on either side of a segment: sc_stats' default
Segment = tuple[int, int, int]  # reference words, errors of A, errors of B


@dataclass
class MatchedPairs:
    """Result of the test.

    Attributes:
        segments: number of segments.
        words, errors_a, errors_b: sums over the segments.
        mean, deviation: of the differences (errors of A - errors of B) per segment; 0 without segments.
        z: mean / (deviation / sqrt(segments)), 0 when all differences are equal.
        p: two-tailed probability of |Z| at least this large, were the systems equally good.
    """

    segments: int
    words: int
    errors_a: int
    errors_b: int
    mean: float
    deviation: float
    z: float
    p: float


def error_segments(marks_a: Sequence[int], marks_b: Sequence[int], boundary: int = BOUNDARY_WORDS) -> list[Segment]:
    """Segments of one utterance, cut as NIST's sc_stats cuts them.

    Args:
        marks_a, marks_b: marks of the two systems' alignments to the same reference, as bytes or lists
            (0 correct, 1 substitution, 2 deletion, 3 insertion).
        boundary: words correct in both that end a segment.
    Returns:
        The segments; each takes in up to `boundary` correct words on each side.
    """
    segments: list[Segment] = []
    a = b = good_a = good_b = good = 0
    state = "between"
    while a < len(marks_a) or b < len(marks_b):
        while a < len(marks_a) and marks_a[a] == INSERTION:
            a, state = a + 1, "error"
        while b < len(marks_b) and marks_b[b] == INSERTION:
            b, state = b + 1, "error"
        both_correct = a < len(marks_a) and b < len(marks_b) and marks_a[a] == CORRECT and marks_b[b] == CORRECT
        if not both_correct:
            state = "error"
        elif state == "between":
            good_a, good_b = a, b
        else:
            good = good + 1 if state == "ending" else 1
            state = "ending"
            if good == boundary:
                _add(segments, marks_a, marks_b, good_a - boundary + 1, good_b - boundary + 1, a, b)
                good_a, good_b, state = a, b, "between"
        a, b = min(a + 1, len(marks_a)), min(b + 1, len(marks_b))
    if state != "between":
        _add(segments, marks_a, marks_b, good_a - boundary + 1, good_b - boundary + 1, a - 1, b - 1)
    return segments


def _add(
    segments: list[Segment],
    marks_a: Sequence[int],
    marks_b: Sequence[int],
    first_a: int,
    first_b: int,
    last_a: int,
    last_b: int,
) -> None:
    part_a, part_b = marks_a[max(first_a, 0) : last_a + 1], marks_b[max(first_b, 0) : last_b + 1]
    errors_a, errors_b = (sum(mark != CORRECT for mark in part) for part in (part_a, part_b))
    words = sum(sum(mark != INSERTION for mark in part) for part in (part_a, part_b)) // 2
    if errors_a or errors_b:
        segments.append((words, errors_a, errors_b))


def matched_pairs(alignment_a: Alignment, alignment_b: Alignment, boundary: int = BOUNDARY_WORDS) -> MatchedPairs:
    """The test on two alignments of the same utterances in the same order."""
    segments: list[Segment] = []
    marks_a, marks_b = alignment_a.marks.tobytes(), alignment_b.marks.tobytes()
    offsets_a, offsets_b = alignment_a.offsets.tolist(), alignment_b.offsets.tolist()
    for utterance in ((alignment_a.errors + alignment_b.errors) > 0).nonzero()[0].tolist():
        segments += error_segments(
            marks_a[offsets_a[utterance] : offsets_a[utterance + 1]],
            marks_b[offsets_b[utterance] : offsets_b[utterance + 1]],
            boundary,
        )
    return z_test(segments)


def z_test(segments: Sequence[Segment]) -> MatchedPairs:
    """The z-test on the differences of the errors per segment."""
    number = len(segments)
    words, errors_a, errors_b = (sum(segment[k] for segment in segments) for k in range(3))
    differences = [a - b for _, a, b in segments]
    mean = sum(differences) / number if number else 0.0
    squares = sum((difference - mean) ** 2 for difference in differences)
    deviation = math.sqrt(squares / (number - 1)) if squares else 0.0
    z = mean / (deviation / math.sqrt(number)) if deviation else 0.0
    return MatchedPairs(number, words, errors_a, errors_b, mean, deviation, z, math.erfc(abs(z) / math.sqrt(2)))
