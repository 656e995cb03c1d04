"""Two systems on the same test set: which is better, and how sure is that?"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.score.alignment import align_sets
from jstasr.score.analysis import rates
from jstasr.score.bootstrap import REPLICATES, difference_interval
from jstasr.score.mapsswe import BOUNDARY_WORDS, matched_pairs
from jstasr.score.summary import summarise
from jstasr.score.trn import parse_trn, read_bytes, sclite_words

SIGNIFICANT = 0.05


def compare_folders(folder_a, folder_b, replicates=REPLICATES):
    """Compare two folders that `jstasr score` wrote.

    Args:
        folder_a, folder_b: folders with ref.trn and hyp.trn of the same test set.
        replicates: of the bootstrap; 0 leaves the intervals out.
    Returns:
        dict: `a`, `b` (folder and summary), `difference` (B - A, percent points), `intervals` by utterance
        and by speaker (see `difference_interval`), `matched_pairs` (MatchedPairs).
    Raises:
        JstasrError: no such files, different utterances or references.
    """
    refs, hyps = [], []
    for folder in (folder_a, folder_b):
        for name, found in (("ref.trn", refs), ("hyp.trn", hyps)):
            path = Path(folder) / name
            if not path.is_file():
                raise JstasrError(f"{path}: no such file; --compare takes two folders that `jstasr score` wrote")
            parsed = parse_trn(read_bytes(path), path, allow_alternations=True)
            found.append(dict(zip(parsed.ids, parsed.texts, strict=True)))
    _require_same(refs, folder_a, folder_b)
    ids = list(refs[0])
    alignments = []
    for folder, hyp in ((folder_a, hyps[0]), (folder_b, hyps[1])):
        lacking = [name.decode() for name in ids if name not in hyp]
        if lacking:
            raise JstasrError(
                f"{folder}: no hypothesis for {len(lacking)} utterances: {first_few(lacking)}; score it again"
            )
        alignments.append(align_sets(ids, [refs[0][name] for name in ids], [hyp[name] for name in ids]))
    a, b = alignments
    errors = (a.errors, b.errors, a.ref_words)
    intervals = {"utterance": None, "speaker": None}
    if replicates:
        intervals["utterance"] = difference_interval(*errors, replicates=replicates)
        intervals["speaker"] = difference_interval(*errors, a.speaker_index, replicates=replicates)
    words = int(a.ref_words.sum())
    return {
        "a": {"folder": str(folder_a)} | summarise(a),
        "b": {"folder": str(folder_b)} | summarise(b),
        "difference": round(100 * int(np.sum(b.errors - a.errors)) / words, 4) if words else None,
        "intervals": intervals,
        "matched_pairs": asdict(matched_pairs(a, b)) | {"boundary_words": BOUNDARY_WORDS},
    }


def _require_same(refs, folder_a, folder_b):
    only = [name.decode() for name in refs[0].keys() ^ refs[1].keys()]
    if only:
        raise JstasrError(
            f"{folder_a} and {folder_b} hold different utterances, {len(only)} in one alone: "
            f"{first_few(sorted(only))}; compare systems on the same test set"
        )
    changed = [name.decode() for name, text in refs[0].items() if sclite_words(refs[1][name]) != sclite_words(text)]
    if changed:
        raise JstasrError(
            f"{folder_a} and {folder_b}: {len(changed)} references differ: {first_few(changed)}; "
            "score both with the same references, cleaner and token type"
        )


def verdict(result):
    """One sentence on what the matched-pairs test says."""
    test = result["matched_pairs"]
    if test["p"] >= SIGNIFICANT:
        return f"no significant difference (p = {test['p']:.3f})"
    better = "A" if test["mean"] < 0 else "B"
    chance = "p < 0.001" if test["p"] < 0.001 else f"p = {test['p']:.3f}"
    return f"{better} is better ({chance})"


def comparison_table(result):
    """Print the comparison."""
    from rich.table import Table

    from jstasr.score.terminal import print_table

    table = Table("", "Snt", "Wrd", "Corr", "Sub", "Del", "Ins", "Err", "S.Err", "folder")
    for name in "ab":
        part = result[name]
        row = [name.upper(), str(part["sentences"]), str(part["words"]), *rates(part, 2), part["folder"]]
        table.add_row(*row)
    print_table(table)
    if result["difference"] is not None:
        print(f"difference B - A: {result['difference']:+.2f} percent points")
    for name, interval in result["intervals"].items():
        if interval:
            print(
                f"  by {name}: {interval['level']}% interval {interval['low']:+.2f} to {interval['high']:+.2f}; "
                f"probability that B is better {interval['probability_of_improvement']:.3f}"
            )
    test = result["matched_pairs"]
    print(
        f"matched pairs (MAPSSWE): {test['segments']} segments, mean difference A - B {test['mean']:.3f}, "
        f"Z {test['z']:.3f}: {verdict(result)}"
    )


def write_comparison(outdir, result):
    """Write compare.json."""
    with atomic_write(Path(outdir) / "compare.json") as file:
        json.dump(result, file, ensure_ascii=False, indent=1)
        file.write("\n")
