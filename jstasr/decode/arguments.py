"""What callers of the Python API may give: each wrong argument is answered in one sentence."""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from jstasr.errors import JstasrError
from jstasr.experiment.search import SearchConfig, check_search_config
from jstasr.kaldi.audio import MAX_RATE, MIN_RATE, Channel
from jstasr.model.joint import FULL, STREAMING

EACH: Final = "each"  # channels kept apart


def as_samples(audio: ArrayLike, name: str) -> np.ndarray:
    """One channel of samples as float32 in [-1, 1].

    Raises:
        JstasrError: several channels, a type that has no scale, NaN or infinity.
    """
    try:
        samples = np.asarray(audio)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors on a GPU or with a gradient
        raise JstasrError(f"{name}: is no array of samples: {error}") from error
    if samples.ndim != 1:
        raise JstasrError(f"{name}: has shape {samples.shape}, expected (N,): one channel")
    if samples.dtype in (np.int16, np.int32):
        samples = samples / np.float32(2 ** (8 * samples.dtype.itemsize - 1))
    elif len(samples) and samples.dtype.kind != "f":
        raise JstasrError(f"{name}: holds {samples.dtype}, expected float in [-1, 1], int16 or int32")
    samples = samples.astype(np.float32)
    if not np.isfinite(samples).all():
        raise JstasrError(f"{name}: holds NaN or infinite samples")
    return samples


def check_rate(rate: int | None, own: int) -> int:
    """A sampling rate in Hz as given, or the model's own."""
    if rate is None:
        return own
    if not is_number(rate) or not MIN_RATE <= rate <= MAX_RATE or rate != int(rate):
        raise JstasrError(f"sampling rate {rate!r}: must be a whole number of Hz, {MIN_RATE} to {MAX_RATE}")
    return int(rate)


def check_mode(mode: str) -> None:
    """Refuse a decoder that there is none of."""
    if mode not in (FULL, STREAMING):
        raise JstasrError(f"mode {mode!r}: must be {FULL} or {STREAMING}")


def check_channel(channel: Channel | Literal["each"] | None) -> None:
    """Refuse what names no channel."""
    if channel in (None, "mix", EACH) or (
        is_number(channel) and isinstance(channel, (int, np.integer)) and channel > 0
    ):
        return
    raise JstasrError(f"channel {channel!r}: must be a number from 1, 'mix' or '{EACH}'")


def check_config(config: SearchConfig) -> None:
    """Refuse search settings of another type, with values of other types, or out of range."""
    if not isinstance(config, SearchConfig):
        raise JstasrError(
            f"config: must be a jstasr.SearchConfig, as in SearchConfig(search='beam', beam_size=4), not {config!r}"
        )
    for setting in fields(SearchConfig):
        value, default = getattr(config, setting.name), setting.default
        if default is MISSING:  # the list of hotwords
            check_hotwords(value, "config: hotwords")
            continue
        fits = isinstance(value, str) if isinstance(default, str) else is_number(value)
        if not fits or (isinstance(default, int) and value != int(value)):
            kind = {str: "text", int: "a whole number", float: "a number"}[type(default)]
            raise JstasrError(f"config: {setting.name}: must be {kind}, not {value!r}")
    check_search_config(config, "config")


def check_hotwords(hotwords: Sequence[str], name: str) -> None:
    """Refuse what is no list of phrases; `name` stands for it in the message."""
    if isinstance(hotwords, (list, tuple)) and all(isinstance(phrase, str) for phrase in hotwords):
        return
    raise JstasrError(f"{name}: must be a list of phrases, as in ['anna smith', 'new york :2.5'], not {hotwords!r}")


def is_number(value: Any) -> bool:
    """A finite number that is no truth value."""
    is_real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return is_real and bool(np.isfinite(value))
