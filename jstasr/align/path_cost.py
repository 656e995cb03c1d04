"""The sum of distances along a path, and its gradient."""

from torch import Tensor

from jstasr.kernels import alignment
from jstasr.kernels.device import PathOnDevice
from jstasr.kernels.pairs import Pairs


def path_cost(speech: Tensor, text: Tensor, pairs: Pairs | PathOnDevice, distance: str) -> Tensor:
    """Sums (B,) of the distances of each item's pairs of prepared vectors (see `normalise`).

    Differentiable; the pairs are constants.

    Args:
        speech: (B, n, d) float.
        text: (B, m, d) float.
        pairs: as `pairs_of_path`, `FoundPaths.along` or `PathOnDevice.along` gives them.
        distance: as in `normalise`.
    """
    return alignment.path_cost(speech, text, pairs, root=distance == "euclidean")
