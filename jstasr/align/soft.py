"""Soft alignments: a soft minimum over all alignments, and optimal transport."""

import torch
from torch import Tensor

from jstasr.align.distance import pairwise_distances
from jstasr.kernels.alignment import soft_minimum

# Width of the preference for the diagonal in optimal transport, as a share of the utterance, and where its
# iteration stops: the largest error of a row's or column's mass, relative to that mass.
PRIOR_WIDTH = 0.2
TRANSPORT_ITERATIONS = 500
TRANSPORT_TOLERANCE = 1e-3


def soft_alignment_cost(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    topology: str,
    distance: str,
    gamma: float,
) -> Tensor:
    """-gamma log sum over alignments of exp(-cost / gamma), for each utterance.

    Under "dtw" this is soft-DTW (arXiv 1703.01541); "skip" and "noskip" are the same over their alignments.
    The gradient weights each pair with the probability that an alignment visits it.

    Args:
        speech, text: (B, n, d), (B, m, d) prepared by `normalise`, finite past the lengths.
        speech_lengths, text_lengths: (B,) int64 on the CPU.
        topology, distance: as in `consistency_loss`.
        gamma: float > 0.
    Returns:
        (B,) differentiable. Not divided by anything.
    """
    cost = pairwise_distances(speech, text, distance)
    return _SoftMinimum.apply(cost, speech_lengths, text_lengths, topology, _positive(gamma))


class _SoftMinimum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, cost: Tensor, speech_lengths: Tensor, text_lengths: Tensor, topology: str, gamma: float) -> Tensor:
        value, probability = soft_minimum(cost, speech_lengths, text_lengths, topology, gamma)
        check_finite(value)
        ctx.save_for_backward(probability)
        return value

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None, None, None]:
        (probability,) = ctx.saved_tensors
        return probability * grad[:, None, None], None, None, None, None


def transport_cost(
    speech: Tensor, text: Tensor, speech_lengths: Tensor, text_lengths: Tensor, distance: str, gamma: float
) -> Tensor:
    """Cost of transporting frames to text positions, for each utterance; the plan is a constant.

    Args and returns: as `soft_alignment_cost`. The plan's mass is 1, so this is a mean over frames.
    """
    cost = pairwise_distances(speech, text, distance)
    with torch.no_grad():
        plan = transport_plan(cost.detach(), speech_lengths, text_lengths, gamma)
    return (plan * cost).sum((1, 2))


def transport_plan(
    cost: Tensor, speech_lengths: Tensor, text_lengths: Tensor, gamma: float, prior_width: float = PRIOR_WIDTH
) -> Tensor:
    """Entropic optimal transport between frames and positions of equal mass, near the diagonal (Sinkhorn).

    The plan P minimises <P, cost> + gamma KL(P || prior) under the marginals 1/n_b and 1/m_b, where the prior
    is a Gaussian of the difference between the relative times (i + 1/2) / n_b and (j + 1/2) / m_b.

    Args:
        cost: (B, n, m) float, finite also past the lengths.
        speech_lengths, text_lengths: (B,) int64 on the CPU.
        gamma: float > 0, in units of the cost.
        prior_width: standard deviation of the Gaussian; infinity for no preference.
    Returns:
        (B, n, m): the plan, 0 past the lengths; every frame has its mass exactly, every position to 0.1%.
    Raises:
        ValueError: a cost that is not finite; names the batch items.
    """
    finite = cost.isfinite().flatten(1).all(1)
    if not finite.all():
        bad = ", ".join(map(str, (~finite).nonzero().flatten().tolist()))
        raise ValueError(f"a distance is NaN or infinite, batch items: {bad}")
    frames, frame_log_mass = _mass(speech_lengths, cost.shape[1], cost)
    positions, position_log_mass = _mass(text_lengths, cost.shape[2], cost)
    off_diagonal = frames[:, :, None] - positions[:, None]
    log_plan = -cost / _positive(gamma) - off_diagonal.square() / (2 * prior_width**2)
    log_plan += torch.where(frame_log_mass.isfinite(), 0, frame_log_mass)[:, :, None]
    log_plan += torch.where(position_log_mass.isfinite(), 0, position_log_mass)[:, None]
    column = torch.zeros_like(position_log_mass)
    outside = ~position_log_mass.isfinite()
    for iteration in range(TRANSPORT_ITERATIONS):
        row = frame_log_mass - _log_sum(log_plan + column[:, None], 2)
        mass = _log_sum(log_plan + row[:, :, None], 1)
        if iteration % 10 == 9:
            error = (column + mass - position_log_mass).masked_fill(outside, 0)
            if error.abs().max() < TRANSPORT_TOLERANCE:
                break
        column = (position_log_mass - mass).masked_fill(outside, 0)
    else:
        row = frame_log_mass - _log_sum(log_plan + column[:, None], 2)
    return (log_plan + row[:, :, None] + column[:, None]).exp()


def _mass(lengths: Tensor, steps: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Relative times (B, steps), and logarithms of equal masses of sum 1, -infinity past the lengths."""
    step, lengths = torch.arange(steps)[None], lengths[:, None]
    log_mass = (-lengths.to(like.dtype).log()).expand(-1, steps).masked_fill(step >= lengths, -torch.inf)
    return ((step + 0.5) / lengths).to(like), log_mass.to(like.device)


def _log_sum(x: Tensor, dim: int) -> Tensor:
    """logsumexp, but 0 where all terms are -infinity: past the length, where no mass comes or goes."""
    total = torch.logsumexp(x, dim)
    return total.masked_fill(total == -torch.inf, 0)


def check_finite(total: Tensor) -> None:
    """ValueError that names the items whose sum (B,) of distances is not finite."""
    finite = total.isfinite()
    if not finite.all():
        bad = ", ".join(map(str, (~finite).nonzero().flatten().tolist()))
        raise ValueError(f"a distance inside the lengths is NaN or infinite, batch items: {bad}")


def _positive(gamma: float) -> float:
    if not gamma > 0:
        raise ValueError(f"gamma must be above 0, got {gamma}")
    return float(gamma)
