"""A linear CTC head on a pretrained speech encoder, trained for a given time: what most people would do first.

Frozen: the head alone, on the features that stage 5 wrote. Fine-tuned: all transformer layers too, the convolutions
below them frozen. Characters; AdamW, a rate that rises over the first tenth of the time and then falls to 0; spans of
10 frames masked, 5% of an utterance; the state with the lowest character error rate on dev counts.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from jstasr.bench.ctc_search import greedy
from jstasr.features.cmvn import load_cmvn
from jstasr.features.on_the_fly import open_features
from jstasr.features.text_input import span_mask
from jstasr.kaldi.audio import read_audio
from jstasr.kaldi.tables import read_table
from jstasr.pretrained.encoder import SpeechEncoder
from jstasr.text.tokens import BLANK_ID, Tokenizer

DROPOUT = 0.1
MASK_SHARE, MASK_SPAN = 0.05, 10  # of the frames; frames
WARMUP = 0.1  # share of the time
VALIDATIONS = 10
CLIP = 1.0  # norm of the gradient


@dataclass
class CtcSet:
    """Utterances of a set.

    Attributes:
        read: utterance -> (T, C) features or (S,) samples.
        lengths: of these, about: batches are made of similar ones.
        texts: utterance -> transcript.
        batch: length of all utterances of a batch, with padding.
    """

    read: Callable[[str], Tensor]
    lengths: dict[str, int]
    texts: dict[str, str]
    batch: int

    def batches(self, generator: np.random.Generator | None = None) -> Iterator[list[str]]:
        """Utterances of similar length, each once; in random order with a generator."""
        order = sorted(self.texts, key=lambda utterance: (self.lengths[utterance], utterance))
        groups: list[list[str]] = [[]]
        for utterance in order:
            if groups[-1] and (len(groups[-1]) + 1) * self.lengths[utterance] > self.batch:
                groups.append([])
            groups[-1].append(utterance)
        numbers = range(len(groups)) if generator is None else generator.permutation(len(groups))
        return (groups[number] for number in numbers)

    def inputs(self, utterances: list[str]) -> tuple[Tensor, Tensor]:
        """Padded inputs, and their lengths."""
        parts = [self.read(utterance) for utterance in utterances]
        return pad_sequence(parts, batch_first=True), torch.tensor([len(part) for part in parts])


def feature_set(folder: Path, cmvn: Path, batch_seconds: float) -> CtcSet:
    """The features of a set that stage 5 wrote, normalised."""
    reader, (mean, std) = open_features(folder), load_cmvn(cmvn)
    mean, std = torch.as_tensor(mean).float(), torch.as_tensor(std).float().clamp(min=1e-5)
    lengths = {utterance: int(count) for utterance, count in read_table(folder / "utt2num_frames").items()}
    return CtcSet(
        lambda utterance: (torch.from_numpy(np.array(reader[utterance])) - mean) / std,
        lengths,
        read_table(folder / "text"),
        int(50 * batch_seconds),
    )


def audio_set(folder: Path, frames: Path, batch_seconds: float) -> CtcSet:
    """The audio of a set that stage 2 wrote; frames: its features' folder, which names the utterances."""
    sources = read_table(folder / "wav.scp")
    lengths = {utterance: 320 * int(count) for utterance, count in read_table(frames / "utt2num_frames").items()}
    return CtcSet(
        lambda utterance: torch.from_numpy(np.array(read_audio(sources[utterance])[0])),
        lengths,
        read_table(frames / "text"),
        int(16000 * batch_seconds),
    )


class CtcModel(nn.Module):
    """A linear head on frozen features, or with `encoder` on audio: its transformer layers are trained then."""

    def __init__(self, width: int, vocab_size: int, encoder: SpeechEncoder | None = None):
        super().__init__()
        self.encoder = encoder
        if encoder is not None:
            for block in encoder.blocks:
                block.requires_grad_(True)
        self.head = nn.Linear(width, vocab_size)

    def train(self, mode: bool = True) -> "CtcModel":
        """Training mode of the head alone: the encoder draws no dropout and no masks but those of `forward`."""
        super().train(mode)
        if self.encoder is not None:
            self.encoder.eval()
        return self

    def forward(self, inputs: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(N, T, C) features or (N, S) samples -> log-probabilities (N, T', V), and (N,) frames."""
        if self.encoder is None:
            frames = inputs
            if self.training:
                masked = span_mask(lengths, inputs.shape[1], MASK_SHARE, MASK_SPAN)
                frames = frames.masked_fill(masked[:, :, None], 0.0)
        else:
            masked = None
            if self.training:
                counts = torch.tensor([self.encoder.num_frames(length) for length in lengths.tolist()])
                masked = span_mask(counts, self.encoder.num_frames(inputs.shape[1]), MASK_SHARE, MASK_SPAN)
            layers, lengths = self.encoder(inputs, lengths, masked)
            frames = layers[-1]
        frames = F.dropout(frames, DROPOUT, self.training)
        return self.head(frames).log_softmax(dim=-1), lengths


@dataclass
class Trained:
    """A trained head: its lowest CER on dev, in percent; the learning rate; steps that the time allowed."""

    cer: float
    rate: float
    steps: int


def train_ctc(
    model: CtcModel, train: CtcSet, dev: CtcSet, tokenizer: Tokenizer, rate: float, seconds: float, seed: int
) -> Trained:
    """Train for `seconds`, validations included; the model then has the weights that were best on dev."""
    torch.manual_seed(seed)
    generator = np.random.default_rng(seed)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=rate, weight_decay=0.01)
    best, kept, steps = float("inf"), [parameter.detach().clone() for parameter in parameters], 0
    begin, done, validations = time.perf_counter(), 0.0, 0
    batches = train.batches(generator)
    while done < 1.0:
        utterances = next(batches, None)
        if utterances is None:
            batches = train.batches(generator)
            continue
        optimiser.param_groups[0]["lr"] = rate * min(max(done, 1e-3) / WARMUP, (1.0 - done) / (1.0 - WARMUP))
        step(model.train(), train, tokenizer, utterances, optimiser, parameters)
        steps += 1
        done = (time.perf_counter() - begin) / seconds
        if done >= (validations + 1) / VALIDATIONS:
            validations = int(done * VALIDATIONS)
            cer = character_error_rate(model, dev, tokenizer)
            if cer < best:
                best, kept = cer, [parameter.detach().clone() for parameter in parameters]
            done = (time.perf_counter() - begin) / seconds
    with torch.no_grad():
        for parameter, value in zip(parameters, kept):
            parameter.copy_(value)
    return Trained(best, rate, steps)


def step(
    model: CtcModel,
    train: CtcSet,
    tokenizer: Tokenizer,
    utterances: list[str],
    optimiser: torch.optim.Optimizer,
    parameters: list[nn.Parameter],
) -> None:
    """One update on some utterances."""
    log_probs, lengths = model(*train.inputs(utterances))
    labels = [torch.tensor(tokenizer.encode(train.texts[utterance])) for utterance in utterances]
    loss = F.ctc_loss(
        log_probs.transpose(0, 1),
        torch.cat(labels),
        lengths,
        torch.tensor([len(label) for label in labels]),
        blank=BLANK_ID,
        zero_infinity=True,
    )
    loss.backward()
    nn.utils.clip_grad_norm_(parameters, CLIP)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


@torch.no_grad()
def outputs(model: CtcModel, data: CtcSet) -> dict[str, np.ndarray]:
    """Log-probabilities (T, V) of every utterance."""
    found = {}
    for utterances in data.batches():
        log_probs, lengths = model.eval()(*data.inputs(utterances))
        for utterance, rows, length in zip(utterances, log_probs, lengths.tolist()):
            found[utterance] = rows[:length].numpy()
    return found


def character_error_rate(model: CtcModel, dev: CtcSet, tokenizer: Tokenizer) -> float:
    """CER of greedy search, in percent."""
    found = outputs(model, dev)
    texts = [tokenizer.decode(greedy(found[utterance])) for utterance in dev.texts]
    return 100.0 * float(jiwer.cer(list(dev.texts.values()), texts))
