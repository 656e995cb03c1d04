"""A polite end: SIGTERM and SIGUSR1 ask for a checkpoint after the step that runs, and an exit that asks for more."""

import os
import signal
from contextlib import contextmanager
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

# Grid Engine queues a job again that exits with 99; Slurm does so with `RequeueExit=99`; asr.sh starts it again itself
REQUEUE_CODE = 99
REQUEUE_MARK = "requeue"  # file in exp/<tag>: this training was stopped by a signal and wants to go on
ERROR_MARK = "error"  # file in exp/<tag>: why the run ended, for processes that torchrun starts again
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class StoppedBySignal(Exception):
    """Training has saved a checkpoint and left the rest to the next start."""


class StopRequest:
    """The signal that was received, or ""."""

    def __init__(self):
        self.received = ""

    @contextmanager
    def listening(self):
        """Note the signals instead of dying of them."""

        def note(number, frame):
            self.received = signal.Signals(number).name

        before = {number: signal.signal(number, note) for number in SIGNALS}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def ignore_signals(worker: int) -> None:
    """For the processes that read data: Slurm signals all of a job, and the trainer still needs them for its step."""
    for number in (*SIGNALS, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def end_of_run(expdir: Path):
    """Leave a mark in the experiment when training stops by a signal or by an error that it can name.

    torchrun starts all processes again when one of them ends badly. That is right for one that was killed, and wrong
    for a signal or for an error that would only come again: processes that are started again then end at once.

    Raises:
        StoppedBySignal, JstasrError: the body's own, or those that the marks of the last start tell of.
    """
    again = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    requeue, error_mark = expdir / REQUEUE_MARK, expdir / ERROR_MARK
    if again and requeue.exists():
        raise StoppedBySignal
    if again and error_mark.exists():
        raise JstasrError(f"not started again after: {error_mark.read_text('utf-8')}")
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
