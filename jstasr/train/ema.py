"""Exponential moving average of the weights."""

from contextlib import contextmanager

import torch

from jstasr.train.sharding import local, sharded_like


class Ema:
    """shadow <- decay * shadow + (1 - decay) * weights, after each step.

    The decay grows with the steps, min(decay, (1 + steps) / (10 + steps)), so that the first
    weights are soon forgotten.
    """

    def __init__(self, model: torch.nn.Module, decay: float):
        self.decay, self.steps = decay, 0
        parameters = [parameter.detach() for parameter in model.parameters()]
        self.shadow = [parameter.clone() for parameter in parameters]
        self.weights = [local(parameter) for parameter in parameters]  # what this process holds of them
        self.means = [local(mean) for mean in self.shadow]

    @torch.no_grad()
    def update(self) -> None:
        self.steps += 1
        weight = 1.0 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.means, self.weights, weight)

    @contextmanager
    @torch.no_grad()
    def applied(self):
        """The model with the averaged weights, for as long as this lasts."""
        trained = [weight.clone() for weight in self.weights]
        torch._foreach_copy_(self.weights, self.means)
        try:
            yield
        finally:
            torch._foreach_copy_(self.weights, trained)

    def state_dict(self) -> dict:
        return {"steps": self.steps, "shadow": self.shadow}

    @torch.no_grad()
    def load_state_dict(self, state: dict) -> None:
        self.steps = state["steps"]
        torch._foreach_copy_(self.means, [local(sharded_like(*pair)) for pair in zip(state["shadow"], self.shadow)])
