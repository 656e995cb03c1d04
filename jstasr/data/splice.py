"""Speech for unpaired text: frames of paired speech, cut at the phonemes of its alignment and put together anew.

The words of the text then reach the audio encoder too. Splicing after Zhao et al., "On addressing practical challenges
for RNN-Transducer" (arXiv 2105.00858), who cut words by a trained aligner; here the units are runs of phonemes, cut
along the best alignment that the model itself has found.
"""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.features.frames import ENCODER_FRAME_SECONDS

END = -1  # between two utterances of the bank: matches no phoneme
MAX_FRAMES = 6  # encoder frames of a phoneme: a longer one holds a pause
CONTEXT = 0.8  # what the right phoneme before a unit is worth, in phonemes of its length


@dataclass
class SpliceConfig:
    """Speech for unpaired text, spliced from frames of paired speech along the best alignment."""

    share: float = 0.0  # Share of the unpaired phonemes that are spoken so instead of going through the text encoder.
    seconds: float = 600.0  # Paired speech, of the last steps, that units are taken from; for each process.
    longest: int = 8  # Phonemes of a unit, at most.
    start_step: int = 0  # First step with spliced speech.


@dataclass
class Aligned:
    """An utterance of the bank.

    features: (T, F) float16.
    phones: (P,) int64; first, count: (P,) int64, the first encoder frame of each phoneme and how many it has, or 0.
    """

    features: Tensor
    phones: np.ndarray
    first: np.ndarray
    count: np.ndarray


@dataclass
class Units:
    """The phonemes of a bank, one after the other with `END` after each utterance: (M,) int64 each."""

    phones: np.ndarray
    first: np.ndarray
    count: np.ndarray
    utterance: np.ndarray


class UnitBank:
    """The last paired utterances with their alignments, and the speech that is spliced from them.

    Args:
        factor: features of an encoder frame.
        past: features before the first of these that the encoder frame sees.
    """

    def __init__(self, config: SpliceConfig, factor: int, past: int):
        self.config, self.factor, self.past = config, factor, past
        self.max_frames = round(config.seconds / ENCODER_FRAME_SECONDS * factor)
        self.utterances: deque[Aligned] = deque()
        self.frames = 0

    def state(self) -> list[tuple]:
        """What a checkpoint keeps."""
        return [(u.features.cpu(), *map(torch.from_numpy, (u.phones, u.first, u.count))) for u in self.utterances]

    def load(self, state: list[tuple], device: torch.device) -> None:
        """Become the bank that gave the state."""
        self.utterances.clear()
        self.frames = 0
        for features, *rest in state:
            self.append(Aligned(features.to(device), *(part.numpy() for part in rest)))

    def append(self, utterance: Aligned) -> None:
        """Add an utterance, and drop the oldest ones that no longer fit."""
        self.utterances.append(utterance)
        self.frames += len(utterance.features)
        while self.frames > self.max_frames and len(self.utterances) > 1:
            self.frames -= len(self.utterances.popleft().features)

    def add(self, batch: Batch, path: Tensor) -> None:
        """Add the paired utterances of a batch.

        Args:
            path: (B, n) int64, the phoneme of each encoder frame; negative past the end.
        """
        width = batch.phones.shape[1]
        for row in range(len(path)):
            frames = path[row][path[row] >= 0].cpu().numpy()
            count = np.bincount(frames, minlength=width)
            first = np.searchsorted(frames, np.arange(width))  # the path never goes back
            held = int(batch.phone_lengths[row])
            features = batch.speech[row, : int(batch.speech_lengths[row])].half()
            phones = batch.phones[row, :held].cpu().numpy()
            self.append(Aligned(features, phones, first[:held], count[:held]))

    def units(self) -> Units:
        """All phonemes in the order of the bank; those that hold a pause or no frame match nothing."""
        columns: list[list[np.ndarray]] = [[], [], [], []]
        for number, utterance in enumerate(self.utterances):
            usable = (utterance.count > 0) & (utterance.count <= MAX_FRAMES)
            parts = np.where(usable, utterance.phones, END), utterance.first, utterance.count
            for column, part, fill in zip(columns, parts, (END, 0, 0)):
                column += [part, np.array([fill])]
            columns[3].append(np.full(len(utterance.phones) + 1, number))
        return Units(*map(np.concatenate, columns))

    def choose(self, phones: np.ndarray, units: Units, by_phone: dict[int, np.ndarray]) -> list[tuple[int, int]] | None:
        """(first unit, number of units), one after the other, for the phonemes of a text; None if one is not there.

        From left to right the longest run, with a preference for the right phoneme before it; equals are drawn.
        """
        chosen, at = [], 0
        while at < len(phones):
            places = by_phone.get(int(phones[at]))
            if places is None:
                return None
            length, alive = np.ones(len(places)), np.arange(len(places))
            for more in range(1, min(self.config.longest, len(phones) - at)):
                alive = alive[units.phones[places[alive] + more] == phones[at + more]]
                if not len(alive):
                    break
                length[alive] += 1
            score = length + torch.rand(len(places)).numpy()
            if at > 0:
                score += CONTEXT * (units.phones[places - 1] == phones[at - 1])
            best = int(score.argmax())
            chosen.append((int(places[best]), int(length[best])))
            at += int(length[best])
        return chosen

    def frames_of(self, chosen: list[tuple[int, int]], units: Units) -> Tensor:
        """The features (T, F) of chosen units; the last one goes on to the end of its utterance if it ended it."""
        parts = []
        for place, length in chosen:
            last = place + length - 1
            features = self.utterances[units.utterance[place]].features
            begin = self.factor * int(units.first[place]) - self.past
            end = self.factor * int(units.first[last] + units.count[last]) - self.past
            parts.append(features[max(0, begin) : end])
        place, length = chosen[-1]
        if units.phones[place + length] == END:
            parts.append(self.utterances[units.utterance[place]].features[end:])
        return torch.cat(parts).float()

    def spliced(self, batch: Batch) -> Batch:
        """The batch with the share of its texts as spliced speech, the rows after its own."""
        budget = self.config.share * int(batch.text_phone_lengths.sum())
        count = int((batch.text_phone_lengths.cumsum(0) <= budget).sum())
        if not self.utterances or count == 0:
            return batch
        units = self.units()
        order = np.argsort(units.phones, kind="stable")
        found, starts = np.unique(units.phones[order], return_index=True)
        by_phone = dict(zip(found.tolist(), np.split(order, starts[1:])))
        by_phone.pop(END, None)
        rows, features = [], []
        for row in range(count):
            phones = batch.text_phones[row, : int(batch.text_phone_lengths[row])].cpu().numpy()
            chosen = self.choose(phones, units, by_phone)
            if chosen is not None:
                rows.append(row)
                features.append(self.frames_of(chosen, units))
        return with_speech(batch, rows, features) if rows else batch


def with_speech(batch: Batch, rows: list[int], features: list[Tensor]) -> Batch:
    """The batch with some of its texts, `rows`, as speech with the given features (T_i, F)."""
    taken = torch.tensor(rows, device=batch.text_phones.device)
    left = torch.ones(len(batch.text_ids), dtype=torch.bool, device=taken.device)
    left[taken] = False
    lengths = torch.tensor([len(part) for part in features], device=batch.speech_lengths.device)
    padded = torch.nn.utils.rnn.pad_sequence(features, batch_first=True)
    return replace(
        batch,
        utt_ids=[*batch.utt_ids, *(batch.text_ids[row] for row in rows)],
        speech=torch.cat(same_width(batch.speech.transpose(1, 2), padded.transpose(1, 2))).transpose(1, 2),
        speech_lengths=torch.cat([batch.speech_lengths, lengths]),
        labels=torch.cat(same_width(batch.labels, batch.text_labels[taken])),
        label_lengths=torch.cat([batch.label_lengths, batch.text_label_lengths[taken]]),
        phones=torch.cat(same_width(batch.phones, batch.text_phones[taken])),
        phone_lengths=torch.cat([batch.phone_lengths, batch.text_phone_lengths[taken]]),
        text_ids=[name for row, name in enumerate(batch.text_ids) if row not in set(rows)],
        text_phones=batch.text_phones[left],
        text_phone_lengths=batch.text_phone_lengths[left],
        text_labels=batch.text_labels[left],
        text_label_lengths=batch.text_label_lengths[left],
        spliced=len(rows),
    )


def same_width(*tensors: Tensor) -> list[Tensor]:
    """The tensors padded with 0 to the largest last dimension."""
    width = max(tensor.shape[-1] for tensor in tensors)
    return [F.pad(tensor, (0, width - tensor.shape[-1])) for tensor in tensors]
