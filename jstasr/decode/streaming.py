"""Streaming greedy search: chunk by chunk, with the same result as on the whole utterance."""

import torch
from torch import Tensor

from jstasr.decode.greedy import Hypothesis, first_history, greedy_search
from jstasr.model.joint import STREAMING, JointModel


class StreamingGreedy:
    """Encoder frames in, labels out, by greedy search of the streaming decoder."""

    def __init__(self, model: JointModel, max_symbols: int, start: int | None = None):
        """start: the first label, where it is known (the language token)."""
        self.decoder = model.decoder(STREAMING)
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
