"""RESULTS.md: every experiment's error rates in one page, from what `jstasr score` wrote.

Each experiment has its own section between two comments. Only sections of experiments that are in the exp
folder are written again, so that text of one's own, and results of experiments that are not on this machine,
stay.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write
from jstasr.score.analysis import rates

MEASURES = ("WER", "CER", "TER")
COLUMNS = ("dataset", "Snt", "Wrd", "Corr", "Sub", "Del", "Ins", "Err", "S.Err", "95% interval", "mode")
NOTE_MARK = "<!-- jstasr note -->"
SECTION = re.compile(r"<!-- jstasr experiment (?P<tag>[^\n]*?) -->\n.*?<!-- jstasr end -->\n", re.DOTALL)


@dataclass
class Score:
    """One scored set of one experiment."""

    tag: str
    dataset: str
    mode: str
    result: dict


def find_scores(expdir):
    """All scores below an exp folder, by experiment, data set and mode.

    Looks for <expdir>/<tag>/decode_<name>/<set>[/<mode>]/score_*/result.json.
    """
    expdir = Path(expdir)
    if not expdir.is_dir():
        raise JstasrError(f"{expdir}: no such folder; give the folder that holds the experiments")
    scores = []
    for path in sorted(expdir.glob("*/decode_*/**/score_*/result.json")):
        tag, decode, *inner = path.relative_to(expdir).parts[:-2]
        if not inner:
            continue
        mode = inner.pop() if len(inner) > 1 and inner[-1] in ("streaming", "full") else ""
        scores.append(Score(tag, "/".join([decode, *inner]), mode, _load(path)))
    modes = ["streaming", "full"]
    scores.sort(key=lambda s: (s.tag, s.dataset, modes.index(s.mode) if s.mode in modes else -1))
    return scores


def _load(path):
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        needed = (
            result["measure"],
            result["total"]["sentences"],
            result["intervals"],
            result["environment"]["date"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JstasrError(f"{path}: not a result of `jstasr score` ({error}); score again (stage 9)") from error
    if needed[0] not in MEASURES:
        raise JstasrError(f"{path}: unknown measure {needed[0]!r}; score again (stage 9)")
    return result


def table_rows(scores, measure):
    """Rows of str, as COLUMNS, for one measure."""
    rows = []
    for score in scores:
        if score.result["measure"] != measure:
            continue
        total, interval = score.result["total"], score.result["intervals"]["utterance"]
        sure = f"{interval['low']:.1f}–{interval['high']:.1f}" if interval else "n/a"
        rows.append(
            [
                score.dataset,
                str(total["sentences"]),
                str(total["words"]),
                *rates(total),
                sure,
                score.mode or "n/a",
            ]
        )
    return rows


def experiment_section(tag, scores):
    """Markdown of one experiment.

    The environment is that of the newest score.
    """
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


def _notes(scores):
    """Below a table: macro averages by group, hypotheses that were missing."""
    notes = []
    for score in scores:
        where = f"{score.dataset}{f' ({score.mode})' if score.mode else ''}"
        for group, content in score.result["groups"].items():
            if content["macro_average"] is not None and len(content["groups"]) > 1:
                parts = ", ".join(f"{name} {rates(part)[4]}" for name, part in content["groups"].items())
                notes.append(f"- {where}, by {group}: macro average {content['macro_average']:.1f}; {parts}")
        missing = score.result["missing"]["count"]
        if missing:
            notes.append(f"- {where}: {missing} missing hypotheses scored as deletions")
    return ["", *notes] if notes else []


def update_page(old, sections, note=None, prune=False):
    """RESULTS.md with the sections of the experiments found put in.

    Args:
        old: the page so far, "" when there is none.
        sections: dict tag -> markdown.
        note: a line that stands on top, for example what kind of data the numbers are about; None keeps it.
        prune: drop the sections of experiments that are not among `sections`.
    Returns:
        str.
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

    def replacement(match):
        tag = match["tag"]
        if tag in left:
            return left.pop(tag)
        return "" if prune or tag in sections else match[0]

    page = SECTION.sub(replacement, old)
    for section in left.values():
        page = f"{page.rstrip()}\n\n{section}"
    return page


def write_results(expdir, output, note=None, prune=False):
    """Write RESULTS.md; leave it alone when nothing changed.

    Returns:
        list of Score.
    Raises:
        JstasrError: no scores below `expdir`.
    """
    scores = find_scores(expdir)
    if not scores:
        raise JstasrError(f"{expdir}: no scores (*/decode_*/*/score_*/result.json); run the scoring stage (9) first")
    by_tag = {}
    for score in scores:
        by_tag.setdefault(score.tag, []).append(score)
    sections = {tag: experiment_section(tag, found) for tag, found in by_tag.items()}
    output = Path(output)
    old = output.read_text(encoding="utf-8") if output.is_file() else ""
    new = update_page(old, sections, note, prune)
    if new != old:
        with atomic_write(output) as file:
            file.write(new)
    return scores


def print_tables(scores):
    """The same tables on the terminal."""
    from rich.table import Table

    from jstasr.score.terminal import print_table

    for tag in dict.fromkeys(score.tag for score in scores):
        for measure in MEASURES:
            rows = table_rows([score for score in scores if score.tag == tag], measure)
            if rows:
                table = Table(title=f"{tag}: {measure} (%)", title_justify="left")
                for name in COLUMNS:
                    table.add_column(name, justify="left" if name in ("dataset", "mode") else "right", no_wrap=True)
                for row in rows:
                    table.add_row(*row)
                print_table(table)
