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
    <!-- table: egs/mini/asr1/RESULTS.md WER CER -->
    ...
    <!-- /table -->
    <!-- figure: docs/measurements/sweeps/NAME/sweep.yaml mean C all beam4 test full -->9.5% [...]<!-- /figure -->
    <!-- table: docs/measurements/sweeps/NAME/sweep.yaml means all beam4 -->
    ...
    <!-- /table -->

In a module of FIGURES_IN_CODE the comment stands above, and the figure is the last string of the line below it:

    # figure: docs/measurements/breton.csv "5 minutes of Breton" "CER full context"
    Measured(0.08, "5 minutes of Breton", "94%"),

After RESULTS.md: the experiment (where there are several), the data set, the decoder, the measure, and `interval` for
the 95% interval or the name of a group, such as a language or "macro average"; for a table, the measures. After a CSV
file: the first values of the row, as many as identify it, and the column. After the plan of a sweep, with its results
beside it: what `jstasr.sweep.tables` computes. A figure may not begin a line, where Markdown would take its comment for
a paragraph of HTML.

The page of each sweep in docs/measurements/sweeps is written too.
"""

import argparse
import csv
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIGURE = re.compile(r"(<!-- figure: (.*?) -->)(.*?)(<!-- /figure -->)")
IN_CODE = re.compile(r'(# figure: (.*)\n[^\n]*")([^"\n]*)("[^"\n]*\n)')
FIGURES_IN_CODE = ("jstasr/check/measured.py",)
TABLE = re.compile(r"(<!-- table: (.*?) -->\n)(.*?)(<!-- /table -->)", re.DOTALL)
SWEEP = "sweep.yaml"
ABOUT = ("command", "commit", "machine")  # `# name: value` lines at the top of every CSV file


class UnknownFigure(Exception):
    """A key that names no figure."""


def pages(root: Path) -> list[Path]:
    """Every page and module that may hold figures."""
    found = {root / "README.md", *root.glob("docs/**/*.md"), *root.glob("egs/*.md"), *root.glob("egs/*/*/README.md")}
    return sorted(found | {root / name for name in FIGURES_IN_CODE if (root / name).is_file()})


def experiment(path: Path, tag: str) -> str:
    """The section of one experiment in RESULTS.md; `tag` may be empty where there is one only."""
    parts = re.split(r"^<!-- jstasr experiment (\S+) -->$", path.read_text("utf-8"), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2]))
    if not tag and len(sections) == 1:
        return next(iter(sections.values()))
    if tag not in sections:
        raise UnknownFigure(f"experiment {tag or 'not named'}; there are {', '.join(sections)}")
    return sections[tag]


def chapter(section: str, measure: str) -> tuple[list[dict[str, str]], dict[tuple[str, str], dict[str, str]]]:
    """The rows of a measure's table, and the groups' error rates of (data set, decoder)."""
    found = re.search(rf"^### {re.escape(measure)}$(.*?)(?=^### |\Z)", section, re.MULTILINE | re.DOTALL)
    if found is None:
        raise UnknownFigure(f"no measure {measure}")
    lines = found[1].splitlines()
    heading, _, *cells = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    groups = {}
    for line in lines:
        if by_group := re.fullmatch(r"- (\S+) \((\S+)\), by \S+: (.*)", line):
            rates = [group.rsplit(" ", 1) for group in re.split("[,;] ", by_group[3])]
            groups[by_group[1], by_group[2]] = {name: f"{rate}%" for name, rate in rates}
    return [dict(zip(heading, row)) for row in cells], groups


def with_interval(row: dict[str, str]) -> str:
    """The error rate of a row of RESULTS.md with its 95% interval."""
    return f"{row['Err']}% [{row['95% interval'].replace('–', ', ')}]"


def result(section: str, dataset: str, mode: str, measure: str, detail: str = "") -> str:
    """An error rate of RESULTS.md, in percent."""
    rows, groups = chapter(section, measure)
    if detail not in ("", "interval"):
        rates = groups.get((dataset, mode), {})
        if detail not in rates:
            raise UnknownFigure(f"no group {detail} of {dataset} ({mode})")
        return rates[detail]
    for row in rows:
        if (row["dataset"], row["mode"]) == (dataset, mode):
            return with_interval(row) if detail else f"{row['Err']}%"
    raise UnknownFigure(f"no {dataset} ({mode}) under {measure}")


def results_table(section: str, measures: list[str]) -> str:
    """All error rates of an experiment under some measures, with those of the groups."""
    rows, names = [], []
    for measure in measures:
        found, groups = chapter(section, measure)
        for row in found:
            rates = groups.get((row["dataset"], row["mode"]), {})
            names += [name for name in rates if name not in names]
            rows.append(([measure, row["dataset"], row["mode"], with_interval(row)], rates))
    heading = ["measure", "decoding run and set", "decoder", "error rate [95% interval]", *names]
    return as_markdown(heading, [cells + [rates.get(name, "") for name in names] for cells, rates in rows])


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


def as_markdown(heading: list[str], rows: list[list[str]]) -> str:
    """A table; columns of numbers are aligned to the right."""
    numbers = [all(not row[i] or row[i][0].isdigit() for row in rows) and i > 0 for i in range(len(heading))]
    lines = [heading, ["--:" if number else "---" for number in numbers], *rows]
    return "\n" + "".join("| " + " | ".join(line) + " |\n" for line in lines) + "\n"


def csv_table(path: Path) -> str:
    """A CSV file as a table, with what it says about itself below."""
    about, (heading, *rows) = read_table(path)
    return as_markdown(heading, rows) + "".join(f"- {name}: {about[name]}\n" for name in ABOUT) + "\n"


def source(key: str, root: Path) -> tuple[Path, str, list[str]]:
    """The file that a key names, the experiment in it, and the rest of the key."""
    first, *words = shlex.split(key)
    name, _, tag = first.partition("#")
    if not (root / name).is_file():
        raise UnknownFigure(f"{name}: no such file")
    return root / name, tag, words


def of_sweep(kind: str, path: Path, words: list[str]) -> str:
    """A figure or a table of a sweep."""
    from jstasr.errors import JstasrError
    from jstasr.sweep import tables

    try:
        return getattr(tables, kind)(path.parent, words)
    except JstasrError as error:
        raise UnknownFigure(str(error)) from error


def sweep_pages(root: Path) -> dict[Path, str]:
    """The page of each sweep, computed from its records."""
    folders = [path.parent for path in sorted(root.glob(f"docs/measurements/sweeps/*/{SWEEP}"))]
    if not folders:
        return {}
    from jstasr.sweep.tables import page

    return {folder / "page.md": page(folder) for folder in folders}


def figure(key: str, root: Path) -> str:
    """The text of one figure."""
    path, tag, words = source(key, root)
    if path.name == SWEEP:
        return of_sweep("figure", path, words)
    return cell(path, *words) if path.suffix == ".csv" else result(experiment(path, tag), *words)


def table(key: str, root: Path) -> str:
    """The lines of one table."""
    path, tag, words = source(key, root)
    if path.name == SWEEP:
        return f"\n{of_sweep('table', path, words)}\n"
    return csv_table(path) if path.suffix == ".csv" else results_table(experiment(path, tag), words)


def insert(page: str, root: Path, code: bool = False) -> str:
    """The page, or module, with every figure and table taken from its source."""

    def replace_by(text: Callable[[str, Path], str]) -> Callable[[re.Match], str]:
        def replaced(match: re.Match) -> str:
            try:
                return match[1] + text(match[2], root) + match[4]
            except (UnknownFigure, TypeError, KeyError, ValueError) as error:
                raise UnknownFigure(f"{match[2]}: {error}") from error

        return replaced

    if code:
        return IN_CODE.sub(replace_by(figure), page)
    return TABLE.sub(replace_by(table), FIGURE.sub(replace_by(figure), page))


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    parser = argparse.ArgumentParser(description="insert measured figures into the pages")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 where a page differs")
    check = parser.parse_args(argv).check
    status = 0
    written = sweep_pages(root)
    for path in sorted({*pages(root), *written}):
        before = path.read_text("utf-8") if path.is_file() else ""
        try:
            after = written.get(path) or insert(before, root, code=path.suffix == ".py")
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
