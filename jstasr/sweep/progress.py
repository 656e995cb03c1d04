"""How far a sweep is: a table on the terminal that fills, or a line for each event."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from jstasr.sweep.plan import LM
from jstasr.sweep.records import Row
from jstasr.sweep.run import DATA, DECODING, DONE, FAILED, TRAINING, WAITING, Key, Sweep


def hours(seconds: float) -> str:
    """`2 h 05 min`, `12 min` or `40 s`."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min" if seconds >= 100 else f"{round(seconds)} s"


def expected_seconds(key: Key, rows: Sequence[Row]) -> float | None:
    """Time of a cell: the mean of the finished ones of its condition and system, else of its condition, else of all."""
    known = {row.key: float(row.total_seconds) for row in rows if row.total_seconds}
    condition, system, _ = key
    for similar in (
        [value for (c, s, _), value in known.items() if (c, s) == (condition, system)],
        [value for (c, _, _), value in known.items() if c == condition],
        list(known.values()),
    ):
        if similar:
            return sum(similar) / len(similar)
    return None


def left_seconds(sweep: Sweep, rows: Sequence[Row], keys: Sequence[Key]) -> float | None:
    """Time until these cells are done, so many at a time; None where none is finished."""
    total = 0.0
    now = time.time()
    for key in keys:
        expected = expected_seconds(key, rows)
        if expected is None:
            return None
        state = sweep.states[key]
        spent = now - state.since if state.phase == TRAINING and state.since else 0.0
        share = 0.5 if state.phase == DECODING else 1.0
        total += max(expected * share - spent, 0.0)
    return total / min(sweep.settings.jobs, max(len(keys), 1))


def summary(sweep: Sweep, rows: Sequence[Row]) -> str:
    """`3 of 15 cells done, 1 at work, about 1 h 20 min left`."""
    phases = [state.phase for state in sweep.states.values()]
    parts = [f"{phases.count(DONE)} of {len(phases)} cells done"]
    active = sum(phase in (DATA, TRAINING, DECODING) for phase in phases)
    if active:
        parts.append(f"{active} at work")
    if FAILED in phases:
        parts.append(f"{phases.count(FAILED)} failed")
    open_cells = [key for key, state in sweep.states.items() if state.phase not in (DONE, FAILED)]
    left = left_seconds(sweep, rows, open_cells)
    if open_cells:
        parts.append("time left: known when a cell is done" if left is None else f"about {hours(left)} left")
    return ", ".join(parts)


def shown_rate(key: Key, rows: Sequence[Row]) -> str:
    """Error rates of a finished cell on the first test set, by decoder, without and with the language model."""
    own = [row for row in rows if row.key == key]
    own = [row for row in own if row.test_set == own[0].test_set]
    parts = []
    for with_lm in (False, True):
        rates = [
            f"{100 * row.errors / row.words:.1f}"
            for row in sorted(own, key=lambda row: row.mode != "streaming")
            if row.decoding.endswith(LM) == with_lm and row.words
        ]
        if rates:
            parts.append("/".join(rates[:2]))
    return "  ".join(parts)


def progress_table(sweep: Sweep, rows: Sequence[Row]) -> Table:
    """A row for each condition and system, a column for each seed."""
    table = Table(title=f"{sweep.plan.name}: {summary(sweep, rows)}", title_justify="left")
    table.add_column("condition")
    table.add_column("system")
    for seed in sweep.plan.seeds:
        table.add_column(f"seed {seed}", justify="right", no_wrap=True)
    now = time.time()
    for condition in sweep.plan.conditions:
        for system in sweep.plan.systems:
            cells = []
            for seed in sweep.plan.seeds:
                state = sweep.states[condition, system, seed]
                if state.phase == DONE:
                    cells.append(shown_rate(state.planned.key, rows))
                elif state.phase == WAITING or state.since is None:
                    cells.append("")
                else:
                    cells.append(f"{state.phase} {hours(now - state.since)}" if state.phase != FAILED else FAILED)
            table.add_row(condition, system, *cells)
    return table


class Progress:
    """Shows a sweep: `update` may be called often."""

    def __init__(self, live: Live | None):
        self.live = live
        self.told = 0  # messages
        self.phases: dict[Key, str] = {}
        self.rows: list[Row] | None = None

    def update(self, sweep: Sweep) -> None:
        """Show what has changed."""
        phases = {key: state.phase for key, state in sweep.states.items()}
        if self.rows is None or phases != self.phases:
            self.rows = sweep.finished_rows()
        for message in sweep.messages[self.told :]:
            if self.live is not None:
                self.live.console.print(message, highlight=False)
            else:
                print(f"{message}; {summary(sweep, self.rows)}", flush=True)
        self.told = len(sweep.messages)
        if self.live is not None:
            self.live.update(progress_table(sweep, self.rows))
        self.phases = phases


@contextmanager
def progress() -> Iterator[Progress]:
    """A table that fills on a terminal; elsewhere, lines."""
    console = Console()
    if not console.is_terminal:
        yield Progress(None)
        return
    with Live(console=console, refresh_per_second=2) as live:
        yield Progress(live)
