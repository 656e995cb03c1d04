"""The curves of a training run, read back from its TensorBoard files."""

from dataclasses import dataclass
from pathlib import Path

from jstasr.errors import JstasrError


@dataclass
class Curves:
    """Scalars by tag, and the time that the events span."""

    scalars: dict[str, tuple[list[int], list[float]]]  # tag -> steps, ascending, and values
    begin: float  # seconds since 1970; 0 without events
    end: float

    @property
    def last_step(self) -> int:
        return max((steps[-1] for steps, _ in self.scalars.values() if steps), default=0)

    def group(self, prefix: str) -> dict[str, tuple[list[int], list[float]]]:
        """Curves whose tag is `prefix/name`, by name."""
        return {
            tag.removeprefix(f"{prefix}/"): curve for tag, curve in self.scalars.items() if tag.startswith(prefix + "/")
        }

    def layers(self, name: str) -> list[tuple[list[int], list[float]]]:
        """One figure of every consistency layer, `dev_layer<N>/<name>`; empty unless all are there."""
        found = []
        while (tag := f"dev_layer{len(found)}/{name}") in self.scalars:
            found.append(self.scalars[tag])
        return found


def read_curves(folder: Path) -> Curves:
    """All scalars below exp/<tag>/tensorboard; none where training has not begun.

    A run that was stopped and continued has done some steps twice: the later values count.

    Raises:
        JstasrError: an event file that cannot be read.
    """
    if not any(folder.glob("events.out.tfevents.*")):
        return Curves({}, 0.0, 0.0)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tb_logging

    tb_logging.get_logger().setLevel("ERROR")  # a run in progress ends in half a record, which is no news
    scalars: dict[str, tuple[list[int], list[float]]] = {}
    times = []
    try:
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
        for tag in events.Tags()["scalars"]:
            points = events.Scalars(tag)
            times += [point.wall_time for point in points]
            latest = {point.step: point.value for point in sorted(points, key=lambda point: point.wall_time)}
            steps = sorted(latest)
            scalars[tag] = steps, [latest[step] for step in steps]
    except OSError as error:
        raise JstasrError(f"{folder}: the TensorBoard files cannot be read: {error}") from error
    return Curves(scalars, min(times, default=0.0), max(times, default=0.0))
