"""Tables on the terminal."""

from rich.console import Console


def print_table(table):
    """Print a rich table in its full width.

    A number cut short is no number: in a narrow terminal lines may wrap, but nothing is left out.
    """
    needed = Console(width=10_000).measure(table).maximum
    Console(width=max(needed, Console().width)).print(table)
