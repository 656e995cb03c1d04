"""The consistency loss: pull the representations of an utterance and of its text together."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from jstasr.align import paths, soft
from jstasr.align.best import align_embeddings, check_embeddings, check_lengths
from jstasr.align.distance import normalise
from jstasr.align.path_cost import path_cost
from jstasr.kernels.pairs import pairs_of_path

ALIGNMENTS = ("best", "framewise", "random", "forced", "soft_dtw", "sinkhorn", "none")
STOP_GRADIENTS = ("none", "speech", "text")


def consistency_loss(
    speech: Tensor | Sequence[Tensor],
    text: Tensor | Sequence[Tensor],
    speech_lengths: Tensor,
    text_lengths: Tensor,
    alignment: str = "best",
    topology: str = "skip",
    distance: str = "sqeuclidean",
    layer_norm: bool = True,
    stop_gradient: str = "none",
    gamma: float = 0.1,
    path: Tensor | None = None,
    generator: torch.Generator | None = None,
    layer_weights: Sequence[float] | None = None,
) -> Tensor:
    """Mean distance between speech frames and the text positions that they are aligned with.

    For each utterance the distances along the alignment are summed and divided by the number of frames; the
    loss is the mean over utterances (arXiv 2308.06125, section 4). The alignment is a constant for the
    gradient, except for "soft_dtw", which is differentiable as a whole. With `layer_norm` and "sqeuclidean"
    the distance lies in [0, 4] whatever the dimension, and near 2 for unrelated vectors.

    Args:
        speech: (B, n, d) float, encoder outputs; rows past `speech_lengths` are ignored. Or a sequence of
            such tensors, one for each layer: the loss is then the weighted mean of theirs.
        text: (B, m, d) float, or a sequence, likewise.
        speech_lengths, text_lengths: (B,) int, 1 <= length <= n (m).
        alignment:
            "best": the cheapest monotone alignment under `topology`.
            "framewise": the text stretched uniformly over the frames.
            "random": a random monotone alignment, the control.
            "forced": `path`, from an aligner; see `jstasr.align.paths.forced_path`.
            "soft_dtw": soft minimum over the alignments of `topology`, of temperature `gamma`; it may be
                negative.
            "sinkhorn": entropic optimal transport of regularisation `gamma`, with a preference for the
                diagonal.
            "none": 0, with gradients that are 0.
        topology: "skip" | "noskip" | "dtw", of "best" and "soft_dtw"; see `best_alignment_from_cost`.
        distance: "sqeuclidean" | "euclidean" | "cosine".
        layer_norm: compare layer-normalised vectors; see `jstasr.align.distance.normalise` for the scale.
        stop_gradient: "none" | "speech" | "text", the side that is to be a constant target.
        gamma: float > 0, in units of the distance.
        path: (B, n) int64, the text position of each frame, for "forced"; ignored past the length.
        generator: torch.Generator on the CPU, for "random".
        layer_weights: floats, one for each layer; all 1 if None.
    Returns:
        () float32 (float64 for float64 input).
    Raises:
        ValueError: an unknown option, a length out of range, a distance that is not finite; names the batch
            items. Where "best" finds its paths on a GPU, a distance that is not finite makes the loss NaN instead,
            as nothing there waits for the GPU.
    """
    if not isinstance(speech, Tensor) and not isinstance(text, Tensor):
        return _layers_mean(
            speech, text, layer_weights,
            lambda a, t: consistency_loss(
                a, t, speech_lengths, text_lengths, alignment, topology, distance, layer_norm, stop_gradient,
                gamma, path, generator,
            ),
        )  # fmt: skip
    if not isinstance(speech, Tensor) or not isinstance(text, Tensor):
        raise ValueError("speech and text must both be tensors, or both sequences of tensors, one for each layer")
    if alignment not in ALIGNMENTS:
        raise ValueError(f"alignment must be one of {', '.join(ALIGNMENTS)}, got {alignment!r}")
    if stop_gradient not in STOP_GRADIENTS:
        raise ValueError(f"stop_gradient must be one of {', '.join(STOP_GRADIENTS)}, got {stop_gradient!r}")
    speech, text = check_embeddings(speech, text)
    if alignment == "none":
        return speech.flatten()[:0].sum() + text.flatten()[:0].sum()  # 0, but part of the graph
    if alignment not in ("best", "soft_dtw"):
        topology = "skip"
    n, m = speech.shape[1], text.shape[1]
    lengths = check_lengths(speech_lengths, text_lengths, speech.shape[0], n, m, topology)
    if stop_gradient == "speech":
        speech = speech.detach()
    if stop_gradient == "text":
        text = text.detach()
    with torch.autocast(speech.device.type, enabled=False):
        speech, text = zero_padding(speech, lengths[0]), zero_padding(text, lengths[1])
        speech, text = normalise(speech, text, distance, layer_norm)
        if alignment == "soft_dtw":
            cost = soft.soft_alignment_cost(speech, text, *lengths, topology, distance, gamma)
            return (cost / lengths[0].to(cost.device, non_blocking=True)).mean()
        if alignment == "sinkhorn":
            return soft.transport_cost(speech, text, *lengths, distance, gamma).mean()
        if alignment == "best":
            with torch.no_grad():
                pairs = align_embeddings(speech, text, *lengths, topology, distance).along()
        else:
            pairs = pairs_of_path(_given_path(alignment, path, *lengths, n, generator), lengths[0], m)
        cost = path_cost(speech, text, pairs, distance)
        if alignment != "best":  # which has looked at all distances, and on a GPU may have made the sum NaN
            soft.check_finite(cost.detach())
        return (cost / lengths[0].to(cost.device, non_blocking=True)).mean()


def zero_padding(embeddings: Tensor, lengths: Tensor) -> Tensor:
    """The same with zeros past the lengths, so that nothing from there can reach a gradient."""
    steps = embeddings.shape[1]
    if bool((lengths == steps).all()):
        return embeddings
    padding = (torch.arange(steps) >= lengths[:, None]).to(embeddings.device, non_blocking=True)
    return embeddings.masked_fill(padding[..., None], 0)


def _given_path(
    alignment: str,
    path: Tensor | None,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    n: int,
    generator: torch.Generator | None,
) -> Tensor:
    """The path (B, n) of an alignment that does not depend on the distances."""
    if alignment == "framewise":
        return paths.framewise_path(speech_lengths, text_lengths, n)
    if alignment == "random":
        return paths.random_path(speech_lengths, text_lengths, n, generator)
    if path is None:
        raise ValueError("alignment 'forced' needs a path (B, n): see jstasr.align.paths.forced_path")
    return paths.check_path(path, speech_lengths, text_lengths, n)


def _layers_mean(
    speech: Sequence[Tensor],
    text: Sequence[Tensor],
    weights: Sequence[float] | None,
    loss: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """The weighted mean of the loss over layers."""
    weights = [1.0] * len(speech) if weights is None else [float(weight) for weight in weights]
    if not len(speech) == len(text) == len(weights) or not sum(weights) > 0 or min(weights) < 0:
        raise ValueError(
            "need as many text layers and weights as speech layers, weights >= 0 and not all 0; got "
            f"{len(speech)} speech layers, {len(text)} text layers, weights {weights}"
        )
    terms = [weight * loss(a, t) for a, t, weight in zip(speech, text, weights) if weight > 0]
    return sum(terms[1:], start=terms[0]) / sum(weights)
