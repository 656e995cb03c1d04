"""One writer at a time for a folder or a file, also between machines that share a disk.

A lock is a file, `.lock` in a folder, that names its holder. It appears by link(2), which is atomic on NFS too, where
flock(2) may not be. Whether a holder still lives is asked of the system on its own machine; from another machine the
age of the file tells, which every holder touches again and again. Ages are differences of two times that the same file
server gave, so that clocks may differ.
"""

import json
import os
import platform
import shlex
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import cannot_write, make_folder

LOCK = ".lock"
HEARTBEAT = 10.0  # seconds between two touches of a lock by its holder
STALE = 120.0  # seconds without a touch after which a holder on another machine counts as ended
POLL = 1.0  # seconds between two looks at a lock of another machine
RUN = "JSTASR_RUN"  # environment: names the asr.sh that started a command
MAX_COMMAND = 120  # characters of a command that are kept

Report = Callable[[str], None]


@dataclass(frozen=True)
class Holder:
    """Who holds a lock."""

    token: str = ""  # of this one lock
    host: str = ""
    machine: str = ""  # equal where process ids have the same meaning: one boot of one machine, or one container
    pid: int = 0
    started: int = 0  # clock ticks from boot to the start of the process, which tell a process id that is used again
    since: str = ""
    command: str = ""
    run: str = ""  # of JSTASR_RUN
    shared: bool = False  # the commands of the same run may work in the folder
    job: str = ""  # of the queue; it keeps its name when it is queued again
    restarts: int = 0  # how often the queue has started that job again

    @classmethod
    def this_process(cls, shared: bool = False, command: str = "", pid: int = 0) -> "Holder":
        """This process, or the one `pid` for which it works."""
        pid = pid or os.getpid()
        job, restarts = queue_job()
        return cls(
            token=uuid.uuid4().hex,
            host=platform.node(),
            machine=this_machine(),
            pid=pid,
            started=start_of(pid) or 0,
            since=time.strftime("%Y-%m-%d %H:%M:%S"),
            command=command or own_command(),
            run=os.environ.get(RUN, ""),
            shared=shared,
            job=job,
            restarts=restarts,
        )

    @classmethod
    def parse(cls, text: str) -> "Holder":
        """Read a lock's content; of a damaged one nothing is known."""
        try:
            values = json.loads(text)
            known = {field.name: values[field.name] for field in fields(cls)}
            if all(isinstance(value, type(getattr(cls, name))) for name, value in known.items()):
                return cls(**known)
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        return cls()

    def __str__(self) -> str:
        if not self.token:
            return "a process that is not named (the lock is damaged)"
        return f"process {self.pid} on {self.host} since {self.since}: {self.command}"


def this_machine() -> str:
    """Identifies what process ids belong to: the boot of a machine, and the container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()


def start_of(pid: int) -> int | None:
    """Clock ticks from boot to the start of a process; 0: it runs, and the system does not say; None: it has ended."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except PermissionError:
        pass  # of another user
    try:
        state, *numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return None if state in "ZX" else int(numbers[18])


def runs_here(holder: Holder) -> bool | None:
    """Does a holder on this machine still run? None: it is on another one, or not named."""
    if not holder.token or holder.machine != this_machine():
        return None
    return start_of(holder.pid) in (0, holder.started)


def queue_job() -> tuple[str, int]:
    """The job of Slurm or Grid Engine that this process belongs to, or "", and how often it was started again."""
    environment = os.environ
    if job := environment.get("SLURM_JOB_ID"):
        count = environment.get("SLURM_RESTART_COUNT", "0")
        return f"slurm {job}", int(count) if count.isdigit() else 0
    if (job := environment.get("JOB_ID")) and environment.get("SGE_ROOT"):
        return f"sge {job}.{environment.get('SGE_TASK_ID', '')}", int(environment.get("RESTARTED", "0") == "1")
    return "", 0


def own_command() -> str:
    """The command line of this process, cut to a length for messages."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    words = shlex.join(["jstasr" if name in ("__main__.py", "") else name, *sys.argv[1:]])
    return words if len(words) <= MAX_COMMAND else f"{words[:MAX_COMMAND]} ..."


class Lock:
    """A lock that this process holds, or is about to."""

    def __init__(self, path: Path, what: str, report: Report, own: Holder | None = None):
        """
        Args:
            path: of the lock's file; what: is locked, for messages.
            report: takes a line about a wait, or about an ended holder.
            own: the new holder; None: this process.
        """
        self.path, self.what, self.report = path, what, report
        self.own = own or Holder.this_process()
        self.process = os.getpid()
        self.ended = threading.Event()

    def acquire(self) -> None:
        """Take the lock, also from a holder that has ended.

        Raises:
            JstasrError: a living process holds it; the folder cannot be written.
        """
        self.made_folder = not self.path.parent.exists()
        make_folder(self.path.parent)
        draft = self.path.with_name(f"{self.path.name}.{self.own.token}")
        try:
            draft.write_text(json.dumps(asdict(self.own)), "utf-8")
        except OSError as error:
            raise cannot_write(self.path.parent, error) from error
        try:
            while not appears(draft, self.path):
                if self.take_over(draft):
                    break
        finally:
            draft.unlink(missing_ok=True)
        threading.Thread(target=self.keep_alive, daemon=True).start()

    def take_over(self, draft: Path) -> bool:
        """Replace the lock of a holder that has ended; False: try again, as the lock has changed meanwhile."""
        holder = read_holder(self.path)
        if holder is None:
            return False
        if self.is_alive(holder, draft):
            raise JstasrError(refusal(self.what, self.path, holder))
        claim = self.path.with_name(f"{self.path.name}.{holder.token or 'damaged'}.next")
        if not appears(draft, claim):  # another process takes it over just now
            if age(claim, draft) > STALE:  # or was killed meanwhile
                claim.unlink(missing_ok=True)
            time.sleep(POLL / 10)
            return False
        try:
            if read_holder(self.path) != holder:
                return False
            os.replace(draft, self.path)
        finally:
            claim.unlink(missing_ok=True)
        self.report(f"{self.what}: the lock of {holder} is taken over: that process has ended")
        return True

    def is_alive(self, holder: Holder, draft: Path) -> bool:
        """Does the holder still run? On another machine it is watched until it touches its lock, or for STALE seconds.

        Args:
            draft: a file beside the lock, which takes the time of the file server.
        """
        if (here := runs_here(holder)) is not None:
            return here
        if holder.job and holder.job == self.own.job and holder.restarts < self.own.restarts:
            return False  # the queue started this job again after it had ended there
        first = touched(self.path)
        if age(self.path, draft) < STALE:
            self.report(f"{self.what} is locked by {holder}: waiting up to {STALE:.0f} s for a sign of life")
        while age(self.path, draft) < STALE:
            if read_holder(self.path) != holder:
                return False  # released meanwhile
            if touched(self.path) != first:
                return True
            time.sleep(POLL)
        return False

    def keep_alive(self) -> None:
        """Touch the lock until it is released."""
        while not self.ended.wait(HEARTBEAT):
            holder = read_holder(self.path)
            if holder is not None and holder.token == self.own.token:
                with suppress(OSError):
                    os.utime(self.path)

    def check(self) -> None:
        """Refuse to write where the lock was lost.

        Raises:
            JstasrError: the folder was removed, or another process has taken the lock while this one was suspended.
        """
        holder = read_holder(self.path)
        if holder == self.own:
            return
        if holder is not None:
            raise JstasrError(f"{self.what} was taken over by {holder}. This process writes no more into it")
        where = "was removed or moved" if not self.path.parent.is_dir() else f"has lost its {self.path.name}"
        raise JstasrError(f"{self.what} {where} while this process used it, which writes no more into it")

    def release(self) -> None:
        """Remove the lock, and a folder that was made for it and is still empty."""
        self.ended.set()
        if os.getpid() != self.process:  # a child, which has only a copy of the lock
            return
        if read_holder(self.path) == self.own:
            with suppress(OSError):
                self.path.unlink()
        if self.made_folder:
            with suppress(OSError):
                self.path.parent.rmdir()


def appears(draft: Path, path: Path) -> bool:
    """Give a written file a second name, unless that exists.

    Raises:
        JstasrError: the folder cannot be written.
    """
    try:
        os.link(draft, path)
        return True
    except FileExistsError:
        return False
    except OSError as error:
        if draft.exists() and os.stat(draft).st_nlink == 2:  # on NFS the answer may be lost
            return True
        if not draft.exists():
            raise cannot_write(path.parent, error) from error
    try:  # a file system without links
        with open(path, "x", encoding="utf-8") as file:
            file.write(draft.read_text("utf-8"))
        return True
    except FileExistsError:
        return False
    except OSError as error:
        raise cannot_write(path.parent, error) from error


def read_holder(path: Path) -> Holder | None:
    """Who holds a lock; None: nobody."""
    try:
        return Holder.parse(path.read_text("utf-8", "replace"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return Holder()


def touched(path: Path) -> float | None:
    """The file server's time of the last touch; opening the file keeps NFS from giving an old one."""
    try:
        with open(path, "rb") as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return None


def age(path: Path, draft: Path) -> float:
    """Seconds since a file was touched, by the clock of the file server; 0 where it is no longer there."""
    os.utime(draft)
    last, now = touched(path), touched(draft)
    return now - last if last is not None and now is not None else 0.0


def refusal(what: str, path: Path, holder: Holder) -> str:
    """The message about a living holder."""
    remedy = f"Wait until it has ended, give another folder, or stop it: kill {holder.pid}"
    if not holder.token:
        remedy = f"If nothing works there, remove {path}"
    elif holder.machine != this_machine():
        remedy += (
            f" on {holder.host}. Should that machine be down, its lock ends {STALE:.0f} s after its last sign of life"
        )
    return f"{what} is in use by {holder}. Two at once would mix their files. {remedy}"


def to_terminal(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def held(lock: Lock) -> Iterator[Lock]:
    """Hold a lock within the context."""
    lock.acquire()
    try:
        yield lock
    finally:
        lock.release()


def part_locks(folder: Path) -> list[Path]:
    """The locks of the parts of a folder."""
    return sorted(path for path in folder.glob(f"{LOCK}.part.*") if path.name.count(".") == 3)


@contextmanager
def locked(folder: str | Path, report: Report = to_terminal, own: Holder | None = None) -> Iterator[Lock]:
    """Keep other writers off a folder within the context; the folder is made when missing.

    Within a run of asr.sh that holds the folder (`jstasr lock`), its commands go on without a lock of their own.

    Args:
        report: takes a line about a wait, or about an ended holder.
        own: the holder; None: this process.
    Raises:
        JstasrError: another process writes into the folder; says which, and since when.
    """
    folder = Path(folder)
    lock = Lock(folder / LOCK, str(folder), report, own)
    if runs_under(read_holder(lock.path), lock.own):
        yield lock
        return
    with held(lock):
        for path in part_locks(folder):
            refuse_if_alive(path, f"{folder} ({path.name.rpartition('.')[2]})", lock.own, report)
        yield lock


@contextmanager
def locked_part(folder: str | Path, part: str | int, report: Report = to_terminal) -> Iterator[None]:
    """Keep other writers off one part of a folder, whose other parts may be written meanwhile.

    Args:
        part: letters, digits and hyphens.
    Raises:
        JstasrError: another process writes into the folder or the part.
    """
    folder = Path(folder)
    lock = Lock(folder / f"{LOCK}.part.{part}", f"{folder} (part {part})", report)
    with held(lock):
        if not runs_under(read_holder(folder / LOCK), lock.own):
            refuse_if_alive(folder / LOCK, str(folder), lock.own, report)
        yield


@contextmanager
def locked_file(path: str | Path, report: Report = to_terminal) -> Iterator[None]:
    """Keep other writers off one file, or off a folder that is replaced as a whole.

    Raises:
        JstasrError: another process writes it.
    """
    path = Path(path)
    with held(Lock(path.parent / f".{path.name}{LOCK}", str(path), report)):
        yield


def runs_under(holder: Holder | None, own: Holder) -> bool:
    """Does the run of asr.sh that this process belongs to hold the lock?"""
    return holder is not None and holder.shared and holder.run != "" and holder.run == own.run and not own.shared


def refuse_if_alive(path: Path, what: str, own: Holder, report: Report) -> None:
    """JstasrError where a living process holds a lock of another kind on the same folder."""
    holder = read_holder(path)
    if holder is None:
        return
    probe = Lock(path, what, report)
    draft = path.with_name(f"{path.name}.{probe.own.token}")
    try:
        draft.touch()
        alive = probe.is_alive(holder, draft)
    finally:
        draft.unlink(missing_ok=True)
    if alive:
        raise JstasrError(refusal(what, path, holder))
