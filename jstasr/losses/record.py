"""What a loss is: a record from which configuration, schedule, data parallelism, log and plots derive."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.model.config import ModelConfig
from jstasr.model.joint import Encoded, JointModel


@dataclass
class Encodings:
    """What the losses of one step look at.

    speech: the paired utterances.
    text: the transcripts of the first `paired` of them, then the unpaired texts; None where no loss needs text.
    """

    speech: Encoded
    text: Encoded | None = None
    paired: int = 0


@dataclass(frozen=True)
class Setting:
    """A key below `losses` in the configuration; its default is a number, or a dataclass of the keys below it."""

    key: str
    default: float | type
    comment: str


def no_faults(settings: Any, model: ModelConfig) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Loss:
    """One loss of the training.

    name: in the log line, in TensorBoard and in plots.
    unit: what it is a mean over, one of `Batch.counts`: how processes and accumulated batches are weighted.
    label, colour: in plots.
    settings: the keys that it adds to `losses` in the configuration.
    weight: its weight in the sum, of the configuration `losses`; 0 switches it off.
    start: first step, and steps of growth, where `losses` has keys of its own for them; None: in `losses.warmup`.
    value: the formula: a scalar of the model, the encodings, the batch and `losses`; None where the batch has none of
        its unit.
    trains: parts of the model (attributes of JointModel) that get a gradient of it.
    needs_text: it looks at the text branch.
    faults: what is wrong with its settings, one sentence each.
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
    start: Callable[[Any], Sequence[int]] | None = None
    faults: Callable[[Any, ModelConfig], Iterable[str]] = no_faults

    def begin(self, losses: Any) -> Sequence[int]:
        """First step with the loss, and steps over which it then grows to its weight."""
        return losses.warmup.get(self.name, (0, 0)) if self.start is None else self.start(losses)
