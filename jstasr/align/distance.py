"""Distances between speech frames and text positions."""

import torch
import torch.nn.functional as F
from torch import Tensor

DISTANCES = ("sqeuclidean", "euclidean", "cosine")


def normalise(speech: Tensor, text: Tensor, distance: str, layer_norm: bool) -> tuple[Tensor, Tensor]:
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


def pairwise_distances(speech: Tensor, text: Tensor, distance: str, constant: bool = True) -> Tensor:
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
