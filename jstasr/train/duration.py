"""Times as train.log writes them."""

import re

WRITTEN = re.compile(r"(?:(\d+):)?(\d+):(\d\d)")


def duration(seconds: float) -> str:
    """Seconds -> h:mm:ss or m:ss."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def parse_duration(text: str) -> int | None:
    """h:mm:ss or m:ss -> seconds; None: it is neither."""
    match = WRITTEN.fullmatch(text)
    return int(match[1] or 0) * 3600 + int(match[2]) * 60 + int(match[3]) if match else None
