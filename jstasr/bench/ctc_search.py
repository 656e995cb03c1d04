"""Search in the outputs of CTC: greedy, and prefix beam search with an n-gram model of the same tokens.

The score of a label sequence y, with the prefix search of Hannun et al. (arXiv 1408.2873):

    log p_ctc(y | speech) + lm_weight * log p_lm(y </s>) + bonus * |y|
"""

import math
from itertools import groupby

import numpy as np
import torch

from jstasr.lm.ngram import NgramModel
from jstasr.text.tokens import BLANK_ID

LEAST = -6.0  # log-probability below which a symbol is not tried in a frame, unless it is the best
MOST = 8  # symbols that are tried in a frame
NEVER = -math.inf


class LabelScores:
    """Log-probabilities and states of an n-gram model one history at a time, each looked up once."""

    def __init__(self, model: NgramModel):
        self.model, self.start = model, model.start_state
        self.rows: dict[int, np.ndarray] = {}
        self.after: dict[tuple[int, int], int] = {}

    def row(self, state: int) -> np.ndarray:
        """(V + 2,) of all words after a state."""
        if state not in self.rows:
            self.rows[state] = self.model.word_log_probs(torch.tensor([state]))[0].numpy()
        return self.rows[state]

    def label(self, state: int, label: int) -> tuple[float, int]:
        """Log-probability of a label after a state, and the state after it."""
        key = state, label
        if key not in self.after:
            self.after[key] = int(self.model.advance(torch.tensor([state]), torch.tensor([label]))[0])
        return float(self.row(state)[label]), self.after[key]

    def end(self, state: int) -> float:
        """Log-probability of the end after a state."""
        return float(self.row(state)[self.model.vocab_size + 1])


def log_add(one: float, other: float) -> float:
    """log(exp(one) + exp(other)); numpy's is slow for single numbers."""
    high, low = (one, other) if one >= other else (other, one)
    return high if low == NEVER else high + math.log1p(math.exp(low - high))


def greedy(log_probs: np.ndarray) -> list[int]:
    """The labels of the best symbol of each frame: (T, V) -> ids, repetitions merged, blanks left out."""
    return [label for label, _ in groupby(log_probs.argmax(axis=1).tolist()) if label != BLANK_ID]


def prefix_beam_search(
    log_probs: np.ndarray,
    beam: int,
    scores: LabelScores | None = None,
    lm_weight: float = 0.0,
    bonus: float = 0.0,
    least: float = LEAST,
) -> list[int]:
    """The label sequence with the highest score, see above, of those that the beam keeps.

    Args:
        log_probs: (T, V) of CTC.
        beam: label sequences that are kept after each frame.
        scores: of the language model; None: without.
        least: see LEAST.
    """
    found: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, NEVER)}  # ends in blank, in its last label
    language: dict[tuple[int, ...], tuple[float, int]] = {(): (0.0, scores.start if scores else 0)}
    for frame in log_probs:
        likely = np.argsort(-frame)[:MOST]
        symbols = [
            (int(symbol), float(frame[symbol])) for symbol in likely if frame[symbol] > least or symbol == likely[0]
        ]
        grown: dict[tuple[int, ...], list[float]] = {}
        for prefix, (in_blank, in_label) in found.items():
            total, last = log_add(in_blank, in_label), prefix[-1] if prefix else BLANK_ID
            kept = grown.setdefault(prefix, [NEVER, NEVER])
            for symbol, value in symbols:
                if symbol == BLANK_ID:
                    kept[0] = log_add(kept[0], total + value)
                    continue
                before = total
                if symbol == last:
                    kept[1] = log_add(kept[1], in_label + value)
                    before = in_blank  # the same label again, after a blank
                if before == NEVER:
                    continue
                longer = (*prefix, symbol)
                if longer not in language:
                    score, state = language[prefix]
                    more, state = scores.label(state, symbol) if scores else (0.0, 0)
                    language[longer] = score + more, state
                part = grown.setdefault(longer, [NEVER, NEVER])
                part[1] = log_add(part[1], before + value)
        ranks = {
            prefix: log_add(*ends) + lm_weight * language[prefix][0] + bonus * len(prefix)
            for prefix, ends in grown.items()
        }
        best = sorted(ranks, key=ranks.__getitem__, reverse=True)[:beam]
        found = {prefix: (grown[prefix][0], grown[prefix][1]) for prefix in best}

    def final(prefix: tuple[int, ...]) -> float:
        score, state = language[prefix]
        score += scores.end(state) if scores else 0.0
        return log_add(*found[prefix]) + lm_weight * score + bonus * len(prefix)

    return list(max(found, key=final))
