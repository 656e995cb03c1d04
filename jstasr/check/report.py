"""Runs the probes and lays out the table."""

import re
from dataclasses import dataclass

from jstasr.check.items import ALL, Item
from jstasr.check.probes import Lack
from jstasr.errors import JstasrError


@dataclass(frozen=True)
class Finding:
    """An item with what its probe said; `lack` is empty where it was found."""

    item: Item
    found: str = ""
    lack: str = ""

    @property
    def stops(self):
        """Does the lack of it stop the run?"""
        return bool(self.lack) and self.item.required


def parse_stages(text):
    """The numbers of a list such as "0 3 5"."""
    try:
        return tuple(int(word) for word in text.split())
    except ValueError:
        raise JstasrError(f"--stages holds stage numbers, not {text!r}") from None


def probe_all(items, stages):
    """A Finding for each item that one of `stages` needs."""
    findings = []
    for item in items:
        if not set(item.stages) & set(stages):
            continue
        try:
            findings.append(Finding(item, found=item.probe()))
        except Lack as lack:
            findings.append(Finding(item, lack=str(lack)))
    return findings


def spell_stages(stages):
    """(2, 3, 4, 6) -> "2-4 6"."""
    if stages == ALL:
        return "all"
    text = "".join("x" if number in stages else " " for number in range(max(stages) + 1))
    runs = [(match.start(), match.end() - 1) for match in re.finditer("x+", text)]
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def table(findings):
    """The findings as aligned text; the remedy stands only where something is lacking."""
    rows = [("needed", "found", "stages", "version or state", "how to get it")]
    for finding in findings:
        found = "yes" if not finding.lack else "NO" if finding.stops else "no, optional"
        remedy = finding.item.remedy if finding.lack else ""
        stages = spell_stages(finding.item.stages)
        rows.append((finding.item.name, found, stages, finding.found or finding.lack, remedy))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    rows.insert(1, tuple("-" * width for width in (*widths, len("how to get it"))))
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )


def lacking(findings):
    """One line for each thing whose lack stops the run."""
    return [f"{f.item.name}: {f.lack}; {f.item.remedy}" for f in findings if f.stops]
