"""Best paths of every layer beside the times at which the phonemes are known to begin."""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from jstasr.align.paths import framewise_path
from jstasr.data.batch import Batch
from jstasr.errors import JstasrError
from jstasr.kaldi.ctm import read_ctm
from jstasr.model.joint import Encoded
from jstasr.report.layers import FRAME_MS
from jstasr.report.phone_paths import best_phone_path, phone_path
from jstasr.score.alignment import CORRECT, align_words
from jstasr.text.tokens import PhoneList


class KnownTimes:
    """Errors of the times at which phonemes begin on the best path of every layer.

    A phoneme is compared where the CTM file has it too, by the alignment of the two sequences with the fewest edits.
    The first of an utterance is left out: on every path it begins with the first frame.
    """

    def __init__(self, path: Path, phone_list: PhoneList, layers: int):
        self.path, self.symbols = path, phone_list.phones
        self.times = read_ctm(path)
        self.errors: list[list[Tensor]] = [[] for _ in range(layers)]  # seconds late, by layer
        self.uniform: list[Tensor] = []
        self.utterances = self.missing = self.unknown = 0

    def known(self, utterance: str, phones: Iterable[int]) -> tuple[list[int], list[float]]:
        """Which phonemes of an utterance have a time, after the first, and the times in seconds."""
        ours = [self.symbols[phone] for phone in phones]
        theirs = self.times[utterance]
        places, seconds = [], []
        here = there = 0
        for mark, our, their in align_words(ours, [phone.text for phone in theirs]):
            if mark == CORRECT and here > 0:
                places.append(here)
                seconds.append(theirs[there].begin)
            here, there = here + (our is not None), there + (their is not None)
        return places, seconds

    def add(self, speech: Encoded, text: Encoded, batch: Batch) -> None:
        """Compare a batch; utterances that the file does not have are counted."""
        assert text.repeats is not None, "text was encoded from phonemes"
        frames = speech.layers[0].shape[1]
        best = [
            best_phone_path(above, below, speech.lengths, text.lengths, text.repeats)
            for above, below in zip(speech.layers, text.layers)
        ]
        uniform = phone_path(framewise_path(speech.lengths, text.lengths, frames), text.repeats)
        for row, utterance in enumerate(batch.utt_ids):
            if utterance not in self.times:
                self.missing += 1
                continue
            phones = batch.phones[row, : int(batch.phone_lengths[row])].tolist()
            places, seconds = self.known(utterance, phones)
            self.utterances += 1
            self.unknown += sum(phone != PhoneList.WORD_MARK_ID for phone in phones[1:]) - len(places)
            for path, errors in zip([uniform, *best], [self.uniform, *self.errors]):
                inside = path[row, : int(speech.lengths[row])].contiguous()
                begins = torch.searchsorted(inside, torch.tensor(places, dtype=inside.dtype))
                errors.append(begins * (FRAME_MS / 1000) - torch.tensor(seconds))

    def summary(self) -> dict:
        """Utterances and phonemes that were compared, and those that the file lacks; uniform stretching beside it.

        Raises:
            JstasrError: the file has none of the phonemes.
        """
        compared = sum(map(len, self.uniform))
        if not compared:
            raise JstasrError(f"{self.path}: holds no phoneme of an utterance that was measured")
        return {
            "file": str(self.path),
            "utterances": self.utterances,
            "missing_utterances": self.missing,
            "phonemes": compared,
            "missing_phonemes": self.unknown,
            "framewise": errors_in_ms(self.uniform),
        }

    def of_layers(self) -> list[dict[str, float]]:
        """`errors_in_ms` of each layer."""
        return [errors_in_ms(errors) for errors in self.errors]


def errors_in_ms(errors: list[Tensor]) -> dict[str, float]:
    """Mean absolute error, median of the signed one (late is positive), mean absolute difference from that median."""
    late = 1000 * torch.cat(errors).double()
    median = late.median()
    return {
        "error_ms": late.abs().mean().item(),
        "late_ms": median.item(),
        "spread_ms": (late - median).abs().mean().item(),
    }
