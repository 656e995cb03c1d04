"""Experiments below folders."""

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from jstasr.experiment.files import AVERAGED, CHECKPOINTS, CONFIG, SCORES, TOKENS, TRAIN_LOG, step_of
from jstasr.experiment.place import DATA_FILES
from jstasr.kaldi.locks import LOCK, read_holder
from jstasr.status.job import JOB_LOG, JOB_SCRIPT, LOGDIR
from jstasr.status.lock import is_training
from jstasr.status.read import read_regular
from jstasr.train.read_log import MARK

Identity: TypeAlias = tuple[int, int] | str  # device and inode of a folder; its path where these are not known
MISSING, EMPTY, UNREADABLE = PROBLEMS = ("missing", "empty", "unreadable")


@dataclass(frozen=True)
class Found:
    """An experiment, or a folder where there is none."""

    path: str  # as it was given, and what lies below
    problem: str = ""  # one of PROBLEMS; "": it is an experiment
    reason: str = ""  # what is wrong with the folder


def find_experiments(roots: list[str]) -> list[Found]:
    """The experiments that are given, and those below the other folders, by path and each once.

    Symbolic links are followed. What lies below an experiment, in a data directory or in a hidden folder is not
    searched.
    """
    found: list[Found] = []
    known: set[Identity] = set()
    for root in roots:
        if not os.path.exists(root):
            found.append(Found(root, MISSING, "no such folder"))
            continue
        below = dict(reversed([(identity, one) for one, identity in walk(root, set())]))  # of two names the first
        new = [one for identity, one in below.items() if identity not in known]
        known |= below.keys()
        found += sorted(new, key=lambda one: one.path) if below else [Found(root, EMPTY, "no experiment in it")]
    return found


def walk(folder: str, seen: set[Identity]) -> Iterator[tuple[Found, Identity]]:
    """The experiments in and below a folder; seen: the folders that were searched, so that circles of links end."""
    identity: Identity = folder
    try:
        state = os.stat(folder)
        identity = (state.st_dev, state.st_ino)
        if identity in seen:
            return
        with os.scandir(folder) as entries:
            names = {entry.name: entry for entry in entries}
    except OSError as error:
        yield Found(folder, UNREADABLE, error.strerror or str(error)), identity
        return
    if is_experiment(folder, names.keys()):
        yield Found(folder), identity
        return
    seen.add(identity)
    if any(name in names for name in DATA_FILES):
        return
    alone = True
    # a folder itself before the links to it
    for entry in sorted(names.values(), key=lambda entry: (entry.is_symlink(), entry.name)):
        if not entry.name.startswith(".") and is_folder(entry):
            for below in walk(os.path.join(folder, entry.name), seen):
                alone = False
                yield below
    if alone and has_traces(folder, names.keys()):
        yield Found(folder), identity


def is_folder(entry: os.DirEntry) -> bool:
    """Is it a folder, or a link to one?"""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_experiment(folder: str, names: Collection[str]) -> bool:
    """Does a folder with these entries hold a training, or the model of one?"""
    if AVERAGED in names or (CONFIG in names and TOKENS in names) or (CHECKPOINTS in names and TRAIN_LOG in names):
        return True
    return LOGDIR in names and any(os.path.isfile(os.path.join(folder, name)) for name in (JOB_LOG, JOB_SCRIPT))


def has_traces(folder: str, names: Collection[str]) -> bool:
    """Does a folder hold a training that has just begun, or what remains of one?

    Other programs use these names too, and a job's log, as a sweep has one of each training, repeats the training's.
    """
    if TRAIN_LOG in names:
        with suppress(OSError):
            return MARK in read_regular(os.path.join(folder, TRAIN_LOG)).split("\n", 1)[0]
    if LOCK in names and is_training(read_holder(Path(folder, LOCK))):
        return True
    with suppress(OSError):
        if CHECKPOINTS in names:
            inside = os.listdir(os.path.join(folder, CHECKPOINTS))
            return SCORES in inside or any(step_of(name) is not None for name in inside)
    return False
