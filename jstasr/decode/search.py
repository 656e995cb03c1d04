"""Frame-synchronous search over a HAT decoder, batched over utterances."""

from dataclasses import dataclass

import torch
from torch import Tensor

from jstasr.model.hat import BLANK, HatDecoder

HASH_BASE = 1_000_003  # two label sequences meet in the beam when their rolling hashes do


@dataclass
class SearchConfig:
    """How a decoder's lattice is searched."""

    search: str = "greedy"  # greedy | beam
    beam_size: int = 8
    max_symbols: int = 3  # labels in one 40 ms frame; beam search: 1
    internal_lm_weight: float = 0.0  # beam: subtract the decoder's internal language model
    lm_weight: float = 0.0  # beam: add the external language model
    batch_frames: int = 60000  # padded feature frames decoded together


@dataclass
class Hypothesis:
    """Best label sequence of one utterance; `frames` are the encoder frames (40 ms) where the labels came out."""

    labels: list[int]
    frames: list[int]
    score: float


@torch.inference_mode()
def greedy_search(decoder: HatDecoder, encoded: Tensor, lengths: Tensor, max_symbols: int) -> list[Hypothesis]:
    """Follow the most probable symbol at each step.

    Args:
        encoded: (N, T, C) encoder output; lengths: (N,) int.
        max_symbols: most labels that one frame may emit.
    """
    count, frames, _ = encoded.shape
    projected = decoder.encoder_projection(encoded)
    history = torch.full((count, decoder.context), BLANK, dtype=torch.long, device=encoded.device)
    predicted = decoder.predict(history)
    score = torch.zeros(count, device=encoded.device)
    emitted = []  # (frame, active labels or BLANK) of every step
    for frame in range(frames):
        active = frame < lengths
        for _ in range(max_symbols):
            log_probs = decoder.log_probs(projected[:, frame], predicted)
            best, label = log_probs.max(dim=-1)
            score = score + torch.where(active, best, 0.0)
            active = active & (label != BLANK)
            if not bool(active.any()):
                break
            emitted.append((frame, torch.where(active, label, BLANK)))
            moved = torch.cat([history[:, 1:], label[:, None]], dim=1)
            history = torch.where(active[:, None], moved, history)
            predicted = decoder.predict(history)
    hypotheses = [Hypothesis([], [], value) for value in score.tolist()]
    for frame, labels in emitted:
        for hypothesis, label in zip(hypotheses, labels.tolist()):
            if label != BLANK:
                hypothesis.labels.append(label)
                hypothesis.frames.append(frame)
    return hypotheses


def merge_equal(scores: Tensor, hashes: Tensor) -> Tensor:
    """Add up the probabilities of candidates with equal hashes; the first keeps the sum, the others get -inf.

    scores, hashes: (N, K) log-probabilities and int64.
    """
    same = hashes[:, :, None] == hashes[:, None, :]
    summed = torch.where(same, scores[:, None, :], float("-inf")).logsumexp(-1)
    earlier = torch.ones_like(same[0]).tril(-1)
    repeated = (same & earlier).any(-1)
    return summed.masked_fill(repeated, float("-inf"))


@torch.inference_mode()
def beam_search(
    decoder: HatDecoder, encoded: Tensor, lengths: Tensor, config: SearchConfig, language_model=None
) -> list[Hypothesis]:
    """Keep the `beam_size` most probable label prefixes, at most one label a frame, alignments summed.

    With an external language model a label scores
    `log P(y) - internal_lm_weight * log P_ilm(y) + lm_weight * log P_lm(y)`   (arXiv 2003.07705, section 4.3).

    Args:
        encoded: (N, T, C); lengths: (N,) int.
        language_model: callable, histories (N, K, context) int -> log-probabilities (N, K, V); or None.
    """
    count, frames, _ = encoded.shape
    beam, device = config.beam_size, encoded.device
    projected = decoder.encoder_projection(encoded)
    history = torch.full((count, beam, decoder.context), BLANK, dtype=torch.long, device=device)
    scores = torch.full((count, beam), float("-inf"), device=device)
    scores[:, 0] = 0.0
    # empty slots differ in hash, so that they never merge with the live one
    hashes = torch.arange(beam, device=device).expand(count, -1).contiguous() * -1
    labels = torch.zeros(count, beam, frames, dtype=torch.long, device=device)
    times = torch.zeros_like(labels)
    sizes = torch.zeros(count, beam, dtype=torch.long, device=device)
    for frame in range(frames):
        predicted = decoder.predict(history)
        log_probs = decoder.log_probs(projected[:, frame, None], predicted)  # (N, K, V)
        label_scores = log_probs[..., 1:]
        if config.internal_lm_weight:
            label_scores = label_scores - config.internal_lm_weight * decoder.internal_lm(predicted)[..., 1:]
        if language_model is not None and config.lm_weight:
            label_scores = label_scores + config.lm_weight * language_model(history)[..., 1:]
        width = min(beam, label_scores.shape[-1])
        top, label = label_scores.topk(width, dim=-1)
        label = label + 1
        # candidates: each prefix unchanged (blank), then each prefix with each of its best labels
        stay = scores + log_probs[..., 0]
        grow = (scores[..., None] + top).flatten(1)
        grown_hashes = (hashes[..., None] * HASH_BASE + label).flatten(1)
        candidates = merge_equal(torch.cat([stay, grow], 1), torch.cat([hashes, grown_hashes], 1))
        new_scores, chosen = candidates.topk(beam, dim=-1)
        grows = chosen >= beam
        source = torch.where(grows, (chosen - beam).div(width, rounding_mode="floor"), chosen)
        new_label = torch.where(grows, label.flatten(1).gather(1, (chosen - beam).clamp(min=0)), BLANK)
        alive = (frame < lengths)[:, None]
        source = torch.where(alive, source, torch.arange(beam, device=device))
        grows = grows & alive
        scores = torch.where(alive, new_scores, scores)
        hashes = hashes.gather(1, source)
        hashes = torch.where(grows, hashes * HASH_BASE + new_label, hashes)
        sizes = sizes.gather(1, source)
        spread = source[..., None].expand(-1, -1, frames)
        labels, times = labels.gather(1, spread), times.gather(1, spread)
        at = sizes.clamp(max=frames - 1)[..., None]
        labels = torch.where(grows[..., None], labels.scatter(2, at, new_label[..., None]), labels)
        times = torch.where(grows[..., None], times.scatter(2, at, frame), times)
        sizes = sizes + grows
        history = history.gather(1, source[..., None].expand(-1, -1, decoder.context))
        moved = torch.cat([history[..., 1:], new_label[..., None]], dim=-1)
        history = torch.where(grows[..., None], moved, history)
    hypotheses = []
    for index, best in enumerate(scores.argmax(dim=1).tolist()):
        size = int(sizes[index, best])
        hypotheses.append(
            Hypothesis(
                labels[index, best, :size].tolist(), times[index, best, :size].tolist(), float(scores[index, best])
            )
        )
    return hypotheses


def search(
    decoder: HatDecoder, encoded: Tensor, lengths: Tensor, config: SearchConfig, language_model=None
) -> list[Hypothesis]:
    """Greedy or beam search, as configured: encoder output (N, T, C) and lengths (N,) -> best hypotheses."""
    if config.search == "greedy":
        return greedy_search(decoder, encoded, lengths, config.max_symbols)
    return beam_search(decoder, encoded, lengths, config, language_model)
