"""Pseudo-labels: the hypotheses of untranscribed speech of which a model is most confident."""

import math
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few
from jstasr.kaldi.tables import read_table


class PseudoLabels(NamedTuple):
    """Transcripts of the utterances that are kept; `lowest`: the lowest confidence among them; counts of the set."""

    text: dict[str, str]
    lowest: float
    decoded: int
    empty: int


def choose_pseudo_labels(decoded: Path, share: float) -> PseudoLabels:
    """Choose the hypotheses of highest confidence: the log-probability of a hypothesis, divided by its labels.

    Args:
        decoded: a folder of decoding, with text, token and score by utterance.
        share: of the utterances with a hypothesis to keep, above 0, 1 at most; rounded up.
    Raises:
        JstasrError: tables that do not fit each other, a score that is no number, or no hypothesis with words.
    """
    if not 0 < share <= 1:
        raise JstasrError(f"--share {share}: must be above 0 and at most 1")
    text, token, score = (read_table(decoded / name, allow_empty=True) for name in ("text", "token", "score"))
    for name, table in (("token", token), ("score", score)):
        if differ := sorted(text.keys() ^ table.keys()):
            raise JstasrError(f"{decoded}: text and {name} differ in {first_few(differ)}: decode again, --stage 8")
    confidence = {}
    for utterance, words in text.items():
        try:
            value = float(score[utterance])
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise JstasrError(f"{decoded / 'score'}: {utterance}: not a log-probability: {score[utterance]!r}")
        if words:
            confidence[utterance] = value / max(1, len(token[utterance].split()))
    if not confidence:
        raise JstasrError(f"{decoded / 'text'}: no hypothesis has words: train the model for longer first")
    ranked = sorted(confidence, key=lambda utterance: (-confidence[utterance], utterance))
    kept = ranked[: math.ceil(share * len(ranked))]
    return PseudoLabels(
        {utterance: text[utterance] for utterance in kept}, confidence[kept[-1]], len(text), len(text) - len(confidence)
    )
