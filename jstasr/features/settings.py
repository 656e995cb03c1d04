"""What features are: their kind, the sampling rate of their audio and their number, stored beside those of a set."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write

LHOTSE, KALDI = "lhotse", "kaldi"
KINDS = (LHOTSE, KALDI)
DEFAULT_KIND = LHOTSE  # of new sets
FIRST_KIND = KALDI  # of sets and experiments that name none: they were made before there was another
SETTINGS = "fbank.json"  # in dump/fbank/<set> and dump/raw/<set>
EXTRACT_AGAIN = "Extract the features again: --stage 5 --stop_stage 5"


@dataclass
class FeatureConfig:
    """Log-mel features."""

    kind: str = ""  # lhotse | kaldi; empty: lhotse in extraction, that of the features in training.


class FbankSettings(NamedTuple):
    """How the log-mel features of a set are computed."""

    sample_rate: int = 16000  # Hz
    num_mel_bins: int = 80
    kind: str = DEFAULT_KIND


def write_settings(path: Path, settings: FbankSettings) -> None:
    """Store how features are computed."""
    with atomic_write(path) as file:
        json.dump(settings._asdict(), file)
        file.write("\n")


def read_settings(path: Path) -> FbankSettings | None:
    """What `write_settings` stored; None where there is no such file.

    Raises:
        JstasrError: the file is damaged, or of a later version.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        settings = FbankSettings(
            int(found["sample_rate"]), int(found["num_mel_bins"]), str(found.get("kind", FIRST_KIND))
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JstasrError(f"{path}: damaged ({error}). {EXTRACT_AGAIN}") from error
    if settings.kind not in KINDS:
        raise JstasrError(
            f"{path}: features of the kind {settings.kind!r}; this version has {' and '.join(KINDS)}. {EXTRACT_AGAIN}"
        )
    return settings


def kind_of(folder: str | Path) -> str:
    """The kind of the features of a set, from the folder that holds them."""
    settings = read_settings(Path(folder) / SETTINGS)
    return FIRST_KIND if settings is None else settings.kind


def require_kind(folder: str | Path, kind: str, owner: str) -> None:
    """Refuse features of another kind than `owner`, such as "the model", needs: they have another scale."""
    found = kind_of(folder)
    if found != kind:
        raise JstasrError(
            f"{folder}: holds features of the kind {found}, and {owner} needs {kind} (features.kind). "
            f"Extract them so: --stage 5 --stop_stage 5 --asr_args '--set features.kind={kind}'"
        )
