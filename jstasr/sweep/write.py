"""The plan and the page in the folder of the results."""

from pathlib import Path

from jstasr.kaldi.files import atomic_write
from jstasr.sweep.records import PAGE, PLAN
from jstasr.sweep.tables import page


def write_plan(path: Path, folder: Path) -> None:
    """Put the plan beside the results, unless it is there."""
    target = folder / PLAN
    text = path.read_text("utf-8")
    if not target.is_file() or target.read_text("utf-8") != text:
        with atomic_write(target) as file:
            file.write(text)


def write_page(folder: Path) -> Path:
    """Write the page of the tables, unless it would not change."""
    target = folder / PAGE
    text = page(folder)
    if not target.is_file() or target.read_text("utf-8") != text:
        with atomic_write(target) as file:
            file.write(text)
    return target
