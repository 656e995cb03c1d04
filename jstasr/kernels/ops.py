"""Parts of a layer in one pass over memory each, on the CPU; the same formulas from torch's operations elsewhere.

A step of a small model on a CPU spends half its time between the matrix products: drawing dropout masks, moving heads,
writing what the next operation reads again. The kernels (kernels_core.h) take float32 and bfloat16, compute in
float32, keep nothing for the way back that they can make anew, and give the same numbers for any number of threads.
A dropout keeps an element by a hash of its index and of a seed drawn from torch's generator.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from jstasr.kernels import _layers

TYPES = (torch.float32, torch.bfloat16)
LARGEST = 2**31  # elements: the hash of an index has 32 bits


def usable(*tensors: Tensor) -> bool:
    """Whether the kernels take these tensors."""
    return all(x.is_cpu and x.dtype in TYPES and x.numel() < LARGEST for x in tensors)


def is_half(x: Tensor) -> bool:
    return x.dtype == torch.bfloat16


def draw_seed(probability: float) -> int:
    """A new seed from torch's generator; 0, and nothing drawn, where nothing is dropped."""
    return int(torch.randint(2**63 - 1, ())) if probability > 0 else 0


class SiluDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, probability):
        x = x.contiguous()
        out = torch.empty_like(x)
        ctx.dropped = draw_seed(probability), probability
        _layers.silu_dropout(is_half(x), x.data_ptr(), out.data_ptr(), *ctx.dropped, x.numel(), torch.get_num_threads())
        ctx.save_for_backward(x)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        gradient = gradient.contiguous()
        to_x = torch.empty_like(x)
        _layers.silu_dropout_back(
            is_half(x), x.data_ptr(), gradient.data_ptr(), to_x.data_ptr(), *ctx.dropped, x.numel(),
            torch.get_num_threads(),
        )  # fmt: skip
        return to_x, None


def silu_dropout(x: Tensor, probability: float) -> Tensor:
    """dropout(silu(x)); `probability` 0 outside training."""
    if not usable(x):
        return F.dropout(F.silu(x), probability)
    return SiluDropout.apply(x, probability)


class AddDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, residual, x, factor, probability):
        residual, x = residual.contiguous(), x.contiguous()
        out = torch.empty_like(x)
        ctx.dropped = draw_seed(probability), probability, factor
        _layers.add_dropout(
            is_half(x), residual.data_ptr(), x.data_ptr(), out.data_ptr(), *ctx.dropped, x.numel(),
            torch.get_num_threads(),
        )  # fmt: skip
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        given = gradient.contiguous()
        to_x = torch.empty_like(given)
        _layers.dropout(
            is_half(given), given.data_ptr(), to_x.data_ptr(), *ctx.dropped, given.numel(), torch.get_num_threads()
        )
        return gradient, to_x, None, None


def add_dropout(residual: Tensor, x: Tensor, factor: float, probability: float) -> Tensor:
    """residual + factor * dropout(x), of one shape; `probability` 0 outside training."""
    if not usable(residual, x) or residual.dtype != x.dtype:
        return residual + factor * F.dropout(x, probability)
    return AddDropout.apply(residual, x, factor, probability)


class SelfAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, projected, mask, cos, sin, heads, probability):
        projected = projected.contiguous()
        batch, length, width = projected.shape
        size = width // (3 * heads)
        cos, sin = cos.float().contiguous(), sin.float().contiguous()
        ctx.sizes = is_half(projected), batch, heads, length, size, size**-0.5
        ctx.dropped = draw_seed(probability), probability
        parts = projected.new_empty(3, batch * heads, length, size)
        turn(False, projected, cos, sin, parts, *ctx.sizes)
        query, key, value = parts
        weights = torch.bmm(query, key.mT)  # the scores, which become their softmax
        allowed = mask.contiguous().data_ptr() if mask is not None else 0
        threads = torch.get_num_threads()
        _layers.softmax(ctx.sizes[0], weights.data_ptr(), allowed, batch, heads, length, threads)
        ctx.save_for_backward(parts, weights, cos, sin)
        mixed = torch.bmm(SelfAttention.kept(ctx, weights), value)
        return mixed.view(batch, heads, length, size).transpose(1, 2).reshape(batch, length, heads * size)

    @staticmethod
    def kept(ctx, weights):
        """The weights after dropout."""
        if ctx.dropped[1] == 0:
            return weights
        out = torch.empty_like(weights)
        _layers.dropout(
            ctx.sizes[0], weights.data_ptr(), out.data_ptr(), *ctx.dropped, 1.0, out.numel(), torch.get_num_threads()
        )
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        parts, weights, cos, sin = ctx.saved_tensors
        half, batch, heads, length, size, _ = ctx.sizes
        query, key, value = parts
        gradient = gradient.view(batch, length, heads, size).transpose(1, 2).reshape(batch * heads, length, size)
        to_parts = torch.empty_like(parts)
        torch.bmm(SelfAttention.kept(ctx, weights).mT, gradient, out=to_parts[2])
        to_scores = torch.bmm(gradient, value.mT)
        _layers.softmax_back(
            half, weights.data_ptr(), to_scores.data_ptr(), *ctx.dropped, batch * heads * length, length,
            torch.get_num_threads(),
        )  # fmt: skip
        torch.bmm(to_scores, key, out=to_parts[0])
        torch.bmm(to_scores.mT, query, out=to_parts[1])
        to_projected = parts.new_empty(batch, length, 3 * heads * size)
        turn(True, to_parts, cos, sin, to_projected, *ctx.sizes)
        return to_projected, None, None, None, None, None


def turn(back, given, cos, sin, out, half, batch, heads, length, size, scale):
    """(N, T, 3 C) to the heads' rotated queries, keys and values (3, N H, T, D), or the gradient's way back."""
    addresses = given.data_ptr(), cos.data_ptr(), sin.data_ptr(), out.data_ptr()
    _layers.split_heads(half, back, *addresses, batch, heads, length, size, scale, torch.get_num_threads())


def rotate(vectors: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate each pair (first half, second half) of (N, H, T, D) by the angles (T, D / 2)."""
    first, second = vectors.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


def split_heads(projected: Tensor, cos: Tensor, sin: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """(N, T, 3 C) -> rotated queries and keys, and values, (N, H, T, C / H) each."""
    batch, length, width = projected.shape
    query, key, value = projected.view(batch, length, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
    return rotate(query, cos, sin), rotate(key, cos, sin), value


def join_heads(mixed: Tensor) -> Tensor:
    """(N, H, T, D) -> (N, T, H D)."""
    batch, heads, length, size = mixed.shape
    return mixed.transpose(1, 2).reshape(batch, length, heads * size)


def self_attention(
    projected: Tensor, mask: Tensor | None, cos: Tensor, sin: Tensor, heads: int, probability: float
) -> Tensor:
    """softmax(rotate(q) rotate(k)^T / sqrt(d) + mask) v for every head, its weights with dropout.

    In training on the CPU all weights of a batch are held at once.

    Args:
        projected: (N, T, 3 C), queries, keys and values.
        mask: (N, 1, T, T) bool, True where a query may see a key, or None: everywhere.
        cos, sin: (T, C / heads / 2), the rotary angles'.
        probability: of the dropout; 0 outside training.
    Returns:
        (N, T, C), the heads' results beside each other.
    """
    if probability == 0 or not usable(projected):
        query, key, value = split_heads(projected, cos, sin, heads)
        return join_heads(F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=probability))
    return SelfAttention.apply(projected, mask, cos, sin, heads, probability)


class GatedConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, inside, past):
        x = x.contiguous()
        batch, length, channels = x.shape[0], x.shape[1], x.shape[2] // 2
        taps = weight.shape[-1]
        packed = torch.zeros(taps + 1, (channels + 7) // 8 * 8)
        packed[:taps, :channels] = weight[:, 0].t()
        packed[taps, :channels] = bias
        inside = inside.contiguous() if inside is not None else None
        out = x.new_empty(batch, length, channels)
        ctx.sizes = batch, length, channels, taps, past
        _layers.gated_convolution(
            is_half(x), x.data_ptr(), 0 if inside is None else inside.data_ptr(), packed.data_ptr(), out.data_ptr(),
            *ctx.sizes, torch.get_num_threads(),
        )  # fmt: skip
        ctx.save_for_backward(x, packed, inside, weight, bias)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, packed, inside, weight, bias = ctx.saved_tensors
        batch, _, channels, taps, _ = ctx.sizes
        gradient = gradient.contiguous()
        to_x, to_packed = torch.empty_like(x), torch.empty(batch, *packed.shape)
        _layers.gated_convolution_back(
            is_half(x), x.data_ptr(), 0 if inside is None else inside.data_ptr(), packed.data_ptr(),
            gradient.data_ptr(), to_x.data_ptr(), to_packed.data_ptr(), *ctx.sizes, torch.get_num_threads(),
        )  # fmt: skip
        total = to_packed.sum(0)[:, :channels]
        return to_x, total[:taps].t()[:, None].to(weight.dtype), total[taps].to(bias.dtype), None, None


def gated_convolution(x: Tensor, weight: Tensor, bias: Tensor, inside: Tensor | None, past: int, future: int) -> Tensor:
    """Depthwise convolution of the gated input: frame t sees t - past .. t + future.

    Args:
        x: (N, T, 2 C), values and gates.
        weight: (C, 1, past + 1 + future); bias: (C,).
        inside: (N, T, 1) bool, False where the gated input counts as 0, or None: nowhere.
    Returns:
        (N, T, C).
    """
    if not usable(x, weight, bias):
        gated = F.glu(x, dim=-1)
        if inside is not None:
            gated = gated * inside
        return F.conv1d(F.pad(gated.mT, (past, future)), weight, bias, groups=weight.shape[0]).mT
    return GatedConvolution.apply(x, weight, bias, inside, past)
