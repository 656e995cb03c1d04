"""From the folder of a trained and decoded experiment to the rows of a sweep."""

import json
from pathlib import Path

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.tables import read_table
from jstasr.score.alignment import align_sets
from jstasr.score.files import HYP_TRN, REF_TRN
from jstasr.score.prepare import trn_ids
from jstasr.score.scored_set import MODES
from jstasr.score.trn import parse_trn, read_bytes
from jstasr.sweep.plan import LM, Plan
from jstasr.sweep.records import Utterances

DECODE = "decode_"
SCORES = Path("checkpoints") / "scores.json"  # dev scores, by step


def dev_score(exp: Path) -> float | None:
    """The lowest error rate on the dev set during training, in percent; None where it was not written."""
    try:
        return min(json.loads((exp / SCORES).read_text("utf-8")).values())
    except (OSError, ValueError):
        return None


def decode_folders(exp: Path, plan: Plan, decoding: str) -> list[Path]:
    """The folders decode_* that one of the plan's decodings wrote, with the one of the language model."""
    named = {f"{DECODE}{name}{end}" for name in plan.decodings if name for end in ("", LM)}
    if decoding:
        wanted = {f"{DECODE}{decoding}{end}" for end in ("", LM)}
        return sorted(path for path in exp.glob(f"{DECODE}*") if path.name in wanted)
    return sorted(path for path in exp.glob(f"{DECODE}*") if path.name not in named)


def scored_utterances(scored: Path, data: Path, column: str) -> Utterances:
    """The errors of each utterance of a scored set.

    Args:
        scored: folder that `jstasr score` wrote.
        data: the features' folder of the set, with text, utt2spk and perhaps utt2lang.
        column: what to call the errors.
    """
    transcripts = [parse_trn(read_bytes(scored / name), scored / name, True) for name in (REF_TRN, HYP_TRN)]
    ref, hyp = (dict(zip(part.ids, part.texts, strict=True)) for part in transcripts)
    ids = sorted(ref)
    alignment = align_sets(ids, [ref[name] for name in ids], [hyp[name] for name in ids])
    utterances = list(read_table(data / "text", allow_empty=True))
    languages = read_table(data / "utt2lang") if (data / "utt2lang").is_file() else {}
    known = dict(zip(trn_ids(utterances, read_table(data / "utt2spk")), utterances, strict=True))
    names = {key.encode().lower(): utterance for key, utterance in known.items()}
    missing = [name.decode() for name in ids if name not in names]
    if missing:
        raise JstasrError(f"{scored / REF_TRN}: {missing[0]} is no utterance of {data}: decode and score again")
    own = [names[name] for name in ids]
    order = sorted(range(len(own)), key=own.__getitem__)
    return Utterances(
        [own[place] for place in order],
        alignment.ref_words[order],
        [languages.get(own[place], "") for place in order],
        {column: np.asarray(alignment.errors)[order]},
    )


def scored_folders(decode: Path, test_sets: list[str], measure: str) -> list[tuple[str, str, Path]]:
    """(test set, mode, folder of the scores) of one decoding.

    Raises:
        JstasrError: a test set was not scored.
    """
    found = []
    for test_set in test_sets:
        scored = [(mode, decode / test_set / mode / f"score_{measure}") for mode in MODES]
        scored = [(mode, folder) for mode, folder in scored if (folder / REF_TRN).is_file()]
        if not scored:
            raise JstasrError(f"{decode / test_set}: holds no */score_{measure}: is {measure} in --metrics?")
        found += [(test_set, mode, folder) for mode, folder in scored]
    return found
