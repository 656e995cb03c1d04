"""Audio encoder (log-mel -> 40 ms frames) and text encoder (phonemes -> positions of the same kind)."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.features.frames import SUBSAMPLING
from jstasr.features.front_end import FrontEnd, FrontEndState
from jstasr.features.settings import PRETRAINED
from jstasr.features.specaug import SpecAugmentConfig, spec_augment
from jstasr.features.text_input import repeat_phones, span_mask
from jstasr.kernels import ops
from jstasr.model.config import ModelConfig, TextInputConfig
from jstasr.model.conformer import Conformer, ConformerState, length_mask
from jstasr.model.pretrained import PretrainedFrontEnd
from jstasr.pretrained.encoder import SpeechEncoder
from jstasr.text.tokens import PhoneList

RECEPTIVE_PAST = 6  # feature frames before 4t that encoder frame t sees: two stride-2 convolutions of 3 taps


def conformer(config: ModelConfig, layers: int, streaming: bool) -> Conformer:
    """Conformer layers of the model's dimensions, streaming or full-context."""
    return Conformer(
        layers,
        config.dim,
        config.heads,
        config.ff_dim,
        config.kernel_size,
        config.dropout,
        chunk_size=config.chunk_size if streaming else 0,
        left_chunks=config.left_chunks,
    )


class Subsampling(nn.Module):
    """Causal 4x subsampling: encoder frame t sees feature frames 4t-6 .. 4t.

    The output is scaled by the square root of its width, as embeddings are (Vaswani et al., arXiv 1706.03762, section
    3.4). Without the scale the residual branches of a block outweigh its input: all frames look alike at first, and
    CTC may predict the frequencies of the symbols, whatever the speech, for thousands of steps.
    """

    factor, past = SUBSAMPLING, RECEPTIVE_PAST  # feature frames: for each encoder frame; before the first of these

    def __init__(self, width: int, dim: int):
        super().__init__()
        self.first = nn.Conv1d(width, dim, kernel_size=3, stride=2)
        self.second = nn.Conv1d(dim, dim, kernel_size=3, stride=2)
        self.scale = dim**0.5

    def forward(self, features: Tensor) -> Tensor:
        """(N, RECEPTIVE_PAST + 4 T', F), the past frames first -> (N, T', C)."""
        # an encoder frame ends with the first of its 4 feature frames: no frame sees the last 3
        hidden = features[:, : features.shape[1] - (SUBSAMPLING - 1)]
        for layer in (self.first, self.second):
            assert layer.bias is not None
            hidden = F.silu(ops.convolution(hidden, layer.weight, layer.bias, stride=2))
        return hidden * self.scale


class PretrainedSubsampling(nn.Module):
    """2x subsampling of a pretrained encoder's frames (20 ms): encoder frame t sees frames 2t-1 .. 2t+1.

    The scale is that of `Subsampling`.
    """

    factor, past = 2, 1

    def __init__(self, width: int, dim: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.convolution = nn.Conv1d(width, dim, kernel_size=3, stride=2)
        self.scale = dim**0.5

    def forward(self, features: Tensor) -> Tensor:
        """(N, 1 + 2 T', F), a past frame first -> (N, T', C)."""
        hidden = self.convolution(self.dropout(features).transpose(1, 2))
        return F.silu(hidden).transpose(1, 2) * self.scale


@dataclass
class AudioEncoderState:
    """What a stream keeps before its next features.

    pending: (N, RECEPTIVE_PAST + T, width) normalised features: the past that the next chunk sees, then the features
        of that chunk that have arrived.
    """

    front_end: FrontEndState
    pending: Tensor
    conformer: ConformerState


class AudioEncoder(nn.Module):
    """Normalisation of the features, subsampling to 40 ms, streaming conformer."""

    def __init__(self, config: ModelConfig, encoder: SpeechEncoder | None = None):
        super().__init__()
        self.front_end: FrontEnd | PretrainedFrontEnd
        if encoder is not None:
            self.front_end = PretrainedFrontEnd(config.pretrained, encoder)
        else:
            self.front_end = FrontEnd(config.num_mel_bins, config.online_cmn, config.online_variance, config.cepstra)
        self.subsampling: Subsampling | PretrainedSubsampling
        if config.encoder == PRETRAINED:
            self.subsampling = PretrainedSubsampling(self.front_end.width, config.dim, config.dropout)
        else:
            self.subsampling = Subsampling(self.front_end.width, config.dim)
        self.dropout = nn.Dropout(config.dropout)
        self.conformer = conformer(config, config.audio_layers, streaming=True)

    def forward(
        self, features: Tensor, lengths: Tensor, specaug: SpecAugmentConfig | None = None
    ) -> tuple[Tensor, Tensor]:
        """Encode whole utterances.

        Args:
            features: (N, T, F) raw log-mel, of a pretrained encoder, or samples for one; lengths: (N,) int.
            specaug: masks the normalised features, in training.
        Returns:
            (N, ceil(T / 4), C), or (N, ceil(T / 2), C), and (N,).
        """
        if isinstance(self.front_end, PretrainedFrontEnd):
            normal, lengths = self.front_end(features, lengths)
        else:
            normal = self.front_end(features)
        factor, past = self.subsampling.factor, self.subsampling.past
        if factor != SUBSAMPLING:  # the last encoder frame of an utterance may see a frame of padding
            normal = normal * length_mask(lengths, normal.shape[1])[:, :, None]
        if specaug is not None:
            normal = spec_augment(normal, lengths, specaug)
        window = F.pad(normal, (0, 0, past, -normal.shape[1] % factor))
        frame_lengths = (lengths + factor - 1) // factor
        return self.encode(window, frame_lengths), frame_lengths

    def frame_of_features(self) -> tuple[int, int]:
        """Features of an encoder frame, and how many before the first of these it sees."""
        return self.subsampling.factor, self.subsampling.past

    def encode(self, window: Tensor, frame_lengths: Tensor, state: ConformerState | None = None) -> Tensor:
        """Encode normalised features preceded by their past: (N, RECEPTIVE_PAST + 4 T', width) -> (N, T', C)."""
        frames = self.dropout(self.subsampling(window))
        return (self.conformer(frames, frame_lengths, state) or [frames])[-1]

    def new_state(self) -> AudioEncoderState:
        """State of a stream before its first features."""
        assert isinstance(self.front_end, FrontEnd)  # a pretrained encoder does not stream
        past = self.front_end.mean.new_zeros(1, RECEPTIVE_PAST, self.front_end.width)
        return AudioEncoderState(FrontEndState(), past, self.conformer.new_state())

    def stream(self, features: Tensor, state: AudioEncoderState, last: bool = False) -> Iterator[Tensor]:
        """Encode each chunk that has become complete; a chunk is `chunk_size` encoder frames.

        Args:
            features: (N, T, F) raw log-mel, the next of the stream, or of N streams in step; T may be 0.
            state: of the stream, updated.
            last: these are the last features: encode the incomplete chunk too.
        Yields:
            (N, T', C), chunk after chunk.
        """
        assert isinstance(self.front_end, FrontEnd)
        state.pending = torch.cat([state.pending, self.front_end(features, state.front_end)], dim=1)
        chunk = self.conformer.chunk_size * SUBSAMPLING
        while (waiting := state.pending.shape[1] - RECEPTIVE_PAST) >= chunk or (last and waiting > 0):
            taken = min(waiting, chunk)
            window, state.pending = state.pending[:, : RECEPTIVE_PAST + taken], state.pending[:, taken:]
            window = F.pad(window, (0, 0, 0, -taken % SUBSAMPLING))
            frames = (window.shape[1] - RECEPTIVE_PAST) // SUBSAMPLING
            yield self.encode(window, torch.tensor([frames], device=window.device), state.conformer)


class TextEncoder(nn.Module):
    """Phoneme embedding, repetition, span masking, streaming conformer."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.settings: TextInputConfig = config.text
        self.embedding = nn.Embedding(config.phone_size, config.dim, padding_idx=PhoneList.PAD_ID)
        self.dropout = nn.Dropout(config.dropout)
        self.conformer = conformer(config, config.text_layers, streaming=True)

    def forward(self, phones: Tensor, lengths: Tensor, maskable: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode phonemes.

        Args:
            phones: (N, P) int; lengths: (N,) int.
            maskable: (N,) bool, the texts in which spans are masked in training.
        Returns:
            (N, L, C) with L positions after repetition, their lengths (N,), and the repetitions of each phoneme (N, P).
        """
        text = self.settings
        positions, new_lengths, times = repeat_phones(phones, lengths, text.repeat_min, text.repeat_max, self.training)
        if self.training:
            masked = span_mask(new_lengths, positions.shape[1], text.mask_ratio, text.mask_span)
            positions = positions.masked_fill(masked & maskable[:, None], PhoneList.MASK_ID)
        frames = self.dropout(self.embedding(positions))
        return (self.conformer(frames, new_lengths) or [frames])[-1], new_lengths, times
