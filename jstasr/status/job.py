"""The job that asr.sh started for stage 6: run.pl, slurm.pl and queue.pl leave its log beside the training."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from jstasr.status.read import modified, read_regular

LOGDIR = "logdir"
JOB_LOG = "logdir/train.log"  # what the command wrote, between lines of the job runner
JOB_SCRIPT = "logdir/q/train.sh"  # of slurm.pl and queue.pl, written when the job is submitted
JOB_OUTPUT = "logdir/q/train.out"  # what the queue itself says
TAIL = 1 << 16  # bytes at the end of a log in which an error is looked for
ENDED = re.compile(r"^# Ended \(code (\d{1,5})(?:; signal (\d{1,5}))?\)", re.MULTILINE)
ERROR = re.compile(
    r"^(?:(?:jstasr \S+|slurmstepd|srun): error|bash: line \d+): (.*\S)|"
    r"^([\w.]*(?:Error|Exception)\b.*)",  # the last line of a traceback
    re.MULTILINE,
)


@dataclass(frozen=True)
class Job:
    """The last job."""

    queued: float | None = None  # seconds since it was submitted, if it has not begun
    code: int | None = None  # with which it has ended; 128 and the number of the signal that killed it
    error: str = ""  # the last one in its log
    log_age: float | None = None  # seconds since its log was written; None: there is none


def read_job(expdir: Path) -> Job:
    """The last job of an experiment; one that says nothing where there was none."""
    written, submitted = modified(expdir / JOB_LOG), modified(expdir / JOB_SCRIPT)
    if submitted is not None and submitted >= (written or 0.0):  # asr.sh touches the log before it submits
        return Job(queued=max(0.0, time.time() - submitted))
    if written is None:
        return Job()
    text = tail(expdir / JOB_LOG)
    ended = ENDED.findall(text)
    errors = ERROR.findall(text) or ERROR.findall(tail(expdir / JOB_OUTPUT))
    return Job(
        code=exit_code(*ended[-1]) if ended else None,
        error="".join(errors[-1]) if errors else "",
        log_age=max(0.0, time.time() - written),
    )


def exit_code(code: str, signal: str) -> int:
    """The code of a job as a shell gives it."""
    return 128 + int(signal) if signal else int(code)


def tail(path: Path) -> str:
    """The end of a log, or nothing."""
    try:
        return read_regular(path, TAIL)
    except OSError:
        return ""
