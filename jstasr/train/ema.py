"""Exponential moving average of the weights."""

from contextlib import contextmanager

import torch


class Ema:
    """shadow <- decay * shadow + (1 - decay) * weights, after each step.

    The decay grows with the steps, min(decay, (1 + steps) / (10 + steps)), so that the first
    weights are soon forgotten.
    """

    def __init__(self, model: torch.nn.Module, decay: float):
        self.decay, self.steps = decay, 0
        self.parameters = list(model.parameters())
        self.shadow = [parameter.detach().clone() for parameter in self.parameters]

    @torch.no_grad()
    def update(self) -> None:
        self.steps += 1
        weight = 1.0 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.shadow, [parameter.detach() for parameter in self.parameters], weight)

    @contextmanager
    @torch.no_grad()
    def applied(self):
        """The model with the averaged weights, for as long as this lasts."""
        trained = [parameter.detach().clone() for parameter in self.parameters]
        torch._foreach_copy_(self.parameters, self.shadow)
        try:
            yield
        finally:
            torch._foreach_copy_(self.parameters, trained)

    def state_dict(self) -> dict:
        return {"steps": self.steps, "shadow": self.shadow}

    @torch.no_grad()
    def load_state_dict(self, state: dict) -> None:
        self.steps = state["steps"]
        torch._foreach_copy_(self.shadow, state["shadow"])
