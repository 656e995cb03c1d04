"""Validation: losses, WER of greedy search on speech and on text, and the alignment of the layers."""

from dataclasses import dataclass

import jiwer
import numpy as np
import torch

from jstasr.align.measure import AlignmentDistances, alignment_distances
from jstasr.data.batches import bucketed_batches
from jstasr.data.collate import collate
from jstasr.data.speech_set import SpeechSet
from jstasr.data.subset import spread_subset
from jstasr.decode.greedy import greedy_search
from jstasr.experiment.config import ValidConfig
from jstasr.losses.config import LossConfig
from jstasr.losses.step import speech_losses
from jstasr.model.joint import FULL, STREAMING, Encoded, JointModel
from jstasr.text.tokens import Tokenizer
from jstasr.text.unspaced import split_unspaced

MAX_SYMBOLS = 3  # labels in a frame, at most
CER_SHARE = 1e-3  # of CER in the score: it decides between models that get no word right


@dataclass
class Validation:
    """Results of one pass over the dev utterances."""

    losses: dict[str, float]  # mean of each loss
    # per cent, of the trained decoders: streaming, full, and text_streaming, text_full (from phonemes to words;
    # a Chinese character is a word)
    wer: dict[str, float]
    cer: dict[str, float]  # per cent: streaming, full, as far as they are trained; likewise `empty`
    layers: list[dict[str, float]]  # for each consistency layer: AlignmentDistances.summary()
    empty: dict[str, float]  # share of hypotheses without text

    @property
    def score(self) -> float:
        """The criterion for the best checkpoints: mean WER of trained decoders on speech, per cent, and some CER.

        A WER above 100 counts as 100: the more words a model dares, the more it inserts, and one that emits nothing
        would win against one that has begun to learn.
        """
        return sum(min(self.wer[mode], 100.0) + CER_SHARE * cer for mode, cer in self.cer.items()) / len(self.cer)


def layer_distances(speech: Encoded, text: Encoded) -> list[AlignmentDistances]:
    """Distances between speech and its own text at every consistency layer, for each utterance."""
    generator = torch.Generator().manual_seed(0)  # of the random alignments
    return [
        alignment_distances(frames, positions, speech.lengths, text.lengths, generator=generator)
        for frames, positions in zip(speech.layers, text.layers)
    ]


def summarise_layers(batches: list[list[AlignmentDistances]]) -> list[dict[str, float]]:
    """Means and ratios over all batches, a dict for each layer."""
    return [AlignmentDistances(*map(torch.cat, zip(*layer))).summary() for layer in zip(*batches)]


@torch.inference_mode()
def validate(
    model: JointModel,
    dev: SpeechSet,
    tokenizer: Tokenizer,
    losses: LossConfig,
    config: ValidConfig,
    device: torch.device,
) -> Validation:
    """Evaluate the model on (a fixed subset of) the dev set; all results are deterministic."""
    modes = [mode for mode, weight in ((STREAMING, losses.streaming), (FULL, losses.full)) if weight > 0]
    was_training = model.training
    model.eval()
    chosen = spread_subset(len(dev), config.utterances)
    batches = bucketed_batches(dev.durations[chosen], config.batch_frames, np.random.default_rng(0))
    totals: dict[str, float] = {}
    texts: dict[str, list[str]] = {}
    references: list[str] = []
    measured: list[list[AlignmentDistances]] = []
    for indexes in batches:
        indexes = chosen[indexes]
        batch = collate(dev, indexes, None, []).to(device)
        speech = model.encode_speech(batch.speech, batch.speech_lengths)
        for name, value in speech_losses(model, speech, batch, losses).items():
            totals[name] = totals.get(name, 0.0) + float(value) * len(indexes)
        text = model.encode_text(batch.phones, batch.phone_lengths)
        for prefix, branch in (("", speech), ("text_", text)):
            for mode in modes:
                decoder, encoded = model.decoder(mode), branch.of(mode)
                found = greedy_search(decoder, encoded, branch.lengths, MAX_SYMBOLS)
                texts.setdefault(prefix + mode, []).extend(tokenizer.decode(hyp.labels) for hyp in found)
        references += [dev.texts[i] for i in indexes]
        measured.append(layer_distances(speech, text))
    model.train(was_training)
    words = [*map(split_unspaced, references)]
    return Validation(
        losses={name: total / len(chosen) for name, total in totals.items()},
        wer={name: 100 * jiwer.wer(words, [*map(split_unspaced, found)]) for name, found in texts.items()},
        cer={mode: 100 * jiwer.cer(references, texts[mode]) for mode in modes},
        layers=summarise_layers(measured),
        empty={mode: sum(not text for text in texts[mode]) / len(references) for mode in modes},
    )
