"""Streaming recognition: samples in, labels out as soon as they are known, the same as on the whole utterance."""

import numpy as np
import torch
from torch import Tensor

from jstasr.decode.greedy import Hypothesis, first_history, greedy_search
from jstasr.features.fbank import Fbank
from jstasr.features.frames import SUBSAMPLING
from jstasr.model.encoders import RECEPTIVE_PAST
from jstasr.model.joint import STREAMING, JointModel


class StreamingFbank:
    """Samples in, log-mel frames out: each frame once the last sample of its window has arrived."""

    def __init__(self, fbank: Fbank):
        self.fbank = fbank
        self.pending = np.zeros(0, dtype=np.float32)

    def accept(self, samples: np.ndarray) -> np.ndarray:
        """The frames (T, F) that `samples` (N,) float32 complete; T may be 0."""
        self.pending = np.concatenate([self.pending, samples])
        count = self.fbank.num_frames(len(self.pending))
        if count == 0:
            return np.zeros((0, self.fbank.num_mel_bins), dtype=np.float32)
        features = self.fbank(self.pending)
        self.pending = self.pending[count * self.fbank.shift :]
        return features


class StreamingEncoder:
    """Feature frames in, encoder frames out, chunk by chunk.

    A chunk of `model.chunk_size` encoder frames (4 feature frames each) is encoded once its last frame's features
    have arrived; the look-ahead of a frame is the rest of its chunk, and nothing else is buffered.
    """

    def __init__(self, model: JointModel):
        self.model = model
        self.chunk_frames = model.config.chunk_size * SUBSAMPLING
        front_end = model.audio_encoder.front_end
        self.pending = torch.zeros(1, RECEPTIVE_PAST, front_end.width, device=front_end.mean.device)
        self.heard: dict = {}  # of the online mean and variance
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
            normal = self.model.audio_encoder.front_end(features.to(self.pending.device)[None], self.heard)[0]
            self.pending = torch.cat([self.pending, normal[None]], dim=1)
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


class StreamingGreedy:
    """Encoder frames in, labels out, by greedy search of the streaming decoder."""

    def __init__(self, model: JointModel, max_symbols: int, start: int | None = None):
        """start: the first label, where it is known (the language's token)."""
        self.decoder = model.decoders[STREAMING]
        self.max_symbols = max_symbols
        device = model.audio_encoder.front_end.mean.device
        given = None if start is None else torch.tensor([start], device=device)
        self.history = first_history(self.decoder, 1, given, device)
        self.frames = 0
        self.found = Hypothesis([], [], 0.0) if start is None else Hypothesis([start], [0], 0.0)

    def accept(self, encoded: Tensor) -> Hypothesis:
        """The hypothesis after the next encoder frames (T', C); the labels of earlier ones never change."""
        lengths = torch.tensor([len(encoded)], device=encoded.device)
        new = greedy_search(self.decoder, encoded[None], lengths, self.max_symbols, self.history)[0]
        if new.labels:
            labels = torch.tensor([new.labels], device=self.history.device)
            self.history = torch.cat([self.history, labels], dim=1)[:, -self.history.shape[1] :]
        self.found.labels += new.labels
        self.found.frames += [self.frames + frame for frame in new.frames]
        self.found.score += new.score
        self.frames += len(encoded)
        return self.found
