"""What a stream keeps between two chunks, in the two state tensors of sherpa-onnx's online conformer.

sherpa-onnx makes them of zeros, joins and parts those of several streams along the third dimension, and does not look
into them. The first, (layers, frames, N, C), holds keys and values of the attention: two layers for each conformer
block. The second, (layers, rows, N, C), holds everything else, one value after the other.
"""

from math import prod

import torch
from torch import Tensor

from jstasr.export.greedy import GreedySearch, SearchState
from jstasr.features.frames import SUBSAMPLING
from jstasr.features.front_end import FrontEnd, FrontEndState
from jstasr.kernels.ops import rotate
from jstasr.model.conformer import (
    AttentionState,
    BlockState,
    Conformer,
    ConformerState,
    ConvolutionState,
    rotary_angles,
)
from jstasr.model.encoders import RECEPTIVE_PAST, AudioEncoderState
from jstasr.model.joint import JointModel, StreamState


class StateLayout:
    """The places of a stream's state in the two tensors of a model."""

    def __init__(self, model: JointModel, search: GreedySearch):
        config = model.config
        self.dim, self.heads, self.chunk = config.dim, config.heads, config.chunk_size
        self.kept = config.left_chunks * config.chunk_size  # frames that attention looks back to
        self.stacks: list[Conformer] = [model.audio_encoder.conformer, model.shared_encoder]
        self.blocks = sum(len(stack.blocks) for stack in self.stacks)
        front_end = model.audio_encoder.front_end
        assert isinstance(front_end, FrontEnd)
        self.width = front_end.width
        window = (config.kernel_size - 1, config.dim)
        self.shapes = {
            "frames": (),
            "past": (RECEPTIVE_PAST, self.width),
            "values": (1, self.width),
            "squares": (1, self.width),
            **{f"window{block}": window for block in range(self.blocks)},
            **search.shapes,
        }
        self.layers = max(1, 2 * self.blocks)
        self.rows = -(-sum(map(prod, self.shapes.values())) // (self.layers * self.dim))

    @property
    def attention_shape(self) -> tuple[int, int, int, int]:
        """Of the first tensor, for one stream."""
        return self.layers, max(1, self.kept), 1, self.dim

    @property
    def values_shape(self) -> tuple[int, int, int, int]:
        """Of the second tensor, for one stream."""
        return self.layers, self.rows, 1, self.dim

    def unpack(self, attention: Tensor, values: Tensor) -> tuple[Tensor, StreamState, SearchState]:
        """Encoder frames so far (N,), the encoders' state and the search's."""
        parts = self.parts(values)
        frames = parts["frames"]
        kept = torch.arange(self.kept, device=frames.device) >= self.kept - frames[:, None]
        visible = torch.cat([kept, kept.new_ones(1, self.chunk).expand(len(frames), -1)], dim=1)
        mask = visible[:, None, None, :].expand(-1, -1, self.chunk, -1)
        windows = iter([parts[f"window{block}"] for block in range(self.blocks)])
        memory = iter(attention.unbind(0))
        stacks = []
        for stack in self.stacks:
            blocks = [
                BlockState(
                    AttentionState(self.split_heads(next(memory)), self.split_heads(next(memory))),
                    ConvolutionState(next(windows)),
                )
                for _ in stack.blocks
            ]
            stacks.append(ConformerState(0, blocks, mask))
        seen = FrontEndState(frames[:, None, None] * SUBSAMPLING, parts["values"], parts["squares"])
        state = StreamState(AudioEncoderState(seen, parts["past"], stacks[0]), stacks[1])
        none = torch.where(frames > 0, parts["none"], torch.ones_like(frames))
        search = SearchState(parts["history"].long(), none, parts["some"], parts["waiting"].long(), parts["confidence"])
        return frames, state, search

    def pack(self, frames: Tensor, state: StreamState, search: SearchState) -> tuple[Tensor, Tensor]:
        """The two tensors after a chunk."""
        blocks = [*state.audio.conformer.blocks, *state.shared.blocks]
        angles = rotary_angles(self.chunk, 1, self.dim // self.heads, frames.device)
        cos, sin = angles.cos(), -angles.sin()
        memory = []
        for block in blocks:
            key, value = block.attention.key, block.attention.value
            assert key is not None and value is not None
            # positions count from the beginning of a chunk, so that streams of any age have the same
            memory += [self.join_heads(rotate(key, cos, sin)), self.join_heads(value)]
        seen = state.audio.front_end
        parts = {
            "frames": frames,
            "past": state.audio.pending,
            "values": seen.values,
            "squares": seen.squares,
            **{f"window{index}": block.convolution.window for index, block in enumerate(blocks)},
            **search._asdict(),
        }
        flat = torch.cat([parts[name].to(frames.dtype).reshape(len(frames), -1) for name in self.shapes], dim=1)
        flat = torch.nn.functional.pad(flat, (0, self.layers * self.rows * self.dim - flat.shape[1]))
        values = flat.view(-1, self.layers, self.rows, self.dim).permute(1, 2, 0, 3)
        if not memory or self.kept == 0:
            layers, kept, _, dim = self.attention_shape
            return frames.new_zeros(layers, kept, 1, dim).expand(-1, -1, len(frames), -1), values
        return torch.stack(memory), values

    def parts(self, values: Tensor) -> dict[str, Tensor]:
        """Each part of the second tensor, (N, ...)."""
        count = values.shape[2]
        flat = values.permute(2, 0, 1, 3).reshape(count, self.layers * self.rows * self.dim)
        found, start = {}, 0
        for name, shape in self.shapes.items():
            found[name] = flat[:, start : start + prod(shape)].reshape(count, *shape)
            start += prod(shape)
        return found

    def split_heads(self, memory: Tensor) -> Tensor:
        """(frames, N, C) -> (N, heads, frames, C / heads)."""
        memory = memory[: self.kept]
        return memory.view(self.kept, memory.shape[1], self.heads, self.dim // self.heads).permute(1, 2, 0, 3)

    def join_heads(self, memory: Tensor) -> Tensor:
        """(N, heads, frames, C / heads) -> (frames, N, C)."""
        return memory.permute(2, 0, 1, 3).reshape(self.kept, memory.shape[0], self.dim)
