"""Search over a HAT decoder's lattice, batched over utterances: greedy here, beam search in `jstasr.decode.beam`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from jstasr.lm.ngram import NgramModel
from jstasr.model.hat import HatDecoder
from jstasr.text.tokens import BLANK_ID


@dataclass
class SearchConfig:
    """How a decoder's lattice is searched."""

    search: str = "greedy"  # Search: greedy | beam.
    beam_size: int = 8  # Label prefixes that beam search keeps at each frame.
    max_symbols: int = 3  # Largest number of labels in one encoder frame (40 ms).
    internal_lm_weight: float = 0.0  # Weight at which beam search subtracts the internal language model.
    lm_weight: float = 0.0  # Weight at which beam search adds the external language model.
    batch_frames: int = 60000  # Padded feature frames (10 ms) decoded together.


@dataclass
class Hypothesis:
    """Best label sequence of one utterance.

    `frames`: the encoder frame (40 ms) at which each label was emitted. `score`: natural log-probability, of the path
    (greedy) or summed over its alignments (beam), language models included.
    """

    labels: list[int]
    frames: list[int]
    score: float


def first_history(decoder: HatDecoder, count: int, start: Tensor | None, device: torch.device) -> Tensor:
    """Label history (N, context) int before the first frame; `start` (N,) int: known first labels."""
    history = torch.full((count, decoder.context), BLANK_ID, dtype=torch.long, device=device)
    if start is not None:
        history[:, -1] = start
    return history


def prepend_start(hypotheses: list[Hypothesis], start: Tensor | None) -> list[Hypothesis]:
    """Insert the known first labels `start` (N,) into the hypotheses, at frame 0."""
    if start is not None:
        for hypothesis, label in zip(hypotheses, start.tolist()):
            hypothesis.labels.insert(0, label)
            hypothesis.frames.insert(0, 0)
    return hypotheses


@torch.inference_mode()
def greedy_search(
    decoder: HatDecoder, encoded: Tensor, lengths: Tensor, max_symbols: int, history: Tensor | None = None
) -> list[Hypothesis]:
    """Follow the most probable symbol at each step.

    Args:
        encoded: (N, T, C) encoder output; lengths: (N,) int.
        max_symbols: largest number of labels in a frame; after them the search moves on to the next frame.
        history: (N, context) int, labels before the first frame; None: none.
    Returns:
        The hypothesis of each utterance.
    """
    count, frames, _ = encoded.shape
    projected = decoder.encoder_projection(encoded)
    if history is None:
        history = first_history(decoder, count, None, encoded.device)
    predicted = decoder.predict(history)
    score = torch.zeros(count, device=encoded.device)
    emitted: list[tuple[int, Tensor]] = []  # (frame, active labels or BLANK_ID) of every step
    for frame in range(frames):
        active = frame < lengths
        for _ in range(max_symbols):
            best, label = decoder.log_probs(projected[:, frame], predicted).max(dim=-1)
            score = score + torch.where(active, best, 0.0)
            active = active & (label != BLANK_ID)
            if not bool(active.any()):
                break
            emitted.append((frame, torch.where(active, label, BLANK_ID)))
            moved = torch.cat([history[:, 1:], label[:, None]], dim=1)
            history = torch.where(active[:, None], moved, history)
            predicted = decoder.predict(history)
    hypotheses = [Hypothesis([], [], value) for value in score.tolist()]
    for frame, labels in emitted:
        for hypothesis, label in zip(hypotheses, labels.tolist()):
            if label != BLANK_ID:
                hypothesis.labels.append(label)
                hypothesis.frames.append(frame)
    return hypotheses


def search(
    decoder: HatDecoder,
    encoded: Tensor,
    lengths: Tensor,
    config: SearchConfig,
    language_model: NgramModel | None = None,
    start: Tensor | None = None,
) -> list[Hypothesis]:
    """Greedy or beam search, as configured.

    Args:
        encoded: (N, T, C) encoder output; lengths: (N,) int.
        language_model: for beam search, or None.
        start: (N,) int, the first label of each utterance where it is known (the language token), or None.
    Returns:
        The best hypothesis of each utterance.
    """
    if config.search == "greedy":
        history = first_history(decoder, len(encoded), start, encoded.device)
        return prepend_start(greedy_search(decoder, encoded, lengths, config.max_symbols, history), start)
    from jstasr.decode.beam import beam_search

    return prepend_start(beam_search(decoder, encoded, lengths, config, language_model, start), start)
