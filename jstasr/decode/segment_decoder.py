"""Segments of speech to text: decoded in batches of similar length, with words, joined where they overlap."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from jstasr.decode.greedy import Hypothesis, search
from jstasr.decode.results import Alternative, Word
from jstasr.decode.segments import SpeechSegment
from jstasr.decode.stitch import Decoded, stitch
from jstasr.decode.word_times import LabelTimes, label_times, word_marks, word_spans
from jstasr.experiment.load import Experiment
from jstasr.experiment.search import SearchConfig
from jstasr.features.compute import FeatureComputer
from jstasr.lm.external import ExternalLm
from jstasr.lm.hotwords import HotwordGraph
from jstasr.model.joint import STREAMING
from jstasr.text.tokens import Tokenizer
from jstasr.text.unspaced import split_unspaced

POOL_SECONDS = 240.0  # of segments that are sorted by length
BATCH_SECONDS = 80.0  # of segments, with padding, that are decoded together


@dataclass
class SegmentDecoder:
    """A model and how it is searched.

    `start`: the known first label of each utterance, or None.
    """

    experiment: Experiment
    features: FeatureComputer
    mode: str
    config: SearchConfig
    language_model: ExternalLm | None
    start: int | None
    hotwords: HotwordGraph | None
    device: torch.device

    def decode_all(self, segments: Iterable[SpeechSegment]) -> Iterator[Decoded]:
        """Decode segments, in their order; words that two of them share come once."""
        last: Decoded | None = None  # which the next segment may overlap
        for decoded in self.in_pools(segments):
            if last is not None:
                if decoded.part.overlap:
                    last, decoded = stitch(last, decoded)
                yield last
            last = decoded
        if last is not None:
            yield last

    def in_pools(self, segments: Iterable[SpeechSegment]) -> Iterator[Decoded]:
        """Decode as many segments at a time as POOL_SECONDS hold."""
        pool: list[SpeechSegment] = []
        for segment in segments:
            pool.append(segment)
            if sum(len(part.samples) for part in pool) >= POOL_SECONDS * self.features.sample_rate:
                yield from self.decode_pool(pool)
                pool = []
        if pool:
            yield from self.decode_pool(pool)

    def decode_pool(self, pool: list[SpeechSegment]) -> list[Decoded]:
        """Decode segments, those of similar length together."""
        order = sorted(range(len(pool)), key=lambda index: len(pool[index].samples))
        most = BATCH_SECONDS * self.features.sample_rate
        done: dict[int, Decoded] = {}
        batch: list[int] = []
        for index in order:
            if batch and (len(batch) + 1) * len(pool[index].samples) > most:
                done.update(zip(batch, self.decode_batch([pool[i] for i in batch])))
                batch = []
            batch.append(index)
        done.update(zip(batch, self.decode_batch([pool[i] for i in batch])))
        return [done[index] for index in range(len(pool))]

    @torch.inference_mode()
    def decode_batch(self, batch: list[SpeechSegment]) -> list[Decoded]:
        """Decode segments together."""
        model, tokenizer = self.experiment.model, self.experiment.tokenizer
        matrices = [torch.from_numpy(self.features(self.long_enough(part.samples))) for part in batch]
        lengths = torch.tensor([len(matrix) for matrix in matrices], device=self.device)
        features = torch.nn.utils.rnn.pad_sequence(matrices, batch_first=True).to(self.device)
        encode = model.encode_speech_streaming if self.mode == STREAMING else model.encode_speech
        encoded = encode(features, lengths)
        frames, decoder = encoded.of(self.mode), model.decoder(self.mode)
        start = None if self.start is None else torch.full((len(batch),), self.start, device=self.device)
        found = search(decoder, frames, encoded.lengths, self.config, self.language_model, start, self.hotwords)
        if not any(hypothesis.labels for hypothesis in found):
            return [Decoded(part, hypothesis, [], []) for part, hypothesis in zip(batch, found)]
        marks = word_marks(model, encoded)
        placed = label_times(decoder, frames, encoded.lengths, found)
        return [
            replace(
                add_words(part, hypothesis, labels, mark[:length], tokenizer),
                nbest=best_texts(hypothesis, tokenizer, self.config.nbest),
            )
            for part, hypothesis, labels, mark, length in zip(batch, found, placed, marks, encoded.lengths.tolist())
        ]

    def long_enough(self, samples: np.ndarray) -> np.ndarray:
        """Samples of one window at least, silence behind them."""
        return np.pad(samples, (0, max(0, self.features.window - len(samples))))


def best_texts(found: Hypothesis, tokenizer: Tokenizer, count: int) -> list[Alternative]:
    """The most probable texts, each once with the score of its most probable spelling; none where one is enough."""
    if count == 1:
        return []
    scores: dict[str, float] = {}
    for hypothesis in (found, *found.others):
        scores.setdefault(tokenizer.decode(hypothesis.labels), hypothesis.score)
    return [Alternative(text, score) for text, score in list(scores.items())[:count]]


def add_words(
    part: SpeechSegment, found: Hypothesis, labels: LabelTimes, marks: np.ndarray, tokenizer: Tokenizer
) -> Decoded:
    """The words of a hypothesis, with times and confidence; arguments as for `word_spans`."""
    slices = word_slices(found.labels, tokenizer)
    if not slices:
        return Decoded(part, found, [], [])
    speech = [(begin - part.begin, end - part.begin) for begin, end in part.speech]
    words = [
        Word(
            text=tokenizer.decode(found.labels[where]),
            begin=round(part.begin + begin, 3),
            end=round(part.begin + end, 3),
            confidence=round(float(np.exp(np.log(labels.confidence[where].clip(min=1e-9)).mean())), 4),
        )
        for where, (begin, end) in zip(slices, word_spans(slices, labels, marks, speech))
    ]
    return Decoded(part, found, words, slices)


def word_slices(labels: list[int], tokenizer: Tokenizer) -> list[slice]:
    """The labels of each word; characters of scripts without spaces are words by themselves."""
    slices: list[slice] = []
    begin: int | None = None  # of the word so far
    text = ""
    for index, label in enumerate(labels):
        piece = tokenizer.spaced([label])
        grown = split_unspaced(text + piece)
        if begin is not None and (piece[:1].isspace() or (piece.strip() and " " in grown)):
            slices.append(slice(begin, index))
            begin, text = None, ""
        if piece.strip():
            begin = index if begin is None else begin
            text += piece.strip()
    if begin is not None:
        slices.append(slice(begin, len(labels)))
    return slices
