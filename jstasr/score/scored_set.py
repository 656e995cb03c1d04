"""Where the scores of an experiment lie: <expdir>/decode_<name>/<set>[/<mode>]/score_<measure>/result.json."""

from dataclasses import dataclass
from pathlib import Path

from jstasr.score.files import RESULT_JSON
from jstasr.score.schema import StoredResult

MEASURES = ("WER", "CER", "TER")
MODES = ("streaming", "full")
MODE_ORDER = {mode: place for place, mode in enumerate(MODES)}  # in tables; a set without a mode comes first


@dataclass
class ScoredSet:
    """A test set that an experiment decoded and that was scored by one measure."""

    experiment: str  # <tag>
    decoding: str  # decode_<name>
    dataset: str
    mode: str  # the decoder: one of MODES, or "" where no folder names it
    folder: Path  # holds the reports
    result: StoredResult


def result_files(expdir: Path) -> list[Path]:
    """Every result.json of exp/<tag> that belongs to a test set."""
    found = sorted(expdir.glob(f"decode_*/**/score_*/{RESULT_JSON}"))
    return [path for path in found if len(path.relative_to(expdir).parts) > 3]


def scored_set(path: Path, expdir: Path, result: StoredResult) -> ScoredSet:
    """The scored set of one of `result_files(expdir)`; test sets below folders keep their path, `<folder>/<set>`."""
    decoding, *inner = path.relative_to(expdir).parts[:-2]
    mode = inner.pop() if len(inner) > 1 and inner[-1] in MODES else ""
    return ScoredSet(expdir.name, decoding, "/".join(inner), mode, path.parent, result)
