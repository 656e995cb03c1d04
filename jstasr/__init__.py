"""Joint speech-text speech recognition trained with best-alignment consistency (arXiv 2308.06125)."""

__version__ = "0.1.0"


def __getattr__(name):
    if name in ("Transcriber", "Transcript"):  # torch is imported only by those who need it
        from jstasr.decode import transcriber

        return getattr(transcriber, name)
    raise AttributeError(f"module 'jstasr' has no attribute {name!r}")
