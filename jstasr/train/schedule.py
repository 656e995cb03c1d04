"""What changes from step to step: learning rate, weights of the losses, shares of the batch."""

import math
from dataclasses import replace

import torch

from jstasr.data.batch import Batch
from jstasr.experiment.config import OptimConfig, TrainConfig
from jstasr.model.config import ConsistencyConfig, LossConfig

# what each loss is a mean over: see `counts`
UNIT = {
    "streaming": "labels",
    "full": "labels",
    "ctc_label": "labels",
    "ctc_phone": "phones",
    "text_streaming": "text_labels",
    "text_full": "text_labels",
    "consistency": "paired",
}


def learning_rate(step: int, config: OptimConfig) -> float:
    """Linear warm-up over `warmup_steps`, then the decay that `schedule` names; `step` counts from 0."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = min(1.0, (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps))
    decayed = {
        "constant": 1.0,
        "linear": 1.0 - share,
        "cosine": 0.5 * (1.0 + math.cos(math.pi * share)),
        "inverse_sqrt": math.sqrt(max(1, config.warmup_steps) / max(1, step)),
    }[config.schedule]
    return config.learning_rate * (config.final_share + (1.0 - config.final_share) * decayed)


def growth(step: int, start: int, steps: int) -> float:
    """0 before `start`, then linear to 1 over `steps`."""
    return 0.0 if step < start else min(1.0, (step - start + 1) / max(1, steps))


def consistency_weight(step: int, config: ConsistencyConfig) -> float:
    """The weight at a step: 0 before start_step, then linear over warmup_steps."""
    if config.alignment == "none":
        return 0.0
    return config.weight * growth(step, config.start_step, config.warmup_steps)


def loss_weights(step: int, losses: LossConfig) -> dict[str, float]:
    """Weight of every loss at a step."""
    weights = {
        "streaming": losses.streaming,
        "full": losses.full,
        "text_streaming": losses.text * losses.streaming,
        "text_full": losses.text * losses.full,
        "ctc_label": losses.ctc_label,
        "ctc_phone": losses.ctc_phone,
    }
    weights = {name: weight * growth(step, *losses.warmup.get(name, (0, 0))) for name, weight in weights.items()}
    return weights | {"consistency": consistency_weight(step, losses.consistency)}


def begun(losses: LossConfig, weights: dict[str, float]) -> LossConfig:
    """The losses without those that have no weight at a step yet: what is not counted is not computed.

    weights: see loss_weights.
    """
    text = {mode: weights[f"text_{mode}"] for mode in ("streaming", "full")}
    return replace(
        losses,
        streaming=max(weights["streaming"], text["streaming"]),
        full=max(weights["full"], text["full"]),
        text=max(text.values()),
        ctc_label=weights["ctc_label"],
        ctc_phone=weights["ctc_phone"],
    )


def fitting_prefix(lengths: torch.Tensor, budget: float) -> int:
    """How many of the first sequences fit a budget of padded positions; at least one."""
    padded = lengths.cummax(0).values * torch.arange(1, len(lengths) + 1)
    return max(1, int((padded <= budget).sum()))


def paired_texts(config: TrainConfig, batch: Batch, weights: dict[str, float]) -> int:
    """How many of the paired transcripts ride in the text batch, for the consistency loss."""
    if weights["consistency"] <= 0:
        return 0
    return fitting_prefix(batch.phone_lengths, config.data.text_batch_phones * config.losses.consistency.text_share)


def counts(batch: Batch, paired: int) -> dict[str, int]:
    """How much of each unit a batch holds; `paired`: transcripts that ride in the text batch."""
    return {
        "labels": int(batch.label_lengths.sum()),
        "phones": int(batch.phone_lengths.sum()),
        "text_labels": int(batch.text_label_lengths.sum()),
        "text_phones": int(batch.text_phone_lengths.sum()),
        "paired": paired,
        "frames": int(batch.speech_lengths.sum()),
        "padded_frames": batch.speech.shape[0] * batch.speech.shape[1],
    }
