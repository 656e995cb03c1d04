"""Best alignment without leaving a GPU, where Triton has a compiler for it: costs or embeddings to paths and sums.

Nothing but `PathOnDevice.paths` and `pairs` waits for the GPU. Without Triton, jstasr.kernels.alignment copies the
costs to the CPU.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from jstasr.kernels.pairs import Pairs, not_finite, pairs_of_path

TOPOLOGIES = ("skip", "noskip")  # dtw, whose paths are lists of pairs, is aligned on the CPU
# Columns of a launch, all in registers of one item's program; more text goes in several launches.
SMALLEST_BLOCK, LARGEST_BLOCK, COLUMNS_OF_A_WARP = 32, 1024, 256
WINDOW = 64  # columns that the backtrace of skip looks at together
# Costs made by torch's matrix product: as many items at a time as fit in here.
GROUP_BYTES = 256 << 20
OLDEST_CUDA = 7, 0  # compute capability that Triton compiles for


class PathOnDevice(NamedTuple):
    """The cheapest paths of a batch, all on its device.

    path: (B, n) int64, -1 past the length.
    finite: (B,) bool, whether all costs inside the lengths are; where not, the path means nothing.
    speech_lengths: (B,) int64 on the CPU.
    text_width: m.
    """

    path: Tensor
    finite: Tensor
    speech_lengths: Tensor
    text_width: int
    cost: None = None  # has yet to be summed, as that of FoundPaths may have

    def paths(self) -> Tensor:
        """`path`, when the device has found it; ValueError names the items that have a cost that is not finite."""
        failed = (~self.finite).nonzero().flatten().tolist()
        if failed:
            raise not_finite(failed)
        return self.path

    def along(self) -> "PathOnDevice":
        """What `path_cost` sums along."""
        return self

    def pairs(self) -> Pairs:
        """The same as one flat list on the CPU; errors as of `paths`."""
        return pairs_of_path(self.paths().cpu(), self.speech_lengths, self.text_width)


def takes(tensor: Tensor, topology: str) -> bool:
    """Are alignments of a tensor of this device found there?"""
    return tensor.is_cuda and topology in TOPOLOGIES and unavailable(tensor.device) is None


@cache
def unavailable(device: torch.device) -> str | None:
    """Why alignments of a CUDA device are found on the CPU; None: they are found there.

    The first call for a device compiles and starts the kernels on one cell, as Triton may lack what it needs only then:
    a C compiler, headers of Python.
    """
    try:
        import triton
        import triton.language as tl
    except ImportError as error:
        return f"no Triton here ({error})"
    if not hasattr(tl, "gather"):
        return f"Triton {triton.__version__} is older than 3.3"
    if torch.version.hip is None and torch.cuda.get_device_capability(device) < OLDEST_CUDA:
        return "Triton compiles for no GPU this old"
    try:
        for topology in TOPOLOGIES:
            one = torch.ones(1, dtype=torch.int64)
            align_costs(torch.zeros(1, 1, 1, device=device), one, one, topology)
    except Exception as error:  # of many kinds, and all of them said to the user
        return f"Triton cannot run here: {type(error).__name__}: {error}"
    return None


def align_costs(
    cost: Tensor, speech_lengths: Tensor, text_lengths: Tensor, topology: str
) -> tuple[PathOnDevice, Tensor]:
    """Cheapest paths for given costs; the recursions stand at `jstasr.align.best_alignment_from_cost`.

    Args:
        cost: (B, n, m) float32 or float64, on a CUDA device (under TRITON_INTERPRET=1, on the CPU).
        speech_lengths, text_lengths: (B,) int64, as `jstasr.kernels.alignment.check_lengths` wants them.
        topology: "skip" | "noskip".
    Returns:
        PathOnDevice, and their costs (B,) in the type of `cost`; both mean nothing where a cost is not finite.
    """
    from jstasr.kernels import device_recursion

    kernels: Any = device_recursion  # started with a grid in brackets, and options of Triton's beside their arguments
    cost = cost.detach()
    if cost.stride(2) != 1:
        cost = cost.contiguous()
    batch, n, m = cost.shape
    path = torch.full((batch, n), -1, dtype=torch.int64, device=cost.device)
    total = cost.new_zeros(batch)
    if batch == 0:
        return PathOnDevice(path, total.isfinite(), speech_lengths, m), total
    lengths = tuple(x.to(cost.device, torch.int32, non_blocking=True) for x in (speech_lengths, text_lengths))
    bits = torch.empty(batch, (n + 31) // 32, m, dtype=torch.int32, device=cost.device)
    block = min(max(1 << (m - 1).bit_length(), SMALLEST_BLOCK), LARGEST_BLOCK)
    starts = range(0, m, block)
    bad = torch.empty(len(starts), batch, dtype=torch.int8, device=cost.device)
    edges = [cost.new_empty(batch, n) for _ in starts[:2]]  # of the columns before, and of these
    noskip = topology == "noskip"
    with on(cost.device):
        for k, first in enumerate(starts):
            kernels.align_columns[(batch,)](
                cost, *lengths, bits, total, bad[k], edges[k % 2 - 1], edges[k % 2],
                n, m, cost.stride(0), cost.stride(1), first,
                NOSKIP=noskip, FIRST=k == 0, LAST=first + block >= m, BLOCK=block,
                num_warps=max(1, block // COLUMNS_OF_A_WARP),
            )  # fmt: skip
        kernels.trace[(batch,)](bits, *lengths, path, n, m, NOSKIP=noskip, WINDOW=WINDOW, num_warps=1)
    return PathOnDevice(path, bad.amax(0) == 0, speech_lengths, m), total


def on(device: torch.device) -> torch.cuda.device:
    """Kernels of Triton start on the current device; this makes it the tensors'."""
    return torch.cuda.device(device if device.type == "cuda" else -1)


def align_embeddings(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    topology: str,
    distances: Callable[[Tensor, Tensor], Tensor],
) -> PathOnDevice:
    """Cheapest paths under the distance of embeddings; arguments as in `jstasr.kernels.alignment.align_embeddings`."""
    batch, n, _ = speech.shape
    group = max(1, min(batch, GROUP_BYTES // max(1, n * text.shape[1] * speech.element_size())))
    parts = [slice(first, first + group) for first in range(0, max(batch, 1), group)]
    found = [
        align_costs(distances(speech[part], text[part]), speech_lengths[part], text_lengths[part], topology)[0]
        for part in parts
    ]
    path, finite = torch.cat([part.path for part in found]), torch.cat([part.finite for part in found])
    return PathOnDevice(path, finite, speech_lengths, text.shape[1])


def path_cost(speech: Tensor, text: Tensor, found: PathOnDevice, root: bool) -> Tensor:
    """Sums (B,) along the paths of |speech_i - text_j|^2, or with `root` of its square root; NaN where not `finite`.

    Differentiable; the path is a constant.

    Args:
        speech, text: (B, n, d) and (B, m, d) float.
    """
    batch, m, _ = text.shape
    first = torch.arange(batch, device=text.device)[:, None] * m
    position = (first + found.path.clamp(min=0)).flatten()
    difference = speech - text.flatten(0, 1).index_select(0, position).view_as(speech)
    difference = difference.masked_fill(found.path[..., None] < 0, 0)
    distance = difference.square().sum(-1)
    if root:  # d|x| = x / |x|, 0 at 0
        apart = distance > 0
        distance = distance.where(apart, 1).sqrt().where(apart, 0)
    return distance.sum(1).where(found.finite, torch.nan)
