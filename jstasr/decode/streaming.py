"""The streaming encoder fed piece by piece: the same output as on the whole utterance, as soon as it is known."""

import torch
from torch import Tensor

from jstasr.model.encoders import RECEPTIVE_PAST, SUBSAMPLING
from jstasr.model.joint import JointModel


class StreamingEncoder:
    """Feature frames in, encoder frames out, chunk by chunk.

    A chunk of `model.chunk_size` encoder frames (4 feature frames each) is encoded once its last frame's features
    have arrived; the look-ahead of a frame is the rest of its chunk, and nothing else is buffered.
    """

    def __init__(self, model: JointModel):
        self.model = model
        self.chunk_frames = model.config.chunk_size * SUBSAMPLING
        self.pending = torch.zeros(1, RECEPTIVE_PAST, model.config.num_mel_bins)
        self.audio_state = model.audio_encoder.conformer.new_state()
        self.shared_state = model.shared_encoder.new_state()

    @torch.inference_mode()
    def accept(self, features: Tensor, last: bool = False) -> Tensor:
        """Encode what has become complete.

        Args:
            features: (T, F) raw log-mel frames that follow those given before; T may be 0.
            last: no more will come: encode the rest.
        Returns:
            (T', C) output of the shared streaming encoder; T' may be 0.
        """
        if len(features):
            self.pending = torch.cat([self.pending, self.model.audio_encoder.normalise(features)[None]], dim=1)
        outputs = [self.pending.new_zeros(0, self.model.config.dim)]
        while self.pending.shape[1] - RECEPTIVE_PAST >= self.chunk_frames:
            outputs.append(self.encode(self.chunk_frames))
        rest = self.pending.shape[1] - RECEPTIVE_PAST
        if last and rest > 0:
            missing = -rest % SUBSAMPLING
            self.pending = torch.nn.functional.pad(self.pending, (0, 0, 0, missing))
            outputs.append(self.encode(rest + missing))
        return torch.cat(outputs)

    def encode(self, frames: int) -> Tensor:
        """Encode the next `frames` feature frames, a multiple of 4, and forget all but their last ones."""
        window = self.pending[:, : RECEPTIVE_PAST + frames - (SUBSAMPLING - 1)]
        self.pending = self.pending[:, frames:]
        hidden = self.model.audio_encoder.subsampling.convolve(window)
        hidden = self.model.audio_encoder.conformer.stream(hidden, self.audio_state)
        return self.model.shared_encoder.stream(hidden, self.shared_state)[0]
