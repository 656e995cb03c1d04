"""What features are: their kind, the sampling rate of their audio, their number, and the pretrained encoder that they
are of, stored beside those of a set."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jstasr.errors import JstasrError
from jstasr.features.frames import FRAME_SHIFT_MS, PRETRAINED_SHIFT_MS
from jstasr.kaldi.files import atomic_write

LHOTSE, KALDI = "lhotse", "kaldi"
KINDS = (LHOTSE, KALDI)  # of log-mel features
PRETRAINED = "pretrained"  # a layer of a pretrained encoder
WAVEFORM = "waveform"  # samples, for a pretrained encoder in the model
ALL_KINDS = (*KINDS, PRETRAINED, WAVEFORM)
DEFAULT_KIND = LHOTSE  # of new sets
FIRST_KIND = KALDI  # of sets and experiments that name none: they were made before there was another
SETTINGS = "fbank.json"  # in dump/<features>/<set>
EXTRACT_AGAIN = "Extract the features again: --stage 5 --stop_stage 5"


@dataclass
class FeatureConfig:
    """Features of the audio."""

    kind: str = ""  # lhotse | kaldi | pretrained | waveform; empty: by model.encoder, that of the features in training.


class FeatureSettings(NamedTuple):
    """How the features of a set are computed."""

    sample_rate: int = 16000  # Hz
    num_mel_bins: int = 80  # features of a frame, of any kind
    kind: str = DEFAULT_KIND
    encoder: str = ""  # name of the pretrained encoder, of the kind PRETRAINED
    layer: int = 0  # of its layers, as model.pretrained.layer names it
    digest: str = ""  # of its weights

    @property
    def frame_ms(self) -> int:
        """Milliseconds from one frame to the next."""
        return frame_ms_of(self.kind)


def frame_ms_of(kind: str) -> int:
    """Milliseconds from one frame to the next of a kind of features."""
    return PRETRAINED_SHIFT_MS if kind in (PRETRAINED, WAVEFORM) else FRAME_SHIFT_MS


def write_settings(path: Path, settings: FeatureSettings) -> None:
    """Store how features are computed."""
    with atomic_write(path) as file:
        json.dump(settings._asdict(), file)
        file.write("\n")


def read_settings(path: Path) -> FeatureSettings | None:
    """What `write_settings` stored; None where there is no such file.

    Raises:
        JstasrError: the file is damaged, or of a later version.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        settings = FeatureSettings(
            int(found["sample_rate"]),
            int(found["num_mel_bins"]),
            str(found.get("kind", FIRST_KIND)),
            str(found.get("encoder", "")),
            int(found.get("layer", 0)),
            str(found.get("digest", "")),
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise JstasrError(f"{path}: damaged ({error}). {EXTRACT_AGAIN}") from error
    if settings.kind not in ALL_KINDS:
        raise JstasrError(
            f"{path}: features of the kind {settings.kind!r}; this version has {', '.join(ALL_KINDS)}. {EXTRACT_AGAIN}"
        )
    return settings


def settings_of(folder: str | Path) -> FeatureSettings:
    """How the features of a set are computed, from the folder that holds them."""
    return read_settings(Path(folder) / SETTINGS) or FeatureSettings(kind=FIRST_KIND)


def kind_of(folder: str | Path) -> str:
    """The kind of the features of a set, from the folder that holds them."""
    return settings_of(folder).kind


def require_features(folder: str | Path, wanted: FeatureSettings, owner: str) -> None:
    """Refuse features of another kind or pretrained encoder than `owner`, such as "the model", needs."""
    found = settings_of(folder)
    if found.kind != wanted.kind:
        remedy = f"--asr_args '--set features.kind={wanted.kind}'" if wanted.kind in KINDS else "with its --pretrained"
        raise JstasrError(
            f"{folder}: holds features of the kind {found.kind}, and {owner} needs {wanted.kind} (features.kind). "
            f"Extract them so: --stage 5 --stop_stage 5 {remedy}"
        )
    if found.digest != wanted.digest or found.layer != wanted.layer:
        shown = [f"layer {one.layer} of {one.encoder} (digest {one.digest})" for one in (found, wanted)]
        raise JstasrError(
            f"{folder}: holds features of {shown[0]}, and {owner} needs {shown[1]}. {EXTRACT_AGAIN}, with that encoder"
        )
