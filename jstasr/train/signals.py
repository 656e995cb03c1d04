"""Signals that ask to stop: a checkpoint after the present step, and an exit code that asks for a restart."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, make_folder

# Grid Engine requeues a job that exits with 99, and Slurm with `RequeueExit=99`; asr.sh restarts it itself
REQUEUE_CODE = 99
REQUEUE_MARK = "requeue"  # file in exp/<tag>: a signal stopped this training, which is to be resumed
ERROR_MARK = "error"  # file in exp/<tag>: why the run failed, for those who would start it again
# time limits of queues (Slurm: TERM and what --signal names; Grid Engine: USR1, USR2, XCPU), and a terminal that closes
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU)
SECOND_TIME = 1.0  # seconds after which Ctrl-C is a second one: launchers pass the first on, so that it comes twice
# torchrun starts processes again, and so does asr.sh those of srun: each sets one of these
STARTED_AGAIN = ("TORCHELASTIC_RESTART_COUNT", "SLURM_STEP_ID")
RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")  # those that launchers set are 0 in the first process


class StoppedBySignal(BaseException):
    """A signal ended the training; the next start resumes it. Like KeyboardInterrupt it passes `except Exception`.

    together: all processes of the run end after the same step.
    """

    def __init__(self, reason: str, together: bool = False):
        super().__init__(reason)
        self.together = together


class StopRequest:
    """`received`: the name of the signal that asked to stop, or ""."""

    def __init__(self) -> None:
        self.received = ""
        self.deferring = False
        self.interrupted = 0.0  # time of the first Ctrl-C

    @contextmanager
    def listening(self) -> Iterator["StopRequest"]:
        """Take the signals within the context. A signal that is ignored, as under nohup, stays so."""
        wanted = [number for number in (*SIGNALS, signal.SIGINT) if signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self.note) for number in wanted}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Only store what is received within the context, where a step is to be completed; else it ends the process.

        A second Ctrl-C ends it always.
        """
        self.deferring = True
        try:
            yield
        finally:
            self.deferring = False

    def note(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signals."""
        self.received = signal.Signals(number).name
        if number == signal.SIGINT:
            first, self.interrupted = self.interrupted, self.interrupted or time.monotonic()
            if not self.deferring or (first and time.monotonic() - first > SECOND_TIME):
                raise KeyboardInterrupt
            if not first:
                with suppress(OSError):
                    os.write(sys.stderr.fileno(), b"Ctrl-C: ends after this step, with a checkpoint; again: at once\n")
        elif not self.deferring:
            raise StoppedBySignal(f"{self.received}: stopped between two steps")


def heed_parent_only(worker: int) -> None:
    """In data loading workers: Slurm signals all processes of a job, but the present step still needs the workers.

    SIGTERM of the training itself ends them: DataLoader and multiprocessing send it, and then wait for them.
    """
    for number in (*SIGNALS, signal.SIGINT):
        if number != signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # a handler of Python's is not told who sent it
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when its parent sends SIGTERM."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != parent:
        pass
    os._exit(0)  # 0: DataLoader makes an error of another


def is_first_process() -> bool:
    """Is this the process that writes, of those that torchrun, srun or Fabric started?"""
    return all(os.environ.get(name, "0") == "0" for name in RANKS)


@contextmanager
def mark_outcome(expdir: Path) -> Iterator[None]:
    """Leave a mark file in the experiment when training stops by a signal or with a JstasrError.

    torchrun, and asr.sh on several nodes, start all processes again when one of them fails. That is right if it was
    killed, and wrong after a signal or an error that would recur: in that case restarted processes end at once.

    Raises:
        StoppedBySignal, JstasrError: those of the body, or of the marks that the last attempt left.
    """
    again = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0
    requeue, error_mark = expdir / REQUEUE_MARK, expdir / ERROR_MARK
    if again and requeue.exists():
        raise StoppedBySignal("not restarted: a signal stopped the attempt before")
    if again and error_mark.exists():
        raise JstasrError(f"not restarted after: {error_mark.read_text('utf-8')}")
    if is_first_process():
        requeue.unlink(missing_ok=True)
        error_mark.unlink(missing_ok=True)
    try:
        yield
    except StoppedBySignal:
        with suppress(OSError, JstasrError):  # the exit code says it too
            make_folder(expdir)
            requeue.touch()
        raise
    except JstasrError as error:
        if any(name in os.environ for name in STARTED_AGAIN):
            with atomic_write(error_mark) as file:
                file.write(str(error))
        raise
