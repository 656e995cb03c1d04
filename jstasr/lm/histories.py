"""The histories that one search has met, each run through a neural language model once."""

import torch
from torch import Tensor

from jstasr.lm.neural import BOUNDARY, NeuralLm

KEPT_BYTES = 64 << 20  # of computed histories, before those that the search has left are forgotten
LOG_ZERO = float("-inf")


class Histories:
    """Numbers of histories in the place of a network's states, so that a search handles both kinds of models alike.

    A history is numbered when a label extends another, and computed when its log-probabilities are first asked for: all
    new ones in one step of the network. Of one search: threads do not share it. State 0: no label yet.

    Args:
        model: in evaluation mode.
    """

    def __init__(self, model: NeuralLm):
        self.model = model
        self.vocab_size = model.config.vocab_size
        device, sizes = model.output.weight.device, (2, model.config.layers, model.config.dim)
        self.start_state = 0
        self.child: dict[int, int] = {}  # state * V + label -> state
        self.new: dict[int, int] = {}  # state that is not computed -> the same key
        self.numbered = 1  # states in use
        with torch.inference_mode(False), torch.no_grad():  # to be written to in any mode
            begin = torch.full((1,), BOUNDARY, device=device)
            # log-probabilities after each state, and the network's hidden and cell states there
            self.rows, self.network = model.step(begin, torch.zeros(1, *sizes, device=device))

    def advance(self, states: Tensor, labels: Tensor) -> Tensor:
        """States after one more label: states (...) int, labels (...) int -> (...) int."""
        found = []
        for key in (states * self.vocab_size + labels).flatten().tolist():
            state = self.child.get(key)
            if state is None:
                state = self.child[key] = self.numbered
                self.new[state] = key
                self.numbered += 1
            found.append(state)
        return torch.tensor(found, device=states.device).view(states.shape)

    def all_rows(self, states: Tensor) -> Tensor:
        """Log-probabilities after each state, of the end in column BOUNDARY: (...) int -> (..., V) float32."""
        wanted = sorted(self.new.keys() & set(states.flatten().tolist()))
        if wanted:
            with torch.inference_mode(False), torch.no_grad():
                self.compute(wanted)
        return self.rows[states]

    def compute(self, wanted: list[int]) -> None:
        """Run the network for these states, none of which is computed, and all of whose predecessors are."""
        keys = torch.tensor([self.new.pop(state) for state in wanted], device=self.rows.device)
        before = keys.div(self.vocab_size, rounding_mode="floor")
        at = torch.tensor(wanted, device=self.rows.device)
        self.reserve(self.numbered)
        self.rows[at], self.network[at] = self.model.step(keys % self.vocab_size, self.network[before])

    def reserve(self, count: int) -> None:
        """Room for so many states."""
        if count > len(self.rows):
            more = max(count, 2 * len(self.rows)) - len(self.rows)
            self.rows = torch.cat([self.rows, self.rows.new_zeros(more, *self.rows.shape[1:])])
            self.network = torch.cat([self.network, self.network.new_zeros(more, *self.network.shape[1:])])

    def log_probs(self, states: Tensor) -> Tensor:
        """Natural log-probabilities of the tokens after each state: (...) int -> (..., V), -inf at the blank."""
        found = self.all_rows(states)
        found[..., BOUNDARY] = LOG_ZERO  # `found` is a copy
        return found

    def end_log_probs(self, states: Tensor) -> Tensor:
        """Natural log-probability of the sentence's end after each state: (...) int -> (...) float32."""
        return self.all_rows(states)[..., BOUNDARY]

    def forget(self, states: Tensor) -> Tensor:
        """Drop all histories but these where they have grown too many; the numbers (...) that these have then."""
        kept, where = torch.cat([states.new_zeros(1), states.flatten()]).unique(return_inverse=True)
        size = self.rows[0].nbytes + self.network[0].nbytes
        if len(self.rows) * size <= KEPT_BYTES or len(self.rows) <= 4 * len(kept):
            return states
        self.all_rows(kept)
        with torch.inference_mode(False), torch.no_grad():
            at = kept.clone()  # an ordinary tensor
            self.rows, self.network = self.rows[at], self.network[at]
        self.child, self.new, self.numbered = {}, {}, len(kept)
        return where[1:].view(states.shape)
