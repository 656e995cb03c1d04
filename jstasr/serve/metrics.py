"""Counters of the service in Prometheus' text format."""

from collections import defaultdict
from threading import Lock

DESCRIPTIONS = {
    "jstasr_requests_total": ("counter", "Requests to the transcription endpoint, by status."),
    "jstasr_audio_seconds_total": ("counter", "Seconds of audio transcribed, by kind (file, stream)."),
    "jstasr_decode_seconds_total": ("counter", "Seconds spent on transcribing, by kind (file, stream)."),
    "jstasr_words_total": ("counter", "Words found, by kind (file, stream)."),
    "jstasr_recordings": ("gauge", "Recordings that are being transcribed or wait for it."),
    "jstasr_streams": ("gauge", "Streams that are open."),
}


class Metrics:
    """Sums by name and label; threads may share one."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.values: defaultdict[tuple[str, str], float] = defaultdict(float)
        for gauge in (name for name, (kind, _) in DESCRIPTIONS.items() if kind == "gauge"):
            self.values[gauge, ""] = 0.0

    def add(self, name: str, amount: float, label: str = "") -> None:
        """Add to a value; label: as `kind="file"`."""
        assert name in DESCRIPTIONS, name
        with self.lock:
            self.values[name, label] += amount

    def text(self) -> str:
        """All values."""
        with self.lock:
            values = dict(self.values)
        lines = []
        for name, (kind, description) in DESCRIPTIONS.items():
            lines += [f"# HELP {name} {description}", f"# TYPE {name} {kind}"]
            for (owner, label), value in sorted(values.items()):
                if owner == name:
                    lines.append(f"{name}{'{' + label + '}' if label else ''} {value:.10g}")
        return "\n".join(lines) + "\n"
