"""Running the probes, and the table of what they found."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from jstasr.check.items import ALL, Item
from jstasr.check.probes import Missing
from jstasr.errors import JstasrError


@dataclass(frozen=True)
class Finding:
    """An item, and what its probe found or, in `missing`, why it is not there."""

    item: Item
    found: str = ""
    missing: str = ""

    @property
    def stops(self) -> bool:
        """Is it missing, and required?"""
        return bool(self.missing) and self.item.required


def parse_stages(text: str) -> tuple[int, ...]:
    """The numbers of a list such as "0 3 5"."""
    try:
        return tuple(int(word) for word in text.split())
    except ValueError:
        raise JstasrError(f"--stages holds stage numbers, not {text!r}") from None


def probe_all(items: Iterable[Item], stages: Collection[int]) -> list[Finding]:
    """A Finding for each item that one of `stages` needs."""
    findings = []
    for item in items:
        if not set(item.stages) & set(stages):
            continue
        try:
            findings.append(Finding(item, found=item.probe()))
        except Missing as missing:
            findings.append(Finding(item, missing=str(missing)))
    return findings


def spell_stages(stages: tuple[int, ...]) -> str:
    """(2, 3, 4, 6) -> "2-4 6"."""
    if stages == ALL:
        return "all"
    text = "".join("x" if number in stages else " " for number in range(max(stages) + 1))
    runs = [(match.start(), match.end() - 1) for match in re.finditer("x+", text)]
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def table(findings: Sequence[Finding]) -> str:
    """The findings as aligned text, with the remedy of what is missing."""
    rows: list[tuple[str, ...]] = [("needed", "found", "stages", "version or state", "how to get it")]
    for finding in findings:
        found = "yes" if not finding.missing else "NO" if finding.stops else "no, optional"
        remedy = finding.item.remedy if finding.missing else ""
        stages = spell_stages(finding.item.stages)
        rows.append((finding.item.name, found, stages, finding.found or finding.missing, remedy))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    rows.insert(1, tuple("-" * width for width in (*widths, len("how to get it"))))
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )


def blocking(findings: Iterable[Finding]) -> list[str]:
    """One line for each required item that is missing."""
    return [f"{f.item.name}: {f.missing}; {f.item.remedy}" for f in findings if f.stops]
