"""When the words of a hypothesis were said, and how sure the model is of each.

A search emits a label as soon, or as late, as its probability allows. Better is where all alignments of the labels put
it on average. Where one word ends and the next begins, the CTC head on phonemes says: the word mark is one of its
symbols, and peaks between words.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jstasr.decode.greedy import Hypothesis
from jstasr.features.frames import ENCODER_FRAME_SECONDS
from jstasr.kernels.ops import transducer_loss
from jstasr.model.hat import HatDecoder
from jstasr.model.joint import Encoded, JointModel
from jstasr.text.tokens import PhoneList

BAND = 15  # frames (0.6 s) around the frame of its emission in which a label may lie
NEVER = -1e4  # log-probability outside the band
CELLS_AT_ONCE = 4096  # of the lattice, whose joint network is computed together
LAG = 0.036  # seconds from a boundary of words to the peak of its mark: half of what a frame sees, and the peak's own
FIRST_LAG = 0.07  # seconds from the beginning of a word to its first label, likewise
NEAR = 0.3  # seconds from the first (last) label to the edge of speech where its word begins (ends)
SPREAD = 2.5  # frames: standard deviation of the boundary around the labels on either side


@dataclass
class LabelTimes:
    """For each label of a hypothesis (U,): the mean frame over all alignments, and its probability there."""

    frames: np.ndarray
    confidence: np.ndarray


@torch.inference_mode()
def label_times(decoder: HatDecoder, encoded: Tensor, lengths: Tensor, found: list[Hypothesis]) -> list[LabelTimes]:
    """Where the labels lie, by the forward-backward algorithm on a band around the path of the search.

    Args:
        encoded: (N, T, C), the input of the decoder; lengths: (N,) int.
        found: N hypotheses, at least one with a label.
    """
    symbols = max(len(hypothesis.labels) for hypothesis in found)
    labels = torch.ones(len(found), symbols, dtype=torch.long)
    for row, hypothesis in zip(labels, found):
        row[: len(hypothesis.labels)] = torch.tensor(hypothesis.labels, dtype=torch.long)
    where = [band(hypothesis.frames, int(length)) for hypothesis, length in zip(found, lengths)]
    utterance = torch.from_numpy(np.concatenate([np.full(len(part), n) for n, part in enumerate(where)]))
    frame, prefix = torch.from_numpy(np.concatenate(where)).T
    following = torch.nn.functional.pad(labels, (0, 1), value=1)[utterance, prefix]
    blank, label, chosen = joint(decoder, encoded, labels, utterance, frame, prefix, following)
    shape = len(found), int(lengths.max()), symbols + 1
    cells = torch.full((*shape, 2), NEVER)
    cells[utterance, frame, prefix] = torch.stack([blank, label], dim=1)
    share = occupancy(cells, lengths.cpu(), torch.tensor([len(hypothesis.labels) for hypothesis in found]))
    probability = torch.zeros(shape)
    probability[utterance, frame, prefix] = chosen
    total = share.sum(dim=1).clamp(min=1e-9)  # (N, U + 1)
    mean = (share * torch.arange(shape[1])[:, None]).sum(dim=1) / total
    confidence = (share * probability).sum(dim=1) / total
    return [
        LabelTimes(frames.numpy()[: len(hypothesis.labels)], sure.numpy()[: len(hypothesis.labels)])
        for hypothesis, frames, sure in zip(found, mean, confidence)
    ]


def band(frames: list[int], length: int) -> np.ndarray:
    """Cells (M, 2) of the lattice of `length` frames that are near a path: frame, and number of labels before it.

    frames: of the labels on the path.
    """
    cells = []
    for prefix in range(len(frames) + 1):
        first = max(0, frames[prefix - 1] - BAND) if prefix else 0
        last = min(length - 1, frames[prefix] + BAND) if prefix < len(frames) else length - 1
        cells.append(np.stack([np.arange(first, last + 1), np.full(last + 1 - first, prefix)], axis=1))
    return np.concatenate(cells)


def joint(
    decoder: HatDecoder,
    encoded: Tensor,
    labels: Tensor,
    utterance: Tensor,
    frame: Tensor,
    prefix: Tensor,
    following: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """The joint network at M cells, on the CPU.

    Args:
        encoded: (N, T, C); labels: (N, U) int.
        utterance, frame, prefix, following: (M,) int, of each cell, and the label that comes next.
    Returns:
        (M,) each: log-probability of blank and of the label, and the probability of the label where there is no blank.
    """
    device = encoded.device
    projected = decoder.encoder_projection(encoded)
    predicted = decoder.predict(decoder.label_history(labels.to(device)))
    parts = []
    for first in range(0, len(frame), CELLS_AT_ONCE):
        n, t, u, y = (
            cells[first : first + CELLS_AT_ONCE].to(device) for cells in (utterance, frame, prefix, following)
        )
        blank, scores = decoder.logits(projected[n, t], predicted[n, u])
        chosen = scores.log_softmax(-1).gather(1, y[:, None] - 1)
        log_sigmoid = torch.nn.functional.logsigmoid
        parts.append(torch.cat([log_sigmoid(blank), log_sigmoid(-blank) + chosen, chosen.exp()], dim=1).cpu())
    blank, label, chosen = torch.cat(parts).T
    return blank, label, chosen


def occupancy(cells: Tensor, lengths: Tensor, label_lengths: Tensor) -> Tensor:
    """Probability that the label after each prefix is emitted at each frame, over all alignments: (N, T, U + 1).

    It is the gradient of the log-likelihood by the log-probability of that label.

    Args:
        cells: (N, T, U + 1, 2), log-probabilities of blank and of the next label.
        lengths, label_lengths: (N,) int.
    """
    with torch.inference_mode(False), torch.enable_grad():
        leaf = cells.clone().requires_grad_()
        nats = transducer_loss(leaf, lengths.clone(), label_lengths.clone()).sum()
        (gradient,) = torch.autograd.grad(nats, leaf)
    return -gradient[..., 1]


def word_marks(model: JointModel, encoded: Encoded) -> np.ndarray:
    """Log-probability that a word ends, by the CTC head on phonemes: (N, T)."""
    logits = model.ctc_phone(encoded.layers[0])
    return logits.float().log_softmax(-1)[..., PhoneList.WORD_MARK_ID].cpu().numpy()


def boundaries(marks: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Frames (K,) of K boundaries between words, one after the other: those of the highest posterior probability.

    Args:
        marks: (T,) log-probability of a word mark at each frame.
        expected: (K,) where the boundaries should be, in frames: a normal distribution around it is the prior.
    """
    if not 0 < len(expected) <= len(marks):  # more than one in a frame
        return np.round(expected).astype(int)
    odds = marks - np.log1p(-np.exp(np.minimum(marks, -1e-6)))
    frames = np.arange(len(marks))
    scores = odds - np.square((frames - expected[:, None]) / SPREAD) / 2  # (K, T)
    best = scores[0]
    came_from = []
    for later in scores[1:]:
        highest = np.maximum.accumulate(best)  # of the boundary before, at this frame or earlier
        origin = np.maximum.accumulate(np.where(best == highest, frames, 0))
        came_from.append(np.append(0, origin[:-1]))
        best = later + np.append(-np.inf, highest[:-1])
    path = [int(best.argmax())]
    for origin in reversed(came_from):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1])


def word_spans(
    words: list[slice], labels: LabelTimes, marks: np.ndarray, speech: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Begin and end of words, in seconds from the beginning of a segment.

    Args:
        words: the labels of each word, at least one.
        labels: where all labels lie.
        marks: (T,) of `word_marks`.
        speech: (begin, end) of each stretch of speech, in seconds: a word that begins or ends near a gap between them
            does so at the gap.
    """
    first = np.array([labels.frames[word.start] for word in words])
    last = np.array([labels.frames[word.stop - 1] for word in words])
    between = boundaries(marks, (last[:-1] + first[1:]) / 2) * ENCODER_FRAME_SECONDS - LAG
    begin, end = first[0] * ENCODER_FRAME_SECONDS - FIRST_LAG, last[-1] * ENCODER_FRAME_SECONDS
    begins = np.append(nearest(begin, [start for start, _ in speech]), between)
    ends = np.append(between, nearest(end, [stop for _, stop in speech]))
    for (_, stop), (start, _) in zip(speech, speech[1:]):
        inside = np.flatnonzero((between >= stop - ENCODER_FRAME_SECONDS) & (between <= start + ENCODER_FRAME_SECONDS))
        if len(inside):
            ends[inside[0]], begins[inside[-1] + 1] = stop, start
    begins = np.maximum.accumulate(begins.clip(min=0.0))
    ends[:-1] = np.minimum(ends[:-1], begins[1:])
    return list(zip(begins.tolist(), np.maximum(ends, begins).tolist()))


def nearest(moment: float, edges: list[float]) -> float:
    """The edge of speech (seconds) that is nearest to a moment, or the moment if all are far."""
    edge = min(edges, key=lambda other: abs(other - moment), default=moment)
    return edge if abs(edge - moment) <= NEAR else moment
