"""What the representations of a trained model tell about speaker, sex and language, layer by layer."""

import csv
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jstasr.errors import JstasrError
from jstasr.experiment.files import AVERAGED, PHONES, PROBE_CSV
from jstasr.experiment.load import Experiment
from jstasr.kaldi.data_dir import PHONES as PHONES_OF_SET
from jstasr.kaldi.data_dir import SPK2GENDER, UTT2LANG, UTT2SPK
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.kaldi.tables import read_table
from jstasr.report.linear_probe import accuracy, cross_validated, folds_by_speaker, folds_within
from jstasr.report.pooled import pool_speech, pool_text
from jstasr.score.verification import verification_eer
from jstasr.text.tokens import PhoneList

SPEAKER, SEX, LANGUAGE = "speaker", "sex", "language"
EER, EER_CENTRED = "EER", "EER, mean subtracted"
COLUMNS = ("measure", "branch", "layer", "value", "low", "high", "chance", "classes", "speakers", "utterances")
MOST_PAIRED = 5000  # utterances of which all pairs are compared
WIDTH = 22


class Result(NamedTuple):
    """A row of probe.csv: an accuracy or an equal error rate, in percent; `low` and `high` of accuracies only."""

    measure: str
    branch: str  # speech or text
    layer: str
    value: float
    low: float | None
    high: float | None
    chance: float
    classes: int
    speakers: int
    utterances: int


@dataclass
class Labels:
    """What is known about the utterances, by id: speaker, and where all have one, sex and language."""

    speaker: dict[str, str] = field(default_factory=dict)
    sex: dict[str, str] = field(default_factory=dict)
    language: dict[str, str] = field(default_factory=dict)


class Target(NamedTuple):
    """Utterances by their place, (U,) int each: which ones, their class, speaker and fold."""

    rows: np.ndarray
    classes: np.ndarray
    speakers: np.ndarray
    folds: np.ndarray


def read_labels(folder: Path, ids: Sequence[str]) -> Labels:
    """Labels of the utterances of a data directory, from utt2spk, spk2gender and utt2lang."""
    utt2spk = read_table(folder / UTT2SPK)
    if missing := [utt for utt in ids if utt not in utt2spk]:
        raise JstasrError(f"{folder / UTT2SPK}: lacks {len(missing)} utterances: {first_few(missing)}")
    labels = Labels({utt: utt2spk[utt] for utt in ids})
    if (folder / SPK2GENDER).is_file():
        spk2gender = read_table(folder / SPK2GENDER)
        labels.sex = {utt: spk2gender[spk] for utt, spk in labels.speaker.items() if spk in spk2gender}
    if (folder / UTT2LANG).is_file():
        utt2lang = read_table(folder / UTT2LANG)
        labels.language = {utt: utt2lang[utt] for utt in ids if utt in utt2lang}
    return labels


def choose(ids: Sequence[str], labels: Labels, kind: str) -> Target | str:
    """The utterances of which a label is probed, or why it is not.

    The speaker: those of speakers with two utterances or more, in folds of utterances. Sex and language: those with a
    label that two speakers have, in folds of speakers.
    """
    table: Mapping[str, str] = getattr(labels, kind)
    if not table:
        return f"no {SPK2GENDER if kind == SEX else UTT2LANG}"
    if kind == SPEAKER:
        often = Counter(table[utt] for utt in ids)
    else:
        often = Counter(label for label, _ in {(table[utt], labels.speaker[utt]) for utt in ids if utt in table})
    usable = sorted(label for label, count in often.items() if count > 1)
    if len(usable) < 2:
        return f"fewer than two {kind}s with two {'utterances' if kind == SPEAKER else 'speakers'}"
    chosen = {row: utt for row, utt in enumerate(ids) if table.get(utt) in usable}
    classes = np.searchsorted(usable, [table[utt] for utt in chosen.values()])
    _, speakers = np.unique([labels.speaker[utt] for utt in chosen.values()], return_inverse=True)
    folds = folds_within(classes) if kind == SPEAKER else folds_by_speaker(speakers, classes)
    return Target(np.array(list(chosen)), classes, speakers, folds)


def probe_layer(measure: str, branch: str, layer: str, vectors: np.ndarray, target: Target) -> Result:
    """Accuracy of a linear classifier on the vectors (all utterances, C) of a layer."""
    predicted = cross_validated(vectors[target.rows], target.classes, target.folds)
    found = accuracy(predicted, target.classes, target.speakers)
    counts = (len(np.unique(target.classes)), len(np.unique(target.speakers)), len(target.rows))
    return Result(measure, branch, layer, found.percent, found.low, found.high, found.chance, *counts)


def verify_layer(layer: str, vectors: np.ndarray, target: Target) -> list[Result]:
    """Equal error rates of the cosine of a layer's vectors (all utterances, C), as they are and without their mean."""
    step = -(-len(target.rows) // MOST_PAIRED)
    rows, speakers = target.rows[::step], target.speakers[::step]
    chosen = vectors[rows].astype(np.float64)
    counts = (len(np.unique(speakers)), len(np.unique(speakers)), len(rows))
    return [
        Result(measure, "speech", layer, 100 * verification_eer(points, speakers), None, None, 50.0, *counts)
        for measure, points in ((EER, chosen), (EER_CENTRED, chosen - chosen.mean(0)))
    ]


def probe(
    expdir: Path, model: str | None, folders: Sequence[Path], outdir: Path, progress: Callable[[str], None]
) -> str:
    """Write probe.csv below `outdir`.

    Args:
        expdir: exp/<tag> or a packed zip.
        model: weights; None: the averaged ones.
        folders: dump/fbank/<set> or dump/raw/<set>, with utt2spk and, where known, spk2gender, utt2lang and phones.
        progress: called with lines on how far it is.
    Returns:
        A table for the terminal.
    Raises:
        JstasrError: a part of the experiment or of the data is missing or damaged, an utterance is in two folders, or
            nothing can be probed.
    """
    experiment = Experiment.load(expdir, model, own_search=False)
    ids: list[str] = []
    parts: list[dict[str, np.ndarray]] = []
    labels = Labels()
    phones: dict[str, str] = {}
    for folder in folders:
        progress(f"{folder}: encoding")
        pooled = pool_speech(experiment, folder, progress)
        if twice := sorted(set(ids) & set(pooled.ids)):
            raise JstasrError(f"{folder}: {len(twice)} utterances are in another folder too: {first_few(twice)}")
        ids += pooled.ids
        parts.append(pooled.vectors)
        found = read_labels(folder, pooled.ids)
        for kind in (SPEAKER, SEX, LANGUAGE):
            getattr(labels, kind).update(getattr(found, kind))
        if (folder / PHONES_OF_SET).is_file():
            phones.update(read_table(folder / PHONES_OF_SET))
    vectors = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    results: list[Result] = []
    for kind in (SPEAKER, SEX, LANGUAGE):
        target = choose(ids, labels, kind)
        if isinstance(target, str):
            progress(f"{kind}: not probed: {target}")
            continue
        progress(f"{kind}: {len(target.rows)} utterances of {len(np.unique(target.speakers))} speakers")
        results += [probe_layer(kind, "speech", name, points, target) for name, points in vectors.items()]
        if kind == SPEAKER:
            results += [row for name, points in vectors.items() for row in verify_layer(name, points, target)]
        if kind == LANGUAGE and expdir.is_dir():
            results += probe_text(experiment, expdir, ids, labels, phones)
    if not results:
        raise JstasrError(f"{' '.join(map(str, folders))}: nothing to probe; the reasons are above")
    with atomic_write(outdir / PROBE_CSV) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([f"{cell:.2f}" if isinstance(cell, float) else cell for cell in row] for row in results)
    speakers = len(set(labels.speaker.values()))
    heading = f"{len(ids)} utterances of {speakers} speakers, {' '.join(map(str, folders))}"
    return f"{heading}; model {model or expdir / AVERAGED}\n\n{probe_table(results)}"


def probe_text(
    experiment: Experiment, expdir: Path, ids: Sequence[str], labels: Labels, phones: Mapping[str, str]
) -> list[Result]:
    """The language in the text branch, of the utterances that have phonemes."""
    with_phones = [utt for utt in ids if utt in phones]
    target = choose(with_phones, labels, LANGUAGE)
    if isinstance(target, str):
        return []
    vectors = pool_text(experiment, PhoneList.load(expdir / PHONES), [phones[utt] for utt in with_phones])
    return [probe_layer(LANGUAGE, "text", name, points, target) for name, points in vectors.items()]


def probe_table(results: Sequence[Result]) -> str:
    """The results as a table for the terminal: a line for each layer, a column for each measure."""
    measures = list(dict.fromkeys(row.measure for row in results))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    chance: dict[str, str] = {}
    for row in results:
        interval = "" if row.low is None else f" [{row.low:.1f}, {row.high:.1f}]"
        cells.setdefault((row.branch, row.layer), {})[row.measure] = f"{row.value:.1f}{interval}"
        chance.setdefault(row.measure, f"{row.chance:.1f}")
    lines = [f"{'branch':<8}{'layer':<14}" + "".join(f"{measure:>{WIDTH}}" for measure in measures)]
    for (branch, layer), of in [(("", "chance"), chance), *cells.items()]:
        lines.append(f"{branch:<8}{layer:<14}" + "".join(f"{of.get(measure, ''):>{WIDTH}}" for measure in measures))
    lines += [
        "",
        "speaker, sex, language: percent that a linear classifier of the mean over time gets right, with the 95%",
        "interval over speakers; on utterances (sex, language: speakers) that it was not trained on. chance: the share",
        "of the most frequent class. EER: percent, of pairs of utterances by the cosine of their means.",
    ]
    return "\n".join(lines) + "\n"
