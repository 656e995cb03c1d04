"""Distances between speech frames and text positions: all pairs for the alignment, and along a path."""

from typing import NamedTuple

import torch
import torch.nn.functional as F

DISTANCES = ("sqeuclidean", "euclidean", "cosine")


class Pairs(NamedTuple):
    """Aligned pairs of a batch as flat indices, P in all, item after item.

    item: (P,) int64, batch item.
    speech_row: (P,) int64, row of speech.reshape(B * n, d).
    text_row: (P,) int64, row of text.reshape(B * m, d).
    """

    item: torch.Tensor
    speech_row: torch.Tensor
    text_row: torch.Tensor

    def to(self, device):
        return Pairs(*(index.to(device, non_blocking=True) for index in self))


def pairs_of_path(path, m):
    """The pairs of a path (B, n) int64 that is -1 past the length, among m text positions."""
    item, frame = (path >= 0).nonzero(as_tuple=True)
    speech_row = item * path.shape[1] + frame
    return Pairs(item, speech_row, item * m + path.reshape(-1)[speech_row])


def normalise(speech, text, distance, layer_norm):
    """Vectors whose (squared) Euclidean distance is the distance asked for.

    With `layer_norm` each vector is shifted to mean 0 and scaled to length 1, that is, layer-normalised
    without affine parameters and divided by sqrt(d). Whatever d, "sqeuclidean" then lies in [0, 4]: it is the
    mean over the dimensions of the squared differences of layer-normalised vectors. "euclidean" and "cosine"
    lie in [0, 2].

    Args:
        speech: (B, n, d) float.
        text: (B, m, d) float.
        distance: "sqeuclidean" | "euclidean" | "cosine". For "cosine" vectors are scaled to length sqrt(1/2):
            1 - cos(a, t) = ||a/|a| - t/|t| ||^2 / 2.
        layer_norm: bool.
    Returns:
        speech, text: as given.
    """
    if distance not in DISTANCES:
        raise ValueError(f"distance must be one of {', '.join(DISTANCES)}, got {distance!r}")
    d = speech.shape[-1]
    if layer_norm:
        scale = speech.new_full((d,), d**-0.5)
        speech, text = (F.layer_norm(x, (d,), weight=scale) for x in (speech, text))
    if distance == "cosine":
        speech, text = (F.normalize(x, dim=-1) * 0.5**0.5 for x in (speech, text))
    return speech, text


def pairwise_distances(speech, text, distance, constant=True):
    """Distances of all pairs of prepared vectors (see `normalise`), by one matrix product.

    Args:
        speech: (B, n, d) float.
        text: (B, m, d) float.
        distance: as in `normalise`.
        constant: add |a|^2. Without it "sqeuclidean" and "cosine" are short of a term that is the same for
            all positions of a frame, which changes no path that visits each frame once.
    Returns:
        (B, n, m) float, differentiable.
    """
    text_square = text.square().sum(-1)
    cost = torch.baddbmm(text_square[:, None], speech, text.transpose(1, 2), alpha=-2)
    if constant or distance == "euclidean":
        cost += speech.square().sum(-1)[..., None]
    if distance == "euclidean":
        # Rounding leaves a little around 0, where the square root has no gradient.
        return cost.clamp(min=1e-12).sqrt()
    return cost.clamp(min=0) if constant else cost


def path_distances(speech, text, pairs, distance):
    """Distances (P,) of aligned pairs of prepared vectors; differentiable, the pairs being constants."""
    weight = speech.new_ones(pairs.item.shape)
    return _PathDistances.apply(speech, text, pairs.to(speech.device), weight, distance == "euclidean")


class _PathDistances(torch.autograd.Function):
    """Gathers forward, sums segments backward: nothing of size (n, m) is kept or made."""

    @staticmethod
    def forward(ctx, speech, text, pairs, weight, root):
        difference = speech.flatten(0, 1)[pairs.speech_row] - text.flatten(0, 1)[pairs.text_row]
        distance = difference.square().sum(1)
        if root:
            distance = distance.sqrt()
        ctx.save_for_backward(difference, distance, pairs.speech_row, pairs.text_row)
        ctx.shapes, ctx.root = (speech.shape, text.shape), root
        return distance

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        difference, distance, speech_row, text_row = ctx.saved_tensors
        # d|x|^2 = 2x; d|x| = x / |x|, 0 at 0
        scale = grad / distance.where(distance > 0, 1) if ctx.root else 2 * grad
        scaled = scale[:, None] * difference
        grads = [None, None]
        for k, (row, sign) in enumerate(((speech_row, 1), (text_row, -1))):
            if ctx.needs_input_grad[k]:
                shape = ctx.shapes[k]
                grads[k] = scaled.new_zeros(shape[0] * shape[1], shape[2])
                grads[k].index_add_(0, row, scaled, alpha=sign)
                grads[k] = grads[k].view(shape)
        return (*grads, None, None, None)
