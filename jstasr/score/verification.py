"""Speaker verification: do two utterances have one speaker? Judged by the cosine of two vectors."""

import numpy as np


def equal_error_rate(same: np.ndarray, different: np.ndarray) -> float:
    """The error rate at the threshold where as many pairs of one speaker are rejected as others are accepted.

    A pair is accepted where its score is at or above the threshold. Between two thresholds both rates are interpolated
    linearly.

    Args:
        same: (P,) scores of pairs of one speaker.
        different: (Q,) scores of pairs of two speakers.
    Returns:
        The rate, 0 to 1; 0.5 is chance.
    Raises:
        ValueError: there are no pairs of one of the kinds.
    """
    if not len(same) or not len(different):
        raise ValueError("an equal error rate needs pairs of one speaker and of two")
    same, different = np.sort(same), np.sort(different)
    thresholds = np.unique(np.concatenate([same, different]))
    # The last threshold accepts nothing.
    rejected = np.append(np.searchsorted(same, thresholds) / len(same), 1.0)
    accepted = np.append(1 - np.searchsorted(different, thresholds) / len(different), 0.0)
    after = int(np.argmax(rejected >= accepted))  # at the first threshold nothing is rejected: after > 0
    gap_before, gap_after = (accepted - rejected)[[after - 1, after]]
    part = gap_before / (gap_before - gap_after)
    return float(rejected[after - 1] + part * (rejected[after] - rejected[after - 1]))


def verification_eer(vectors: np.ndarray, speakers: np.ndarray) -> float:
    """Equal error rate of the cosine over all pairs of utterances.

    Args:
        vectors: (U, C) float, one for each utterance.
        speakers: (U,) int.
    Raises:
        ValueError: no speaker has two utterances, or there is only one speaker.
    """
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = (vectors / np.maximum(lengths, 1e-12)).astype(np.float32)
    above = np.triu_indices(len(unit), 1)
    scores = (unit @ unit.T)[above]
    one_speaker = (speakers[:, None] == speakers[None])[above]
    return equal_error_rate(scores[one_speaker], scores[~one_speaker])
