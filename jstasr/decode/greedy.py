"""Search over a HAT decoder's lattice, batched over utterances: greedy here, beam search in `jstasr.decode.beam`."""

from dataclasses import dataclass, field
from itertools import chain

import torch
from torch import Tensor

from jstasr.experiment.search import GREEDY, SearchConfig
from jstasr.kernels import fused
from jstasr.lm.external import ExternalLm
from jstasr.lm.hotwords import HotwordGraph
from jstasr.model.hat import HatDecoder
from jstasr.text.tokens import BLANK_ID

LARGEST_IN_KERNEL = 2**21  # weights (8 MB) of the joint network's labels, which a processor's cache holds
Emitted = tuple[int, int, int]  # utterance, frame, label


@dataclass
class Hypothesis:
    """Best label sequence of one utterance.

    `frames`: the encoder frame (40 ms) at which each label was emitted. `score`: natural log-probability, summed over
    alignments (of greedy search: those between the frames at which it decides), language models and hotwords included.
    `others`: what else the search kept, the most probable first, where that is asked for.
    """

    labels: list[int]
    frames: list[int]
    score: float
    others: list["Hypothesis"] = field(default_factory=list)


def first_history(decoder: HatDecoder, count: int, start: Tensor | None, device: torch.device) -> Tensor:
    """Label history (N, context) int before the first frame; `start` (N,) int: known first labels."""
    history = torch.full((count, decoder.context), BLANK_ID, dtype=torch.long, device=device)
    if start is not None:
        history[:, -1] = start
    return history


def prepend_start(hypotheses: list[Hypothesis], start: Tensor | None) -> list[Hypothesis]:
    """Insert the known first labels `start` (N,) into the hypotheses, at frame 0."""
    if start is not None:
        for best, label in zip(hypotheses, start.tolist()):
            for hypothesis in (best, *best.others):
                hypothesis.labels.insert(0, label)
                hypothesis.frames.insert(0, 0)
    return hypotheses


@dataclass
class GreedyState:
    """Where greedy search stands in N utterances.

    history: (N, context) int, the last labels.
    none: (N,) probability that no label has followed them so far.
    some: (N, V - 1) probability that label y has followed them, in column y - 1.
    score: (N,) log-probability of the labels so far.
    """

    history: Tensor
    none: Tensor
    some: Tensor
    score: Tensor


def first_greedy_state(decoder: HatDecoder, count: int, start: Tensor | None, device: torch.device) -> GreedyState:
    """The state before the first frame of `count` utterances; `start` (N,) int: known first labels."""
    return GreedyState(
        history=first_history(decoder, count, start, device),
        none=torch.ones(count, device=device),
        some=torch.zeros(count, decoder.labels.out_features, device=device),
        score=torch.zeros(count, device=device),
    )


@torch.inference_mode()
def greedy_search(
    decoder: HatDecoder, encoded: Tensor, lengths: Tensor, max_symbols: int, state: GreedyState | None = None
) -> list[Hypothesis]:
    """Emit the next label as soon as it is more probable that it has come than that none has.

    With b_t the probability of blank and p_t(y) that of label y at frame t, both after the labels so far, and t_0 the
    frame of the last of them:

        none_t = prod_{s = t_0}^{t} b_s                   some_t(y) = sum_{s = t_0}^{t} none_{s-1} p_s(y)

    The label with the largest some_t(y) is emitted at the first frame at which some_t(y) > none_t. Where alignments
    are sharp, this is the most probable symbol of each frame. Where they are diffuse, as after a short training, a
    label is spread over many frames, and blank is the most probable symbol of every one: with less than one label a
    frame, a decoder that only knows their rate has b_t > 1/2 everywhere.

    Args:
        encoded: (N, T, C) encoder output; lengths: (N,) int.
        max_symbols: largest number of labels in a frame; after them the search moves on to the next frame.
        state: after earlier frames, updated; None: these are the first.
    Returns:
        The hypothesis of each utterance: the labels of these frames, and the score of all so far.
    """
    projected = decoder.encoder_projection(encoded)
    if state is None:
        state = first_greedy_state(decoder, len(encoded), None, encoded.device)
    search_frames = search_in_kernel if suits_kernel(decoder, projected) else search_frame_by_frame
    emitted = search_frames(decoder, projected, lengths, max_symbols, state)
    hypotheses = [Hypothesis([], [], value) for value in (state.score + state.none.log()).tolist()]
    for utterance, frame, label in emitted:
        hypotheses[utterance].labels.append(label)
        hypotheses[utterance].frames.append(frame)
    return hypotheses


def suits_kernel(decoder: HatDecoder, projected: Tensor) -> bool:
    """On the CPU, in float32, with weights that the cache holds: it reads them again for each utterance and frame."""
    weight = decoder.labels.weight
    float32 = projected.dtype == weight.dtype == torch.float32
    return float32 and fused.takes(projected, weight) and weight.numel() <= LARGEST_IN_KERNEL


def search_in_kernel(
    decoder: HatDecoder, projected: Tensor, lengths: Tensor, max_symbols: int, state: GreedyState
) -> list[Emitted]:
    """The labels of `greedy_search` by a compiled kernel; projected: (N, T, J)."""
    prediction, blank, labels = decoder.prediction, decoder.blank, decoder.labels
    layers = [(layer.weight, layer.bias) for layer in (prediction, blank, labels)]
    weights = decoder.embedding.weight, *chain.from_iterable(layers)
    where = state.history, state.none, state.some, state.score
    found = fused.greedy(projected, lengths, weights, where, max_symbols)
    return [(*place[:2], label) for place, label in zip(found.nonzero().tolist(), found[found > 0].tolist())]


def search_frame_by_frame(
    decoder: HatDecoder, projected: Tensor, lengths: Tensor, max_symbols: int, state: GreedyState
) -> list[Emitted]:
    """The same in torch's operations, all utterances together."""
    predicted = decoder.predict(state.history)
    emitted: list[tuple[int, Tensor]] = []  # (frame, labels or BLANK_ID) of every step with a label
    for frame in range(projected.shape[1]):
        active = frame < lengths
        for _ in range(max_symbols):
            probs = decoder.log_probs(projected[:, frame], predicted).exp()
            some = state.some + state.none[:, None] * probs[:, 1:]
            none = state.none * probs[:, 0]
            most, column = some.max(dim=-1)
            emits = active & (most > none)
            moves = active & ~emits
            state.none = torch.where(emits, 1.0, torch.where(moves, none, state.none))
            state.some = torch.where(moves[:, None], some, state.some.masked_fill(emits[:, None], 0.0))
            active = emits
            if not bool(active.any()):
                break
            label = column + 1
            emitted.append((frame, torch.where(emits, label, BLANK_ID)))
            state.score = state.score + torch.where(emits, most.log(), 0.0)
            moved = torch.cat([state.history[:, 1:], label[:, None]], dim=1)
            state.history = torch.where(emits[:, None], moved, state.history)
            predicted = decoder.predict(state.history)
    return [
        (utterance, frame, label)
        for frame, labels in emitted
        for utterance, label in enumerate(labels.tolist())
        if label != BLANK_ID
    ]


def search(
    decoder: HatDecoder,
    encoded: Tensor,
    lengths: Tensor,
    config: SearchConfig,
    language_model: ExternalLm | None = None,
    start: Tensor | None = None,
    hotwords: HotwordGraph | None = None,
) -> list[Hypothesis]:
    """Greedy or beam search, as configured.

    Args:
        encoded: (N, T, C) encoder output; lengths: (N,) int.
        language_model, hotwords: for beam search, or None.
        start: (N,) int, the first label of each utterance where it is known (the language token), or None.
    Returns:
        The best hypothesis of each utterance.
    """
    if config.search == GREEDY:
        state = first_greedy_state(decoder, len(encoded), start, encoded.device)
        return prepend_start(greedy_search(decoder, encoded, lengths, config.max_symbols, state), start)
    from jstasr.decode.beam import beam_search

    return prepend_start(beam_search(decoder, encoded, lengths, config, language_model, start, hotwords), start)
