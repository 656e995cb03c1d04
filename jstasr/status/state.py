"""The state of one experiment, from its lock, log, checkpoints and marks."""

import json
import math
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from jstasr.experiment.files import AVERAGED, CHECKPOINTS, CONFIG, SCORES, TRAIN_LOG, step_of
from jstasr.kaldi.locks import STALE
from jstasr.status.find import Found
from jstasr.status.job import Job, read_job
from jstasr.status.lock import Seen, look
from jstasr.status.read import modified, read_regular
from jstasr.train.duration import duration
from jstasr.train.read_log import RunLog, read_log
from jstasr.train.signals import ERROR_MARK, REQUEUE_CODE, REQUEUE_MARK

RUNNING, STARTING, WAITING = "running", "starting", "waiting"
FINISHED, STOPPED, FAILED, DEAD, SILENT = "finished", "stopped", "failed", "dead", "silent"
QUIET = 600.0  # seconds without a line in the log from which a running training is remarked on
QUIET_LINES = 10  # or so many times the time between two lines
WAITS = 20.0  # per cent of the time that a training waits for data, likewise
ENDED_WELL = (0, REQUEUE_CODE, 130)  # the last after Ctrl-C
SAME_RUN = 2.0  # seconds between the last lines of two logs of the same run
MODES = ("streaming", "full")


@dataclass
class Status:
    """What is known of an experiment; None, or "": not known."""

    experiment: str
    state: str
    done: str = ""  # last of the stages after training that has left its files: averaged, decoded, scored
    step: int | None = None
    max_steps: int | None = None
    checkpoint_step: int | None = None  # the newest
    best_step: int | None = None
    best_wer_streaming: float | None = None  # per cent
    best_wer_full: float | None = None
    best_score: float | None = None  # per cent, mean of both: what checkpoints are chosen by
    audio_s_per_s: int | None = None
    wait_percent: float | None = None
    left_s: int | None = None
    log_age_s: int | None = None
    log_time: str = ""  # of its last line, as the log has it
    fault: str = ""  # last error or warning
    fault_time: str = ""
    notes: list[str] = field(default_factory=list)
    host: str = ""  # of the lock, and the process
    pid: int | None = None


def read_status(found: Found) -> Status:
    """The state of an experiment, whatever is missing or damaged in it."""
    status = Status(found.path, found.problem)
    if found.problem:
        status.notes += [found.reason] if found.reason else []
        return status
    expdir = Path(found.path)
    log = read_train_log(expdir, status)
    steps = read_checkpoints(expdir, status)
    read_best(expdir, log, status)
    if log.begun:
        status.step, status.max_steps = log.step, log.max_steps
        status.fault, status.fault_time = log.fault, log.fault_time
    elif steps:
        status.step = max(steps)
    if status.max_steps is None:
        status.max_steps = configured_steps(expdir, status)
    if log.progress is not None:
        status.audio_s_per_s, status.wait_percent = log.progress.speed, log.progress.wait
        status.left_s = log.progress.left
    status.done = last_stage(expdir)
    seen, job = look(expdir), read_job(expdir)
    if seen is not None:
        status.host, status.pid = seen.holder.host, seen.holder.pid or None
    settle(expdir, status, log, seen, job)
    if status.state == FINISHED:
        status.left_s = None
    return status


def settle(expdir: Path, status: Status, log: RunLog, seen: Seen | None, job: Job) -> None:
    """Decide on the state, with notes on what is peculiar to it."""
    trains = seen is not None and seen.trains
    mark = error_mark(expdir)
    fresh = job.changed >= (modified(expdir / TRAIN_LOG) or 0.0) - SAME_RUN  # else of an earlier run
    if seen is not None and seen.alive and trains:
        new = log.progress is None or log.progress.time < seen.holder.since.replace(" ", "T")
        status.state = STARTING if new else RUNNING
        remark(status, log)
        return
    if seen is not None and seen.alive:
        status.notes.append(f"in use: {seen.holder.command}")
    if log.end == "done" or (not log.begun and (expdir / AVERAGED).exists()):
        status.state = FINISHED
    elif seen is not None and trains:
        status.state = DEAD if seen.here else SILENT
        status.notes.append(f"process {seen.holder.pid} is gone" if seen.here else silence(seen))
        if fresh:
            blame(status, job.error)
    elif job.queued is not None:
        status.state = WAITING
        status.notes.append(f"submitted {duration(job.queued)} ago")
    elif fresh and job.code is None and time.time() - job.changed < STALE:
        status.state = STARTING
    elif mark or log.end == "error" or (fresh and job.code not in (None, *ENDED_WELL)):
        status.state = FAILED
        blame(status, mark or (job.error if fresh else "") or (log.cause if log.end == "error" else ""))
    elif log.end or (expdir / REQUEUE_MARK).exists():
        status.state = STOPPED
        status.notes.append(log.cause or "by a signal")
    elif not status.step:
        status.state = WAITING
        status.notes.append("no step yet")
    elif status.log_age_s is not None and status.log_age_s < STALE:  # a version without locks
        status.state = RUNNING
        status.notes.append("without a lock")
    else:
        status.state = STOPPED
        if log.begun:
            status.notes.append("its log does not say why")


def blame(status: Status, error: str) -> None:
    """Put the error that ended a training in place of an earlier fault."""
    if error and error != status.fault:
        status.fault, status.fault_time = " ".join(error.split()), ""


def silence(seen: Seen) -> str:
    """The note on a holder of another machine."""
    return f"no sign of life from {seen.holder.host or 'its holder'} for {duration(seen.silence)}"


def remark(status: Status, log: RunLog) -> None:
    """Note what is slow about a living training."""
    limit = max(QUIET, QUIET_LINES * seconds_between(log))
    if status.log_age_s is not None and status.log_age_s > limit and status.state == RUNNING:
        status.notes.append(f"no line for {duration(status.log_age_s)}")
    if status.wait_percent is not None and status.wait_percent >= WAITS:
        status.notes.append(f"waits for data {status.wait_percent:.0f}% of the time")


def seconds_between(log: RunLog) -> float:
    """Seconds between the last two progress lines; 0: unknown."""
    if log.progress is None or not log.interval:
        return 0.0
    try:
        one, two = (time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S")) for text in (log.interval, log.progress.time))
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, two - one)


def read_train_log(expdir: Path, status: Status) -> RunLog:
    """What train.log says, with its age."""
    path = expdir / TRAIN_LOG
    try:
        state = path.stat()
        log = parsed(path, state.st_mtime_ns, state.st_size)
    except FileNotFoundError:
        if (expdir / CHECKPOINTS).exists():
            status.notes.append(f"no {TRAIN_LOG}")
        return RunLog()
    except OSError as error:
        status.notes.append(f"{TRAIN_LOG}: {error.strerror}")
        return RunLog()
    status.log_age_s, status.log_time = int(max(0.0, time.time() - state.st_mtime)), log.time
    if state.st_size and not log.begun:
        status.notes.append(f"{TRAIN_LOG}: damaged")
    return log


@lru_cache(maxsize=256)
def parsed(path: Path, changed: int, size: int) -> RunLog:
    """A train.log; with --watch those that have not changed are read once."""
    return read_log(read_regular(path))


def read_checkpoints(expdir: Path, status: Status) -> list[int]:
    """Steps of the checkpoints."""
    try:
        names = [path.name for path in (expdir / CHECKPOINTS).iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        status.notes.append(f"{CHECKPOINTS}: {error.strerror}")
        return []
    steps = [step for name in names if (step := step_of(name)) is not None]
    status.checkpoint_step = max(steps, default=None)
    return steps


def read_best(expdir: Path, log: RunLog, status: Status) -> None:
    """The best validation: that of scores.json, else of the log; the later one of equals."""
    scores: dict[int, float] = {}
    try:
        given = json.loads(read_regular(expdir / CHECKPOINTS / SCORES))
        scores = {int(step): float(score) for step, score in given.items()}
    except FileNotFoundError:
        pass
    except OSError as error:
        status.notes.append(f"{SCORES}: {error.strerror}")
    except (ValueError, TypeError, AttributeError):
        status.notes.append(f"{SCORES}: damaged")
    if not scores:
        scores = {
            step: sum(min(rates[mode], 100.0) for mode in MODES) / len(MODES)
            for step, rates in log.dev.items()
            if all(mode in rates for mode in MODES)
        }
    if not scores:
        return
    status.best_step = best = min(scores, key=lambda step: (scores[step], -step))
    status.best_score = finite(scores[best])
    rates = log.dev.get(best, {})
    status.best_wer_streaming, status.best_wer_full = (finite(rates.get(mode)) for mode in MODES)


def finite(value: float | None) -> float | None:
    """JSON has no NaN."""
    return value if value is not None and math.isfinite(value) else None


def configured_steps(expdir: Path, status: Status) -> int | None:
    """Steps of the whole training by config.yaml."""
    import yaml

    try:
        steps = yaml.safe_load(read_regular(expdir / CONFIG))["optim"]["max_steps"]
        return steps if isinstance(steps, int) else None
    except FileNotFoundError:
        status.notes.append(f"no {CONFIG}")
    except OSError as error:
        status.notes.append(f"{CONFIG}: {error.strerror}")
    except (yaml.YAMLError, ValueError, TypeError, KeyError):
        status.notes.append(f"{CONFIG}: damaged")
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
    return "averaged" if (expdir / AVERAGED).exists() else ""
