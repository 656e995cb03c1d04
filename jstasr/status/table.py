"""One line for each experiment on the terminal."""

import sys
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from jstasr.status.record import Status
from jstasr.status.state import DEAD, FAILED, FINISHED, RUNNING, SILENT, STARTING
from jstasr.train.duration import duration

COLOURS = {RUNNING: "green", STARTING: "green", FINISHED: "", FAILED: "red", DEAD: "red", SILENT: "red"}
LEAST = 20  # columns for notes and fault, however narrow the terminal is
PIPED = 100  # likewise where the output is no terminal
DAYS = 2  # from which an age is told in days
HOME = "\x1b[H\x1b[J"  # to the first line of the terminal, the rest cleared
COLUMNS = ("experiment", "state", "step", "dev WER %", "audio-s/s", "left", "last line")


def age(seconds: int | None) -> str:
    """m:ss, h:mm:ss or `4 d`."""
    if seconds is None:
        return ""
    days = seconds // 86400
    return f"{days} d" if days >= DAYS else duration(seconds)


def best(status: Status) -> str:
    """`12.3/10.1 @1500`: streaming and full context, and the step; one number where only their mean is known."""
    if status.best_step is None:
        return ""
    rates = [status.best_wer_streaming, status.best_wer_full]
    known = rates if None not in rates else [status.best_score]
    return "/".join("?" if rate is None else f"{rate:.1f}" for rate in known) + f" @{status.best_step}"


def steps(status: Status) -> str:
    """`1500/3000`."""
    if status.step is None and status.max_steps is None:
        return ""
    return f"{status.step or 0}/{'?' if status.max_steps is None else status.max_steps}"


def cells(status: Status) -> list[str]:
    """The columns but the last."""
    left = "" if status.left_s is None else duration(status.left_s)
    speed = "" if status.audio_s_per_s is None else str(status.audio_s_per_s)
    return [status.experiment, status.state, steps(status), best(status), speed, left, age(status.log_age_s)]


def remarks(status: Status) -> str:
    """The last stage after training, notes, and the last fault with month, day and time."""
    when = status.fault_time[5:16].replace("T", " ")
    return "; ".join(filter(None, [status.stage, *status.notes, f"{when} {status.fault}".strip()]))


def clean(text: str) -> str:
    """Without control characters, which a log or a name may hold."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def table(statuses: Sequence[Status], width: int | None) -> tuple[Table, int]:
    """The table, and the columns of the terminal that it takes; width: of the terminal, None: there is none."""
    rows = [[clean(cell) for cell in cells(one)] for one in statuses]
    widths = [max(Text(cell).cell_len for cell in column) for column in zip(COLUMNS, *rows)]
    taken = sum(widths) + 2 * len(widths)
    space = PIPED if width is None else max(LEAST, width - taken)
    shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in COLUMNS:
        right = name in ("step", "audio-s/s", "left", "last line")
        shown.add_column(name, justify="right" if right else "left", no_wrap=True)
    shown.add_column("remarks", no_wrap=True)
    for one, row in zip(statuses, rows):
        last = Text(clean(remarks(one)))
        last.truncate(space, overflow="ellipsis")
        state = Text(row[1], style=COLOURS.get(one.state, "yellow"))
        shown.add_row(Text(row[0]), state, *map(Text, row[2:]), last)
    return shown, taken + space


def render(statuses: Sequence[Status], width: int | None) -> str:
    """The table as text; width: of the terminal, None: there is none."""
    shown, needed = table(statuses, width)
    console = Console(width=needed, force_terminal=width is not None, highlight=False)
    with console.capture() as captured:
        console.print(shown)
    return "".join(line.rstrip() + "\n" for line in captured.get().splitlines())


def show(statuses: Sequence[Status]) -> None:
    """Print the table."""
    terminal = Console()
    sys.stdout.write(render(statuses, terminal.width if terminal.is_terminal else None))


def watch(read: Callable[[], Sequence[Status]], seconds: float) -> None:
    """Show the table again and again, in place on a terminal, until Ctrl-C."""
    while True:
        heading = time.strftime("%Y-%m-%d %H:%M:%S\n")
        terminal = Console()
        if terminal.is_terminal and not terminal.is_dumb_terminal:
            lines = (heading + render(read(), terminal.width)).splitlines(keepends=True)
            sys.stdout.write(HOME + "".join(cropped(lines, terminal.height - 1)))
        else:
            sys.stdout.write(heading + render(read(), None))
        sys.stdout.flush()
        time.sleep(seconds)


def cropped(lines: list[str], height: int) -> list[str]:
    """The first lines, as many as the terminal is high, and the number of the others."""
    if len(lines) <= height:
        return lines
    kept = max(0, height - 1)
    return [*lines[:kept], f"(and {len(lines) - kept} more)\n"]
