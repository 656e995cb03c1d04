"""The parts of a transducer as sherpa-onnx runs them: encoder, decoder (prediction network) and joiner.

A frame of the encoder's output holds, in this order: 1, or 0 behind the end of an utterance; the label that greedy
search hands out with it, 0 for none, and its probability; the decoder's projection of the encoding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.export.greedy import QUEUE, GreedySearch
from jstasr.export.stream_state import StateLayout
from jstasr.features.frames import SUBSAMPLING
from jstasr.model.hat import HatDecoder
from jstasr.model.joint import FULL, STREAMING, JointModel
from jstasr.text.tokens import BLANK_ID

HEAD = 3  # values of a frame before the projection
IMPOSSIBLE = -1e4  # log-probability of what must not be chosen: finite, so that sums of it are


class FullEncoder(nn.Module):
    """Features of whole utterances to frames of the full-context decoder."""

    def __init__(self, model: JointModel, max_symbols: int):
        super().__init__()
        self.model, self.search = model, GreedySearch(model.decoder(FULL), max_symbols)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(N, T, F) log-mel and (N,) -> frames (N, T', 3 + J), and their numbers (N,).

        Behind an utterance come the frames that hand out labels which still wait.
        """
        encoded = self.model.encode_speech(features, lengths)
        projected = self.search.decoder.encoder_projection(encoded.of(FULL))
        projected = F.pad(projected, (0, 0, 0, QUEUE))
        inside = torch.arange(projected.shape[1], device=lengths.device) < encoded.lengths[:, None]
        decisions, _ = self.search(projected, inside, self.search.first_state(projected))
        late = (decisions[:, :, 0] > 0) & ~inside
        return torch.cat([inside[:, :, None], decisions, projected], dim=-1), encoded.lengths + late.sum(dim=1)


class StreamingEncoder(nn.Module):
    """The next chunk of features of N streams to frames of the streaming decoder."""

    def __init__(self, model: JointModel, max_symbols: int):
        super().__init__()
        self.model, self.search = model, GreedySearch(model.decoder(STREAMING), max_symbols)
        self.layout = StateLayout(model, self.search)
        self.feature_frames = model.config.chunk_size * SUBSAMPLING

    def forward(
        self, features: Tensor, attention: Tensor, values: Tensor, processed_frames: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode a chunk.

        Args:
            features: (N, 4 T', F) log-mel.
            attention, values: the state, as `StateLayout` has it.
            processed_frames: (N,) int64, of sherpa-onnx, which begins again behind an endpoint; the state has its own.
        Returns:
            Frames (N, T', 3 + J), and the state after them.
        """
        frames, state, search = self.layout.unpack(attention, values)
        projected = self.search.decoder.encoder_projection(self.model.encode_streams(features, state))
        inside = torch.ones_like(projected[:, :, 0], dtype=torch.bool)
        decisions, search = self.search(projected, inside, search)
        out = torch.cat([inside[:, :, None], decisions, projected], dim=-1)
        return out, *self.layout.pack(frames + projected.shape[1], state, search)


class Decoder(nn.Module):
    """The prediction network: (N, context) labels, -1 for none -> (N, J)."""

    def __init__(self, decoder: HatDecoder):
        super().__init__()
        self.decoder = decoder

    def forward(self, labels: Tensor) -> Tensor:
        return self.decoder.predict(labels.clamp(min=BLANK_ID))


class Joiner(nn.Module):
    """HAT's log-probabilities, which are normalised: (N, 3 + J), (N, J) -> (N, V); blank behind an utterance."""

    def __init__(self, decoder: HatDecoder):
        super().__init__()
        self.decoder = decoder
        self.frame_size = HEAD + decoder.encoder_projection.out_features

    def forward(self, frames: Tensor, predicted: Tensor) -> Tensor:
        log_probs = self.decoder.log_probs(frames[:, HEAD:], predicted)
        blank = F.pad(torch.zeros_like(log_probs[:, :1]), (0, log_probs.shape[1] - 1), value=IMPOSSIBLE)
        return torch.where(frames[:, :1] > 0, log_probs, blank)


class GreedyJoiner(nn.Module):
    """The label that greedy search hands out, at its probability; all others share the rest: (N, V) log-probabilities.

    The probability is raised to above that of the others, where it is not.
    """

    def __init__(self, decoder: HatDecoder):
        super().__init__()
        self.symbols = decoder.labels.out_features + 1
        self.frame_size = HEAD + decoder.encoder_projection.out_features

    def forward(self, frames: Tensor, predicted: Tensor) -> Tensor:
        label, probability = frames[:, 1:2], frames[:, 2:3].clamp(2 / (self.symbols + 1), 1 - 1e-6)
        rest = ((1 - probability) / (self.symbols - 1)).log()
        return torch.where(torch.arange(self.symbols, device=label.device) == label, probability.log(), rest)
