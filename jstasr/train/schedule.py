"""What changes from step to step: the learning rate."""

import math

from jstasr.experiment.config import OptimConfig


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
