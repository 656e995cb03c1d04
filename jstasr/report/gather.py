"""Everything that the report shows, collected from exp/<tag>; a part that is not there yet is None or empty."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from jstasr.errors import JstasrError
from jstasr.experiment.files import ALIGNMENT_JSON, CONFIG, IMAGES, REPORT, TENSORBOARD, TRAIN_LOG
from jstasr.report.curves import Curves, read_curves
from jstasr.score.files import RESULTS_PAGE
from jstasr.score.results import NOTE_MARK
from jstasr.score.scored_set import MEASURES, MODE_ORDER, ScoredSet, result_files, scored_set

SIZES_OF_LISTS = ("model.vocab_size", "model.phone_size")  # set by the token and phone lists, not by the user
JOB_LOGS = (  # in the order of the stages
    "logdir/train.log",
    "logdir/average.log",
    "decode_*/*/logdir/decode.1.log",
    "logdir/analyze.log",
    "logdir/pack.log",
)
MEASURE_ORDER = {measure: place for place, measure in enumerate(MEASURES)}


@dataclass
class Record:
    """The parts of an experiment."""

    expdir: Path
    config: dict[str, Any]
    config_text: str
    changed: list[str]  # dotted names of the values that are not the defaults
    curves: Curves
    scores: list[ScoredSet]
    decodings: list[str]  # decode_* folders, scored or not
    damaged: list[str]  # files that could not be read, with the reason
    alignment: dict[str, Any] | None  # what alignment.json holds
    alignment_dir: Path
    training_picture: Path | None
    commands: list[tuple[str, str]]  # (log file, command line), in the order of the stages
    training: str  # the line of train.log on model and data, or ""
    note: str = ""
    models: list[str] = field(default_factory=list)  # averaged models

    @property
    def tag(self) -> str:
        """The name of the experiment's folder."""
        return self.expdir.resolve().name


def gather(expdir: Path, note: str | None = None) -> Record:
    """Read exp/<tag>.

    Args:
        note: a line on what kind of data the numbers are about; None: that of RESULTS.md.
    Raises:
        JstasrError: not the folder of an experiment.
    """
    config_text = read_config(expdir)
    damaged: list[str] = []
    report = expdir / REPORT
    pictures = [path for path in (expdir / IMAGES).glob("step*.png") if path.stem[4:].isdigit()]
    config = yaml.safe_load(config_text)
    return Record(
        expdir=expdir,
        config=config,
        config_text=config_text,
        changed=changed_from_defaults(config),
        curves=read_curves(expdir / TENSORBOARD),
        scores=read_scores(expdir, damaged),
        decodings=sorted(path.name for path in expdir.glob("decode_*") if path.is_dir()),
        damaged=damaged,
        alignment=read_json(report / ALIGNMENT_JSON, ("layers", "utterances", "pictures"), "stage 10", damaged),
        alignment_dir=report,
        training_picture=max(pictures, key=lambda path: int(path.stem[4:]), default=None),
        commands=read_commands(expdir),
        training=first_message(expdir / TRAIN_LOG),
        note=results_note(expdir) if note is None else note,
        models=sorted(path.name for path in expdir.glob("*.pth")),
    )


def read_config(expdir: Path) -> str:
    """The content of config.yaml, by which the folder of an experiment is known."""
    if not expdir.is_dir():
        raise JstasrError(f"{expdir}: no such folder. Give the folder of an experiment, exp/<tag>")
    path = expdir / CONFIG
    if not path.is_file():
        inside = sorted(found.parent.name for found in expdir.glob(f"*/{CONFIG}"))
        hint = f" It holds the experiments {', '.join(inside)}: give one of them." if inside else ""
        raise JstasrError(f"{path}: missing, so {expdir} is not an experiment.{hint} Training makes one: --stage 6")
    try:
        text = path.read_text(encoding="utf-8")
        if not isinstance(yaml.safe_load(text), dict):
            raise JstasrError(f"{path}: holds no configuration. Restore it, or train again: --stage 6")
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise JstasrError(f"{path}: cannot be read: {error}") from error
    return text


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, `a.b` -> value."""
    flat = {}
    for name, value in values.items():
        flat |= flatten(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def changed_from_defaults(config: dict[str, Any]) -> list[str]:
    """Dotted names whose values are not the defaults of this version."""
    from jstasr.experiment.config import TrainConfig, config_yaml

    defaults = flatten(yaml.safe_load(config_yaml(TrainConfig())))
    return [
        name
        for name, value in flatten(config).items()
        if name not in SIZES_OF_LISTS and (name not in defaults or defaults[name] != value)
    ]


def read_json(path: Path, needed: tuple[str, ...], stage: str, damaged: list[str]) -> Any | None:
    """A JSON object with the keys needed; None where there is none, or a broken one, which `damaged` then notes."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        missing = [name for name in needed if name not in value]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        damaged.append(f"{path}: cannot be read ({error}); run {stage} again")
        return None
    if not isinstance(value, dict) or missing:
        damaged.append(f"{path}: lacks {', '.join(missing) or 'an object'}; run {stage} again")
        return None
    return value


def read_scores(expdir: Path, damaged: list[str]) -> list[ScoredSet]:
    """All scored sets of the experiment, by decoding, measure, set and decoder."""
    scores = []
    for path in result_files(expdir):
        result = read_json(path, ("measure", "total", "intervals", "environment"), "stage 9", damaged)
        if result is not None:
            scores.append(scored_set(path, expdir, result))
    scores.sort(
        key=lambda s: (s.decoding, MEASURE_ORDER.get(s.result["measure"], 9), s.dataset, MODE_ORDER.get(s.mode, -1))
    )
    return scores


def read_commands(expdir: Path) -> list[tuple[str, str]]:
    """(log file, command line) of each job: the job runner writes the command into the first line of its log."""
    commands = []
    for pattern in JOB_LOGS:
        for path in sorted(expdir.glob(pattern)):
            with open(path, encoding="utf-8", errors="replace") as file:
                head = file.readline().strip()
            if head.startswith("# "):
                commands.append((str(path.relative_to(expdir)), head[2:].strip()))
    return commands


def first_message(path: Path) -> str:
    """The first line of train.log without its time: parameters, hours, steps."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return re.sub(r"^\S+ \(train\) ", "", file.readline().strip())
    except OSError:
        return ""


def results_note(expdir: Path) -> str:
    """The note that stage 9 put into RESULTS.md, which stands beside the folder of the experiments."""
    try:
        page = (expdir.absolute().parent.parent / RESULTS_PAGE).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""
    return next((line.replace(NOTE_MARK, "").strip() for line in page.splitlines() if NOTE_MARK in line), "")
