"""Two systems on the same test set: which is better, and is the difference significant?"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.score.alignment import align_sets
from jstasr.score.analysis import rates
from jstasr.score.bootstrap import REPLICATES, difference_interval
from jstasr.score.files import COMPARE_JSON, HYP_TRN, REF_TRN
from jstasr.score.mapsswe import BOUNDARY_WORDS, matched_pairs
from jstasr.score.schema import Comparison, DifferenceInterval
from jstasr.score.summary import summarise
from jstasr.score.trn import parse_trn, read_bytes, sclite_words

SIGNIFICANT = 0.05

Texts = dict[bytes, bytes]  # utterance id -> text


def compare_folders(folder_a: str | Path, folder_b: str | Path, replicates: int = REPLICATES) -> Comparison:
    """Compare two folders that `jstasr score` wrote.

    Args:
        folder_a, folder_b: folders with ref.trn and hyp.trn of the same test set.
        replicates: of the bootstrap; 0 leaves the intervals out.
    Raises:
        JstasrError: no such files, different utterances or references.
    """
    refs: list[Texts] = []
    hyps: list[Texts] = []
    for folder in (folder_a, folder_b):
        for name, found in ((REF_TRN, refs), (HYP_TRN, hyps)):
            path = Path(folder) / name
            if not path.is_file():
                raise JstasrError(f"{path}: no such file; --compare takes two folders that `jstasr score` wrote")
            parsed = parse_trn(read_bytes(path), path, allow_alternations=True)
            found.append(dict(zip(parsed.ids, parsed.texts, strict=True)))
    _require_same(refs, folder_a, folder_b)
    ids = list(refs[0])
    alignments = []
    for folder, hyp in ((folder_a, hyps[0]), (folder_b, hyps[1])):
        missing = [name.decode() for name in ids if name not in hyp]
        if missing:
            raise JstasrError(
                f"{folder}: no hypothesis for {len(missing)} utterances: {first_few(missing)}; score it again"
            )
        alignments.append(align_sets(ids, [refs[0][name] for name in ids], [hyp[name] for name in ids]))
    a, b = alignments
    errors = (a.errors, b.errors, a.ref_words)
    intervals: dict[str, DifferenceInterval | None] = {"utterance": None, "speaker": None}
    if replicates:
        intervals["utterance"] = difference_interval(*errors, replicates=replicates)
        intervals["speaker"] = difference_interval(*errors, a.speaker_index, replicates=replicates)
    words = int(a.ref_words.sum())
    return {
        "a": {"folder": str(folder_a), **summarise(a)},
        "b": {"folder": str(folder_b), **summarise(b)},
        "difference": round(100 * int(np.sum(b.errors - a.errors)) / words, 4) if words else None,
        "intervals": intervals,
        "matched_pairs": asdict(matched_pairs(a, b)) | {"boundary_words": BOUNDARY_WORDS},
    }


def _require_same(refs: list[Texts], folder_a: str | Path, folder_b: str | Path) -> None:
    only = [name.decode() for name in refs[0].keys() ^ refs[1].keys()]
    if only:
        raise JstasrError(
            f"{folder_a} and {folder_b} hold different utterances, {len(only)} in only one of them: "
            f"{first_few(sorted(only))}; compare systems on the same test set"
        )
    changed = [name.decode() for name, text in refs[0].items() if sclite_words(refs[1][name]) != sclite_words(text)]
    if changed:
        raise JstasrError(
            f"{folder_a} and {folder_b}: {len(changed)} references differ: {first_few(changed)}; "
            "score both with the same references, cleaner and token type"
        )


def verdict(result: Comparison) -> str:
    """The outcome of the matched-pairs test in words."""
    test = result["matched_pairs"]
    if test["p"] >= SIGNIFICANT:
        return f"no significant difference (p = {test['p']:.3f})"
    better = "A" if test["mean"] < 0 else "B"
    chance = "p < 0.001" if test["p"] < 0.001 else f"p = {test['p']:.3f}"
    return f"{better} is better ({chance})"


def print_comparison(result: Comparison) -> None:
    """Print both systems, the difference with its intervals, and the matched-pairs test."""
    from rich.table import Table

    from jstasr.score.terminal import print_table

    table = Table("", "Snt", "Wrd", "Corr", "Sub", "Del", "Ins", "Err", "S.Err", "folder")
    for name, system in (("A", result["a"]), ("B", result["b"])):
        row = [name, str(system["sentences"]), str(system["words"]), *rates(system, 2), system["folder"]]
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


def write_comparison(outdir: str | Path, result: Comparison) -> None:
    """Write compare.json."""
    with atomic_write(Path(outdir) / COMPARE_JSON) as file:
        json.dump(result, file, ensure_ascii=False, indent=1)
        file.write("\n")
