"""What --dry-run prints."""

from rich.table import Table

from jstasr.score.terminal import print_table
from jstasr.sweep.progress import expected_seconds, hours, left_seconds
from jstasr.sweep.records import Row
from jstasr.sweep.run import Sweep


def print_cells(sweep: Sweep) -> None:
    """Print every cell, whether it is finished, and how long it will take by the speed of those that are."""
    rows: list[Row] = sweep.finished_rows()
    table = Table("condition", "system", "seed", "data", "state", "expected")
    left = []
    for planned in sweep.plan.planned():
        workspace = sweep.spaces[planned.key]
        data = workspace.finish() if workspace.job().is_done() else None
        open_decodings = sweep.left(planned, data, rows)
        expected = expected_seconds(planned.key, rows)
        if open_decodings:
            left.append(planned.key)
        table.add_row(
            planned.condition,
            planned.system.name,
            str(planned.seed),
            workspace.folder.name,
            "to run" if open_decodings else "finished",
            "" if not open_decodings else hours(expected) if expected is not None else "unknown",
        )
    print_table(table)
    total = left_seconds(sweep, rows, left)
    time = "unknown until a cell is finished" if total is None else f"about {hours(total)}"
    print(f"{len(left)} of {len(sweep.order)} cells to run, {sweep.settings.jobs} at a time: {time}")
