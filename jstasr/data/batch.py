"""What one training step consumes."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor

from jstasr.features.frames import FRAME_SHIFT_MS


@dataclass
class Batch:
    """Paired utterances and unpaired texts, both padded with 0.

    B paired utterances: `speech` (B, T, F) features float32, `labels` (B, U), `phones` (B, P).
    N unpaired texts: `text_phones` (N, Q), `text_labels` (N, V). The matching `*_lengths` are (B,) or (N,) int64.
    The last `spliced` of the B are no recordings but spliced speech, see `jstasr.data.splice`.
    """

    utt_ids: list[str]
    speech: Tensor
    speech_lengths: Tensor
    labels: Tensor
    label_lengths: Tensor
    phones: Tensor
    phone_lengths: Tensor
    text_ids: list[str]
    text_phones: Tensor
    text_phone_lengths: Tensor
    text_labels: Tensor
    text_label_lengths: Tensor
    frame_ms: int = FRAME_SHIFT_MS  # from one frame of `speech` to the next
    skipped: list[str] = field(default_factory=list)  # what is wrong with each utterance that was left out
    lost: list[str] = field(default_factory=list)  # what is wrong with the shard of each that a lost shard held
    spliced: int = 0

    @property
    def recorded(self) -> int:
        """The number of recorded utterances, which come first."""
        return len(self.utt_ids) - self.spliced

    def counts(self) -> dict[str, int]:
        """Amount of each unit in the batch, frames in 10 ms."""
        ticks = self.frame_ms // FRAME_SHIFT_MS
        return {
            "labels": int(self.label_lengths.sum()),
            "phones": int(self.phone_lengths.sum()),
            "text_labels": int(self.text_label_lengths.sum()),
            "text_phones": int(self.text_phone_lengths.sum()),
            "paired": self.recorded,
            "spliced_phones": int(self.phone_lengths[self.recorded :].sum()),
            "frames": int(self.speech_lengths.sum()) * ticks,
            "padded_frames": self.speech.shape[0] * self.speech.shape[1] * ticks,
        }

    def to(self, device: torch.device) -> "Batch":
        """The same batch with every tensor on `device`."""
        return self.map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """The same batch in page-locked memory, from which a copy to a GPU does not stop the CPU.

        DataLoader(pin_memory=True) calls this method; a class without it is passed on as it is.
        """
        return self.map(Tensor.pin_memory)

    def map(self, function: Callable[[Tensor], Tensor]) -> "Batch":
        """The same batch with the function's value in place of every tensor."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{name: function(value) for name, value in values.items() if isinstance(value, Tensor)})
