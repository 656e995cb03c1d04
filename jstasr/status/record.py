"""One experiment in figures, whatever is missing or damaged in it."""

import json
import math
import os
import re
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from jstasr.experiment.files import AVERAGED, CHECKPOINTS, CONFIG, SCORES, TRAIN_LOG, step_of
from jstasr.status.find import UNREADABLE, Found
from jstasr.status.job import read_job
from jstasr.status.lock import look
from jstasr.status.read import read_regular
from jstasr.status.state import DEAD, FAILED, FINISHED, SILENT, Traces, judge
from jstasr.train.read_log import RunLog, read_log
from jstasr.train.signals import ERROR_MARK, REQUEUE_MARK

MODES = ("streaming", "full")
MAX_STEPS = re.compile(r"^optim:\n(?: .*\n)*?  max_steps: (\d{1,12})$", re.MULTILINE)


@dataclass
class Status:
    """What is known of an experiment; None, or "": not known. The keys of `jstasr status --json`."""

    experiment: str  # its folder
    state: str = UNREADABLE
    stage: str = ""  # the last one after training that has left its files: averaged, decoded, scored
    step: int | None = None
    max_steps: int | None = None
    checkpoint_step: int | None = None  # of the newest checkpoint, from which a restart goes on
    best_step: int | None = None  # of the validation with the lowest score
    best_wer_streaming: float | None = None  # per cent, like the next two
    best_wer_full: float | None = None
    best_score: float | None = None  # mean of those that are trained; checkpoints are chosen by it
    audio_s_per_s: int | None = None
    wait_percent: float | None = None  # of the time, for data
    left_s: int | None = None
    log_age_s: int | None = None  # since train.log was written
    log_time: str = ""  # of its last line, by the clock of the machine that trained
    fault: str = ""  # last error or warning
    fault_time: str = ""
    notes: list[str] = field(default_factory=list)
    host: str = ""  # of the holder of the lock
    pid: int | None = None


def read_status(found: Found) -> Status:
    """Read an experiment; raises nothing."""
    status = Status(found.path, found.problem or UNREADABLE)
    if found.problem:
        status.notes.append(found.reason)
        return status
    try:
        fill(status, Path(found.path))
    except OSError as error:  # a file server that fails, rights that were taken away
        status.state = UNREADABLE
        status.notes = [error.strerror or str(error)]
    return status


def fill(status: Status, expdir: Path) -> None:
    """Read all that is there."""
    log, log_age = read_train_log(expdir, status.notes)
    read_checkpoints(expdir, status)
    read_best(expdir, log, status)
    status.step, status.max_steps = log.step if log.time else status.checkpoint_step, log.max_steps
    if status.max_steps is None:
        status.max_steps = configured_steps(expdir, status.notes)
    if log_age is not None:
        status.log_age_s, status.log_time = int(log_age), log.time
    if log.progress is not None:
        status.audio_s_per_s, status.wait_percent = log.progress.speed, finite(log.progress.wait)
        status.left_s = log.progress.left
    status.fault, status.fault_time = log.fault, log.fault_time
    status.stage = last_stage(expdir)
    seen = look(expdir)
    if seen is not None:
        status.host, status.pid = seen.holder.host, seen.holder.pid or None
    traces = Traces(
        log=log,
        log_age=log_age,
        seen=seen,
        job=read_job(expdir),
        error=error_mark(expdir),
        requeue=os.path.exists(expdir / REQUEUE_MARK),
        averaged=os.path.exists(expdir / AVERAGED),
        step=status.step or 0,
    )
    verdict = judge(traces)
    status.state = verdict.state
    status.notes = [*verdict.notes, *status.notes]
    error = " ".join(verdict.error.split())
    if error and error != status.fault:
        status.fault, status.fault_time = error, ""
    if status.state == FINISHED:
        status.left_s = None
    if status.state in (DEAD, SILENT, FAILED) and status.step and status.checkpoint_step != status.step:
        newest = status.checkpoint_step
        status.notes.append("no checkpoint" if newest is None else f"newest checkpoint: step {newest}")


def read_train_log(expdir: Path, notes: list[str]) -> tuple[RunLog, float | None]:
    """What train.log says, and the seconds since it was written; None: there is none, or it cannot be read."""
    path = expdir / TRAIN_LOG
    try:
        state = path.stat()
        log = parsed(path, state.st_mtime_ns, state.st_size)
    except FileNotFoundError:
        if os.path.exists(expdir / CHECKPOINTS):
            notes.append(f"no {TRAIN_LOG}")
        return RunLog(), None
    except OSError as error:
        notes.append(f"{TRAIN_LOG}: {error.strerror}")
        return RunLog(), None
    if state.st_size and not log.time:
        notes.append(f"{TRAIN_LOG}: damaged")
    return log, max(0.0, time.time() - state.st_mtime)


@lru_cache(maxsize=256)
def parsed(path: Path, changed: int, size: int) -> RunLog:
    """A train.log; with --watch, those that have not changed are read once."""
    return read_log(read_regular(path))


def read_checkpoints(expdir: Path, status: Status) -> None:
    """The newest checkpoint."""
    try:
        steps = [step for name in os.listdir(expdir / CHECKPOINTS) if (step := step_of(name)) is not None]
        status.checkpoint_step = max(steps, default=None)
    except FileNotFoundError:
        pass
    except OSError as error:
        status.notes.append(f"{CHECKPOINTS}: {error.strerror}")


def read_best(expdir: Path, log: RunLog, status: Status) -> None:
    """The best validation: by scores.json, else by the log; the later one of equals."""
    scores: dict[int, float] = {}
    try:
        given = json.loads(read_regular(expdir / CHECKPOINTS / SCORES))
        scores = {int(step): float(score) for step, score in given.items() if math.isfinite(float(score))}
    except FileNotFoundError:
        pass
    except OSError as error:
        status.notes.append(f"{SCORES}: {error.strerror}")
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        status.notes.append(f"{SCORES}: damaged")
    if not scores:
        known = {step: [rates[mode] for mode in MODES if mode in rates] for step, rates in log.dev.items()}
        scores = {step: sum(min(rate, 100.0) for rate in rates) / len(rates) for step, rates in known.items() if rates}
    if scores:
        status.best_step = best = min(scores, key=lambda step: (scores[step], -step))
        status.best_score = finite(scores[best])
        rates = log.dev.get(best, {})
        status.best_wer_streaming, status.best_wer_full = (finite(rates.get(mode)) for mode in MODES)


def finite(value: float | None) -> float | None:
    """JSON has neither NaN nor infinity."""
    return value if value is not None and math.isfinite(value) else None


def configured_steps(expdir: Path, notes: list[str]) -> int | None:
    """Steps of a whole training by config.yaml, as `jstasr train` writes it: parsing YAML would take the most time."""
    try:
        found = MAX_STEPS.search(read_regular(expdir / CONFIG))
        if found:
            return int(found[1])
        notes.append(f"{CONFIG}: damaged")
    except FileNotFoundError:
        notes.append(f"no {CONFIG}")
    except OSError as error:
        notes.append(f"{CONFIG}: {error.strerror}")
    return None


def error_mark(expdir: Path) -> str:
    """What a training under torchrun left as its error."""
    try:
        return read_regular(expdir / ERROR_MARK)
    except OSError:
        return ""


def last_stage(expdir: Path) -> str:
    """The last stage after training that has left its files."""
    if any(expdir.glob("decode_*/*/*/score_*/result.txt")):
        return "scored"
    if any(expdir.glob("decode_*/*/*/text")):
        return "decoded"
    return "averaged" if os.path.exists(expdir / AVERAGED) else ""
