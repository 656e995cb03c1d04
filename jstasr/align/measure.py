"""How well speech and text representations agree, and how well two alignments do."""

from typing import NamedTuple

import torch
from torch import Tensor

from jstasr.align.best import align_embeddings, check_embeddings, check_lengths
from jstasr.align.consistency import zero_padding
from jstasr.align.distance import normalise
from jstasr.align.path_cost import path_cost
from jstasr.align.paths import framewise_path, random_path
from jstasr.kernels.pairs import Pairs, pairs_of_path


class AlignmentDistances(NamedTuple):
    """Mean distance per frame of each utterance under several alignments, all (B,).

    Distances shrink as training goes on, random ones too; only their ratios say something about agreement.

    best: to the utterance's own text under the best alignment.
    framewise: the text stretched uniformly.
    random: a random monotone alignment.
    other: the best alignment with the text of the next utterance of the batch; NaN where there is none.
    positions: number of distinct text positions that the best alignment visits.
    position_share: the same as a share of the text's length.
    """

    best: torch.Tensor
    framewise: torch.Tensor
    random: torch.Tensor
    other: torch.Tensor
    positions: torch.Tensor
    position_share: torch.Tensor

    def summary(self) -> dict[str, float]:
        """Means over the batch as floats, and the ratios of the mean distances."""
        mean = {name: value.double().nanmean().item() for name, value in self._asdict().items()}
        for name in ("framewise", "random"):
            mean[f"best_to_{name}"] = _ratio(mean["best"], mean[name])
        both = ~self.other.isnan()
        mean["own_to_other"] = _ratio(self.best[both].double().mean().item(), mean["other"])
        return mean


@torch.no_grad()
def alignment_distances(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    topology: str = "skip",
    distance: str = "sqeuclidean",
    layer_norm: bool = True,
    generator: torch.Generator | None = None,
) -> AlignmentDistances:
    """Mean distances under the best, the uniform and a random alignment, and with another utterance's text.

    The paper's evidence that deeper layers agree better: the ratio of `best` to `random` falls with depth.

    Args:
        speech, text, speech_lengths, text_lengths: as in `consistency_loss`, one layer.
        topology, distance, layer_norm, generator: likewise.
    Returns:
        AlignmentDistances, on the CPU.
    """
    speech, text = check_embeddings(speech, text)
    batch, n, m = speech.shape[0], speech.shape[1], text.shape[1]
    speech_lengths, text_lengths = check_lengths(speech_lengths, text_lengths, batch, n, m, topology)
    with torch.autocast(speech.device.type, enabled=False):
        speech, text = normalise(
            zero_padding(speech, speech_lengths), zero_padding(text, text_lengths), distance, layer_norm
        )

        def mean_distance(speech: Tensor, text: Tensor, speech_lengths: Tensor, pairs: Pairs) -> Tensor:
            return path_cost(speech, text, pairs, distance).cpu() / speech_lengths

        best = align_embeddings(speech, text, speech_lengths, text_lengths, topology, distance)
        best = best.pairs()
        positions = torch.bincount(best.text_row.unique() // m, minlength=batch)
        uniform, random = (
            mean_distance(speech, text, speech_lengths, pairs_of_path(path, speech_lengths, m))
            for path in (
                framewise_path(speech_lengths, text_lengths, n),
                random_path(speech_lengths, text_lengths, n, generator),
            )
        )
        other = torch.full((batch,), torch.nan, dtype=speech.dtype)
        lengths = text_lengths.roll(-1)
        possible = speech_lengths >= (lengths if topology == "noskip" else 1)
        if batch > 1 and possible.any():
            chosen = possible.to(speech.device)
            part = speech[chosen], text.roll(-1, 0)[chosen], speech_lengths[possible]
            pairs = align_embeddings(*part, lengths[possible], topology, distance).pairs()
            other[possible] = mean_distance(*part, pairs)
        own = mean_distance(speech, text, speech_lengths, best)
    return AlignmentDistances(own, uniform, random, other, positions, positions / text_lengths)


class PathAgreement(NamedTuple):
    """Agreement of alignments with reference alignments, over all utterances.

    boundary_error_ms: mean absolute difference of the times at which text positions begin.
    boundaries_within_20_ms, boundaries_within_50_ms: share of those differences.
    frames_within_20_ms, frames_within_50_ms: share of frames whose position the reference has at most that
        far from the frame.
    same_frames: share of frames with the same position.
    """

    boundary_error_ms: float
    boundaries_within_20_ms: float
    boundaries_within_50_ms: float
    frames_within_20_ms: float
    frames_within_50_ms: float
    same_frames: float


def path_agreement(path: Tensor, reference: Tensor, text_lengths: Tensor, frame_shift_ms: float) -> PathAgreement:
    """Compare monotone paths, for instance best alignments with forced ones.

    Args:
        path, reference: (B, n) int64, the text position of each frame, -1 past the length.
        text_lengths: (B,) int.
        frame_shift_ms: milliseconds from one encoder frame to the next.
    Returns:
        PathAgreement. Its boundaries are the beginnings of positions 1, 2, ...; a skipped position begins
        where the path passes it. NaN without any boundary.
    """
    if path.shape != reference.shape or not torch.equal(path < 0, reference < 0):
        raise ValueError("path and reference must have the same shape and lengths")
    boundary_errors, frame_errors = [], []
    for ours, theirs, m in zip(path.cpu(), reference.cpu(), torch.as_tensor(text_lengths).tolist()):
        ours, theirs = ours[ours >= 0].contiguous(), theirs[theirs >= 0].contiguous()
        positions = torch.arange(1, m)
        starts = [torch.searchsorted(p, positions) for p in (ours, theirs)]
        boundary_errors.append((starts[0] - starts[1]).abs())
        frames = torch.arange(len(ours))
        first = torch.searchsorted(theirs, ours)
        last = torch.searchsorted(theirs, ours, right=True) - 1
        late, early = (first - frames).clamp(min=0), (frames - last).clamp(min=0)
        # Where the reference skips the position, last is first - 1: the nearer side is where it would be.
        frame_errors.append(torch.where(first <= last, late.maximum(early), late.minimum(early)))
    boundary_errors = torch.cat(boundary_errors).double() * frame_shift_ms
    frame_errors = torch.cat(frame_errors).double() * frame_shift_ms
    valid = path >= 0

    def share_within(errors: Tensor, limit_ms: float) -> float:
        return (errors <= limit_ms).double().mean().item()

    return PathAgreement(
        boundary_errors.mean().item(),
        share_within(boundary_errors, 20),
        share_within(boundary_errors, 50),
        share_within(frame_errors, 20),
        share_within(frame_errors, 50),
        (path == reference)[valid].double().mean().item(),
    )


def _ratio(a: float, b: float) -> float:
    return a / b if b else float("nan")
