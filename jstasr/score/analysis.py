"""What went wrong: frequent confusions, the worst utterances, error rates by group; as data and as text."""

import numpy as np

from jstasr.score.alignment import DELETION, INSERTION, SUBSTITUTION
from jstasr.score.table import percent, rounded

SHOWN = 20


def frequent_errors(alignment, shown=SHOWN):
    """The most frequent substitutions, deletions and insertions.

    Returns:
        dict: `substitutions` [[reference word, hypothesis word, count]], `deletions` [[word, count]],
        `insertions` [[word, count]].
    """
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


def _most_frequent(values, shown):
    found, counts = np.unique(values, return_counts=True)
    best = np.argsort(-counts, kind="stable")[:shown]
    return [(int(found[k]), int(counts[k])) for k in best]


def worst_utterances(alignment, names=None, audio=None, shown=SHOWN):
    """The utterances with the most errors; among equals the higher error rate first.

    Args:
        alignment: Alignment.
        names: U str, ids to show; None: the trn ids.
        audio: dict name -> path (wav.scp), or None.
    Returns:
        list of dict: utterance, errors, words, reference, hypothesis, audio (only when known).
    """
    errors, words = alignment.errors, alignment.ref_words
    order = np.lexsort((words, -errors))[:shown]
    worst = []
    for utterance in order[errors[order] > 0]:
        steps = alignment.steps(utterance)
        name = names[utterance] if names else alignment.ids[utterance][1:-1].decode()
        entry = {
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


def analysis_text(result):
    """analysis.txt of a result.json's content."""
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


def rates(part, digits=1):
    """Corr, Sub, Del, Ins, Err, S.Err of a summary in percent, as str; `n/a` of nothing."""
    names = ("correct", "substitutions", "deletions", "insertions", "errors")
    words, sentences = part["words"], part["sentences"]
    cells = [_cell(part[name], words, digits) for name in names]
    return [*cells, _cell(part["wrong_sentences"], sentences, digits)]


def _cell(count, total, digits):
    return f"{rounded(percent(count, total), digits):.{digits}f}" if total else "n/a"


def notes(result):
    """Lines on what makes the number less than it seems: missing hypotheses, words that are not counted."""
    lines = []
    missing = result["missing"]
    if missing["count"]:
        more = " ..." if missing["count"] > len(missing["first"]) else ""
        first = ", ".join(missing["first"])
        lines.append(f"Note: {missing['count']} missing hypotheses scored as deletions: {first}{more}")
    if result["null_words"]:
        lines.append(f"Note: {result['null_words']} times `@` left out: to sclite it is the empty word")
    return lines
