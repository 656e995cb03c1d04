"""SIGTERM and SIGUSR1: save a checkpoint after the present step, and exit with a code that asks for a restart."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

# Grid Engine requeues a job that exits with 99, and Slurm with `RequeueExit=99`; asr.sh restarts it itself
REQUEUE_CODE = 99
REQUEUE_MARK = "requeue"  # file in exp/<tag>: a signal stopped this training, which is to be resumed
ERROR_MARK = "error"  # file in exp/<tag>: why the run failed, for processes that torchrun restarts
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StoppedBySignal(Exception):
    """Training saved a checkpoint and ended because of a signal; the next start resumes it."""


class StopRequest:
    """`received`: the name of the signal that asked to stop, or ""."""

    def __init__(self) -> None:
        self.received = ""

    @contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        """Store the signals within the context, instead of their default action."""

        def note(number: int, frame: FrameType | None) -> None:
            self.received = signal.Signals(number).name

        before = {number: signal.signal(number, note) for number in SIGNALS}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def ignore_signals(worker: int) -> None:
    """In data loading workers: Slurm signals all processes of a job, but the present step still needs the workers."""
    for number in (*SIGNALS, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def mark_outcome(expdir: Path) -> Iterator[None]:
    """Leave a mark file in the experiment when training stops by a signal or with a JstasrError.

    torchrun restarts all processes when one of them fails. That is right if it was killed, and wrong after a signal
    or an error that would recur: in that case restarted processes end at once.

    Raises:
        StoppedBySignal, JstasrError: those of the body, or of the marks that the last attempt left.
    """
    again = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    requeue, error_mark = expdir / REQUEUE_MARK, expdir / ERROR_MARK
    if again and requeue.exists():
        raise StoppedBySignal
    if again and error_mark.exists():
        raise JstasrError(f"not restarted after: {error_mark.read_text('utf-8')}")
    if os.environ.get("RANK", "0") == "0" and os.environ.get("SLURM_PROCID", "0") == "0":
        requeue.unlink(missing_ok=True)
        error_mark.unlink(missing_ok=True)
    try:
        yield
    except StoppedBySignal:
        requeue.touch()
        raise
    except JstasrError as error:
        if "TORCHELASTIC_RESTART_COUNT" in os.environ:
            with atomic_write(error_mark) as file:
                file.write(str(error))
        raise
