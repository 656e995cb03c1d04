"""The curves of a training in Weights & Biases and MLflow, beside TensorBoard: one run for each experiment."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path

from jstasr.config import nested
from jstasr.errors import JstasrError
from jstasr.experiment.config import MLFLOW, WANDB, TrainConfig
from jstasr.experiment.files import TRACKERS
from jstasr.kaldi.files import atomic_write
from jstasr.train.limiter import TimeLimiter

PROJECT = "jstasr"  # where the environment names no other
SHARE = 0.05  # largest share of the time for sending: a service that does not answer must not hold the training up
PATIENCE = 60  # seconds that Weights & Biases may upload at the end; what is left stays on disk, for `wandb sync`
MLFLOW_BATCH = 1000, 100  # the most metrics and parameters of one call
# unless the user sets them
MLFLOW_WAITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}
FINISHED, KILLED, FAILED = "FINISHED", "KILLED", "FAILED"  # how a run has ended, in MLflow's words

REMEDIES = {
    WANDB: "Log in with `wandb login`, or write to the disk alone with WANDB_MODE=offline",
    MLFLOW: "Name your server in MLFLOW_TRACKING_URI; for a store on this disk, pip install mlflow, whole",
}


@dataclass
class Point:
    """Values of curves at a step."""

    values: Mapping[str, float]
    step: int
    time: float = field(default_factory=time.time)  # seconds since 1970


class WandbRun:
    """A run of Weights & Biases, whose own process sends what it is given."""

    def __init__(self, expdir: Path, config: TrainConfig, run_id: str | None):
        import wandb

        self.id = run_id or secrets.token_hex(6)
        self.run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=expdir.resolve().name,
            id=self.id,
            resume="allow",
            dir=expdir,
            config=asdict(config),
            allow_val_change=True,  # of the settings that may change between two starts
            settings=wandb.Settings(console="off", silent=True, finish_timeout=PATIENCE),
        )
        # a curve of its own for the steps: those of wandb only count calls, and could not go back to a checkpoint
        self.run.define_metric("step", hidden=True)
        self.run.define_metric("*", step_metric="step")

    def send(self, points: Sequence[Point]) -> None:
        for point in points:
            self.run.log({**point.values, "step": point.step})

    def end(self, outcome: str) -> None:
        self.run.finish(exit_code=int(outcome != FINISHED))


class MlflowRun:
    """A run of MLflow."""

    def __init__(self, expdir: Path, config: TrainConfig, run_id: str | None):
        for name, value in MLFLOW_WAITS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        self.client = MlflowClient()
        if run_id is None:
            self.id = self.client.create_run(self.experiment(), run_name=expdir.resolve().name).info.run_id
            self.send_config(config)
        else:
            self.id = run_id
            self.client.update_run(run_id, status="RUNNING")

    def experiment(self) -> str:
        """The experiment's id; it is made where there is none of that name."""
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        found = self.client.get_experiment_by_name(name)
        return found.experiment_id if found is not None else self.client.create_experiment(name)

    def send_config(self, config: TrainConfig) -> None:
        """All values of the configuration, by their dotted names."""
        from mlflow.entities import Param

        values = [Param(key, str(value)) for key, value in nested(asdict(config)) if not isinstance(value, dict)]
        for some in slices(values, MLFLOW_BATCH[1]):
            self.client.log_batch(self.id, params=some)

    def send(self, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(name, value, int(1000 * point.time), point.step)
            for point in points
            for name, value in point.values.items()
        ]
        for some in slices(metrics, MLFLOW_BATCH[0]):
            self.client.log_batch(self.id, metrics=some)

    def end(self, outcome: str) -> None:
        self.client.set_terminated(self.id, outcome)


def slices(items: list, size: int) -> Iterator[list]:
    """A list in parts of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


KINDS: dict[str, tuple[str, str, type[WandbRun] | type[MlflowRun]]] = {  # module, package
    WANDB: ("wandb", "wandb", WandbRun),
    MLFLOW: ("mlflow", "mlflow-skinny", MlflowRun),
}


class Tracker:
    """Sends points to a run. What fails is told once, kept and sent later: TensorBoard has all of it anyway."""

    def __init__(self, name: str, run: WandbRun | MlflowRun, tell: Callable[[str], None]):
        self.name, self.run, self.tell = name, run, tell
        self.limiter, self.waiting, self.told = TimeLimiter(SHARE), list[Point](), False

    def add(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to each curve."""
        self.waiting.append(Point(dict(values), step))
        if self.limiter.due():
            with self.limiter.timed():
                self.attempt(self.send)

    def send(self) -> None:
        """Send what waits."""
        self.run.send(self.waiting)
        self.waiting.clear()
        self.told = False

    def end(self, outcome: str) -> None:
        """Send what is left, and how the training has ended."""
        self.attempt(self.send)
        self.attempt(lambda: self.run.end(outcome))

    def attempt(self, action: Callable[[], None]) -> None:
        """Call `action`; its failure does not end the training."""
        try:
            action()
        except Exception as error:  # of a library, a network, a server: any kind
            if not self.told:
                # indented: it belongs to the line before, which may say how the training ended
                self.tell(f"  {self.name}: curves could not be sent, and wait: {brief(error)}")
            self.told = True


def brief(error: Exception) -> str:
    """The first line of an error."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def check_trackers(config: TrainConfig) -> None:
    """Refuse a service whose package is not installed."""
    for name in config.log_to:
        module, package, _ = KINDS[name]
        spec = find_spec(module)
        if spec is None or spec.origin is None:  # the latter: a folder of that name, as both write one
            raise JstasrError(f"log_to: {name}: its package is not installed: pip install {package}, or leave it out")


def open_trackers(expdir: Path, config: TrainConfig, tell: Callable[[str], None]) -> list[Tracker]:
    """Begin a run in each service of `config.log_to`, or continue that of the experiment, named in trackers.json.

    Raises:
        JstasrError: a package is missing; a service cannot be reached or refuses; trackers.json is damaged.
    """
    check_trackers(config)
    path = expdir / TRACKERS
    ids = read_ids(path) if config.log_to else {}
    trackers = []
    for name in config.log_to:
        with refusals(name, path if name in ids else None):
            trackers.append(Tracker(name, KINDS[name][2](expdir, config, ids.get(name)), tell))
        ids[name] = trackers[-1].run.id
        with atomic_write(path) as file:
            json.dump(ids, file)
    return trackers


def read_ids(path: Path) -> dict[str, str]:
    """Name of a service -> id of the run."""
    try:
        ids = json.loads(path.read_text("utf-8"))
        if isinstance(ids, dict) and all(isinstance(value, str) for value in ids.values()):
            return ids
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        pass
    raise JstasrError(f"{path}: cannot be read, and names the runs to continue. Remove it to begin other ones")


@contextmanager
def refusals(name: str, path: Path | None) -> Iterator[None]:
    """Say what to do where a service refuses; path: of the file that names the run to continue."""
    try:
        yield
    except Exception as error:  # of a library, a network, a server: any kind
        other = f"; where that run is gone, remove {path} to begin another" if path else ""
        raise JstasrError(
            f"log_to: {name}: {brief(error)}. {REMEDIES[name]}{other}; or leave it out of log_to"
        ) from error
