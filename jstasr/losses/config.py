"""The part `losses` of the training configuration, made from the settings of all losses."""

from collections.abc import Iterator
from dataclasses import field, make_dataclass
from typing import TYPE_CHECKING, Any

from jstasr.losses import LOSSES
from jstasr.losses.record import Setting
from jstasr.model.config import ModelConfig

WARMUP = "Losses that begin later: name -> [first step, steps of linear growth]; consistency has keys of its own."

if TYPE_CHECKING:

    class LossConfig:
        """Weights and settings of the losses: a field for each `Setting`, and `warmup`."""

        def __init__(self, **settings: Any): ...
        def __getattr__(self, key: str) -> Any: ...

else:

    def setting_field(setting: Setting) -> tuple:
        """Name, type and default of a setting, for make_dataclass."""
        if isinstance(setting.default, type):
            return setting.key, setting.default, field(default_factory=setting.default)
        return setting.key, float, field(default=setting.default, metadata={"help": setting.comment})

    LossConfig = make_dataclass(
        "LossConfig",
        [
            *(setting_field(setting) for loss in LOSSES for setting in loss.settings),
            ("warmup", dict[str, list[int]], field(default_factory=dict, metadata={"help": WARMUP})),
        ],
        namespace={
            "__doc__": "Weights of the losses; a weight of 0 switches a loss off and saves its computation.",
            "__module__": __name__,  # where pickle finds it
        },
    )


def loss_weights(step: int, losses: LossConfig) -> dict[str, float]:
    """Weight of every loss at a step: 0 before its start, then linear up to its weight."""
    weights = {}
    for loss in LOSSES:
        start, steps = loss.ramp(losses)
        growth = 0.0 if step < start else min(1.0, (step - start + 1) / max(1, steps))
        weights[loss.name] = loss.weight(losses) * growth
    return weights


def untrained_parts(losses: LossConfig, has_text: bool) -> set[str]:
    """Parts of the model that get no gradient in some steps or in all; `has_text`: batches hold unpaired text."""
    always = [loss for loss in LOSSES if loss.weight(losses) > 0 and loss.ramp(losses)[0] <= 0]
    trained = {part for loss in always if loss.unit != "text_labels" or has_text for part in loss.trains}
    return {part for loss in LOSSES for part in loss.trains} - trained


def faults(losses: LossConfig, model: ModelConfig) -> Iterator[str]:
    """One sentence for each setting of the losses that is wrong."""
    for loss in LOSSES:
        yield from loss.faults(losses, model)
    if losses.streaming <= 0 and losses.full <= 0:
        yield "losses: streaming and full are both 0, nothing would be trained"
    names = [loss.name for loss in LOSSES if loss.warmup is None]
    for name, span in losses.warmup.items():
        if name not in names or len(span) != 2:
            yield (
                f"losses.warmup: {name}: {span}: expected one of {' '.join(names)} with two numbers of steps, "
                "[first, growth]"
            )
            return
    speech = [loss for loss in LOSSES if loss.on_speech and loss.weight(losses) > 0]
    if speech and all(loss.ramp(losses)[0] > 0 for loss in speech):
        yield "losses.warmup: no loss on speech begins at step 0: nothing would be trained until one does"
