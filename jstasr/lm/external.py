"""The external language model of a search: an n-gram model, a neural one, or both."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from jstasr.lm.histories import Histories
from jstasr.lm.neural import NeuralLm
from jstasr.lm.ngram import NgramModel


class StatefulLm(Protocol):
    """Represents histories by numbers; `NgramModel` and `Histories` are of this form."""

    start_state: int

    def log_probs(self, states: Tensor) -> Tensor:
        """Natural log-probabilities of the tokens after each state: (...) int -> (..., V), -inf at the blank."""
        ...

    def end_log_probs(self, states: Tensor) -> Tensor:
        """Natural log-probability of the sentence's end after each state: (...) int -> (...) float32."""
        ...

    def advance(self, states: Tensor, labels: Tensor) -> Tensor:
        """States after one more label: states (...) int, labels (...) int -> (...) int."""
        ...


@dataclass
class ExternalLm:
    """Language models over the same tokens; at least one."""

    ngram: NgramModel | None = None
    neural: NeuralLm | None = None

    def weighted(self, ngram_weight: float, neural_weight: float) -> "WeightedLm | None":
        """The sum of the models that have a weight, for one search; None: none has."""
        parts: list[tuple[float, StatefulLm]] = []
        if self.ngram is not None and ngram_weight:
            parts.append((ngram_weight, self.ngram))
        if self.neural is not None and neural_weight:
            parts.append((neural_weight, Histories(self.neural)))
        return WeightedLm(parts) if parts else None


class WeightedLm:
    """sum_i w_i log P_i(y|h): models interpolated in the log domain.

    A state is the states of the models, (M,) int.

    Args:
        parts: weight and model of each of the M.
    """

    def __init__(self, parts: list[tuple[float, StatefulLm]]):
        self.parts = parts

    def start(self, device: torch.device) -> Tensor:
        """The state before the first label, (M,) int."""
        return torch.tensor([model.start_state for _, model in self.parts], device=device)

    def scores(self, states: Tensor) -> Tensor:
        """Of the tokens after each state: (..., M) int -> (..., V) float32, -inf at the blank."""
        return torch.stack([w * model.log_probs(states[..., i]) for i, (w, model) in enumerate(self.parts)]).sum(0)

    def end_scores(self, states: Tensor) -> Tensor:
        """Of the sentence's end after each state: (..., M) int -> (...) float32."""
        ends = [w * model.end_log_probs(states[..., i]) for i, (w, model) in enumerate(self.parts)]
        return torch.stack(ends).sum(0)

    def advance(self, states: Tensor, labels: Tensor) -> Tensor:
        """States after one more label: states (..., M) int, labels (...) int -> (..., M) int."""
        return torch.stack([model.advance(states[..., i], labels) for i, (_, model) in enumerate(self.parts)], dim=-1)

    def forget(self, states: Tensor) -> Tensor:
        """Let neural models drop histories other than those of these states (..., M); their numbers then."""
        kept = list(states.unbind(-1))
        for index, (_, model) in enumerate(self.parts):
            if isinstance(model, Histories):
                kept[index] = model.forget(kept[index])
        return torch.stack(kept, dim=-1)
