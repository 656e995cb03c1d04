"""Some stages of a recipe as a process that outlives the sweep, and that a later sweep finds again.

    NAME.log      what the stages say
    NAME.times    `start SECONDS` and `end SECONDS STATUS` of each attempt
    NAME.lock     locked while a process of the job lives

The shell around the stages writes the times, so that a job ends properly after its sweep was killed.
"""

import fcntl
import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

SHELL = """
echo "start $(date +%s)" >>"$0"
status=0
"$@" || status=$?
echo "end $(date +%s) $status" >>"$0"
exit "$status"
"""
MARK = "JSTASR_SWEEP_JOB"  # in the environment of every process of a job
GRACE = 60  # seconds for a training to save its checkpoint


class Job:
    """One job; `folder / name` begins the names of its files."""

    def __init__(self, folder: Path, name: str, command: Sequence[str], directory: Path, environment: dict[str, str]):
        self.stem = str((folder / name).resolve())
        self.command, self.directory, self.environment = list(command), directory, environment
        self.process: subprocess.Popen | None = None
        self.failures = 0

    @property
    def log(self) -> Path:
        """Its output."""
        return Path(f"{self.stem}.log")

    def attempts(self) -> list[tuple[int, int, int]]:
        """(start, end, exit status) of each attempt; end and status are -1 where nobody saw the end."""
        try:
            lines = Path(f"{self.stem}.times").read_text("ascii").split("\n")
        except FileNotFoundError:
            return []
        found: list[tuple[int, int, int]] = []
        for kind, *numbers in (line.split() for line in lines if line):
            if kind == "start":
                found.append((int(numbers[0]), -1, -1))
            elif found:
                found[-1] = (found[-1][0], int(numbers[0]), int(numbers[1]))
        return found

    def is_done(self) -> bool:
        """Did its last attempt succeed?"""
        attempts = self.attempts()
        return bool(attempts) and attempts[-1][2] == 0

    def seconds(self) -> int | None:
        """Time that it took; None where it was interrupted."""
        attempts = self.attempts()
        if len(attempts) != 1 or attempts[0][2] != 0:
            return None
        return attempts[0][1] - attempts[0][0]

    def started(self) -> int | None:
        """When the last attempt began."""
        attempts = self.attempts()
        return attempts[-1][0] if attempts else None

    def start(self) -> bool:
        """Start it; False where a process of an earlier attempt, or of another sweep, is still alive."""
        Path(self.stem).parent.mkdir(parents=True, exist_ok=True)
        if self.attempts() and self.attempts()[-1][1] != -1:
            end_leftovers(self.stem)  # its shell ended: what still lives was cut off from it
        lock = os.open(f"{self.stem}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        try:
            if self.is_done():  # meanwhile, by another sweep
                return True
            end_leftovers(self.stem)
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    ["bash", "-c", SHELL, f"{self.stem}.times", *self.command],
                    cwd=self.directory,
                    env=self.environment | {MARK: self.stem},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(lock,),  # locked until the last of them ends
                    start_new_session=True,
                )
        finally:
            os.close(lock)
        return True

    def poll(self) -> bool:
        """Has the process that this sweep started ended?"""
        if self.process is None or self.process.poll() is None:
            return self.process is None
        self.process = None
        if not self.is_done():
            self.failures += 1
        return True

    def stop(self) -> None:
        """Ask its processes to end, training after it saved a checkpoint."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)

    def wait(self) -> None:
        """Wait until it has stopped; after GRACE seconds it is killed."""
        if self.process is None:
            return
        try:
            self.process.wait(GRACE)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None


def end_leftovers(stem: str) -> None:
    """Kill processes of a job whose shell was killed: they would write into the same folder.

    Only where the system lists the environment of processes in /proc.
    """
    mark = f"{MARK}={stem}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
