"""What amounts of paired speech gave in this project's own measurements; docs/figures.py writes the error rates."""

from typing import NamedTuple


class Measured(NamedTuple):
    """A measurement: hours of paired speech by many voices, whose speech, and the error rate on other speakers."""

    hours: float
    speech: str
    rate: str


# Trained from nothing, with the full-context decoder.
MEASURED = (
    Measured(0.08, "5 minutes of Breton: CER", "94%"),  # figure: docs/measurements/breton.csv "5 minutes of Breton" "CER full context"
    Measured(1.6, "1.6 hours of English by 132 speakers: CER", "46.9%"),  # figure: docs/measurements/commonvoice_en.csv decode_beam4 full CER
    Measured(1.6, "the same with a language model: CER", "44.1%"),  # figure: docs/measurements/commonvoice_en.csv decode_lm full CER
)  # fmt: skip
ENOUGH_TO_BEGIN = 1.0  # hours, below which hardly a word is recognised
