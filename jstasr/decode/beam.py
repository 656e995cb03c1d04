"""Time-synchronous beam search over a HAT decoder, with language model fusion and hotwords."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial

import torch
from torch import Tensor

from jstasr.decode.greedy import Hypothesis, first_history
from jstasr.experiment.search import SearchConfig
from jstasr.lm.external import ExternalLm, WeightedLm
from jstasr.lm.hotwords import HotwordGraph
from jstasr.model.hat import HatDecoder
from jstasr.text.tokens import BLANK_ID

HASH_BASE = 1_000_003  # rolling hash of a label sequence, modulo 2^64
LOG_ZERO = float("-inf")
AGREE = 250  # frames (10 s): what is that old, or up to twice, is the same in all prefixes


@dataclass
class Beam:
    """K label prefixes of each of N utterances; an empty slot has score -inf.

    `score` (N, K) log-probability; `hash` (N, K) of the whole prefix; `history` (N, K, context) its last labels;
    `lm_state` (N, K, M) of the M external language models, `hotword_state` (N, K) of the hotwords; `source` (N, K) the
    slot before this frame; `emitted` (N, K, max_symbols) the labels of this frame, then BLANK_ID.
    """

    score: Tensor
    hash: Tensor
    history: Tensor
    lm_state: Tensor
    hotword_state: Tensor
    source: Tensor
    emitted: Tensor

    def map(self, function: Callable[..., Tensor], *others: "Beam") -> "Beam":
        """Apply a function to each field of this and of the other beams."""
        return Beam(*(function(*(getattr(beam, f.name) for beam in (self, *others))) for f in fields(self)))

    def pick(self, slots: Tensor) -> "Beam":
        """The beam of the chosen slots (N, K') of each utterance."""

        def gather(values: Tensor) -> Tensor:
            if values.ndim == 2:
                return values.gather(1, slots)
            return values.gather(1, slots[..., None].expand(-1, -1, values.shape[2]))

        return self.map(gather)


def where_utterance(condition: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Choose by utterance: `first` (N, ...) where `condition` (N,) holds, otherwise `second`."""
    return torch.where(condition.view(-1, *[1] * (first.ndim - 1)), first, second)


def merge_equal(scores: Tensor, hashes: Tensor) -> Tensor:
    """Add up the probabilities of candidates with equal hashes.

    Args:
        scores, hashes: (N, K) log-probabilities and int64.
    Returns:
        (N, K): the most probable of equals (the first of a tie) holds the sum, the others -inf.
    """
    same = hashes[:, :, None] == hashes[:, None, :]
    summed = torch.where(same, scores[:, None, :], LOG_ZERO).logsumexp(-1)
    better = scores[:, None, :] > scores[:, :, None]
    tied_before = (scores[:, None, :] == scores[:, :, None]) & torch.ones_like(same[0]).tril(-1)
    return summed.masked_fill((same & (better | tied_before)).any(-1), LOG_ZERO)


@torch.inference_mode()
def beam_search(
    decoder: HatDecoder,
    encoded: Tensor,
    lengths: Tensor,
    config: SearchConfig,
    language_model: ExternalLm | None = None,
    start: Tensor | None = None,
    hotwords: HotwordGraph | None = None,
) -> list[Hypothesis]:
    """Keep the `beam_size` most probable label prefixes at each frame, the probabilities of alignments summed.

    In each frame a prefix takes up to `max_symbols` labels and then a blank, as in the lattice of the training
    loss. A label y after the prefix h scores
    `log P(y|x, h) - internal_lm_weight * log P_ilm(y|h) + lm_weight * log P_lm(y|h)`   (arXiv 2003.07705, eq. 9)
    with a neural language model `+ nnlm_weight * log P_nnlm(y|h)`, `length_bonus` and the bonus of hotwords; at the end
    the language models add their probability of the sentence's end. Prefixes that still differ from the most probable
    one in what is older than AGREE frames are given up, so that a stream settles.

    Args:
        encoded: (N, T, C) encoder output; lengths: (N,) int.
        language_model: over the labels of the decoder, or None.
        start: (N,) int, the known first label of each utterance, or None.
        hotwords: phrases that are expected, or None.
    Returns:
        The most probable hypothesis of each utterance, without `start`; the frames are those of its most probable
        alignment among those that the beam kept.
    """
    running = BeamSearch(decoder, len(encoded), config, language_model, start, encoded.device, hotwords)
    running.accept(encoded, lengths)
    return running.finish()


class BeamSearch:
    """`beam_search` that takes the frames of its N utterances in pieces."""

    def __init__(
        self,
        decoder: HatDecoder,
        count: int,
        config: SearchConfig,
        language_model: ExternalLm | None,
        start: Tensor | None,
        device: torch.device,
        hotwords: HotwordGraph | None = None,
    ):
        """count: N; the others as for `beam_search`."""
        self.decoder, self.config = decoder, config
        self.language_model: WeightedLm | None = None
        if language_model is not None:
            self.language_model = language_model.weighted(config.lm_weight, config.nnlm_weight)
        self.hotwords = hotwords
        self.beam = first_beam(decoder, count, config, self.language_model, start, device, hotwords)
        self.sources: list[Tensor] = []  # (N, K) of each frame from `first_frame` on
        self.emitted: list[Tensor] = []  # (N, K, max_symbols) likewise
        self.first_frame = 0
        self.frames = 0
        self.own_slots = torch.arange(config.beam_size, device=device).expand(count, -1)
        self.ancestors = self.own_slots  # (N, K), the slot of each prefix before the last AGREE frames or fewer

    def accept(self, encoded: Tensor, lengths: Tensor) -> None:
        """Search the next frames (N, T, C), of which the first `lengths` (N,) count."""
        projected = self.decoder.encoder_projection(encoded)
        for frame in range(encoded.shape[1]):
            beam = self.beam
            grown = search_frame(
                self.decoder, projected[:, frame, None], beam, self.config, self.language_model, self.hotwords
            )
            beam = grown.map(partial(where_utterance, frame < lengths), beam)
            self.sources.append(beam.source)
            self.emitted.append(beam.emitted)
            self.ancestors = self.ancestors.gather(1, beam.source)
            beam.source = self.own_slots
            beam.emitted = torch.full_like(beam.emitted, BLANK_ID)
            if self.language_model is not None:
                beam.lm_state = self.language_model.forget(beam.lm_state)
            self.beam = beam
            self.frames += 1
            if self.frames % AGREE == 0:
                self.agree(frame < lengths)

    def agree(self, running: Tensor) -> None:
        """Give up the prefixes that have another ancestor than the most probable one; running: (N,) bool."""
        best = self.beam.score.argmax(dim=1, keepdim=True)
        other = self.ancestors != self.ancestors.gather(1, best)
        self.beam.score = self.beam.score.masked_fill(other & running[:, None], LOG_ZERO)
        self.ancestors = self.own_slots

    def settle(self) -> Hypothesis:
        """For one utterance: the labels that all prefixes have in common and that no earlier call returned.

        The frames in which they were emitted are forgotten. The score is that of the most probable prefix.
        """
        score, best = self.beam.score.max(dim=1)
        slots = set((self.beam.score[0] > LOG_ZERO).nonzero()[:, 0].tolist())
        frame = len(self.sources)
        while len(slots) > 1 and frame > 0:
            frame -= 1
            source = self.sources[frame][0].tolist()
            slots = {source[slot] for slot in slots}
        if len(slots) > 1:
            return Hypothesis([], [], float(score))
        common = best.new_tensor([slots.pop()])
        found = trace_back(self.sources[:frame], self.emitted[:frame], common, score, self.first_frame)[0]
        del self.sources[:frame], self.emitted[:frame]
        self.first_frame += frame
        return found

    def finish(self) -> list[Hypothesis]:
        """The most probable hypothesis of each utterance, without the labels that `settle` returned.

        With `nbest` above 1, `others` has the other prefixes of the beam.
        """
        score = self.beam.score
        if self.language_model is not None:
            score = score + self.language_model.end_scores(self.beam.lm_state)
        if self.hotwords is not None:
            score = score + self.hotwords.end_bonus(self.beam.hotword_state)
        if self.config.nbest == 1:
            best_score, best = score.max(dim=1)
            return trace_back(self.sources, self.emitted, best, best_score, self.first_frame)
        ranked = [
            trace_back(self.sources, self.emitted, slots, scores, self.first_frame)
            for scores, slots in zip(*(part.unbind(1) for part in score.sort(dim=1, descending=True)))
        ]
        for best, *others in zip(*ranked):
            best.others = [other for other in others if other.score > LOG_ZERO]
        return ranked[0]


def first_beam(
    decoder: HatDecoder,
    count: int,
    config: SearchConfig,
    language_model: WeightedLm | None,
    start: Tensor | None,
    device: torch.device,
    hotwords: HotwordGraph | None,
) -> Beam:
    """The beam before the first frame: one prefix, empty or `start` (N,), for each utterance; other slots are empty."""
    size = config.beam_size
    shape = (count, size)
    score = torch.full(shape, LOG_ZERO, device=device)
    score[:, 0] = 0.0
    lm_state = torch.zeros(*shape, 0, dtype=torch.long, device=device)
    if language_model is not None:
        lm_state = language_model.start(device).expand(*shape, -1)
        if start is not None:
            lm_state = language_model.advance(lm_state, start[:, None].expand(shape))
    hotword_state = torch.zeros(shape, dtype=torch.long, device=device)
    if hotwords is not None:
        hotword_state = torch.full_like(hotword_state, hotwords.start_state)
    history = first_history(decoder, count, start, device)
    return Beam(
        score=score,
        hash=torch.zeros(shape, dtype=torch.long, device=device),
        history=history[:, None].expand(-1, size, -1),
        lm_state=lm_state,
        hotword_state=hotword_state,
        source=torch.arange(size, device=device).expand(shape),
        emitted=torch.full((*shape, config.max_symbols), BLANK_ID, dtype=torch.long, device=device),
    )


def search_frame(
    decoder: HatDecoder,
    projected: Tensor,
    beam: Beam,
    config: SearchConfig,
    language_model: WeightedLm | None,
    hotwords: HotwordGraph | None,
) -> Beam:
    """Extend the prefixes through one frame: the best `beam_size` prefixes after its blank.

    projected: (N, 1, joint_dim) of the frame; beam: the prefixes before it.
    """
    finished: Beam | None = None  # prefixes that have left the frame by a blank
    for symbol in range(config.max_symbols + 1):
        predicted = decoder.predict(beam.history)
        log_probs = decoder.log_probs(projected, predicted)  # (N, K, V)
        leaving = replace(beam, score=beam.score + log_probs[..., BLANK_ID])
        if finished is None:
            finished = leaving
        else:
            both = finished.map(lambda first, second: torch.cat([first, second], dim=1), leaving)
            both.score = merge_equal(both.score, both.hash)
            finished = both.pick(both.score.topk(config.beam_size, dim=1).indices)
        if symbol == config.max_symbols:
            break
        label_scores = log_probs[..., 1:]
        if config.internal_lm_weight:
            label_scores = label_scores - config.internal_lm_weight * decoder.internal_lm(predicted)[..., 1:]
        if language_model is not None:
            label_scores = label_scores + language_model.scores(beam.lm_state)[..., 1:]
        if config.length_bonus:
            label_scores = label_scores + config.length_bonus
        if hotwords is not None:
            label_scores = label_scores + hotwords.bonus(beam.hotword_state)[..., 1:]
        # a prefix that is less probable than all of the finished beam can no longer enter it
        least = finished.score.amin(dim=1, keepdim=True)
        beam = grow(beam, label_scores, symbol, least, language_model, hotwords)
        if bool((beam.score == LOG_ZERO).all()):
            break
    assert finished is not None  # max_symbols is 1 or more
    return finished


def grow(
    beam: Beam,
    label_scores: Tensor,
    symbol: int,
    least: Tensor,
    language_model: WeightedLm | None,
    hotwords: HotwordGraph | None,
) -> Beam:
    """The best prefixes that are one label longer.

    label_scores: (N, K, V - 1), column y - 1: label y; symbol: number of labels that the frame has emitted before;
    least: (N, 1) the score below which a slot stays empty.
    """
    width = min(beam.score.shape[1], label_scores.shape[2])
    top, label = label_scores.topk(width, dim=-1)
    score, chosen = (beam.score[..., None] + top).flatten(1).topk(beam.score.shape[1], dim=1)
    score = score.masked_fill(score < least, LOG_ZERO)
    empty = (score == LOG_ZERO)[..., None]
    label = label.flatten(1).gather(1, chosen) + 1
    grown = beam.pick(chosen.div(width, rounding_mode="floor"))
    emitted = grown.emitted.clone()
    emitted[..., symbol] = label
    lm_state = grown.lm_state
    if language_model is not None:  # of empty slots state 0, which every model knows: nothing is computed for them
        lm_state = language_model.advance(lm_state.masked_fill(empty, 0), label).masked_fill(empty, 0)
    return Beam(
        score=score,
        hash=grown.hash * HASH_BASE + label,
        history=torch.cat([grown.history[..., 1:], label[..., None]], dim=-1),
        lm_state=lm_state,
        hotword_state=grown.hotword_state if hotwords is None else hotwords.advance(grown.hotword_state, label),
        source=grown.source,
        emitted=emitted,
    )


def trace_back(
    sources: list[Tensor], emitted: list[Tensor], best: Tensor, scores: Tensor, first_frame: int
) -> list[Hypothesis]:
    """Follow the best slots from the last frame to the first.

    Args:
        sources: for each frame (N, K); emitted: for each frame (N, K, max_symbols).
        best, scores: (N,) the slot after the last frame, and its score.
        first_frame: the number of the first of these frames.
    Returns:
        The hypothesis of each utterance.
    """
    slot = best
    steps = []  # (N, max_symbols) of each frame, the last frame first
    for source, labels in zip(reversed(sources), reversed(emitted)):
        steps.append(labels[torch.arange(len(slot), device=slot.device), slot])
        slot = source.gather(1, slot[:, None])[:, 0]
    hypotheses = [Hypothesis([], [], score) for score in scores.tolist()]
    for frame, labels in enumerate(reversed([step.tolist() for step in steps]), first_frame):
        for hypothesis, new in zip(hypotheses, labels):
            found = [label for label in new if label != BLANK_ID]
            hypothesis.labels += found
            hypothesis.frames += [frame] * len(found)
    return hypotheses
