"""Exponential moving average of the weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from jstasr.train.sharding import local, sharded_like


def copy_all(targets: list[torch.Tensor], sources: list[torch.Tensor]) -> None:
    """Overwrite each tensor with its source, in one call for all of them."""
    torch._foreach_copy_(targets, sources)  # pyright: ignore[reportPrivateImportUsage]


class Ema:
    """shadow <- decay * shadow + (1 - decay) * weights, after each step.

    The decay grows with the steps, min(decay, (1 + steps) / (10 + steps)), so that the initial
    weights soon lose their influence.
    """

    def __init__(self, model: torch.nn.Module, decay: float):
        self.decay, self.steps = decay, 0
        parameters = [parameter.detach() for parameter in model.parameters() if parameter.requires_grad]
        self.shadow = [parameter.clone() for parameter in parameters]
        self.weights = [local(parameter) for parameter in parameters]  # the shares of this process
        self.means = [local(mean) for mean in self.shadow]

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the weights, after a step."""
        self.steps += 1
        weight = 1.0 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.means, self.weights, weight)  # pyright: ignore[reportPrivateImportUsage]

    @contextmanager
    @torch.no_grad()
    def applied(self) -> Iterator[None]:
        """Put the averaged weights into the model within the context."""
        trained = [weight.clone() for weight in self.weights]
        copy_all(self.weights, self.means)
        try:
            yield
        finally:
            copy_all(self.weights, trained)

    def state_dict(self) -> dict:
        """What a checkpoint holds of the average."""
        return {"steps": self.steps, "shadow": self.shadow}

    @torch.no_grad()
    def load_state_dict(self, state: dict) -> None:
        """Restore the average from a checkpoint, with whole tensors."""
        self.steps = state["steps"]
        copy_all(self.means, [local(sharded_like(*pair)) for pair in zip(state["shadow"], self.shadow)])
