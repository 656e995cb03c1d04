"""Search over a HAT decoder's lattice, batched over utterances: greedy here, beam search in `jstasr.decode.beam`."""

from dataclasses import dataclass

import torch
from torch import Tensor

from jstasr.model.hat import HatDecoder
from jstasr.text.tokens import BLANK_ID


@dataclass
class SearchConfig:
    """How a decoder's lattice is searched."""

    search: str = "greedy"  # greedy | beam
    beam_size: int = 8  # beam: label prefixes kept
    max_symbols: int = 3  # labels in one 40 ms frame, at most
    internal_lm_weight: float = 0.0  # beam: subtract the decoder's internal language model
    lm_weight: float = 0.0  # beam: add the external language model
    batch_frames: int = 60000  # padded feature frames decoded together


@dataclass
class Hypothesis:
    """Best label sequence of one utterance.

    `frames`: the encoder frame (40 ms) at which each label came out. `score`: natural log-probability, of the path
    (greedy) or of all its alignments together (beam), language models included.
    """

    labels: list[int]
    frames: list[int]
    score: float


def first_history(decoder: HatDecoder, count: int, start: Tensor | None, device: torch.device) -> Tensor:
    """The prediction network's input before the first label, (N, context); `start` (N,): labels given beforehand."""
    history = torch.full((count, decoder.context), BLANK_ID, dtype=torch.long, device=device)
    if start is not None:
        history[:, -1] = start
    return history


def put_start(hypotheses: list[Hypothesis], start: Tensor | None) -> list[Hypothesis]:
    """The labels that were given beforehand belong to the hypotheses, at frame 0."""
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
        max_symbols: most labels that one frame may emit; after them the search moves on to the next frame.
        history: (N, context) labels before the first frame; None: none.
    """
    count, frames, _ = encoded.shape
    projected = decoder.encoder_projection(encoded)
    if history is None:
        history = first_history(decoder, count, None, encoded.device)
    predicted = decoder.predict(history)
    score = torch.zeros(count, device=encoded.device)
    emitted = []  # (frame, active labels or BLANK_ID) of every step
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
    language_model=None,
    start: Tensor | None = None,
) -> list[Hypothesis]:
    """Greedy or beam search, as configured.

    Args:
        encoded: (N, T, C) encoder output; lengths: (N,) int.
        language_model: a `jstasr.lm.ngram.NgramModel`, or None; of beam search.
        start: (N,) int, the first label of each utterance where it is known (the language's token), or None.
    Returns:
        The best hypothesis of each utterance.
    """
    if config.search == "greedy":
        history = first_history(decoder, len(encoded), start, encoded.device)
        return put_start(greedy_search(decoder, encoded, lengths, config.max_symbols, history), start)
    from jstasr.decode.beam import beam_search

    return put_start(beam_search(decoder, encoded, lengths, config, language_model, start), start)
