"""RESULTS.md: every experiment's error rates in one page, from what `jstasr score` wrote.

Each experiment has its own section between two comments. Only the sections of experiments that are in the exp
folder are written again; a reader's own text, and the results of experiments that are not on this machine, stay.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write
from jstasr.score.analysis import empty_note, rates
from jstasr.score.environment import UNCOMMITTED
from jstasr.score.files import RESULT_JSON
from jstasr.score.schema import StoredResult
from jstasr.score.scored_set import MEASURES, MODE_ORDER, ScoredSet, result_files, scored_set

COLUMNS = ("dataset", "Snt", "Wrd", "Corr", "Sub", "Del", "Ins", "Err", "S.Err", "95% interval", "mode")
NOTE_MARK = "<!-- jstasr note -->"
SECTION = re.compile(r"<!-- jstasr experiment (?P<tag>[^\n]*?) -->\n.*?<!-- jstasr end -->\n", re.DOTALL)


def find_scored_sets(exp: str | Path) -> list[ScoredSet]:
    """All scored sets of the experiments in the folder `exp`, by experiment, data set and mode."""
    exp = Path(exp)
    if not exp.is_dir():
        raise JstasrError(f"{exp}: no such folder; give the folder that holds the experiments")
    found = [
        scored_set(path, expdir, _load(path))
        for expdir in sorted(path for path in exp.iterdir() if path.is_dir())
        for path in result_files(expdir)
    ]
    found.sort(key=lambda s: (s.experiment, _dataset(s), MODE_ORDER.get(s.mode, -1)))
    return found


def _dataset(scored: ScoredSet) -> str:
    return f"{scored.decoding}/{scored.dataset}"


def _load(path: Path) -> StoredResult:
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        measure, *_ = (
            result["measure"],
            result["total"]["sentences"],
            result["intervals"],
            result["environment"]["date"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JstasrError(f"{path}: not a result of `jstasr score` ({error}); score again (stage 9)") from error
    if measure not in MEASURES:
        raise JstasrError(f"{path}: unknown measure {measure!r}; score again (stage 9)")
    return result


def table_rows(scores: Sequence[ScoredSet], measure: str) -> list[list[str]]:
    """The cells of COLUMNS for each set scored by one measure."""
    rows = []
    for score in scores:
        if score.result["measure"] != measure:
            continue
        total, interval = score.result["total"], score.result["intervals"]["utterance"]
        bounds = f"{interval['low']:.1f}–{interval['high']:.1f}" if interval else "n/a"
        rows.append(
            [
                _dataset(score),
                str(total["sentences"]),
                str(total["words"]),
                *rates(total),
                bounds,
                score.mode or "n/a",
            ]
        )
    return rows


def experiment_section(tag: str, scores: Sequence[ScoredSet]) -> str:
    """Markdown of one experiment, with the environment of its newest score."""
    newest = max((score.result["environment"] for score in scores), key=lambda env: env["date"])
    lines = [f"<!-- jstasr experiment {tag} -->", f"## {tag}", "### Environment"]
    lines += [f"- {name}: `{value}`" for name, value in newest.items()]
    for measure in MEASURES:
        rows = table_rows(scores, measure)
        if not rows:
            continue
        lines += ["", f"### {measure}", "", f"|{'|'.join(COLUMNS)}|", f"|{'---|' * len(COLUMNS)}"]
        lines += [f"|{'|'.join(row)}|" for row in rows]
        lines += _notes([score for score in scores if score.result["measure"] == measure])
    return "\n".join([*lines, "<!-- jstasr end -->", ""])


def _notes(scores: Sequence[ScoredSet]) -> list[str]:
    """Below a table: macro averages by group, missing and empty hypotheses."""
    notes = []
    for score in scores:
        where = f"{_dataset(score)}{f' ({score.mode})' if score.mode else ''}"
        for group, content in score.result["groups"].items():
            if content["macro_average"] is not None and len(content["groups"]) > 1:
                parts = ", ".join(f"{name} {rates(part)[4]}" for name, part in content["groups"].items())
                notes.append(f"- {where}, by {group}: macro average {content['macro_average']:.1f}; {parts}")
        missing = score.result["missing"]["count"]
        if missing:
            notes.append(f"- {where}: {missing} missing hypotheses scored as deletions")
        if note := empty_note(score.result):
            notes.append(f"- {where}: {note}")
    return ["", *notes] if notes else []


def update_page(old: str, sections: Mapping[str, str], note: str | None = None, prune: bool = False) -> str:
    """RESULTS.md with the sections of the experiments put in.

    Args:
        old: the page so far, "" when there is none.
        sections: tag -> Markdown.
        note: a line at the top, such as what kind of data the numbers are about; "" removes it, None keeps it.
        prune: drop the sections of experiments that are not among `sections`.
    """
    if not old.strip():
        old = "# RESULTS\n\n"
    if note is not None:
        old = re.sub(f"^.*{re.escape(NOTE_MARK)}\n\n?", "", old, flags=re.MULTILINE)
        if note:
            title = re.match("# [^\n]*\n\n?", old)
            end = title.end() if title else 0
            old = f"{old[:end]}{' '.join(note.split())} {NOTE_MARK}\n\n{old[end:]}"
    left = dict(sections)

    def replacement(match: re.Match[str]) -> str:
        tag = match["tag"]
        if tag in left:
            return left.pop(tag)
        return "" if prune or tag in sections else match[0]

    page = SECTION.sub(replacement, old)
    for section in left.values():
        page = f"{page.rstrip()}\n\n{section}"
    return page


def write_results(exp: str | Path, output: str | Path, note: str | None = None, prune: bool = False) -> list[ScoredSet]:
    """Write RESULTS.md, unless it would not change.

    Args:
        exp: the folder of the experiments.
        output: the page.
        note, prune: as in `update_page`.
    Returns:
        All scored sets of the experiments.
    Raises:
        JstasrError: no scores below `exp`, or a damaged one.
    """
    scores = find_scored_sets(exp)
    if not scores:
        raise JstasrError(f"{exp}: no scores (*/decode_*/*/score_*/{RESULT_JSON}); run the scoring stage (9) first")
    by_tag: dict[str, list[ScoredSet]] = {}
    for score in scores:
        by_tag.setdefault(score.experiment, []).append(score)
    sections = {tag: experiment_section(tag, found) for tag, found in by_tag.items()}
    output = Path(output)
    old = output.read_text(encoding="utf-8") if output.is_file() else ""
    new = update_page(old, sections, note, prune)
    if new != old:
        with atomic_write(output) as file:
            file.write(new)
    return scores


def uncommitted(scores: Sequence[ScoredSet]) -> list[str]:
    """The experiments with a set that was scored by code with uncommitted changes."""
    found = (s.experiment for s in scores if s.result["environment"].get("git", "").endswith(UNCOMMITTED))
    return list(dict.fromkeys(found))


def print_tables(scores: Sequence[ScoredSet]) -> None:
    """Print the tables of RESULTS.md on the terminal."""
    from rich.table import Table

    from jstasr.score.terminal import print_table

    for tag in dict.fromkeys(score.experiment for score in scores):
        for measure in MEASURES:
            rows = table_rows([score for score in scores if score.experiment == tag], measure)
            if rows:
                table = Table(title=f"{tag}: {measure} (%)", title_justify="left")
                for name in COLUMNS:
                    table.add_column(name, justify="left" if name in ("dataset", "mode") else "right", no_wrap=True)
                for row in rows:
                    table.add_row(*row)
                print_table(table)
