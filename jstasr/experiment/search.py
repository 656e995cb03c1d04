"""How an experiment is decoded: the search configuration, and the settings that a recipe leaves with its model."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import yaml

from jstasr.config import merge_config
from jstasr.errors import JstasrError
from jstasr.experiment.files import DECODE, LM
from jstasr.kaldi.files import atomic_write

GREEDY, BEAM = "greedy", "beam"
MOST = {"beam_size": 1000, "max_symbols": 1000, "nbest": 1000, "batch_frames": 100_000_000, "max_seconds": 1_000_000}


@dataclass
class SearchConfig:
    """How a decoder's lattice is searched."""

    search: str = GREEDY  # Search: greedy | beam.
    beam_size: int = 8  # Label prefixes that beam search keeps at each frame.
    max_symbols: int = 3  # Largest number of labels in one encoder frame (40 ms).
    internal_lm_weight: float = 0.0  # Weight at which beam search subtracts the internal language model.
    lm_weight: float = 0.0  # Weight at which beam search adds the external language model.
    nbest: int = 1  # Texts that are given for each segment, the most probable first; beam search, at most beam_size.
    hotwords: list[str] = field(default_factory=list)  # Expected phrases, each with its boost if it has one: `anna :2`.
    hotwords_score: float = 0.5  # Boost of hotwords without one of their own: what each of their tokens adds.
    lang: str = ""  # Language given to a multilingual model; empty: the model recognises it.
    batch_frames: int = 60000  # Padded feature frames (10 ms) decoded together.
    max_seconds: int = 600  # Longest audio for the full-context decoder, whose time grows with the square; seconds.


def load_search_config(
    path: str | Path | None,
    overrides: Sequence[str] = (),
    language_model: str | None = None,
    own: SearchConfig | None = None,
) -> SearchConfig:
    """Read conf/decode.yaml.

    Args:
        path: the file; None: `own`.
        overrides: `key=value` strings, applied last.
        language_model: the file given by --lm; refused without a weight, required with one.
        own: the settings of the experiment, with its language model; None: the defaults.
    Raises:
        JstasrError: unreadable file, unknown key, wrong type or value, settings that would do nothing.
    """
    source = path or "--set"
    if path is not None or own is None:
        config, has_own_lm = merge_config(SearchConfig, path, overrides), False
    else:
        kept = replace(own)
        if any(override.replace(" ", "") == f"search={GREEDY}" for override in overrides):
            # were meant for the recipe's beam search
            kept.lm_weight = kept.internal_lm_weight = 0.0
            kept.hotwords, kept.nbest = [], 1
        config, has_own_lm = merge_config(SearchConfig, None, overrides, defaults=kept), own.lm_weight > 0
    if config.lang == "False":  # what YAML makes of the code of Norwegian, `no`
        config.lang = "no"
    check_search_config(config, str(source))
    if config.lm_weight > 0 and not (language_model or has_own_lm):
        raise JstasrError(f"{source}: lm_weight is {config.lm_weight} without a language model. Give --lm lm.arpa")
    if config.lm_weight == 0 and language_model:
        raise JstasrError(f"--lm {language_model}: has no weight. Add --set search=beam --set lm_weight=0.3")
    return config


def check_search_config(config: SearchConfig, source: str) -> None:
    """Refuse values that are out of range or would do nothing; `source` stands for their origin in the message."""
    if config.search not in (GREEDY, BEAM):
        raise JstasrError(f"{source}: search: {config.search} is neither greedy nor beam")
    for name, most in MOST.items():
        if not 1 <= getattr(config, name) <= most:
            raise JstasrError(f"{source}: {name}: must be 1 or more, and at most {most}")
    for name in ("lm_weight", "internal_lm_weight"):
        if not 0 <= getattr(config, name) < float("inf"):
            raise JstasrError(f"{source}: {name}: must be 0 or more")
        if getattr(config, name) > 0 and config.search == GREEDY:
            raise JstasrError(f"{source}: {name} works in beam search only. Add --set search=beam")
    if config.nbest > 1 and config.search == GREEDY:
        raise JstasrError(f"{source}: nbest works in beam search only. Add --set search=beam")
    if config.nbest > max(1, config.beam_size):
        raise JstasrError(f"{source}: nbest: {config.nbest} is more than beam_size, {config.beam_size}")
    if not 0 < config.hotwords_score < float("inf"):
        raise JstasrError(f"{source}: hotwords_score: must be more than 0")
    if config.hotwords and config.search == GREEDY:
        raise JstasrError(f"{source}: hotwords work in beam search only. Add --set search=beam")


def with_hotwords(config: SearchConfig, hotwords: Sequence[str]) -> SearchConfig:
    """The settings with these phrases in the place of their own; they make beam search of greedy search."""
    return replace(config, hotwords=list(hotwords), search=BEAM if hotwords else config.search)


def recipe_search_yaml(settings: SearchConfig) -> str:
    """The content of `decode.yaml`."""
    return "# How `jstasr transcribe` searches.\n" + yaml.safe_dump(asdict(settings), sort_keys=False)


def write_recipe_search(folder: Path, settings: SearchConfig, language_model: str | Path | None) -> None:
    """Leave the settings, and the language model if they use one, with the model in a folder.

    Raises:
        JstasrError: the folder cannot be written.
    """
    if language_model is None:
        (folder / LM).unlink(missing_ok=True)
    elif not (folder / LM).is_file() or not (folder / LM).samefile(language_model):
        with open(language_model, "rb") as source, atomic_write(folder / LM, "wb") as target:
            shutil.copyfileobj(source, target)
    with atomic_write(folder / DECODE) as file:
        file.write(recipe_search_yaml(settings))


def read_recipe_search(folder: Path, name: str) -> SearchConfig:
    """The settings that stand with the model in a folder, or the defaults; `name` stands for it in messages.

    Raises:
        JstasrError: the file is damaged, or its language model is missing.
    """
    if not (folder / DECODE).is_file():
        return SearchConfig()
    try:
        settings = merge_config(SearchConfig, folder / DECODE, plain=True)
        check_search_config(settings, DECODE)
    except JstasrError as error:
        reason = str(error).removeprefix(f"{folder / DECODE}: ")
        raise JstasrError(f"{name}: its {DECODE} is damaged ({reason}). Decode or pack again: --stage 8") from error
    if settings.lm_weight > 0 and not (folder / LM).is_file():
        raise JstasrError(f"{name}: {DECODE} needs {LM}, which is missing. Decode or pack again: --stage 8")
    return settings
