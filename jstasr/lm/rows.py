"""Rows of a table that are computed when a search first asks for them, and kept: it asks for most many times."""

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

CACHE_BYTES = 64 << 20  # of rows that are kept


class KeptRows:
    """A row for each state; threads may share them.

    Args:
        count: number of states.
        width: columns of a row.
        compute: distinct states (M,) int -> their rows (M, width) float32.
    """

    def __init__(self, count: int, width: int, compute: Callable[[Tensor], Tensor]):
        self.width, self.compute = width, compute
        self.lock = threading.Lock()  # of what follows
        self.row_of_state = torch.full((count,), -1)  # where the row of a state is kept, or -1
        self.rows = torch.zeros(0, width)
        self.kept = 0  # rows in use

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the lock, which belongs to a process, and the rows, which come again."""
        state = {name: value for name, value in vars(self).items() if name != "lock"}
        return state | {
            "row_of_state": torch.full_like(self.row_of_state, -1),
            "rows": self.rows[:0].clone(),
            "kept": 0,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.lock = threading.Lock()

    def to(self, device: str | torch.device) -> None:
        """Move to a device."""
        self.row_of_state, self.rows = self.row_of_state.to(device), self.rows.to(device)

    def of(self, states: Tensor) -> Tensor:
        """The rows of states: (...) int -> (..., width)."""
        with self.lock:
            missing = states[self.row_of_state[states] < 0].unique()
            if len(missing) and not self.keep(missing):
                distinct, where = states.unique(return_inverse=True)
                if not self.keep(distinct):  # more than are ever kept
                    return self.compute(distinct)[where]
            return self.rows[self.row_of_state[states]]

    def keep(self, states: Tensor) -> bool:
        """Keep the rows of distinct states (M,) that have none; False, and nothing is kept any more: no room."""
        most = CACHE_BYTES // (self.width * self.rows.element_size())
        end = self.kept + len(states)
        if end > most:
            self.kept = 0
            self.row_of_state.fill_(-1)
            return False
        if end > len(self.rows):
            with torch.inference_mode(False):  # to be written to in any mode
                rows = self.rows.new_empty(min(most, max(end, 2 * len(self.rows))), self.width)
            rows[: self.kept] = self.rows[: self.kept]
            self.rows = rows
        self.rows[self.kept : end] = self.compute(states)
        self.row_of_state[states] = torch.arange(self.kept, end, device=states.device)
        self.kept = end
        return True
