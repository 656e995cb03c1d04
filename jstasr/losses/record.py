"""The record of a loss, from which configuration, schedule, data parallelism, log and plots derive."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.model.config import ModelConfig
from jstasr.model.joint import Encoded, JointModel


@dataclass
class Transcripts:
    """Transcripts as text: `layers` as of `Encoded`, or only the first of them; `lengths`, `repeats` likewise."""

    layers: list[Tensor]
    lengths: Tensor
    repeats: Tensor


@dataclass
class Encodings:
    """The inputs of the losses of one step.

    speech: the utterances of the batch.
    text: the unpaired texts; None without any, and where no loss needs them.
    transcripts: of the recorded utterances; None where no loss needs them.
    path: (B, n) int64, the text position of each frame of the recorded utterances at the shared input, -1 past the
        end; None where the consistency loss has not found one.
    """

    speech: Encoded
    text: Encoded | None = None
    transcripts: Transcripts | None = None
    path: Tensor | None = None


@dataclass(frozen=True)
class Setting:
    """A key below `losses` in the configuration; its default is a number, or a dataclass of the keys below it."""

    key: str
    default: float | type
    comment: str


@dataclass(frozen=True)
class Loss:
    """One loss of the training.

    `losses` is the part of that name of the configuration, a LossConfig.

    name: in the log line, in TensorBoard and in plots.
    unit: what the loss is a mean over, a key of `Batch.counts`; it weights processes and accumulated batches.
    label, colour: in plots.
    settings: the keys that the loss adds to `losses`.
    weight: f(losses), the weight in the sum of all losses; 0 switches the loss off.
    value: the formula, f(model, encodings, batch, losses): a scalar; None where the batch has none of the unit.
    trains: parts of the model (attributes of JointModel) that get a gradient from the loss.
    needs_text: the formula uses the unpaired texts; needs_transcripts: the transcripts as text.
    warmup: f(losses), first step and steps of linear growth, if the loss has keys of its own for them; None: in
        `losses.warmup`.
    faults: f(losses, model), one sentence for each setting that is wrong.
    """

    name: str
    unit: str
    label: str
    colour: str
    settings: tuple[Setting, ...]
    weight: Callable[[Any], float]
    value: Callable[[JointModel, Encodings, Batch, Any], Tensor | None]
    trains: tuple[str, ...]
    needs_text: bool = False
    needs_transcripts: bool = False
    warmup: Callable[[Any], Sequence[int]] | None = None
    faults: Callable[[Any, ModelConfig], Iterable[str]] = lambda losses, model: ()

    @property
    def on_speech(self) -> bool:
        """The formula uses speech alone."""
        return not (self.needs_text or self.needs_transcripts)

    def ramp(self, losses: Any) -> Sequence[int]:
        """First step with the loss, and the number of steps over which it then grows to its weight."""
        return losses.warmup.get(self.name, (0, 0)) if self.warmup is None else self.warmup(losses)
