"""Joint speech-text speech recognition trained with best-alignment consistency (arXiv 2308.06125)."""

__version__ = "0.1.0"
