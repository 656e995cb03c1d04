"""Conformer blocks (Gulati et al., arXiv 2005.08100) that stream: chunk-causal attention, causal convolution."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.kernels.ops import add_dropout, gated_convolution, join_heads, self_attention, silu_dropout, split_heads

ROTARY_BASE = 10000.0


def length_mask(lengths: Tensor, max_length: int) -> Tensor:
    """True inside the lengths: (B,) int -> (B, max_length) bool."""
    return torch.arange(max_length, device=lengths.device)[None, :] < lengths[:, None]


def attention_mask(lengths: Tensor, max_length: int, chunk_size: int = 0, left_chunks: int = -1) -> Tensor:
    """Which key each query may see.

    Args:
        lengths: (B,) int, valid frames before padding.
        max_length: T, the padded length.
        chunk_size: frames of a chunk; a query sees its own chunk and earlier ones. 0: full context.
        left_chunks: how many earlier chunks are seen; -1: all.
    Returns:
        (B, 1, T, T) bool, True where attention is allowed. Every query sees itself, so that padding
        makes no row empty.
    """
    keys = length_mask(lengths, max_length)[:, None, :]
    allowed = keys.expand(-1, max_length, -1)
    if chunk_size > 0:
        chunk = torch.arange(max_length, device=lengths.device) // chunk_size
        age = chunk[:, None] - chunk[None, :]
        visible = age >= 0
        if left_chunks >= 0:
            visible = visible & (age <= left_chunks)
        allowed = allowed & visible[None]
    itself = torch.eye(max_length, dtype=torch.bool, device=lengths.device)
    return (allowed | itself)[:, None]


def rotary_angles(start: int, length: int, head_dim: int, device: torch.device) -> Tensor:
    """Angles of the rotary positions start .. start+length-1 (Su et al., arXiv 2104.09864): (T, head_dim/2)."""
    frequency = ROTARY_BASE ** (-torch.arange(0, head_dim, 2, device=device, dtype=torch.float32) / head_dim)
    position = torch.arange(start, start + length, device=device, dtype=torch.float32)
    return position[:, None] * frequency[None, :]


class Attention(nn.Module):
    """Multi-head self-attention with rotary positions."""

    def __init__(self, dim: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, frames: Tensor, mask: Tensor | None, cos: Tensor, sin: Tensor, cache: dict | None) -> Tensor:
        """(N, T, C) -> (N, T, C). With a cache, earlier keys and values are put before this chunk's."""
        projected = self.query_key_value(frames)
        if cache is None:
            dropout = self.dropout if self.training else 0.0
            return self.output(self_attention(projected, mask, cos, sin, self.heads, dropout))
        query, key, value = split_heads(projected, cos, sin, self.heads)
        if "key" in cache:
            key = torch.cat([cache["key"], key], dim=2)
            value = torch.cat([cache["value"], value], dim=2)
        cache["key"], cache["value"] = key, value
        return self.output(join_heads(F.scaled_dot_product_attention(query, key, value, attn_mask=mask)))


class Convolution(nn.Module):
    """Gated depthwise convolution; causal, or centred where the whole utterance is known."""

    def __init__(self, dim: int, kernel_size: int, causal: bool):
        super().__init__()
        if not causal and kernel_size % 2 == 0:
            raise ValueError(f"a centred convolution needs an odd kernel_size, not {kernel_size}")
        self.causal = causal
        self.kernel_size = kernel_size
        self.gate = nn.Linear(dim, 2 * dim)
        self.depthwise = nn.Conv1d(dim, dim, kernel_size, groups=dim)
        self.norm = nn.LayerNorm(dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, frames: Tensor, inside: Tensor | None, cache: dict | None) -> Tensor:
        """(N, T, C) -> (N, T, C); `inside` (N, T, 1) is False on padding, which must not leak into a window."""
        past = self.kernel_size - 1 if self.causal else self.kernel_size // 2
        future = 0 if self.causal else past
        weight, bias = self.depthwise.weight, self.depthwise.bias
        if cache is None:
            outside = None if self.causal else inside
            windows = gated_convolution(self.gate(frames), weight, bias, outside, past, future)
        else:
            gated = F.glu(self.gate(frames), dim=-1)
            before = cache.get("window", gated.new_zeros(gated.shape[0], past, gated.shape[2]))
            gated = torch.cat([before, gated], dim=1)
            cache["window"] = gated[:, gated.shape[1] - past :]
            windows = self.depthwise(gated.transpose(1, 2)).transpose(1, 2)
        return self.output(silu_dropout(self.norm(windows), 0.0))


class FeedForward(nn.Module):
    def __init__(self, dim: int, hidden: int, dropout: float):
        super().__init__()
        self.expand = nn.Linear(dim, hidden)
        self.dropout = dropout
        self.contract = nn.Linear(hidden, dim)

    def forward(self, frames: Tensor) -> Tensor:
        return self.contract(silu_dropout(self.expand(frames), self.dropout if self.training else 0.0))


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

    def forward(self, frames, mask, inside, cos, sin, cache=None) -> Tensor:
        dropout = self.dropout if self.training else 0.0
        frames = add_dropout(frames, self.feed_forward_in(self.norms[0](frames)), 0.5, dropout)
        attended = self.attention(self.norms[1](frames), mask, cos, sin, cache)
        frames = add_dropout(frames, attended, 1.0, dropout)
        frames = add_dropout(frames, self.convolution(self.norms[2](frames), inside, cache), 1.0, dropout)
        frames = add_dropout(frames, self.feed_forward_out(self.norms[3](frames)), 0.5, dropout)
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

    def forward(self, frames: Tensor, lengths: Tensor) -> list[Tensor]:
        """Encode a padded batch.

        Args:
            frames: (N, T, C).
            lengths: (N,) int, valid frames before padding.
        Returns:
            The output of every layer, (N, T, C) each; values past the lengths are arbitrary.
        """
        length = frames.shape[1]
        mask = attention_mask(lengths, length, self.chunk_size, self.left_chunks)
        inside = length_mask(lengths, length)[:, :, None]
        angles = rotary_angles(0, length, self.head_dim, frames.device)
        cos, sin = angles.cos().to(frames.dtype), angles.sin().to(frames.dtype)
        outputs = []
        for block in self.blocks:
            frames = block(frames, mask, inside, cos, sin)
            outputs.append(frames)
        return outputs

    def new_state(self) -> dict:
        """State of a stream before its first chunk, for `stream`."""
        if self.chunk_size <= 0:
            raise ValueError("a full-context encoder cannot stream")
        return {"position": 0, "blocks": [{} for _ in self.blocks]}

    def stream(self, frames: Tensor, state: dict) -> Tensor:
        """Encode the next chunk, (1, chunk_size or less at the end, C), as `forward` would; updates `state`."""
        length = frames.shape[1]
        angles = rotary_angles(state["position"], length, self.head_dim, frames.device)
        cos, sin = angles.cos().to(frames.dtype), angles.sin().to(frames.dtype)
        for block, cache in zip(self.blocks, state["blocks"]):
            frames = block(frames, None, None, cos, sin, cache)
            if self.left_chunks >= 0:
                kept = self.left_chunks * self.chunk_size
                start = max(0, cache["key"].shape[2] - kept)
                cache["key"], cache["value"] = cache["key"][:, :, start:], cache["value"][:, :, start:]
        state["position"] += length
        return frames
