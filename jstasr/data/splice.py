"""Speech for unpaired text: frames of paired speech, cut at the phonemes of its alignment and put together anew.

The words of the text then reach the audio encoder too. After Zhao et al., "On addressing practical challenges for
RNN-Transducer" (arXiv 2105.00858), who adapt a trained model to a new domain with segments of speech from another one;
here the units are runs of phonemes, cut along the best alignment that the model itself has found while it trains.
"""

from collections import deque
from dataclasses import dataclass, replace

import numpy as np
import torch
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
    stop_step: int = 0  # First step without it again; 0: it stays.

    def due(self, step: int) -> bool:
        """Is speech spliced at a step?"""
        return self.start_step <= step and (self.stop_step == 0 or step < self.stop_step)


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
        return [(u.features, *map(torch.from_numpy, (u.phones, u.first, u.count))) for u in self.utterances]

    def load(self, state: list[tuple]) -> None:
        """Become the bank that gave the state."""
        self.utterances.clear()
        self.frames = 0
        for features, *rest in state:
            self.append(Aligned(features, *(part.numpy() for part in rest)))

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
        width, some = batch.phones.shape[1], slice(len(path))
        # each in one copy: from a GPU every copy waits for all that it has yet to do
        path, phones, speech = path.cpu(), batch.phones[some].cpu(), batch.speech[some].half().cpu()
        sizes = zip(batch.phone_lengths[some].tolist(), batch.speech_lengths[some].tolist())
        for row, (held, length) in enumerate(sizes):
            frames = path[row][path[row] >= 0].numpy()
            count = np.bincount(frames, minlength=width)
            first = np.searchsorted(frames, np.arange(width))  # the path never goes back
            own = speech[row, :length].clone()  # of this utterance alone: the bank keeps it
            self.append(Aligned(own, phones[row, :held].numpy(), first[:held], count[:held]))

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
        """The batch with the share of its texts as spliced speech, in rows after its own that are no longer."""
        if not self.utterances or not batch.text_ids:
            return batch
        left = self.config.share * int(batch.text_phone_lengths.sum())  # phonemes that may still be taken
        width = batch.speech.shape[1]
        units = self.units()
        order = np.argsort(units.phones, kind="stable")
        found, starts = np.unique(units.phones[order], return_index=True)
        by_phone = dict(zip(found.tolist(), np.split(order, starts[1:])))
        by_phone.pop(END, None)
        features: dict[int, Tensor] = {}
        for text, length in enumerate(batch.text_phone_lengths.tolist()):
            chosen = self.choose(batch.text_phones[text, :length].numpy(), units, by_phone) if length <= left else None
            spoken = self.frames_of(chosen, units) if chosen else None
            if spoken is not None and len(spoken) <= width:
                features[text] = spoken
                left -= length
        return with_speech(batch, features)


def as_long_as_usual(batch: Batch, share: float, frames_per_phone: float) -> Batch:
    """The batch with spliced speech of the usual length, all zeros: what a step has to hold."""
    left = share * int(batch.text_phone_lengths.sum())
    features = {}
    for text, length in enumerate(batch.text_phone_lengths.tolist()):
        frames = round(frames_per_phone * length)
        if length <= left and 0 < frames <= batch.speech.shape[1]:
            features[text] = batch.speech.new_zeros(frames, batch.speech.shape[2])
            left -= length
    return with_speech(batch, features)


def fill_rows(lengths: dict[int, int], width: int) -> list[list[int]]:
    """Texts of given lengths together in rows of at most `width`, first fit."""
    rows: list[list[int]] = []
    room: list[int] = []
    for text, length in lengths.items():
        place = next((row for row, left in enumerate(room) if length <= left), len(rows))
        if place == len(rows):
            rows.append([])
            room.append(width)
        rows[place].append(text)
        room[place] -= length
    return rows


def with_speech(batch: Batch, features: dict[int, Tensor]) -> Batch:
    """The batch with some of its texts as speech of the given features (T_i, F), in rows no longer than its own."""
    if not features:
        return batch
    rows = fill_rows({text: len(part) for text, part in features.items()}, batch.speech.shape[1])
    left = torch.tensor([text not in features for text in range(len(batch.text_ids))])

    def joined(sequences: Tensor, lengths: Tensor) -> list[Tensor]:
        return [torch.cat([sequences[text, : int(lengths[text])] for text in row]) for row in rows]

    def extended(paired: Tensor, paired_lengths: Tensor, parts: list[Tensor]) -> tuple[Tensor, Tensor]:
        lengths = torch.cat([paired_lengths, torch.tensor([len(part) for part in parts])])
        width = max(paired.shape[1], *(len(part) for part in parts))
        whole = paired.new_zeros(len(lengths), width, *paired.shape[2:])
        whole[: len(paired), : paired.shape[1]] = paired
        for row, part in zip(whole[len(paired) :], parts):
            row[: len(part)] = part
        return whole, lengths

    speech = extended(batch.speech, batch.speech_lengths, [torch.cat([features[text] for text in row]) for row in rows])
    labels = extended(batch.labels, batch.label_lengths, joined(batch.text_labels, batch.text_label_lengths))
    phones = extended(batch.phones, batch.phone_lengths, joined(batch.text_phones, batch.text_phone_lengths))
    return replace(
        batch,
        utt_ids=[*batch.utt_ids, *("+".join(batch.text_ids[text] for text in row) for row in rows)],
        speech=speech[0],
        speech_lengths=speech[1],
        labels=labels[0],
        label_lengths=labels[1],
        phones=phones[0],
        phone_lengths=phones[1],
        text_ids=[name for text, name in enumerate(batch.text_ids) if text not in features],
        text_phones=batch.text_phones[left],
        text_phone_lengths=batch.text_phone_lengths[left],
        text_labels=batch.text_labels[left],
        text_label_lengths=batch.text_label_lengths[left],
        spliced=len(rows),
    )
