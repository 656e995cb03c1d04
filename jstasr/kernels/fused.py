"""The operations of ops.py by compiled kernels (layers.h), each in one pass over memory forward and one backward.

A step of a small model on a CPU spends half its time between the matrix products: drawing dropout masks, moving heads,
writing what the next operation reads again. The kernels take float32 and bfloat16 (greedy search float32 only), compute
in float32, keep nothing for the backward pass that they can compute again, and give the same numbers for any number of
threads. A dropout keeps an
element by a hash of its index and of a seed drawn from torch's generator.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from jstasr.kernels import _layers

TYPES = (torch.float32, torch.bfloat16)
LARGEST = 2**31  # elements: the hash of an index has 32 bits


def takes(*tensors: Tensor) -> bool:
    """Whether the kernels take these tensors: on the CPU, all float32 or all bfloat16, and not for a graph."""
    if torch.compiler.is_compiling():
        return False
    return all(x.is_cpu and x.dtype in TYPES and x.numel() < LARGEST for x in tensors)


def is_bfloat16(x: Tensor) -> bool:
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
        _layers.silu_dropout(
            is_bfloat16(x), x.data_ptr(), out.data_ptr(), *ctx.dropped, x.numel(), torch.get_num_threads()
        )
        ctx.save_for_backward(x)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        gradient = gradient.contiguous()
        to_x = torch.empty_like(x)
        _layers.silu_dropout_backward(
            is_bfloat16(x), x.data_ptr(), gradient.data_ptr(), to_x.data_ptr(), *ctx.dropped, x.numel(),
            torch.get_num_threads(),
        )  # fmt: skip
        return to_x, None


class AddDropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, residual, x, factor, probability):
        residual, x = residual.contiguous(), x.contiguous()
        out = torch.empty_like(x)
        ctx.dropped = draw_seed(probability), probability, factor
        _layers.add_dropout(
            is_bfloat16(x), residual.data_ptr(), x.data_ptr(), out.data_ptr(), *ctx.dropped, x.numel(),
            torch.get_num_threads(),
        )  # fmt: skip
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        given = gradient.contiguous()
        to_x = torch.empty_like(given)
        _layers.dropout(
            is_bfloat16(given), given.data_ptr(), to_x.data_ptr(), *ctx.dropped, given.numel(), torch.get_num_threads()
        )
        return gradient, to_x, None, None


class SelfAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, projected, mask, cos, sin, heads, probability):
        projected = projected.contiguous()
        batch, length, width = projected.shape
        size = width // (3 * heads)
        cos, sin = cos.float().contiguous(), sin.float().contiguous()
        ctx.sizes = is_bfloat16(projected), batch, heads, length, size, size**-0.5
        ctx.dropped = draw_seed(probability), probability
        parts = projected.new_empty(3, batch * heads, length, size)
        split_and_rotate(False, projected, cos, sin, parts, *ctx.sizes)
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
        is_bf16, batch, heads, length, size, _ = ctx.sizes
        query, key, value = parts
        gradient = gradient.view(batch, length, heads, size).transpose(1, 2).reshape(batch * heads, length, size)
        to_parts = torch.empty_like(parts)
        torch.bmm(SelfAttention.kept(ctx, weights).mT, gradient, out=to_parts[2])
        to_scores = torch.bmm(gradient, value.mT)
        _layers.softmax_backward(
            is_bf16, weights.data_ptr(), to_scores.data_ptr(), *ctx.dropped, batch * heads * length, length,
            torch.get_num_threads(),
        )  # fmt: skip
        torch.bmm(to_scores, key, out=to_parts[0])
        torch.bmm(to_scores.mT, query, out=to_parts[1])
        to_projected = parts.new_empty(batch, length, 3 * heads * size)
        split_and_rotate(True, to_parts, cos, sin, to_projected, *ctx.sizes)
        return to_projected, None, None, None, None, None


def split_heads(projected, cos, sin, heads):
    """(N, T, 3 C) -> rotated queries and keys, and values, (N, H, T, C / H) each; without a gradient."""
    projected, cos, sin = projected.contiguous(), cos.float().contiguous(), sin.float().contiguous()
    batch, length, width = projected.shape
    size = width // (3 * heads)
    parts = projected.new_empty(3, batch, heads, length, size)
    split_and_rotate(False, projected, cos, sin, parts, is_bfloat16(projected), batch, heads, length, size, 1.0)
    query, key, value = parts
    return query, key, value


def split_and_rotate(backward, given, cos, sin, out, is_bf16, batch, heads, length, size, scale):
    """(N, T, 3 C) to the heads' rotated queries, keys and values (3, N H, T, D); backward, the gradient."""
    addresses = given.data_ptr(), cos.data_ptr(), sin.data_ptr(), out.data_ptr()
    _layers.split_heads(is_bf16, backward, *addresses, batch, heads, length, size, scale, torch.get_num_threads())


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
            is_bfloat16(x), x.data_ptr(), 0 if inside is None else inside.data_ptr(), packed.data_ptr(), out.data_ptr(),
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
        _layers.gated_convolution_backward(
            is_bfloat16(x), x.data_ptr(), 0 if inside is None else inside.data_ptr(), packed.data_ptr(),
            gradient.data_ptr(), to_x.data_ptr(), to_packed.data_ptr(), *ctx.sizes, torch.get_num_threads(),
        )  # fmt: skip
        total = to_packed.sum(0)[:, :channels]
        return to_x, total[:taps].t()[:, None].to(weight.dtype), total[taps].to(bias.dtype), None, None


class AddTanh(torch.autograd.Function):
    @staticmethod
    def forward(ctx, encoded, predicted):
        encoded, predicted = encoded.contiguous(), predicted.contiguous()
        ctx.sizes = batch, frames, prefixes, size = *encoded.shape[:2], *predicted.shape[1:]
        out = encoded.new_empty(batch, frames, prefixes, size)
        _layers.add_tanh(
            is_bfloat16(out), encoded.data_ptr(), predicted.data_ptr(), out.data_ptr(), *ctx.sizes,
            torch.get_num_threads(),
        )  # fmt: skip
        ctx.save_for_backward(out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (out,) = ctx.saved_tensors
        batch, frames, prefixes, size = ctx.sizes
        gradient = gradient.contiguous()
        to_encoded, to_predicted = torch.zeros(batch, frames, size), torch.zeros(batch, prefixes, size)
        _layers.add_tanh_backward(
            is_bfloat16(out), out.data_ptr(), gradient.data_ptr(), to_encoded.data_ptr(), to_predicted.data_ptr(),
            *ctx.sizes, torch.get_num_threads(),
        )  # fmt: skip
        return to_encoded.to(out.dtype), to_predicted.to(out.dtype)


class Cells(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, following):
        logits, following = logits.contiguous(), following.contiguous()
        cells = torch.empty(*logits.shape[:3], 2)
        normaliser = torch.empty(logits.shape[:3])
        _layers.cells(
            is_bfloat16(logits), logits.data_ptr(), following.data_ptr(), cells.data_ptr(), normaliser.data_ptr(),
            *logits.shape, torch.get_num_threads(),
        )  # fmt: skip
        ctx.save_for_backward(logits, following, normaliser)
        return cells

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        logits, following, normaliser = ctx.saved_tensors
        gradient = gradient.contiguous()
        to_logits = torch.empty_like(logits)
        _layers.cells_backward(
            is_bfloat16(logits), logits.data_ptr(), following.data_ptr(), normaliser.data_ptr(), gradient.data_ptr(),
            to_logits.data_ptr(), *logits.shape, torch.get_num_threads(),
        )  # fmt: skip
        return to_logits, None


class Lattice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, cells, lengths, label_lengths):
        cells = cells.contiguous()
        lengths, label_lengths = lengths.long().contiguous(), label_lengths.long().contiguous()
        nats = torch.empty(len(cells))
        gradient = torch.zeros_like(cells) if ctx.needs_input_grad[0] else None
        _layers.lattice(
            cells.data_ptr(), lengths.data_ptr(), label_lengths.data_ptr(), nats.data_ptr(),
            0 if gradient is None else gradient.data_ptr(), *cells.shape[:3], torch.get_num_threads(),
        )  # fmt: skip
        ctx.save_for_backward(gradient)
        return nats

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        (to_cells,) = ctx.saved_tensors
        return to_cells * gradient[:, None, None, None], None, None


def greedy(projected, lengths, decoder, state, max_symbols):
    """`jstasr.decode.greedy.greedy_search` in one call.

    Args:
        projected: (N, T, J) float32, frames in the joint network; lengths: (N,) int.
        decoder: float32 weights: embeddings (V, E), prediction (J, H E) and its bias, blank (1, J) and its bias, labels
            (V - 1, J) and their bias.
        state: history (N, H) int64, none (N,), some (N, V - 1) and score (N,) float32 of `GreedyState`, updated.
    Returns:
        (N, T, max_symbols) int64, the labels that each frame emits, then 0.
    """
    projected, lengths = projected.contiguous(), lengths.long().contiguous()
    items, frames, joint = projected.shape
    symbols, embed = decoder[0].shape
    emitted = torch.zeros(items, frames, max_symbols, dtype=torch.long)
    tensors = projected, lengths, *decoder, *state, emitted
    _layers.greedy(
        *(x.data_ptr() for x in tensors), items, frames, symbols, joint, embed, state[0].shape[1], max_symbols,
        torch.get_num_threads(),
    )  # fmt: skip
    return emitted
