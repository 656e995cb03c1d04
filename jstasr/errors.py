"""The one exception that is meant for the person at the keyboard, and lists cut to the length of a message."""

from collections.abc import Sequence

MAX_SHOWN = 10


class JstasrError(Exception):
    """Bad input or a lacking prerequisite: the message says what is wrong, where, and what to do.

    The command line prints the message alone, without a traceback, and exits with code 1.
    """


def list_faults(faults: Sequence[str], shown: int = MAX_SHOWN, indent: str = "") -> str:
    """Faults on a line each, the first `shown` of them, and the number of the others."""
    rest = len(faults) - shown
    return "\n".join(indent + line for line in [*faults[:shown], *([f"(and {rest} more)"] if rest > 0 else [])])
