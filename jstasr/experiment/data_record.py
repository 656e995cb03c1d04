"""What an experiment records about its data, to notice other data when it is resumed."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from jstasr.data.speech_set import SpeechSet
from jstasr.data.text_set import TextSet
from jstasr.kaldi.feature_archive import UnusableFeatures

PAIRED, UNPAIRED, DEV = "paired speech", "unpaired text", "dev set"
FINGERPRINT, FEATURES = "fingerprint", "features"
NO_TEXT = "none"
SAMPLED = 200  # utterances whose features are summarised, evenly spread
TOLERANCE = 1e-3  # of the deviation: features extracted again, on another machine perhaps, differ by far less

Record = dict[str, Any]  # name of a set -> its record; of older experiments the fingerprint alone


def describe(data: SpeechSet | TextSet | None) -> Any:
    """The record of a set: digests of its tables and, of speech, a summary of features."""
    if data is None:
        return NO_TEXT
    record: Record = {FINGERPRINT: data.fingerprint, **data.digests}
    if isinstance(data, SpeechSet):
        record[FEATURES] = feature_summary(len(data), data.features) if data.index is None else data.index.summary
    return record


def feature_summary(count: int, read: Callable[[int], np.ndarray], sampled: int = SAMPLED) -> dict[str, float]:
    """Numbers that other features do not share: mean and deviation of sampled utterances, and a random projection.

    The projection tells features apart that belong to other utterances. Numbers, not a digest of bits, so that the
    arithmetic of another machine makes no other data.

    Args:
        count: of the utterances; read: features (T, F) of one of 0 .. count - 1.
    """
    values: list[np.ndarray] = []
    projection = 0.0
    for index in np.unique(np.linspace(0, count - 1, min(sampled, count)).round().astype(int)):
        try:
            features = read(int(index)).astype(np.float64)
        except UnusableFeatures:  # left out in training, too
            continue
        weights = np.random.default_rng(int(index)).standard_normal(features.shape[1])
        projection += float(features.mean(axis=0) @ weights)
        values.append(np.asarray([features.size, features.sum(), np.square(features).sum()]))
    size, total, squares = np.sum(values, axis=0) if values else (1.0, 0.0, 0.0)
    mean = total / size
    deviation = math.sqrt(max(0.0, squares / size - mean**2))
    found = {"mean": mean, "deviation": deviation, "projection": projection / math.sqrt(max(1, len(values)))}
    return {name: float(f"{value:.7g}") for name, value in found.items()}


def changes(old: Record, new: Record) -> dict[str, str]:
    """Name of each set that is not the recorded one -> what changed; sets that were not recorded are not compared."""
    found = {name: difference(old[name], new[name]) for name in new if name in old}
    return {name: text for name, text in found.items() if text}


def difference(old: Any, new: Any) -> str:
    """What differs between two records of a set, or ""."""
    before, after = fingerprint(old), fingerprint(new)
    parts = [] if isinstance(old, str) or isinstance(new, str) else [*old.keys() & new.keys() - {FINGERPRINT, FEATURES}]
    if before != after:
        size_before, size_after = (text.rpartition(", ")[0] or text for text in (before, after))
        if size_before != size_after:
            return f"{size_before} -> {size_after}"
        other = [name for name in sorted(parts) if old[name] != new[name]]
        return f"other {', '.join(other)}" if other else f"{before} -> {after}"
    if not isinstance(old, str) and not isinstance(new, str):
        return feature_difference(old.get(FEATURES), new.get(FEATURES))
    return ""


def fingerprint(record: Any) -> str:
    """The fingerprint in a record of any version."""
    return str(record.get(FINGERPRINT, "")) if isinstance(record, dict) else str(record)


def feature_difference(old: Any, new: Any) -> str:
    """Which numbers of two summaries differ, or ""."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return ""
    scale = TOLERANCE * max(abs(float(new["deviation"])), 1e-6)
    differing = [name for name in new if abs(float(old.get(name, new[name])) - float(new[name])) > scale]
    shown = ", ".join(f"{name} {float(old[name]):.4g} -> {float(new[name]):.4g}" for name in differing)
    return f"other features ({shown})" if shown else ""
