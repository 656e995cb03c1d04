"""What amounts of paired speech gave in this project's own measurements; docs/figures.py writes the error rates."""

from typing import NamedTuple


class Measured(NamedTuple):
    """A measurement: hours of paired speech by many voices, whose speech, and the character error rate on others."""

    hours: float
    speech: str
    rate: str


# Trained from nothing, with the full-context decoder.
MEASURED = (
    # figure: docs/measurements/breton.csv "5 minutes of Breton" "CER full context"
    Measured(0.08, "5 minutes of Breton", "94%"),
    # figure: docs/measurements/commonvoice_en.csv decode_beam4 full CER
    Measured(1.6, "1.6 hours of English by 132 speakers", "46.9%"),
    # figure: docs/measurements/commonvoice_en.csv decode_lm full CER
    Measured(1.6, "as much with a language model", "44.1%"),
)
ENOUGH_TO_BEGIN = 1.0  # hours, below which hardly a word is recognised
