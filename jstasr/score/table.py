"""sclite's table by speaker, to the byte for ASCII names; by display width for others."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jstasr.score.width import display_width

SCREEN_WIDTH = 80
SEPARATORS = "| |     "  # after each of the nine columns but the last
HEADER = [" SPKR", " # Snt", "# Wrd", "Corr", " Sub", " Del", " Ins", " Err", "S.Err"]
FOOTNOTE = (
    "\n"
    "* No Reference words for this/these speaker(s).  Word counts supplied\n"
    "  rather than percents.\n"
    "# No Reference words for this/these speaker(s).  NCE not computable.\n"
    "+ Speaker(s) with no reference data is ignored\n"
)


class SpeakerCounts(NamedTuple):
    """What the table counts for one speaker, in words but for the sentences."""

    sentences: int
    correct: int
    substituted: int
    deleted: int
    inserted: int
    wrong_sentences: int


def rounded(value: float, digits: int) -> float:
    """Round half away from zero, through single precision as sclite does (exact to 16,777,216)."""
    scaled = value * 10.0**digits
    return float(np.float32(int(scaled + (0.5 if value > 0 else -0.5)))) / 10.0**digits


def percent(part: float, whole: float) -> float:
    """Percentage; 0 where `whole` is 0."""
    return part / whole * 100.0 if whole else 0.0


def mean_deviation_median(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean, sample standard deviation (0 for one value) and median; zeros for no value."""
    if not values:
        return 0.0, 0.0, 0.0
    mean = sum(values) / len(values)
    squares = sum((value - mean) * (value - mean) for value in values)
    deviation = math.sqrt(squares / (len(values) - 1)) if squares else 0.0
    ordered = sorted(values)
    middle = len(ordered) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return mean, deviation, median


def speaker_table(title: str, speakers: Sequence[str], rows: Sequence[SpeakerCounts], raw: bool) -> str:
    """One of sclite's two tables.

    Args:
        title: the system's name.
        speakers: S names.
        rows: the counts of each.
        raw: counts instead of percentages.
    Returns:
        The table with the blank lines and the heading above it.
    """
    digits = 0 if raw else 1
    lines: list[list[str]] = []
    columns: list[list[float]] = [[] for _ in range(8)]
    speakers_without_words: list[int] = []
    for name, (sentences, corr, sub, dele, ins, wrong) in zip(speakers, rows, strict=True):
        words = corr + sub + dele
        values = [corr, sub, dele, ins, sub + dele + ins]
        cells = None
        if not raw and not words:
            speakers_without_words.append(len(lines))
            cells = [f"{rounded(value, 0):5.0f}*" for value in values]
        elif not raw:
            values = [percent(value, words) for value in values]
        if cells is None:
            cells = [f"{rounded(value, digits):5.{digits}f} " for value in values]
        wrong = wrong if raw else percent(wrong, sentences)
        cells.append(f"{rounded(wrong, digits):5.{digits}f} ")
        lines.append([f" {name} ", f"{sentences:5d}", f"{words:5d}", *cells])
        for column, value in zip(columns, [sentences, words, *values, wrong], strict=True):
            column.append(value)
    table = [HEADER, *lines, _total(rows, raw)]
    table += _statistics(columns, speakers_without_words)
    heading = "SYSTEM SUMMARY PERCENTAGES by SPEAKER".center(SCREEN_WIDTH - 1).ljust(SCREEN_WIDTH)
    footnote = FOOTNOTE if speakers_without_words else ""
    return f"\n\n\n{heading}\n\n{_draw(title, table, len(speakers))}{footnote}"


def _total(rows: Sequence[SpeakerCounts], raw: bool) -> list[str]:
    sentences, corr, sub, dele, ins, wrong = (sum(row[k] for row in rows) for k in range(6))
    words = corr + sub + dele
    values = [corr, sub, dele, ins, sub + dele + ins]
    if raw:
        cells = [f"{rounded(float(value), 0):5.0f} " for value in [*values, wrong]]
    else:
        cells = [percent(value, words) for value in values] + [percent(wrong, sentences)]
        cells = [f"{rounded(value, 1):5.1f} " for value in cells]
    return [" Sum" if raw else " Sum/Avg", f"{sentences:5d}", f"{words:5d}", *cells]


def _statistics(columns: list[list[float]], without_words: list[int]) -> list[list[str]]:
    """Mean, S.D. and Median rows over the speakers.

    sclite leaves out a speaker without reference words by shifting the lists, yet keeps counting positions in the
    unshifted ones: with several such speakers it drops the wrong ones. This is repeated here, to give its figures.
    """
    number = len(columns[0])
    kept = []
    for index, column in enumerate(columns):
        column = list(column)
        if 2 <= index <= 6:
            for position in without_words:
                column = column[:position] + column[position + 1 :] + [-1000.0] if number else column
            column = column[: number - len(without_words)]
        kept.append(mean_deviation_median(column))
    flag = "+" if without_words else " "
    table = []
    for which, name in enumerate([" Mean ", " S.D. ", "Median"]):
        cells = [f"{rounded(statistics[which], 1):5.1f}" for statistics in kept]
        flags = [" ", " ", flag, flag, flag, flag, flag, " "]
        table.append([name, *(cell + mark for cell, mark in zip(cells, flags, strict=True))])
    return table


def _draw(title: str, table: list[list[str]], speakers: int) -> str:
    """The box: title, header, speakers, sum, statistics; centred on 80 columns when narrower."""
    sizes = [max(display_width(row[k]) for row in table) for k in range(9)]
    least = 2 + sum(sizes) + 8
    width = max(least, display_width(title) + 2)
    spare = width - least
    wide, given = [], 0
    for k, size in enumerate(sizes):  # a long title widens the columns evenly
        extra = int(spare / 9 * (k + 1)) - given if k < 8 else spare - given
        given += extra
        wide.append(size + extra)
    indent = " " * ((SCREEN_WIDTH - width) // 2) if width < SCREEN_WIDTH else ""
    out = [f"{indent},{'-' * (width - 2)}.\n", f"{indent}|{_pad(title, display_width(title), width - 2)}|\n"]
    for number, row in enumerate(table):
        if number == 0:
            out.append(f"{indent}|{'-' * (width - 2)}|\n")
        elif number <= speakers:
            line = "".join("-" * size + ("+" if bar == "|" else "-") for size, bar in zip(wide, SEPARATORS + " "))
            out.append(f"{indent}|{line[:-1]}|\n")
        elif number <= speakers + 2:
            out.append(f"{indent}|{'=' * (width - 2)}|\n")
        cells = []
        for k, cell in enumerate(row):
            left = 0 if k == 0 and (number <= speakers + 1) else (sizes[k] - display_width(cell)) // 2
            text = " " * left + cell
            text += " " * (sizes[k] - display_width(text))
            cells.append(_pad(text, sizes[k], wide[k]))
        line = "".join(cell + bar for cell, bar in zip(cells, SEPARATORS + " "))
        out.append(f"{indent}|{line[:-1]}|\n")
    out.append(f"{indent}`{'-' * (width - 2)}'\n")
    return "".join(out)


def _pad(text: str, size: int, width: int) -> str:
    left = (width - size) // 2
    return " " * left + text + " " * (width - size - left)
