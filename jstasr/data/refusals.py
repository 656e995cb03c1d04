"""What is wrong with data sets, gathered so that it is told all at once, with the utterances."""

from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

SHOWN_IDS = 20
SHOWN_SYMBOLS = 20


class Refusals:
    """What is wrong with sets, gathered, so that it is told all at once."""

    def __init__(self):
        self.found: dict[tuple[str, str], list[str]] = {}
        self.remedies: dict[tuple[str, str], str] = {}

    def add(self, source, fault: str, ids: list[str], remedy: str) -> None:
        """Note a fault of the utterances `ids` (none: nothing is wrong) of a file or folder."""
        if ids:
            self.found.setdefault((str(source), fault), []).extend(ids)
            self.remedies[str(source), fault] = remedy

    def add_unspellable(self, source, ids_of: dict[str, list[str]]) -> None:
        """Note symbols outside the token list, each with its utterances; the commonest are shown."""
        shown = sorted(ids_of.items(), key=lambda item: -len(item[1]))[:SHOWN_SYMBOLS]
        more = f"({len(ids_of) - len(shown)} more symbols like these) " if len(ids_of) > len(shown) else ""
        remedy = f"{more}Clean the text (--cleaner basic), or make the token list from text that holds them (--stage 4)"
        for symbol, ids in shown:
            self.add(source, f"{symbol!r} is not in the token list", ids, remedy)

    def raise_all(self) -> None:
        """Raise one error that lists every kind of fault with its utterances, if there is any."""
        if not self.found:
            return
        lines, last = [], None
        for (source, fault), ids in self.found.items():
            if source != last:
                lines.append(f"{source} cannot be used:")
                last = source
            lines.append(f"  {fault} ({len(ids)}): {first_few(ids, SHOWN_IDS)}")
        raise JstasrError("\n".join([*lines, *dict.fromkeys(self.remedies.values())]))


def refuse(faults: dict[str, list[str]], source: Path, remedy: str) -> None:
    """Raise one error for the faults of one file that have utterances."""
    refusals = Refusals()
    for fault, ids in faults.items():
        refusals.add(source, fault, ids, remedy)
    refusals.raise_all()
