"""Counts and percentages of a scored set, by speaker and by group."""

from jstasr.errors import JstasrError

COUNTS = (
    "sentences",
    "words",
    "correct",
    "substitutions",
    "deletions",
    "insertions",
    "errors",
    "wrong_sentences",
)


def summarise(alignment, chosen=slice(None)):
    """Counts and percentages over some utterances.

    Args:
        alignment: Alignment.
        chosen: an index of utterances (slice, int or bool array).
    Returns:
        dict: COUNTS as int, `error_rate` and `sentence_error_rate` in percent (None of nothing).
    """
    counts = alignment.counts[chosen]
    corr, sub, dele, ins = (int(value) for value in counts.sum(0))
    errors = counts[:, 1:].sum(1)
    result = dict(
        zip(
            COUNTS,
            [len(counts), corr + sub + dele, corr, sub, dele, ins, sub + dele + ins, int((errors > 0).sum())],
            strict=True,
        )
    )
    result["error_rate"] = ratio(result["errors"], result["words"])
    result["sentence_error_rate"] = ratio(result["wrong_sentences"], result["sentences"])
    return result


def ratio(part, whole):
    """Percentage rounded to 4 digits; None of nothing."""
    return round(100.0 * part / whole, 4) if whole else None


def summarise_groups(alignment, group_of):
    """Summaries by group and their macro average.

    Args:
        alignment: Alignment.
        group_of: U str, the group of each utterance.
    Returns:
        dict: `groups` name -> summary, sorted by name; `macro_average`, the mean of the groups' error rates
        in percent (groups without reference words left out; None when there is no other).
    """
    members = {}
    for utterance, group in enumerate(group_of):
        members.setdefault(group, []).append(utterance)
    groups = {group: summarise(alignment, members[group]) for group in sorted(members)}
    rates = [summary["error_rate"] for summary in groups.values() if summary["error_rate"] is not None]
    return {"groups": groups, "macro_average": round(sum(rates) / len(rates), 4) if rates else None}


def match_groups(utterances, trn_ids, table, path):
    """The group of each utterance from a utt2X table.

    Args:
        utterances: U str, Kaldi ids, or None when only trn ids are known.
        trn_ids: U bytes, `(speaker-utterance)`; matched as a whole or without the speaker, folded.
        table: dict utterance -> group; path: its name in an error.
    Returns:
        U str.
    """
    from jstasr.score.prepare import require_all

    if utterances is not None:
        require_all(utterances, table, path, "group")
        return [table[utterance] for utterance in utterances]
    folded = {key.encode().lower(): group for key, group in table.items()}
    if len(folded) != len(table):
        raise JstasrError(f"{path}: ids that differ only in case; transcript files do not tell them apart")
    names, groups = [], {}
    for trn_id in trn_ids:
        whole = trn_id[1:-1]
        short = whole.partition(b"-")[2]
        key = whole if whole in folded or not short else short
        names.append(key.decode())
        if key in folded:
            groups[names[-1]] = folded[key]
    require_all(names, groups, path, "group")
    return [groups[name] for name in names]
