"""Tables on the terminal."""

from rich.console import Console
from rich.table import Table


def print_table(table: Table) -> None:
    """Print a table in its full width: in a narrow terminal lines wrap, but no number is cut short."""
    needed = Console(width=10_000).measure(table).maximum
    Console(width=max(needed, Console().width)).print(table)
