"""Monotone alignment of speech frames with text positions, for training: see docs/reference/alignment.md."""

from jstasr.align.best import BestAlignment, best_alignment, best_alignment_from_cost
from jstasr.align.consistency import consistency_loss

__all__ = ["BestAlignment", "best_alignment", "best_alignment_from_cost", "consistency_loss"]
