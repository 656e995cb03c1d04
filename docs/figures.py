#!/usr/bin/env python3
"""Insert measured figures into the pages, from the RESULTS.md of the recipes and the tables of docs/measurements.

    python docs/figures.py            # rewrites the pages whose figures are not those of the sources
    python docs/figures.py --check    # writes nothing; status 1 where a page differs

A page names the source of a figure in a comment, and this script writes what stands after it:

    <!-- figure: egs/mini/asr1/RESULTS.md decode_beam4/test full WER -->5.3%<!-- /figure -->
    <!-- figure: egs/mini/asr1/RESULTS.md decode_beam4/test full WER interval -->5.3% [4.9, 5.8]<!-- /figure -->
    <!-- figure: egs/x/asr1/RESULTS.md#train_a_fbank_en_char decode_beam4/test full CER de -->59.1%<!-- /figure -->
    <!-- figure: docs/measurements/align_step.csv "without the consistency loss" ms -->2131<!-- /figure -->
    <!-- table: docs/measurements/align_step.csv -->
    ...
    <!-- /table -->

After RESULTS.md: the experiment (where there are several), the data set, the decoder, the measure, and `interval` for
the 95% interval or the name of a group, such as a language or "macro average". After a CSV file: the first values of
the row, as many as tell it apart, and the column.
"""

import argparse
import csv
import re
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIGURE = re.compile(r"(<!-- figure: (.*?) -->)(.*?)(<!-- /figure -->)")
TABLE = re.compile(r"(<!-- table: (.*?) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
ABOUT = ("command", "commit", "machine")  # `# name: value` lines at the top of every CSV file


class UnknownFigure(Exception):
    """A key that names no figure."""


def pages(root: Path) -> list[Path]:
    """Every page that may hold figures."""
    return sorted({root / "README.md", *root.glob("docs/**/*.md"), *root.glob("egs/*.md"), *root.glob("egs/*/*/README.md")})


def experiment(path: Path, tag: str) -> str:
    """The section of one experiment in RESULTS.md; `tag` may be empty where there is one only."""
    parts = re.split(r"^<!-- jstasr experiment (\S+) -->$", path.read_text("utf-8"), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2]))
    if not tag and len(sections) == 1:
        return next(iter(sections.values()))
    if tag not in sections:
        raise UnknownFigure(f"experiment {tag or 'not named'}; there are {', '.join(sections)}")
    return sections[tag]


def result(section: str, dataset: str, mode: str, measure: str, detail: str = "") -> str:
    """An error rate of RESULTS.md, in percent."""
    chapter = re.search(rf"^### {re.escape(measure)}$(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL)
    if chapter is None:
        raise UnknownFigure(f"no measure {measure}")
    lines = chapter[1].splitlines()
    if detail not in ("", "interval"):
        start = f"- {dataset} ({mode}), by "
        for line in lines:
            if line.startswith(start):
                groups = re.split("[,;] ", line.split(": ", 1)[1])
                shares = dict(group.rsplit(" ", 1) for group in groups)
                if detail in shares:
                    return f"{shares[detail]}%"
        raise UnknownFigure(f"no group {detail} of {dataset} ({mode})")
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    if rows:
        for row in rows[2:]:
            cells = dict(zip(rows[0], row))
            if (cells["dataset"], cells["mode"]) == (dataset, mode):
                interval = cells["95% interval"].replace("–", ", ")
                return f"{cells['Err']}%" + (f" [{interval}]" if detail else "")
    raise UnknownFigure(f"no {dataset} ({mode}) under {measure}")


def read_table(path: Path) -> tuple[dict[str, str], list[list[str]]]:
    """What a CSV file says about itself, and its rows, the heading first."""
    lines = path.read_text("utf-8").splitlines()
    about = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    return about, list(csv.reader(line for line in lines if not line.startswith("# ")))


def cell(path: Path, *key: str) -> str:
    """The value in the one row that begins with `key[:-1]`, in the column `key[-1]`."""
    *row_key, column = key
    heading, *rows = read_table(path)[1]
    found = [row for row in rows if row[: len(row_key)] == row_key]
    if column not in heading or len(found) != 1:
        raise UnknownFigure(f"{len(found)} rows begin with {row_key}; the columns are {heading}")
    return found[0][heading.index(column)]


def markdown_table(path: Path) -> str:
    """A CSV file as a table, with what it says about itself below."""
    about, (heading, *rows) = read_table(path)
    numbers = [all(not row[i] or row[i][0].isdigit() for row in rows) and i > 0 for i in range(len(heading))]
    lines = [heading, ["--:" if number else "---" for number in numbers], *rows]
    text = "".join("| " + " | ".join(line) + " |\n" for line in lines)
    return f"\n{text}\n" + "".join(f"- {name}: {about[name]}\n" for name in ABOUT) + "\n"


def figure(key: str, root: Path) -> str:
    """The text that stands for a key."""
    source, *words = shlex.split(key)
    name, _, tag = source.partition("#")
    path = root / name
    if not path.is_file():
        raise UnknownFigure(f"{name}: no such file")
    if path.suffix == ".csv":
        return cell(path, *words) if words else markdown_table(path)
    return result(experiment(path, tag), *words)


def insert(page: str, root: Path) -> str:
    """The page with every figure and table taken from its source."""

    def replaced(match: re.Match) -> str:
        try:
            return match[1] + figure(match[2], root) + match[4]
        except (UnknownFigure, TypeError, KeyError, ValueError) as error:
            raise UnknownFigure(f"{match[2]}: {error}") from error

    return TABLE.sub(replaced, FIGURE.sub(replaced, page))


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="insert measured figures into the pages")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 where a page differs")
    check = parser.parse_args(argv).check
    status = 0
    for path in pages(root):
        before = path.read_text("utf-8")
        try:
            after = insert(before, root)
        except UnknownFigure as error:
            print(f"{path.relative_to(root)}: no such figure: {error}", file=sys.stderr)
            status = 1
            continue
        if after != before:
            if check:
                print(f"{path.relative_to(root)}: figures are not those of their sources: run docs/figures.py")
                status = 1
            else:
                path.write_text(after, "utf-8")
                print(f"{path.relative_to(root)}: rewritten")
    return status


if __name__ == "__main__":
    sys.exit(main())
