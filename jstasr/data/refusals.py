"""Faults of data sets, collected so that one error lists them all with their utterances."""

from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

SHOWN_IDS = 20
SHOWN_SYMBOLS = 20


class Refusals:
    """Faults of one or more data sets, each with its utterances and a remedy."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], list[str]] = {}
        self.remedies: dict[tuple[str, str], str] = {}

    def add(self, source: str | Path, fault: str, ids: list[str], remedy: str) -> None:
        """Add a fault of the utterances `ids` of a file or folder; an empty list adds nothing."""
        if ids:
            self.found.setdefault((str(source), fault), []).extend(ids)
            self.remedies[str(source), fault] = remedy

    def add_unspellable(self, source: str | Path, ids_of: dict[str, list[str]]) -> None:
        """Add symbols outside the token list, each with its utterances; only the most frequent are listed."""
        shown = sorted(ids_of.items(), key=lambda item: -len(item[1]))[:SHOWN_SYMBOLS]
        more = f"({len(ids_of) - len(shown)} more symbols like these) " if len(ids_of) > len(shown) else ""
        remedy = f"{more}Clean the text (--cleaner basic), or make the token list from text that holds them (--stage 4)"
        for symbol, ids in shown:
            self.add(source, f"{symbol!r} is not in the token list", ids, remedy)

    def raise_all(self) -> None:
        """Raise one JstasrError that lists every fault with its utterances, if there is any."""
        if not self.found:
            return
        lines: list[str] = []
        last = None
        for (source, fault), ids in self.found.items():
            if source != last:
                lines.append(f"{source} cannot be used:")
                last = source
            lines.append(f"  {fault} ({len(ids)}): {first_few(ids, SHOWN_IDS)}")
        raise JstasrError("\n".join([*lines, *dict.fromkeys(self.remedies.values())]))


def refuse(faults: dict[str, list[str]], source: Path, remedy: str) -> None:
    """Raise one JstasrError for the faults of one file, fault -> utterances; those without utterances do not count."""
    refusals = Refusals()
    for fault, ids in faults.items():
        refusals.add(source, fault, ids, remedy)
    refusals.raise_all()
