"""What a sweep looks at before its first cell: a fault in the last of many cells would be found hours later."""

from pathlib import Path

import jstasr
from jstasr.config import merge_config
from jstasr.errors import JstasrError
from jstasr.experiment.config import TrainConfig
from jstasr.sweep.digest import git
from jstasr.sweep.plan import Plan


def repository(path: Path) -> Path:
    """The root of the repository that holds a plan, else the current folder, else this program.

    Raises:
        JstasrError: there is none.
    """
    for folder in (path.resolve().parent, Path.cwd(), Path(jstasr.__file__).parent):
        try:
            root = Path(git(folder, ["rev-parse", "--show-toplevel"]).decode().rstrip("\n"))
        except JstasrError:
            continue
        if (root / "egs").is_dir():
            return root
    raise JstasrError(f"{path}: neither it nor this program is in a checkout of jstasr, with its recipes in egs/")


def check_package(root: Path) -> None:
    """Refuse a program of another checkout: the commit of a row would not be that of its code."""
    package = Path(jstasr.__file__).resolve().parent
    if package != (root / "jstasr").resolve():
        raise JstasrError(f"this program is of {package}, and the recipe of {root}: run {root}/.venv/bin/jstasr")


def check_overrides(plan: Plan) -> None:
    """Refuse keys that the training configuration has not, and values of a wrong type."""
    for system in plan.systems.values():
        try:
            merge_config(TrainConfig, None, system.overrides)
        except JstasrError as error:
            raise JstasrError(f"systems.{system.name}: {error}") from None
