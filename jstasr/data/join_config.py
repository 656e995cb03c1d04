"""Settings of the joining of utterances."""

from collections.abc import Iterator
from dataclasses import dataclass

MIN_PAUSE = 0.1  # seconds; CTC needs an encoder frame for `<space>`, and subsampling takes up to one of each utterance


@dataclass
class JoinConfig:
    """Joining of short utterances of a speaker in training, and of unpaired texts of a language."""

    share: float = 0.5  # Share of the short utterances (two fit into max_seconds) that are joined; 0: none.
    max_seconds: float = 15.0  # Length of the longest joined utterance; data.batch_frames limits it too.
    pause_min: float = 0.1  # Shortest pause between two joined utterances, seconds.
    pause_max: float = 1.0  # Longest pause between two joined utterances, seconds.


def faults(config: JoinConfig) -> Iterator[str]:
    """One sentence for each value that is wrong."""
    if not 0 <= config.share <= 1:
        yield "share: must lie in [0, 1]"
    if not config.max_seconds > 0:
        yield "max_seconds: must be above 0"
    if not MIN_PAUSE <= config.pause_min <= config.pause_max:
        yield f"pause_min: must lie in [{MIN_PAUSE}, pause_max]: a pause leaves room for the space between two words"
