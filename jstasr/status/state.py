"""Does a training run, and if not, how has it ended?"""

from dataclasses import dataclass, field

from jstasr.kaldi.locks import STALE
from jstasr.status.job import Job
from jstasr.status.lock import Seen
from jstasr.train.duration import duration
from jstasr.train.read_log import DONE, ERROR, RunLog
from jstasr.train.signals import REQUEUE_CODE

RUNNING, STARTING, WAITING = "running", "starting", "waiting"
FINISHED, STOPPED, FAILED, DEAD, SILENT = "finished", "stopped", "failed", "dead", "silent"
QUIET = 600.0  # seconds without a line in the log, from which a running training is remarked on
QUIET_LINES = 10  # or so many times the time between two lines
WAITS = 20.0  # per cent of the time that a training waits for data, likewise
ENDED_WELL = (0, REQUEUE_CODE, 130)  # codes of a job; the last: Ctrl-C
SAME_RUN = 2.0  # seconds between the last lines that a run wrote into train.log and into the log of its job


@dataclass(frozen=True)
class Traces:
    """What a training left."""

    log: RunLog
    log_age: float | None  # seconds since it was written; None: there is none
    seen: Seen | None  # the lock
    job: Job
    error: str  # of the mark that torchrun's processes leave
    requeue: bool  # the mark of a signal
    averaged: bool  # is there a model?
    step: int  # of the log or, where there is none, of the newest checkpoint

    @property
    def job_is_last(self) -> bool:
        """Is the log of the job as new as train.log, and not that of an earlier run?"""
        age = self.job.log_age
        return age is not None and (self.log_age is None or age <= self.log_age + SAME_RUN)

    @property
    def job_notes(self) -> list[str]:
        """The code of a job that has failed."""
        failed = self.job_is_last and self.job.code is not None and self.job.code not in ENDED_WELL
        return [f"its job ended with code {self.job.code}"] if failed else []


@dataclass
class Verdict:
    """The state, and what there is to say about it."""

    state: str
    notes: list[str] = field(default_factory=list)
    error: str = ""  # that ended the training, if it is known


def judge(traces: Traces) -> Verdict:
    """Decide on the state."""
    seen, log = traces.seen, traces.log
    if seen is None:
        return without_lock(traces)
    if not seen.trains:
        verdict = without_lock(traces)
        return Verdict(verdict.state, [*verdict.notes, *in_use(seen)], verdict.error)
    if seen.alive:
        return living(traces, seen)
    if log.end == DONE:
        return Verdict(FINISHED)
    error = traces.job.error if traces.job_is_last else ""
    if seen.here:
        return Verdict(DEAD, [f"process {seen.holder.pid} is gone", *traces.job_notes], error)
    notes = [f"no sign of life from {seen.where} for {duration(seen.silence)}", *traces.job_notes]
    return Verdict(SILENT, notes, error)


def in_use(seen: Seen) -> list[str]:
    """A note on another command that holds the lock."""
    return [f"in use: {seen.holder.command}"] if seen.alive else []


def living(traces: Traces, seen: Seen) -> Verdict:
    """A training holds the lock; of one that hangs or waits much this is said."""
    log, notes = traces.log, []
    if not seen.holder.token:
        notes.append("the lock is damaged")
    begun = seen.holder.since.replace(" ", "T")  # as the times of the log, by the same clock
    if log.progress is None or log.progress.time < begun:
        return Verdict(STARTING, notes)
    if traces.log_age is not None and traces.log_age > max(QUIET, QUIET_LINES * log.progress.interval):
        notes.append(f"no line for {duration(traces.log_age)}")
    if log.progress.wait is not None and log.progress.wait >= WAITS:
        notes.append(f"waits for data {log.progress.wait:.0f}% of the time")
    return Verdict(RUNNING, notes)


def without_lock(traces: Traces) -> Verdict:
    """No training holds or held the lock."""
    log, job = traces.log, traces.job
    recent = traces.log_age is not None and traces.log_age < STALE
    if log.end == DONE or (not log.time and traces.averaged):
        return Verdict(FINISHED)
    if job.queued is not None:
        return Verdict(WAITING, [f"submitted {duration(job.queued)} ago"])
    if traces.error:
        return Verdict(FAILED, error=traces.error)
    if traces.job_notes:
        return Verdict(FAILED, traces.job_notes, job.error)
    if log.end == ERROR:
        return Verdict(FAILED)
    if log.time and not log.end and recent and not traces.requeue:  # a version without locks, or a call of the library
        return Verdict(RUNNING, ["without a lock"])
    if traces.job_is_last and job.code is None and job.log_age is not None and job.log_age < STALE:
        return Verdict(STARTING)
    if log.end:
        return Verdict(STOPPED, [log.cause])
    if traces.requeue:
        return Verdict(STOPPED, ["by a signal"])
    if not traces.step:
        return Verdict(WAITING, ["no step yet"])
    return Verdict(STOPPED, ["its log does not say why"] if log.time else [])
