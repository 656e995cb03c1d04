"""Counts and percentages of a scored set, by speaker and by group."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.score.alignment import Alignment
from jstasr.score.schema import Groups, Summary


def summarise(alignment: Alignment, chosen: slice | Sequence[int] = slice(None)) -> Summary:
    """Counts and percentages over the chosen utterances."""
    counts = alignment.counts[chosen]
    corr, sub, dele, ins = (int(value) for value in counts.sum(0))
    errors = counts[:, 1:].sum(1)
    words, wrong_sentences = corr + sub + dele, int((errors > 0).sum())
    return {
        "sentences": len(counts),
        "words": words,
        "correct": corr,
        "substitutions": sub,
        "deletions": dele,
        "insertions": ins,
        "errors": sub + dele + ins,
        "wrong_sentences": wrong_sentences,
        "error_rate": ratio(sub + dele + ins, words),
        "sentence_error_rate": ratio(wrong_sentences, len(counts)),
    }


def ratio(part: int, whole: int) -> float | None:
    """Percentage rounded to 4 digits; None where `whole` is 0."""
    return round(100.0 * part / whole, 4) if whole else None


def summarise_groups(alignment: Alignment, group_of: Sequence[str]) -> Groups:
    """Summaries by group, sorted by name, and the mean of their error rates.

    Args:
        group_of: U str, the group of each utterance.
    Returns:
        Groups: the mean leaves out groups without reference words; it is None when no other is left.
    """
    members: dict[str, list[int]] = {}
    for utterance, group in enumerate(group_of):
        members.setdefault(group, []).append(utterance)
    groups = {group: summarise(alignment, members[group]) for group in sorted(members)}
    rates = [summary["error_rate"] for summary in groups.values() if summary["error_rate"] is not None]
    return {"groups": groups, "macro_average": round(sum(rates) / len(rates), 4) if rates else None}


def match_groups(
    utterances: Sequence[str] | None, trn_ids: Sequence[bytes], table: Mapping[str, str], path: str | Path
) -> list[str]:
    """The group of each utterance from a utt2X table.

    Args:
        utterances: U str, Kaldi ids, or None when only trn ids are known.
        trn_ids: U bytes, `(speaker-utterance)`; matched as a whole or without the speaker, folded.
        table: utterance -> group.
        path: the table's name in an error.
    Raises:
        JstasrError: an utterance without a group, or ids of the table that differ only in case.
    """
    from jstasr.score.prepare import require_all

    if utterances is not None:
        require_all(utterances, table, path, "group")
        return [table[utterance] for utterance in utterances]
    folded = {key.encode().lower(): group for key, group in table.items()}
    if len(folded) != len(table):
        raise JstasrError(f"{path}: ids that differ only in case, which transcript files ignore")
    names: list[str] = []
    groups: dict[str, str] = {}
    for trn_id in trn_ids:
        whole = trn_id[1:-1]
        short = whole.partition(b"-")[2]
        key = whole if whole in folded or not short else short
        names.append(key.decode())
        if key in folded:
            groups[names[-1]] = folded[key]
    require_all(names, groups, path, "group")
    return [groups[name] for name in names]
