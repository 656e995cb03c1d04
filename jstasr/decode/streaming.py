"""Streaming features and search: chunk by chunk, with the same result as on the whole utterance."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from jstasr.decode.beam import BeamSearch
from jstasr.decode.greedy import Hypothesis, first_greedy_state, greedy_search, prepend_start
from jstasr.experiment.search import GREEDY, SearchConfig
from jstasr.features.fbank import Fbank, StreamingFbank
from jstasr.features.frames import SUBSAMPLING
from jstasr.lm.external import ExternalLm
from jstasr.lm.hotwords import HotwordGraph
from jstasr.model.joint import STREAMING, JointModel

PIECE = 1000  # feature frames (10 ms) that are encoded at a time where all of them are there


class StreamingSearch(Protocol):
    """Encoder frames of one utterance in, labels out."""

    def accept(self, encoded: Tensor) -> Hypothesis:
        """The labels that the next encoder frames (T', C) add, and the score so far."""
        ...

    def finish(self) -> Hypothesis:
        """The labels that the end adds, and the score of the whole."""
        ...


class StreamingGreedy:
    """Greedy search of the streaming decoder, piece by piece."""

    def __init__(self, model: JointModel, config: SearchConfig, start: Tensor | None):
        """start: (1,) int, the first label, where it is known (the language token)."""
        self.decoder, self.max_symbols = model.decoder(STREAMING), config.max_symbols
        self.state = first_greedy_state(self.decoder, 1, start, model.ctc_label.weight.device)
        self.frames = 0

    def accept(self, encoded: Tensor) -> Hypothesis:
        lengths = torch.tensor([len(encoded)], device=encoded.device)
        new = greedy_search(self.decoder, encoded[None], lengths, self.max_symbols, self.state)[0]
        new.frames = [self.frames + frame for frame in new.frames]
        self.frames += len(encoded)
        return new

    def finish(self) -> Hypothesis:
        return Hypothesis([], [], float(self.state.score + self.state.none.log()))


class StreamingBeam:
    """Beam search of the streaming decoder, piece by piece. A label comes once all prefixes of the beam have it."""

    def __init__(
        self,
        model: JointModel,
        config: SearchConfig,
        language_model: ExternalLm | None,
        start: Tensor | None,
        hotwords: HotwordGraph | None,
    ):
        """start: (1,) int, the first label, where it is known (the language token)."""
        device = model.ctc_label.weight.device
        self.beam = BeamSearch(model.decoder(STREAMING), 1, config, language_model, start, device, hotwords)

    def accept(self, encoded: Tensor) -> Hypothesis:
        self.beam.accept(encoded[None], torch.tensor([len(encoded)], device=encoded.device))
        return self.beam.settle()

    def finish(self) -> Hypothesis:
        return self.beam.finish()[0]


def streaming_search(
    model: JointModel,
    config: SearchConfig,
    language_model: ExternalLm | None,
    start: Tensor | None,
    hotwords: HotwordGraph | None,
) -> StreamingSearch:
    """Greedy or beam search, as configured; the arguments as for `StreamingBeam`."""
    if config.search == GREEDY:
        return StreamingGreedy(model, config, start)
    return StreamingBeam(model, config, language_model, start, hotwords)


class SpeechStream:
    """Samples of one utterance in, labels out."""

    def __init__(
        self,
        model: JointModel,
        fbank: Fbank,
        config: SearchConfig,
        language_model: ExternalLm | None,
        start: Tensor | None,
        hotwords: HotwordGraph | None,
    ):
        """start: (1,) int, the first label, where it is known (the language token); it is not returned again."""
        self.model, self.start = model, start
        self.fbank = StreamingFbank(fbank, model.config.chunk_size * SUBSAMPLING)  # what is encoded together
        self.state = model.new_stream()
        self.search = streaming_search(model, config, language_model, start, hotwords)
        self.score = 0.0

    def accept(self, samples: np.ndarray, last: bool = False) -> Hypothesis:
        """The labels that the next samples (N,) float32 add, and the score so far; `last`: they end the utterance.

        Until a chunk is complete, samples are only kept.
        """
        features = self.fbank.accept(samples, last)
        new = self.search_on(features, last) if last or len(features) else Hypothesis([], [], self.score)
        self.score = new.score
        return new

    @torch.inference_mode()
    def search_on(self, features: np.ndarray, last: bool) -> Hypothesis:
        """The labels that the next feature frames (T, F) add."""
        device = self.model.ctc_label.weight.device
        encoded = self.model.encode_stream(torch.from_numpy(features).to(device), self.state, last)
        new = self.search.accept(encoded) if len(encoded) else Hypothesis([], [], self.score)
        if last:
            append(new, self.search.finish())
        return new


@torch.inference_mode()
def search_in_pieces(
    model: JointModel,
    features: Tensor,
    config: SearchConfig,
    language_model: ExternalLm | None = None,
    start: Tensor | None = None,
    hotwords: HotwordGraph | None = None,
) -> Hypothesis:
    """What the streaming decoder finds in the features (T, F) of one utterance, in memory that is linear in T.

    start: (1,) int, the first label, where it is known.
    """
    state, running = model.new_stream(), streaming_search(model, config, language_model, start, hotwords)
    found = first_hypothesis(start)
    for first in range(0, len(features), PIECE):
        piece = features[first : first + PIECE]
        append(found, running.accept(model.encode_stream(piece, state, last=first + PIECE >= len(features))))
    append(found, running.finish())
    return found


def first_hypothesis(start: Tensor | None) -> Hypothesis:
    """The hypothesis before the first frame; `start` (1,) int: its first label, where it is known."""
    return prepend_start([Hypothesis([], [], 0.0)], start)[0]


def append(found: Hypothesis, new: Hypothesis) -> None:
    """Add what a streaming search has found to what it found before."""
    found.labels += new.labels
    found.frames += new.frames
    found.score = new.score
