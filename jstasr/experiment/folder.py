"""Configuration and lists in exp/<tag>, so that an experiment can be used, packed and resumed by itself."""

import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import yaml

from jstasr.errors import JstasrError
from jstasr.experiment.config import BF16, FP32, TrainConfig, config_yaml
from jstasr.experiment.data_record import DEV, Record, changes
from jstasr.experiment.files import BPE, CHECKPOINTS, CONFIG, DATA, PHONES, SCORES, TOKENS
from jstasr.features.settings import FIRST_KIND
from jstasr.kaldi.files import atomic_write, first_few, make_folder
from jstasr.kaldi.locks import locked, locked_file

# settings that may change between two starts of one experiment: its checkpoints stay valid
CHANGEABLE = (
    "log_interval",
    "log_to",
    "valid",
    "precision",
    "strategy",
    "data.num_workers",
    "data.check_features",
    "data.max_skipped",
    "data.max_lost_shards",
    "optim.max_skipped",
)
DEV_UTTERANCES = "valid.utterances"  # scores of other utterances are those of another dev set
MAX_VALUE = 60  # characters of a value in a message


def prepare_folder(
    expdir: Path,
    config: TrainConfig,
    token_list: str,
    bpe_model: str | None,
    phone_list: str,
    data: Record | None = None,
) -> None:
    """Write config.yaml and data.yaml and copy the lists into the experiment.

    Args:
        data: name -> record of each set (`data_record.describe`); None: do not compare them.
    Raises:
        JstasrError: the folder holds checkpoints of another model, of other lists or of other data, or scores of
            another dev set.
    """
    make_folder(expdir)
    text = config_yaml(config)
    files = {TOKENS: token_list, PHONES: phone_list} | ({BPE: bpe_model} if bpe_model else {})
    if has_checkpoints(expdir):
        old_data = read_settings(expdir / DATA) if data is not None else {}
        refuse_changes(expdir, config, files, changes(old_data, data or {}))
    for path in expdir.glob(".*.tmp"):  # of a killed run
        path.unlink(missing_ok=True)
    for name, source in files.items():
        with atomic_write(expdir / name, "wb") as target, open(source, "rb") as origin:
            shutil.copyfileobj(origin, target)
    for name, content in ((CONFIG, text), (DATA, yaml.safe_dump(data or {}, sort_keys=False))):
        with atomic_write(expdir / name) as file:
            file.write(content)


def has_checkpoints(expdir: Path) -> bool:
    """Does the folder hold a training that has begun?"""
    return any((expdir / CHECKPOINTS).glob("step*.pth"))


def recorded_precision(expdir: Path) -> str | None:
    """The precision that the checkpoints of a folder were trained in; None: there are none, or it is not recorded.

    Raises:
        JstasrError: config.yaml is missing, empty or damaged beside checkpoints.
    """
    if not has_checkpoints(expdir):
        return None
    recorded = read_settings(expdir / CONFIG).get("precision", FP32)  # the default of versions that did not record it
    return recorded if recorded in (FP32, BF16) else None


def refuse_changes(expdir: Path, config: TrainConfig, files: dict[str, str], data_changes: dict[str, str]) -> None:
    """Refuse to continue with other settings, lists or data; errors as of `prepare_folder`.

    Args:
        files: name -> source of each list.
        data_changes: name of a set -> what changed.
    """
    old, new = read_settings(expdir / CONFIG), yaml.safe_load(config_yaml(config))
    dev_changes = [f"{DEV} ({what})" for name, what in data_changes.items() if name == DEV]
    dev_changes += [text for text in differences(old, new, ()) if text.startswith(f"{DEV_UTTERANCES} ")]
    changed = changed_settings(old, new)
    changed += [name for name, source in files.items() if is_changed(expdir / name, Path(source))]
    changed += [f"{name} ({what})" for name, what in data_changes.items() if name != DEV]
    if changed:
        raise JstasrError(
            f"{expdir} was trained with other settings: {first_few(changed)}. "
            "Give another --asr_tag, or remove that folder to start again"
        )
    scores = expdir / CHECKPOINTS / SCORES
    if dev_changes and scores.is_file():
        raise JstasrError(
            f"{expdir} has scores of another dev set: {first_few(dev_changes)}. They cannot be compared with new ones: "
            f"validate as before, give another --asr_tag, or remove {scores} to choose among later checkpoints only"
        )


def lock_for_output(expdir: Path, output: Path) -> AbstractContextManager:
    """The lock for a file that is made from an experiment: that of the experiment, if the file lies in it."""
    return locked(expdir) if output.resolve().is_relative_to(expdir.resolve()) else locked_file(output)


def read_settings(path: Path) -> dict:
    """Read the settings that a run was started with.

    Raises:
        JstasrError: the file is missing, empty or damaged.
    """
    try:
        settings = yaml.safe_load(path.read_text("utf-8"))
        if not isinstance(settings, dict) or not settings:
            raise ValueError("it is empty" if settings is None else "it holds no settings")
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise JstasrError(
            f"{path}: cannot be read ({reason}), so that the checkpoints beside it cannot be continued. "
            f"Put the file back, or remove {path.parent} to start again"
        ) from error
    return settings


def is_changed(kept: Path, source: Path) -> bool:
    """Is the experiment's copy of a list missing or different?"""
    return not kept.is_file() or kept.read_bytes() != source.read_bytes()


def changed_settings(old: dict, new: dict) -> list[str]:
    """Settings that differ and must not, as `a.b (1 -> 2)`; what an older version did not know has its default."""
    without_joining = new["data"]["join"] | {"share": 0.0}
    old = {"features": {"kind": FIRST_KIND}, **old, "data": {"join": without_joining, **old.get("data", {})}}
    return differences(filled(old, yaml.safe_load(config_yaml(TrainConfig()))), new, CHANGEABLE)


def filled(values: dict, defaults: dict) -> dict:
    """Nested values, with the defaults of those that are missing."""
    whole = {**defaults, **values}
    for name, default in defaults.items():
        if isinstance(default, dict) and isinstance(whole[name], dict):
            whole[name] = filled(whole[name], default)
    return whole


def differences(old: dict, new: dict, changeable: Sequence[str], prefix: str = "") -> list[str]:
    """Values that differ, other than `changeable`, as `a.b (1 -> 2)`."""
    changed = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if prefix + name in changeable:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            changed += differences(before, after, changeable, f"{prefix}{name}.")
        elif before != after:
            changed.append(f"{prefix}{name} ({short(before)} -> {short(after)})")
    return changed


def short(value: object) -> str:
    """A value for a message."""
    text = str(value)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}..."
