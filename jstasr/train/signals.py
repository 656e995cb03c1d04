"""A polite end: SIGTERM and SIGUSR1 ask for a checkpoint after the step that runs, and an exit that asks for more."""

import signal
from contextlib import contextmanager

# Grid Engine queues a job again that exits with 99; Slurm does so with `RequeueExit=99`; asr.sh starts it again itself
REQUEUE_CODE = 99
REQUEUE_MARK = "requeue"  # file in exp/<tag>: this training was stopped by a signal and wants to go on
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
