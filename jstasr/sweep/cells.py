"""The folders and jobs of a sweep.

    <work>/<workspace>/                   links to the recipe's files, and its own data, dump and exp
    <work>/<workspace>/jobs/              logs of the stages up to the features
    <work>/<workspace>/exp/<cell>/        an experiment
    <work>/<workspace>/jobs/<cell>/       logs of its training and its decodings

A workspace is named by the options that its data depend on and by the code, a cell by its configuration, its data and
the code: cells that are equal are trained once, whatever their systems are called.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write
from jstasr.sweep.collect import decode_folders, dev_score, scored_folders, scored_utterances
from jstasr.sweep.digest import data_digest, digest
from jstasr.sweep.job import Job
from jstasr.sweep.plan import FREE, Options, Plan, PlannedCell
from jstasr.sweep.records import Row, Utterances

# What a recipe's folder holds that is no part of the recipe; a sweep's folder has its own
OUTPUTS = ("data", "dump", "exp", "sweep", "RESULTS.md")
DOWNLOADS = "downloads"  # shared
JOBS = "jobs"
DATA_STAGES, TRAIN_STAGES, DECODE_STAGES = (0, 5), (6, 7), (8, 9)


def run_command(options: Options, stages: tuple[int, int]) -> list[str]:
    """run.sh with its options."""
    words = ["./run.sh"]
    for name, value in {"stage": str(stages[0]), "stop_stage": str(stages[1]), **options}.items():
        words += [f"--{name}", value]
    return words


class Workspace:
    """A copy of the recipe, made of links, with its own data."""

    def __init__(self, work: Path, recipe: Path, plan: Plan, options: Options, code: str, environment: dict[str, str]):
        name = digest(json.dumps([options, plan.test_sets, code], sort_keys=True))
        self.folder, self.recipe, self.plan = work / name, recipe, plan
        self.environment = environment
        self.options = options
        self.free: Options = {}  # options that change no result, of the first cell
        self.digest: str | None = None

    def job(self) -> Job:
        """Stages 0 to 5."""
        options = {"test_sets": " ".join(self.plan.test_sets), **self.options, **self.free}
        command = run_command(options, DATA_STAGES)
        return Job(self.folder / JOBS, "data", command, self.folder, self.environment)

    def make(self) -> None:
        """Make the folder, where it is not there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.recipe / DOWNLOADS).mkdir(exist_ok=True)
        for entry in sorted([*self.recipe.iterdir()]):
            link = self.folder / entry.name
            if entry.name not in OUTPUTS and not entry.name.startswith(".") and not link.is_symlink():
                link.symlink_to(entry.resolve() if entry.is_symlink() else entry.absolute())

    def finish(self) -> str:
        """The digest of the data, after the job."""
        self.digest = data_digest(self.folder)
        return self.digest


@dataclass
class Cell:
    """A cell whose data are there: one training and its decodings.

    Attributes:
        planned: the system, condition and seed; the first of those that are equal.
        same: the others.
    """

    planned: PlannedCell
    workspace: Workspace
    code: str
    same: list[PlannedCell] = field(default_factory=list)

    @property
    def data(self) -> str:
        """Digest of the data."""
        assert self.workspace.digest is not None, "the data are prepared before a cell is named"
        return self.workspace.digest

    @property
    def name(self) -> str:
        """What the experiment is called."""
        return "cell_" + digest(f"{self.planned.config} {self.data} {self.code}")

    @property
    def exp(self) -> Path:
        """The experiment's folder."""
        return self.workspace.folder / "exp" / self.name

    def _options(self) -> Options:
        return {
            "test_sets": " ".join(self.planned.plan.test_sets),
            **self.planned.training_options,
            "asr_tag": self.name,
        }

    def jobs(self, decodings: Iterable[str]) -> list["CellJob"]:
        """The training, then each decoding."""
        folder, options = self.workspace.folder / JOBS / self.name, self._options()
        place = (self.workspace.folder, self.workspace.environment)
        jobs = [CellJob(Job(folder, "train", run_command(options, TRAIN_STAGES), *place), None)]
        for name in decodings:
            more = self.planned.plan.decodings[name] | ({"inference_tag": name} if name else {})
            stem = f"decode_{name}_{self.planned.search(name)}"
            jobs.append(CellJob(Job(folder, stem, run_command(options | more, DECODE_STAGES), *place), name))
        return jobs

    def describe(self) -> None:
        """Write beside the logs what the cell is."""
        about = [f"{c.condition} {c.system.name} seed {c.seed}" for c in (self.planned, *self.same)]
        with atomic_write(self.workspace.folder / JOBS / self.name / "about.json") as file:
            json.dump({"cells": about, "options": self._options(), "code": self.code}, file, indent=1)
            file.write("\n")

    def rows(self, decoding: str, seconds: int | None, total: int | None) -> list[tuple[Row, Utterances]]:
        """The results of one decoding, for each of the equal cells.

        Raises:
            JstasrError: there are none, or damaged ones.
        """
        plan = self.planned.plan
        folders = decode_folders(self.exp, plan, decoding)
        if not folders:
            raise JstasrError(f"{self.exp}: holds no decode_*: stages 8 and 9 left nothing")
        dev = dev_score(self.exp)
        feats = self.planned.options.get("feats_type", "fbank")
        found = []
        for folder in folders:
            for test_set, mode, scored in scored_folders(folder, plan.test_sets, plan.measure):
                data = self.workspace.folder / "dump" / feats / test_set
                utterances = scored_utterances(scored, data, "")
                errors = utterances.errors.pop("")
                for planned in (self.planned, *self.same):
                    row = Row(
                        *planned.key,
                        folder.name.removeprefix("decode_"),
                        test_set,
                        mode,
                        int(errors.sum()),
                        int(utterances.words.sum()),
                        "" if dev is None else f"{dev:.2f}",
                        "" if seconds is None else str(seconds),
                        "" if total is None else str(total),
                        self.code,
                        self.data,
                        planned.config,
                        planned.search(decoding),
                    )
                    table = Utterances(utterances.ids, utterances.words, utterances.groups, {row.column: errors})
                    found.append((row, table))
        return found


@dataclass
class CellJob:
    """A job of a cell; `decoding` is None for the training."""

    job: Job
    decoding: str | None


def workspaces(
    plan: Plan, work: Path, recipe: Path, code: str, environment: dict[str, str]
) -> dict[tuple[str, str, int], Workspace]:
    """The workspace of each cell of the plan, shared where the data are the same."""
    made: dict[Path, Workspace] = {}
    found = {}
    for planned in plan.planned():
        workspace = Workspace(work, recipe, plan, planned.data, code, environment)
        workspace = made.setdefault(workspace.folder, workspace)
        if not workspace.free:
            workspace.free = {name: value for name, value in planned.options.items() if name in FREE}
        found[planned.key] = workspace
    return found


def find_recipe(root: Path, name: str) -> Path:
    """The recipe's folder.

    Raises:
        JstasrError: there is none.
    """
    recipe = root / name
    if not (recipe / "run.sh").is_file() or not (recipe / "asr.sh").exists():
        raise JstasrError(f"recipe: {name}: no folder with run.sh and asr.sh in {root}; write it as egs/mini/asr1")
    return recipe


def job_environment(jobs: int) -> dict[str, str]:
    """The environment of a job, where so many run at a time: each counts its share of the cores."""
    environment = dict(os.environ)
    if jobs > 1 and environment.get("cmd_backend", "local") == "local":
        own = os.cpu_count() or 1
        environment["OMP_NUM_THREADS"] = str(max(1, own // jobs))  # nproc reads it too
    return environment
