"""Configuration and lists in exp/<tag>, so that an experiment can be used, packed and resumed by itself."""

import shutil
from pathlib import Path

import yaml

from jstasr.errors import JstasrError
from jstasr.experiment.config import TrainConfig, config_yaml
from jstasr.experiment.files import BPE, CHECKPOINTS, CONFIG, DATA, PHONES, TOKENS
from jstasr.kaldi.files import atomic_write

# settings that may change between two starts of one experiment: its checkpoints stay valid
CHANGEABLE = (
    "log_interval",
    "valid",
    "precision",
    "strategy",
    "data.num_workers",
    "data.check_features",
    "optim.max_skipped",
)


def prepare_folder(
    expdir: Path,
    config: TrainConfig,
    token_list: str,
    bpe_model: str | None,
    phone_list: str,
    data: dict[str, str] | None = None,
) -> None:
    """Write config.yaml and data.yaml and copy the lists into the experiment.

    Args:
        data: name -> fingerprint of each training set; None: do not compare them.
    Raises:
        JstasrError: the folder holds checkpoints of another model, of other lists or of other data.
    """
    expdir.mkdir(parents=True, exist_ok=True)
    text = config_yaml(config)
    started = any((expdir / CHECKPOINTS).glob("step*.pth"))
    files = {TOKENS: token_list, PHONES: phone_list} | ({BPE: bpe_model} if bpe_model else {})
    if started:
        old, new = read_settings(expdir / CONFIG), yaml.safe_load(text)
        # experiments from before joining had none
        old.setdefault("data", {}).setdefault("join", new["data"]["join"] | {"share": 0.0})
        changed = changed_keys(old, new)
        changed += [name for name, source in files.items() if is_changed(expdir / name, Path(source))]
        if data is not None:
            changed += changed_keys(read_settings(expdir / DATA), data)
        if changed:
            raise JstasrError(
                f"{expdir} was trained with other settings: {', '.join(changed)}. "
                "Give another --asr_tag, or remove that folder to start again"
            )
    for name, source in files.items():
        with atomic_write(expdir / name, "wb") as target, open(source, "rb") as origin:
            shutil.copyfileobj(origin, target)
    for name, content in ((CONFIG, text), (DATA, yaml.safe_dump(data or {}))):
        with atomic_write(expdir / name) as file:
            file.write(content)


def read_settings(path: Path) -> dict:
    """Read the settings that a run was started with.

    Raises:
        JstasrError: the file is missing or damaged.
    """
    try:
        settings = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise JstasrError(
            f"{path}: cannot be read, so that the checkpoints beside it cannot be continued ({error}). "
            f"Remove {path.parent} to start again"
        ) from error
    return settings if isinstance(settings, dict) else {}


def is_changed(kept: Path, source: Path) -> bool:
    """Is the experiment's copy of a list missing or different?"""
    return not kept.is_file() or kept.read_bytes() != source.read_bytes()


def changed_keys(old: dict, new: dict, prefix: str = "") -> list[str]:
    """Settings that differ and must not, as `a.b (1 -> 2)`."""
    changed = []
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if prefix + name in CHANGEABLE:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            changed += changed_keys(before, after, f"{prefix}{name}.")
        elif before != after:
            changed.append(f"{prefix}{name} ({before} -> {after})")
    return changed
