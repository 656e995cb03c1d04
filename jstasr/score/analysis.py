"""Error analysis: frequent confusions, the worst utterances, error rates by group; as data and as text."""

from collections.abc import Mapping, Sequence

import numpy as np

from jstasr.score.alignment import DELETION, INSERTION, SUBSTITUTION, Alignment
from jstasr.score.schema import FrequentErrors, Result, Summary, WrongRecording
from jstasr.score.table import percent, rounded

SHOWN = 20  # confusions of each kind, and utterances
MANY_EMPTY = 0.1  # share of empty hypotheses from which on they are mentioned


def frequent_errors(alignment: Alignment, shown: int = SHOWN) -> FrequentErrors:
    """The `shown` most frequent substitutions, deletions and insertions."""
    words = [word.decode() for word in alignment.words]
    number = max(len(words), 1)
    substituted = alignment.marks == SUBSTITUTION
    pairs = alignment.step_ref[substituted].astype(np.int64) * number + alignment.step_hyp[substituted]
    return {
        "substitutions": [
            [words[pair // number], words[pair % number], count] for pair, count in _most_frequent(pairs, shown)
        ],
        "deletions": [
            [words[word], count]
            for word, count in _most_frequent(alignment.step_ref[alignment.marks == DELETION], shown)
        ],
        "insertions": [
            [words[word], count]
            for word, count in _most_frequent(alignment.step_hyp[alignment.marks == INSERTION], shown)
        ],
    }


def _most_frequent(values: np.ndarray, shown: int) -> list[tuple[int, int]]:
    found, counts = np.unique(values, return_counts=True)
    best = np.argsort(-counts, kind="stable")[:shown]
    return [(int(found[k]), int(counts[k])) for k in best]


def worst_utterances(
    alignment: Alignment,
    names: Sequence[str] | None = None,
    audio: Mapping[str, str] | None = None,
    shown: int = SHOWN,
) -> list[WrongRecording]:
    """The utterances with the most errors; among equals the higher error rate first.

    Args:
        names: U str, ids to show; None: the trn ids.
        audio: name -> path (wav.scp).
    """
    errors, words = alignment.errors, alignment.ref_words
    order = np.lexsort((words, -errors))[:shown]
    worst: list[WrongRecording] = []
    for utterance in map(int, order[errors[order] > 0]):
        steps = alignment.steps(utterance)
        name = names[utterance] if names else alignment.ids[utterance][1:-1].decode()
        entry: WrongRecording = {
            "utterance": name,
            "errors": int(errors[utterance]),
            "words": int(words[utterance]),
            "reference": b" ".join(ref for _, ref, _ in steps if ref is not None).decode(),
            "hypothesis": b" ".join(hyp for _, _, hyp in steps if hyp is not None).decode(),
        }
        if audio and name in audio:
            entry["audio"] = audio[name]
        worst.append(entry)
    return worst


def analysis_text(result: Result) -> str:
    """The content of analysis.txt."""
    total = result["total"]
    rate = "n/a" if total["error_rate"] is None else f"{total['error_rate']:.2f}%"
    lines = [
        f"{result['measure']} {rate}: {total['errors']} errors in {total['words']} {result['unit']}, "
        f"{total['sentences']} utterances",
    ]
    for name, interval in result["intervals"].items():
        if interval:
            lines.append(
                f"{interval['level']}% interval by {name}: {interval['low']:.2f}% to {interval['high']:.2f}% "
                f"({interval['replicates']} bootstrap replicates of {interval['blocks']} {name}s)"
            )
    lines += notes(result)
    for group, content in result["groups"].items():
        macro = content["macro_average"]
        lines += ["", f"By {group}" + (f" (macro average {macro:.2f}%)" if macro is not None else "")]
        lines.append(
            f"  {'':<20} {'Snt':>8} {'Wrd':>9} "
            + " ".join(f"{name:>7}" for name in ("Corr", "Sub", "Del", "Ins", "Err", "S.Err"))
        )
        for name, part in content["groups"].items():
            lines.append(
                f"  {name:<20} {part['sentences']:>8} {part['words']:>9} " + " ".join(f"{x:>7}" for x in rates(part))
            )
    for kind in ("substitutions", "deletions", "insertions"):
        lines += ["", f"Most frequent {kind}"]
        for *words, count in result["frequent"][kind]:
            lines.append(f"  {count:>8}  " + " -> ".join(words))
    lines += ["", "Utterances with the most errors"]
    for entry in result["worst"]:
        lines.append(f"  {entry['utterance']}: {entry['errors']} errors in {entry['words']} {result['unit']}")
        if "audio" in entry:
            lines.append(f"    audio {entry['audio']}")
        lines += [f"    REF   {entry['reference']}", f"    HYP   {entry['hypothesis']}"]
    return "\n".join(lines) + "\n"


def rates(part: Summary, digits: int = 1) -> list[str]:
    """Corr, Sub, Del, Ins, Err, S.Err of a summary in percent; `n/a` where there are no words (no sentences)."""
    counts = (part["correct"], part["substitutions"], part["deletions"], part["insertions"], part["errors"])
    cells = [_cell(count, part["words"], digits) for count in counts]
    return [*cells, _cell(part["wrong_sentences"], part["sentences"], digits)]


def _cell(count: int, total: int, digits: int) -> str:
    return f"{rounded(percent(count, total), digits):.{digits}f}" if total else "n/a"


def notes(result: Result) -> list[str]:
    """What a reader of the error rate should know: missing and empty hypotheses, words that are not counted."""
    lines = []
    missing = result["missing"]
    if missing["count"]:
        more = " ..." if missing["count"] > len(missing["first"]) else ""
        first = ", ".join(missing["first"])
        lines.append(f"Note: {missing['count']} missing hypotheses scored as deletions: {first}{more}")
    if note := empty_note(result):
        lines.append(f"Note: {note}")
    if result["null_words"]:
        lines.append(f"Note: {result['null_words']} times `@` left out: to sclite it is the empty word")
    return lines


def empty_note(result: Result) -> str:
    """A sentence about empty hypotheses, where they are many; "" elsewhere."""
    empty, sentences = result.get("empty", 0), result["total"]["sentences"]
    if empty < MANY_EMPTY * sentences or not empty:
        return ""
    if empty == sentences:
        return f"all {sentences} hypotheses are empty: the model emits only blanks. It has not learnt to recognise yet"
    return f"{empty} of {sentences} hypotheses are empty: the model emits only blanks there"
