"""Running a sweep: which cells are left, which jobs may start, what is written when one ends."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.sweep.cells import Cell, Workspace, job_environment, workspaces
from jstasr.sweep.digest import code_version, is_uncommitted
from jstasr.sweep.job import Job
from jstasr.sweep.plan import Plan, PlannedCell
from jstasr.sweep.records import Row, add_cell, read_records

POLL = 0.5  # seconds
WAITING, ELSEWHERE, DONE, FAILED = "waiting", "elsewhere", "done", "failed"
DATA, TRAINING, DECODING = "data", "training", "decoding"
Key = tuple[str, str, int]


@dataclass
class State:
    """What the table shows of a cell."""

    planned: PlannedCell
    phase: str = WAITING
    since: float | None = None  # when the phase began


@dataclass
class Settings:
    """How a sweep runs.

    Attributes:
        jobs: at a time.
        retries: of a job that fails.
        any_commit: take results of other code as finished, if it was committed.
    """

    jobs: int = 1
    retries: int = 1
    any_commit: bool = False


@dataclass
class _Work:
    """A chain of jobs: the data of a workspace, or a cell's training and decodings."""

    owner: Workspace | Cell
    jobs: list[tuple[Job, str | None]]
    phase: str
    active: bool = False
    failed: bool = False
    keys: list[Key] = field(default_factory=list)


class Sweep:
    """A plan, its folder for the work and its folder for the results."""

    def __init__(self, plan: Plan, root: Path, recipe: Path, work: Path, results: Path, settings: Settings):
        self.plan, self.root, self.work, self.results, self.settings = plan, root, work, results, settings
        self.code = code_version(root, plan.recipe)
        self.spaces = workspaces(plan, work, recipe, self.code, job_environment(settings.jobs))
        self.states = {planned.key: State(planned) for planned in plan.planned()}
        self.messages: list[str] = []
        self.order = list(self.states)

    def finished_rows(self) -> list[Row]:
        """The complete rows of the results."""
        return read_records(self.results)[0]

    def left(self, planned: PlannedCell, data: str | None, rows: list[Row]) -> list[str]:
        """The decodings of a cell that have no results yet; `data` None: whatever the data are."""
        found: dict[str, set[str]] = {}
        for row in rows:
            if (
                row.key == planned.key
                and row.config == planned.config
                and data in (None, row.data)
                and (row.commit == self.code or (self.settings.any_commit and not is_uncommitted(row.commit)))
            ):
                found.setdefault(row.search, set()).add(row.test_set)
        return [
            name
            for name in self.plan.decodings
            if not found.get(planned.search(name), set()) >= set(self.plan.test_sets)
        ]

    def run(self, show: Callable[["Sweep"], None]) -> bool:
        """Run what is left; True where nothing failed. `show` is called twice a second.

        A signal ends the jobs before it ends the sweep.
        """
        self.work.mkdir(parents=True, exist_ok=True)
        queue: list[_Work] = []
        for workspace in dict.fromkeys(self.spaces.values()):
            keys = [key for key, own in self.spaces.items() if own is workspace]
            if self.settings.any_commit and all(not self._left_somewhere(key) for key in keys):
                for key in keys:
                    self._set(key, DONE)
                continue
            workspace.make()
            queue.append(_Work(workspace, [(workspace.job(), None)], DATA, keys=keys))
        try:
            while queue:
                self._step(queue)
                show(self)
                if queue:
                    time.sleep(POLL)
        finally:
            jobs = [work.jobs[0][0] for work in queue if work.jobs]
            for job in jobs:
                job.stop()
            for job in jobs:
                job.wait()
        return all(state.phase == DONE for state in self.states.values())

    def _left_somewhere(self, key: Key) -> list[str]:
        return self.left(self.states[key].planned, None, self.finished_rows())

    def _step(self, queue: list[_Work]) -> None:
        """Look after the running jobs and start others."""
        running = 0
        for work in list(queue):
            if not work.active:
                continue
            job, _ = work.jobs[0]
            if not job.poll():
                running += 1
                continue
            work.active = False
            if job.is_done():
                queue.extend(self._job_done(work))
            elif job.failures > self.settings.retries:
                self._fail(work, f"{job.failures} times without success; see {job.log}")
            if not work.jobs or work.failed:
                queue.remove(work)
        queue.sort(key=lambda work: min(self.order.index(key) for key in work.keys))
        for work in list(queue):
            if work.active or running >= self.settings.jobs:
                continue
            while work.jobs and work.jobs[0][0].is_done():  # by an earlier sweep
                queue.extend(self._job_done(work))
            if not work.jobs or work.failed:
                queue.remove(work)
                continue
            self._check_code()
            if work.jobs[0][0].start():
                work.active = True
                running += 1
                self._enter(work)
            else:
                for key in work.keys:
                    self._set(key, ELSEWHERE)

    def _check_code(self) -> None:
        now = code_version(self.root, self.plan.recipe)
        if now != self.code:
            raise JstasrError(
                f"the code changed during the sweep, from {self.code} to {now}: its cells would not be comparable. "
                "Run the sweep in a checkout of its own (git worktree add)"
            )

    def _enter(self, work: _Work) -> None:
        phase = DATA if isinstance(work.owner, Workspace) else TRAINING if work.jobs[0][1] is None else DECODING
        for key in work.keys:
            self._set(key, phase)

    def _set(self, key: Key, phase: str) -> None:
        state = self.states[key]
        if state.phase != phase:
            state.phase, state.since = phase, time.time()

    def _fail(self, work: _Work, reason: str) -> None:
        work.failed = True
        for key in work.keys:
            self._set(key, FAILED)
        self.messages.append(f"{', '.join(map(cell_name, work.keys))}: failed {reason}")

    def _job_done(self, work: _Work) -> list[_Work]:
        """Take the first job away and write what it gave; the work that can begin now."""
        job, decoding = work.jobs.pop(0)
        if isinstance(work.owner, Workspace):
            return self._cells_of(work.owner, work.keys)
        try:
            if decoding is not None:
                self._record(work.owner, decoding, job)
        except JstasrError as error:
            self._fail(work, f"after decoding: {error}")
            return []
        for key in work.keys:
            self._set(key, WAITING if work.jobs else DONE)
        if not work.jobs:
            self.messages.append(f"{', '.join(map(cell_name, work.keys))}: done")
        return []

    def _cells_of(self, workspace: Workspace, keys: list[Key]) -> list[_Work]:
        data = workspace.finish()
        rows = self.finished_rows()
        cells: dict[str, tuple[Cell, dict[str, None]]] = {}
        for key in keys:
            planned = self.states[key].planned
            left = self.left(planned, data, rows)
            if not left:
                self._set(key, DONE)
                continue
            self._set(key, WAITING)
            cell = Cell(planned, workspace, self.code)
            known, decodings = cells.setdefault(cell.name, (cell, {}))
            if known is not cell:
                known.same.append(planned)
            decodings.update(dict.fromkeys(left))
        works = []
        for cell, decodings in cells.values():
            cell.describe()
            jobs = [(item.job, item.decoding) for item in cell.jobs(decodings)]
            own = [planned.key for planned in (cell.planned, *cell.same)]
            works.append(_Work(cell, jobs, TRAINING, keys=own))
        return works

    def _record(self, cell: Cell, decoding: str, job: Job) -> None:
        self._check_code()
        training = cell.jobs([])[0].job.seconds()
        seconds = job.seconds()
        total = None if training is None or seconds is None else training + seconds
        rows = cell.rows(decoding, training, total)
        with locked(self.work / "results.lock"):
            add_cell(self.results, rows, self.order)


def cell_name(key: Key) -> str:
    """A cell's name for the reader: `C/main seed 3`."""
    condition, system, seed = key
    return f"{system} ({condition}) seed {seed}"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock that all sweeps in a folder take before they write results."""
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
