"""Checkpoints: written atomically, read with a check sum; the newest and the best are kept."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from jstasr.errors import JstasrError
from jstasr.experiment.files import SCORES, step_of
from jstasr.experiment.torch_file import read_torch_file
from jstasr.kaldi.files import atomic_write, first_few, make_folder, write_fault


def save_atomically(value: Any, path: Path) -> None:
    """torch.save to a temporary name, fsync, rename.

    Raises:
        JstasrError: the disk is full or the folder cannot be written; an older file of that name is intact.
    """
    try:
        with atomic_write(path, "wb") as file:
            torch.save(value, file)
    except (JstasrError, OSError, RuntimeError) as error:  # torch turns a failed write into RuntimeError
        reason, remedy = system_fault(error)
        raise JstasrError(
            f"{path}: cannot be written ({reason}). Earlier checkpoints are intact. {remedy}; "
            "then the same command continues"
        ) from error


def system_fault(error: BaseException) -> tuple[str, str]:
    """The system's words behind an error, which torch may wrap, and a remedy; else the error's own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return write_fault(cause)
        cause = cause.__cause__ or cause.__context__
    return str(error), "Look at its disk"


def not_finite(state: Any, name: str = "") -> list[str]:
    """Dotted names of the tensors in nested dictionaries that hold NaN or infinity."""
    if isinstance(state, torch.Tensor):
        return [] if state.isfinite().all() else [name]
    if not isinstance(state, dict):
        return []
    return [bad for key, value in state.items() for bad in not_finite(value, f"{name}.{key}".lstrip("."))]


def load_checkpoint(path: Path) -> dict:
    """Read a checkpoint, or a file of averaged weights.

    Raises:
        JstasrError: missing, cut short, or not a checkpoint.
    """
    try:
        loaded = read_torch_file(path, "a checkpoint")
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such checkpoint. Train first: --stage 6") from None
    if not isinstance(loaded, dict) or "model" not in loaded:
        raise JstasrError(f"{path}: not a jstasr checkpoint")
    return loaded


class CheckpointFolder:
    """exp/<tag>/checkpoints: stepN.pth files, and the dev scores of those that were validated."""

    def __init__(
        self, folder: Path, keep_best: int, keep_last: int, check_lock: Callable[[], None] | None = None
    ) -> None:
        """check_lock: raises JstasrError where this process has lost the folder to another."""
        self.folder, self.keep_best, self.keep_last = Path(folder), keep_best, keep_last
        self.check_lock = check_lock
        make_folder(self.folder)

    def steps(self) -> list[int]:
        """Steps of the checkpoints that exist, ascending."""
        return sorted(step for path in self.folder.iterdir() if (step := step_of(path.name)) is not None)

    def path(self, step: int) -> Path:
        """The file of the checkpoint of a step."""
        return self.folder / f"step{step}.pth"

    def scores(self) -> dict[int, float]:
        """Step -> dev WER in per cent (mean of the trained decoders).

        Raises:
            JstasrError: the file is damaged.
        """
        path = self.folder / SCORES
        try:
            return {int(step): float(score) for step, score in json.loads(path.read_text("utf-8")).items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise JstasrError(
                f"{path}: damaged ({error}). Write `{{}}` into it: the next validations fill it again"
            ) from error

    def save(self, state: dict, step: int, score: float | None = None) -> None:
        """Write the checkpoint, then remove those that are neither recent nor among the best.

        Checkpoints of later steps are removed too: they are damaged, or this run would have resumed from them.
        `score`: dev WER in per cent, if it is known already; see `add_score`.

        Raises:
            JstasrError: NaN or infinity in the state; a file that cannot be written; the lock is lost.
        """
        if self.check_lock is not None:
            self.check_lock()
        if broken := not_finite(state):
            raise JstasrError(
                f"{self.path(step)}: not written: after step {step} {first_few(broken, 3)} is NaN or infinite. "
                "Earlier checkpoints are intact. Lower optim.learning_rate, or look at the data"
            )
        save_atomically(state, self.path(step))
        scores = self.scores()
        self.write_scores({known: value for known, value in scores.items() if known < step})
        if score is None:
            self.remove_old(step)
        else:
            self.add_score(step, score)

    def add_score(self, step: int, score: float) -> None:
        """Store the dev WER (per cent) of the checkpoint of a step."""
        self.write_scores(self.scores() | {step: score})
        self.remove_old(step)

    def write_scores(self, scores: dict[int, float]) -> None:
        """Write the scores file, if it changes."""
        if scores != self.scores():
            with atomic_write(self.folder / SCORES) as file:
                json.dump(scores, file, indent=1)

    def remove_old(self, step: int) -> None:
        """Remove all checkpoints but the best and the newest up to `step`."""
        until_now = [known for known in self.steps() if known <= step]
        kept = set(self.best(self.keep_best)) | set(until_now[-max(1, self.keep_last) :])
        for old in set(self.steps()) - kept:
            self.path(old).unlink()

    def remove_unfinished(self) -> None:
        """Remove the temporary files of a killed run."""
        for path in self.folder.glob(".*.tmp"):
            path.unlink()

    def best(self, count: int) -> list[int]:
        """Steps of the `count` existing checkpoints with the lowest dev WER; the later one wins a tie."""
        scores = self.scores()
        existing = [step for step in self.steps() if step in scores]
        return sorted(existing, key=lambda step: (scores[step], -step))[:count]

    def load_last(self, warn: Callable[[str], None] = warnings.warn) -> tuple[int, dict] | None:
        """Newest usable checkpoint as (step, state); one that is damaged or not finite is skipped with a warning.

        Raises:
            JstasrError: there are checkpoints and none can be used.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                state = load_checkpoint(self.path(step))
                if broken := not_finite(state):
                    raise JstasrError(f"{self.path(step)}: NaN or infinity in {first_few(broken, 3)}")
                return step, state
            except JstasrError as error:
                if step == steps[0]:
                    raise JstasrError(
                        f"none of the {len(steps)} checkpoints in {self.folder} can be used; the oldest: {error}. "
                        "Remove that folder to start again"
                    ) from error
                warn(f"{error}; using the one before it")
        return None


def average_checkpoints(paths: list[Path]) -> dict:
    """Mean of the models' floating-point weights, summed in float64; other entries from the first.

    Raises:
        JstasrError: a checkpoint that is damaged or not finite, or checkpoints of different models.
    """
    first = finite_model(paths[0])
    sums = {name: value.double() for name, value in first.items() if value.is_floating_point()}
    for path in paths[1:]:  # one at a time: a checkpoint holds the optimiser's state, three times the model
        model = finite_model(path)
        if {name: value.shape for name, value in model.items()} != {name: value.shape for name, value in first.items()}:
            raise JstasrError(f"{path}: is of another model than {paths[0]}, there is no mean of the two")
        for name, total in sums.items():
            total += model[name]
    return first | {name: (total / len(paths)).to(first[name].dtype) for name, total in sums.items()}


def finite_model(path: Path) -> dict:
    """The weights of a checkpoint.

    Raises:
        JstasrError: it is damaged, or not finite.
    """
    model = load_checkpoint(path)["model"]
    if broken := not_finite(model):
        raise JstasrError(f"{path}: NaN or infinity in {first_few(broken, 3)}. Remove it, and average the others")
    return model
