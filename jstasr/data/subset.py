"""An evenly spread part of a set."""

import numpy as np


def spread_subset(count: int, wanted: int) -> np.ndarray:
    """`wanted` of 0 .. count-1, evenly spread; all for wanted = 0 or wanted >= count."""
    if wanted <= 0 or wanted >= count:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, wanted).round().astype(int))
