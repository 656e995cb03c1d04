"""A share of the running time for what is not training."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class TimeLimiter:
    """Limits an optional activity to a share of the running time."""

    def __init__(self, share: float):
        self.share, self.took, self.ended = share, 0.0, time.perf_counter()

    def due(self) -> bool:
        """Has enough time passed since the last activity?"""
        return self.took <= self.share * (time.perf_counter() - self.ended)

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Measure the activity within the context."""
        began = time.perf_counter()
        yield
        self.ended = time.perf_counter()
        self.took = self.ended - began
