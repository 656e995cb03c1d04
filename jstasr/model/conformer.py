"""Conformer blocks (Gulati et al., arXiv 2005.08100) that stream: chunk-causal attention, causal convolution."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.kernels import ops

ROTARY_BASE = 10000.0
LONGEST_WHOLE = 2048  # frames (82 s) of the longest utterances whose attention is computed at once
QUERY_BLOCK = 512  # frames of longer ones that are computed at a time


def length_mask(lengths: Tensor, max_length: int) -> Tensor:
    """True inside the lengths: (B,) int -> (B, max_length) bool."""
    return torch.arange(max_length, device=lengths.device)[None, :] < lengths[:, None]


def attention_mask(
    lengths: Tensor,
    max_length: int,
    chunk_size: int = 0,
    left_chunks: int = -1,
    queries: range | None = None,
    keys: range | None = None,
) -> Tensor:
    """The keys that each query may attend to.

    Args:
        lengths: (B,) int, valid frames before padding.
        max_length: T, the padded length.
        chunk_size: frames of a chunk; a query sees its own chunk and earlier ones. 0: full context.
        left_chunks: number of earlier chunks that are seen; -1: all.
        queries, keys: the frames of a part of the mask; None: all T.
    Returns:
        (B, 1, queries, keys) bool, True where attention is allowed. Every query sees itself, so that no
        row is empty on padding.
    """
    rows, columns = (
        torch.arange(max_length, device=lengths.device)
        if part is None
        else torch.arange(part.start, part.stop, device=lengths.device)
        for part in (queries, keys)
    )
    allowed = (columns[None, :] < lengths[:, None])[:, None, :].expand(-1, rows.shape[0], -1)
    if chunk_size > 0:
        own, seen = (rows // chunk_size)[:, None], (columns // chunk_size)[None, :]
        visible = seen <= own
        if left_chunks >= 0:
            visible = visible & (seen >= own - left_chunks)
        allowed = allowed & visible[None]
    return (allowed | (rows[:, None] == columns[None, :]))[:, None]


@dataclass(frozen=True)
class BlockMask:
    """`attention_mask` of long utterances, a block of queries at a time: the whole would have T^2 entries."""

    lengths: Tensor
    max_length: int
    chunk_size: int
    left_chunks: int

    def blocks(self) -> Iterator[tuple[range, range, Tensor]]:
        """Queries, the range of keys that they may see, and the mask of the two."""
        for first in range(0, self.max_length, QUERY_BLOCK):
            queries = keys = range(first, min(first + QUERY_BLOCK, self.max_length))
            if self.chunk_size == 0:
                keys = range(self.max_length)
            else:
                chunks = first // self.chunk_size - self.left_chunks, queries[-1] // self.chunk_size + 1
                begin = max(0, chunks[0] * self.chunk_size) if self.left_chunks >= 0 else 0
                keys = range(begin, min(chunks[1] * self.chunk_size, self.max_length))
            mask = attention_mask(
                self.lengths, self.max_length, self.chunk_size, self.left_chunks, queries=queries, keys=keys
            )
            yield queries, keys, mask


def rotary_angles(start: int, length: int, head_dim: int, device: torch.device) -> Tensor:
    """Angles of the rotary positions start .. start+length-1 (Su et al., arXiv 2104.09864): (T, head_dim/2)."""
    frequency = ROTARY_BASE ** (-torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim)
    position = torch.arange(start, start + length, device=device, dtype=torch.float32)
    return position[:, None] * frequency[None, :]


@dataclass
class AttentionState:
    """Keys and values of the frames before a chunk, (N, heads, T, C / heads) each; None before the first chunk."""

    key: Tensor | None = None
    value: Tensor | None = None

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append the keys and values of a chunk; returns all of them."""
        if self.key is not None and self.value is not None:
            key, value = torch.cat([self.key, key], dim=2), torch.cat([self.value, value], dim=2)
        self.key, self.value = key, value
        return key, value

    def keep(self, frames: int) -> None:
        """Drop all but the last frames."""
        if self.key is not None and self.value is not None:
            start = max(0, self.key.shape[2] - frames)
            self.key, self.value = self.key[:, :, start:], self.value[:, :, start:]


@dataclass
class ConvolutionState:
    """The last gated frames before a chunk, (N, kernel_size - 1, C); None before the first chunk."""

    window: Tensor | None = None


@dataclass
class BlockState:
    """The state of one conformer block."""

    attention: AttentionState = field(default_factory=AttentionState)
    convolution: ConvolutionState = field(default_factory=ConvolutionState)


@dataclass
class ConformerState:
    """What a stream keeps of the frames before its next chunk: their number, and the state of each block.

    mask: (N, 1, T, kept + T) bool, where a frame of the chunk may attend to a kept one or to one of the chunk, for
        streams that have begun at different times; None: everywhere.
    """

    position: int
    blocks: list[BlockState]
    mask: Tensor | None = None


class Attention(nn.Module):
    """Multi-head self-attention with rotary positions."""

    def __init__(self, dim: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(
        self,
        frames: Tensor,
        mask: Tensor | BlockMask | None,
        cos: Tensor,
        sin: Tensor,
        state: AttentionState | None = None,
    ) -> Tensor:
        """Attend within the utterance; in a stream to the chunk and the earlier frames of the state.

        Args:
            frames: (N, T, C).
            mask: (N, 1, T, T) bool, True where a query may see a key, or the same in blocks; None: everywhere.
            cos, sin: (T, C / heads / 2), of the rotary angles.
            state: of a stream, updated; None: whole utterances.
        Returns:
            (N, T, C).
        """
        projected = self.query_key_value(frames)
        if isinstance(mask, BlockMask):
            query, key, value = ops.split_heads(projected, cos, sin, self.heads)
            mixed = [
                F.scaled_dot_product_attention(
                    query[:, :, queries.start : queries.stop],
                    key[:, :, keys.start : keys.stop],
                    value[:, :, keys.start : keys.stop],
                    attn_mask=part,
                )
                for queries, keys, part in mask.blocks()
            ]
            return self.output(ops.join_heads(torch.cat(mixed, dim=2)))
        if state is None:
            dropout = self.dropout if self.training else 0.0
            return self.output(ops.self_attention(projected, mask, cos, sin, self.heads, dropout))
        query, key, value = ops.split_heads(projected, cos, sin, self.heads)
        key, value = state.extend(key, value)
        return self.output(ops.join_heads(F.scaled_dot_product_attention(query, key, value, attn_mask=mask)))


class Convolution(nn.Module):
    """Gated depthwise convolution: causal, or centred where the whole utterance is known."""

    def __init__(self, dim: int, kernel_size: int, causal: bool):
        super().__init__()
        if not causal and kernel_size % 2 == 0:
            raise ValueError(f"a centred convolution needs an odd kernel_size, not {kernel_size}")
        self.causal = causal
        self.past = kernel_size - 1 if causal else kernel_size // 2
        self.gate = nn.Linear(dim, 2 * dim)
        self.depthwise = nn.Conv1d(dim, dim, kernel_size, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, frames: Tensor, inside: Tensor | None, state: ConvolutionState | None = None) -> Tensor:
        """Convolve over time.

        Args:
            frames: (N, T, C).
            inside: (N, T, 1) bool, False on padding, which a centred window must not see.
            state: of a stream, updated; None: whole utterances.
        Returns:
            (N, T, C).
        """
        gate, weight, bias = self.gate(frames), self.depthwise.weight, self.depthwise.bias
        assert bias is not None
        if state is None:
            future, padding = (0, None) if self.causal else (self.past, inside)
            windows = ops.gated_convolution(gate, weight, bias, padding, self.past, future)
        else:
            gated = F.glu(gate, dim=-1)
            before = gated.new_zeros(len(gated), self.past, gated.shape[2]) if state.window is None else state.window
            gated = torch.cat([before, gated], dim=1)
            state.window = gated[:, gated.shape[1] - self.past :]
            windows = ops.depthwise_convolution(gated, weight, bias)
        return self.output(ops.silu_dropout(self.norm(windows), 0.0))


class FeedForward(nn.Module):
    """Two linear layers with SiLU and dropout between them."""

    def __init__(self, dim: int, hidden: int, dropout: float):
        super().__init__()
        self.expand = nn.Linear(dim, hidden)
        self.dropout = dropout
        self.contract = nn.Linear(hidden, dim)

    def forward(self, frames: Tensor) -> Tensor:
        """(N, T, C) -> (N, T, C), each frame by itself."""
        return self.contract(ops.silu_dropout(self.expand(frames), self.dropout if self.training else 0.0))


class ConformerBlock(nn.Module):
    """Half feed-forward, attention, convolution, half feed-forward, each residual with the norm before it."""

    def __init__(self, dim: int, heads: int, ff_dim: int, kernel_size: int, dropout: float, causal: bool):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(5))
        self.feed_forward_in = FeedForward(dim, ff_dim, dropout)
        self.attention = Attention(dim, heads, dropout)
        self.convolution = Convolution(dim, kernel_size, causal)
        self.feed_forward_out = FeedForward(dim, ff_dim, dropout)
        self.dropout = dropout

    def forward(
        self,
        frames: Tensor,
        mask: Tensor | BlockMask | None,
        inside: Tensor | None,
        cos: Tensor,
        sin: Tensor,
        state: BlockState | None = None,
    ) -> Tensor:
        """(N, T, C) -> (N, T, C); the other arguments as in `Attention.forward` and `Convolution.forward`."""
        attention, convolution = (state.attention, state.convolution) if state is not None else (None, None)
        dropout = self.dropout if self.training else 0.0
        frames = ops.add_dropout(frames, self.feed_forward_in(self.norms[0](frames)), 0.5, dropout)
        attended = self.attention(self.norms[1](frames), mask, cos, sin, attention)
        frames = ops.add_dropout(frames, attended, 1.0, dropout)
        frames = ops.add_dropout(frames, self.convolution(self.norms[2](frames), inside, convolution), 1.0, dropout)
        frames = ops.add_dropout(frames, self.feed_forward_out(self.norms[3](frames)), 0.5, dropout)
        return self.norms[4](frames)


class Conformer(nn.Module):
    """A stack of blocks. `chunk_size` > 0 makes it streaming: chunk-causal attention, causal convolution."""

    def __init__(
        self,
        layers: int,
        dim: int,
        heads: int,
        ff_dim: int,
        kernel_size: int,
        dropout: float,
        chunk_size: int = 0,
        left_chunks: int = -1,
    ):
        super().__init__()
        if dim % (2 * heads):
            raise ValueError(f"dim ({dim}) must be a multiple of twice the number of heads ({heads})")
        self.chunk_size, self.left_chunks = chunk_size, left_chunks
        self.head_dim = dim // heads
        self.blocks = nn.ModuleList(
            ConformerBlock(dim, heads, ff_dim, kernel_size, dropout, causal=chunk_size > 0) for _ in range(layers)
        )

    def new_state(self) -> ConformerState:
        """State of a stream before its first chunk."""
        if self.chunk_size <= 0:
            raise ValueError("a full-context encoder cannot stream")
        return ConformerState(0, [BlockState() for _ in self.blocks])

    def forward(self, frames: Tensor, lengths: Tensor, state: ConformerState | None = None) -> list[Tensor]:
        """Encode a padded batch, or the next chunk of a stream with the same result as on the whole.

        Args:
            frames: (N, T, C); of a stream chunk_size frames, or fewer at its end.
            lengths: (N,) int, valid frames before padding; a stream has no padding.
            state: of a stream, updated; None: whole utterances.
        Returns:
            The output of every layer, (N, T, C) each; values past the lengths are arbitrary.
        """
        length = frames.shape[1]
        mask, inside = None if state is None else state.mask, None
        if state is None:
            make_mask = BlockMask if length > LONGEST_WHOLE and not self.training else attention_mask
            mask = make_mask(lengths, length, self.chunk_size, self.left_chunks)
            inside = length_mask(lengths, length)[:, :, None]
        angles = rotary_angles(0 if state is None else state.position, length, self.head_dim, frames.device)
        cos, sin = angles.cos().to(frames.dtype), angles.sin().to(frames.dtype)
        outputs = []
        for index, block in enumerate(self.blocks):
            frames = block(frames, mask, inside, cos, sin, None if state is None else state.blocks[index])
            outputs.append(frames)
        if state is not None:
            state.position += length
            if self.left_chunks >= 0:
                for block_state in state.blocks:
                    block_state.attention.keep(self.left_chunks * self.chunk_size)
        return outputs
