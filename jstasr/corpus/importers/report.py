"""The report at the end of an import: what was found, taken and left out, and what to listen to first."""

import random
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jstasr.corpus.importers.entries import Entry, ImportFaults
from jstasr.corpus.importers.write import audio_seconds
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import is_pipe

SUSPICIOUS = 10  # transcripts of each list
MEASURED = 500  # recordings whose length is looked up, where the import did not read their headers
SHOWN_TEXT = 60  # characters of a transcript
NORMAL = 1.4826  # times the median deviation: the standard deviation of a normal distribution
NORMAL_MEAN = 1.2533  # times the mean deviation: likewise


class SpokenTranscript(NamedTuple):
    """An utterance and its rate of speech, in characters without spaces a second."""

    entry: Entry
    rate: float
    score: float  # robust z-score of the rate, among the utterances of the language


def seconds_of(entry: Entry) -> float | None:
    """Length of an utterance, None where it is not known without reading its audio."""
    end = entry.seconds if entry.end is None else entry.end
    if end is not None and entry.seconds is not None:
        end = min(end, entry.seconds)
    return None if end is None else end - (entry.start or 0.0)


def total_seconds(entries: Sequence[Entry], seed: int = 1) -> float | None:
    """Length of all utterances, from a random sample of those whose length is not known; None: only of commands."""
    known = [seconds for entry in entries if (seconds := seconds_of(entry)) is not None]
    unknown = [entry for entry in entries if seconds_of(entry) is None and not is_pipe(entry.audio)]
    for entry in random.Random(seed).sample(unknown, min(MEASURED, len(unknown))):
        try:
            known.append(audio_seconds(entry) - (entry.start or 0.0))
        except JstasrError:  # stage 2 will say so
            continue
    return sum(known) / len(known) * len(entries) if known else None


def robust_scores(values: Sequence[float]) -> list[float]:
    """Distance of each value from the median, in robust standard deviations: 1.4826 times the median deviation.

    Where over half of the values are the same that is 0, and the mean deviation takes its place.
    """
    median = statistics.median(values)
    deviations = [abs(value - median) for value in values]
    scale = NORMAL * statistics.median(deviations) or NORMAL_MEAN * statistics.fmean(deviations)
    return [(value - median) / scale if scale else 0.0 for value in values]


def unusual_rates(entries: Sequence[Entry]) -> list[SpokenTranscript]:
    """The utterances that are spoken at the most unusual rates of their language, the most unusual first."""
    by_language: dict[str, list[tuple[Entry, float]]] = {}
    for entry in entries:
        if seconds := seconds_of(entry):
            rate = sum(not character.isspace() for character in entry.text) / seconds
            by_language.setdefault(entry.lang, []).append((entry, rate))
    found: list[SpokenTranscript] = []
    for members in by_language.values():
        scores = robust_scores([rate for _, rate in members])
        found += [SpokenTranscript(entry, rate, score) for (entry, rate), score in zip(members, scores, strict=True)]
    found.sort(key=lambda one: (-abs(one.score), one.entry.id))
    return found[:SUSPICIOUS]


def single_characters(entries: Sequence[Entry]) -> list[tuple[Entry, str]]:
    """The utterances with characters that occur once in the set, whatever their case; most of them first."""
    count = Counter(character for entry in entries for character in entry.text.casefold())
    found = []
    for entry in entries:
        single = [character for character in entry.text.casefold() if count[character] == 1]
        if single:
            found.append((entry, "".join(single)))
    found.sort(key=lambda one: (-len(one[1]), one[0].id))
    return found[:SUSPICIOUS]


def import_report(source: str, sets: Mapping[str, Sequence[Entry]], faults: ImportFaults, notes: Sequence[str]) -> str:
    """The report of an import.

    Args:
        source: what was read.
        sets: name -> its entries.
        faults: of the reading, with its counts.
        notes: further lines for the user.
    Returns:
        Lines, each with its end.
    """
    entries = [entry for members in sets.values() for entry in members]
    lines = [f"import of {source}", ""]
    lines += _table([("set", "utterances", "speakers", "hours", "languages"), *_sizes(sets)])
    left_out = Counter(faults.left_out)
    left_out.update(fault.reason for fault in faults.rows)
    counts = [("found", faults.found), ("taken", len(entries)), ("left out", faults.found - len(entries))]
    counts += [(f"  {reason}", count) for reason, count in left_out.most_common() if count]
    lines += ["", *_table([(name, str(count)) for name, count in counts])]
    if said := [*faults.notes, *notes]:
        lines += ["", *said]
    rates = [
        (one.entry.id, f"{one.rate:.1f}", f"{one.score:+.1f}", _shown(one.entry.text)) for one in unusual_rates(entries)
    ]
    if rates:
        lines += ["", "the most unusual rates of speech: does the transcript say what is heard?"]
        lines += _table([("utterance", "characters/s", "robust z", "transcript"), *rates], text_columns=(0, 3))
    rare = [(entry.id, " ".join(single), _shown(entry.text)) for entry, single in single_characters(entries)]
    if rare:
        lines += ["", "characters that occur once in the whole set: are they meant?"]
        lines += _table([("utterance", "characters", "transcript"), *rare], text_columns=(0, 1, 2))
    return "".join(f"{line}\n" for line in lines)


def _sizes(sets: Mapping[str, Sequence[Entry]]) -> list[tuple[str, ...]]:
    """Rows of the table of sets; the last one of all together, where there are several."""
    groups = list(sets.items())
    if len(groups) > 1:
        groups.append(("all", [entry for members in sets.values() for entry in members]))
    rows = []
    for name, members in groups:
        seconds = total_seconds(members)
        hours = "unknown" if seconds is None else f"{seconds / 3600:.3f}"
        languages = " ".join(sorted({entry.lang for entry in members if entry.lang})) or "-"
        speakers = {entry.speaker for entry in members if not entry.own_speaker}
        rows.append((name, str(len(members)), str(len(speakers) or "unknown"), hours, languages))
    return rows


def _table(rows: Sequence[tuple[str, ...]], text_columns: Sequence[int] = (0, 4)) -> list[str]:
    """Rows in columns, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in text_columns else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_TEXT else f"{text[: SHOWN_TEXT - 3]}..."
