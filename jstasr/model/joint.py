"""The joint speech-text model.

speech -> audio encoder --+
                          +-> shared streaming encoder -> streaming HAT decoder
text   -> text encoder ---+            |
                                       +-> full-context encoder -> full-context HAT decoder
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from jstasr.features.specaug import SpecAugmentConfig
from jstasr.model.config import ModelConfig
from jstasr.model.conformer import ConformerState
from jstasr.model.encoders import AudioEncoder, AudioEncoderState, TextEncoder, conformer
from jstasr.model.hat import HatDecoder
from jstasr.pretrained.encoder import SpeechEncoder

STREAMING, FULL = "streaming", "full"


@dataclass
class Encoded:
    """The encodings of one branch, speech or text.

    layers: the input of the shared encoder, then the output of every shared and full-context layer, (N, T, C) each.
    lengths: (N,) int, frames of speech or positions of text.
    streaming, full: (N, T, C), the input of each decoder.
    repeats: (N, P) int, the number of positions of each phoneme; None for speech.
    """

    layers: list[Tensor]
    lengths: Tensor
    streaming: Tensor
    full: Tensor
    repeats: Tensor | None = None

    def of(self, mode: str) -> Tensor:
        """(N, T, C), the input of the decoder of a mode, "streaming" or "full"."""
        return self.streaming if mode == STREAMING else self.full

    def __getitem__(self, rows: slice) -> "Encoded":
        """A slice of the utterances."""
        layers = [layer[rows] for layer in self.layers]
        repeats = None if self.repeats is None else self.repeats[rows]
        return Encoded(layers, self.lengths[rows], self.streaming[rows], self.full[rows], repeats)


@dataclass
class StreamState:
    """What the streaming encoders keep of a stream."""

    audio: AudioEncoderState
    shared: ConformerState


class JointModel(nn.Module):
    """Speech and text through one encoder into two transducer decoders (arXiv 2308.06125)."""

    def __init__(self, config: ModelConfig, encoder: SpeechEncoder | None = None):
        """encoder: the pretrained encoder that is part of the model (`model.pretrained.inside`)."""
        super().__init__()
        if config.vocab_size < 2 or config.phone_size < 2:
            raise ValueError("the model needs the sizes of the token list and of the phone list")
        self.config = config
        self.audio_encoder = AudioEncoder(config, encoder)
        self.text_encoder = TextEncoder(config)
        self.shared_encoder = conformer(config, config.shared_layers, streaming=True)
        self.full_encoder = conformer(config, config.full_layers, streaming=False)
        self.decoders = nn.ModuleDict(
            {mode: HatDecoder(config.dim, config.vocab_size, config.decoder) for mode in (STREAMING, FULL)}
        )
        self.ctc_label = nn.Linear(config.dim, config.vocab_size)
        self.ctc_phone = nn.Linear(config.dim, config.phone_size)

    def decoder(self, mode: str) -> HatDecoder:
        """The decoder of a mode, "streaming" or "full"."""
        decoder = self.decoders[mode]
        assert isinstance(decoder, HatDecoder)
        return decoder

    def encode_speech(self, features: Tensor, lengths: Tensor, specaug: SpecAugmentConfig | None = None) -> Encoded:
        """Encode whole utterances.

        Args:
            features: (N, T, F) raw log-mel, any padding; lengths: (N,) int, frames before padding.
            specaug: masks the normalised features, in training.
        Raises:
            ValueError: shapes that do not fit each other or the model.
        """
        self.check_speech(features, lengths)
        return self.encode_shared(*self.audio_encoder(features, lengths, specaug))

    def encode_speech_streaming(self, features: Tensor, lengths: Tensor) -> Encoded:
        """`encode_speech` without the full-context encoder, whose place the streaming encodings take."""
        self.check_speech(features, lengths)
        frames, lengths = self.audio_encoder(features, lengths)
        shared = self.shared_encoder(frames, lengths)
        layers = [frames, *shared]
        return Encoded(layers, lengths, layers[-1], layers[-1])

    def check_speech(self, features: Tensor, lengths: Tensor) -> None:
        """Refuse shapes that do not fit each other or the model."""
        if features.dim() != 3 or features.shape[2] != self.config.num_mel_bins or lengths.shape != features.shape[:1]:
            raise ValueError(
                f"expected features (N, T, {self.config.num_mel_bins}) and lengths (N,), got {tuple(features.shape)} "
                f"and {tuple(lengths.shape)}"
            )

    def encode_text(self, phones: Tensor, lengths: Tensor, maskable: Tensor | None = None) -> Encoded:
        """Encode phonemes.

        Args:
            phones: (N, P) int, padded with 0; lengths: (N,) int.
            maskable: (N,) bool, the texts in which spans are masked in training; None: all.
        Raises:
            ValueError: shapes that do not fit each other.
        """
        if phones.dim() != 2 or lengths.shape != phones.shape[:1]:
            shapes = f"{tuple(phones.shape)} and {tuple(lengths.shape)}"
            raise ValueError(f"expected phones (N, P) and lengths (N,), got {shapes}")
        if maskable is None:
            maskable = torch.ones(len(phones), dtype=torch.bool, device=phones.device)
        frames, positions, repeats = self.text_encoder(phones, lengths, maskable)
        return replace(self.encode_shared(frames, positions), repeats=repeats)

    def encode_shared(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """The shared and the full-context encoder on the frames (N, T, C) and lengths (N,) of either branch."""
        shared = self.shared_encoder(frames, lengths)
        streaming = shared[-1] if shared else frames
        above = self.full_encoder(streaming, lengths)
        return Encoded([frames, *shared, *above], lengths, streaming, above[-1] if above else streaming)

    def new_stream(self) -> StreamState:
        """State of a stream before its first features."""
        return StreamState(self.audio_encoder.new_state(), self.shared_encoder.new_state())

    def encode_stream(self, features: Tensor, state: StreamState, last: bool = False) -> Tensor:
        """Encode the chunks of a stream that have become complete, as `encode_speech` encodes the whole.

        A chunk of `chunk_size` encoder frames is encoded once the features of its last frame have arrived: the
        look-ahead of a frame is the rest of its chunk.

        Args:
            features: (T, F) raw log-mel, the next of the stream; T may be 0.
            state: of the stream, updated.
            last: these are the last features: encode the incomplete chunk too.
        Returns:
            (T', C), the input of the streaming decoder; T' may be 0.
        """
        return self.encode_streams(features[None], state, last)[0]

    def encode_streams(self, features: Tensor, state: StreamState, last: bool = False) -> Tensor:
        """`encode_stream` of several streams in step: (N, T, F) raw log-mel -> (N, T', C)."""
        chunks = [features.new_zeros(len(features), 0, self.config.dim)]
        for frames in self.audio_encoder.stream(features, state.audio, last):
            lengths = torch.tensor([frames.shape[1]], device=frames.device)
            chunks.append((self.shared_encoder(frames, lengths, state.shared) or [frames])[-1])
        return torch.cat(chunks, dim=1)
