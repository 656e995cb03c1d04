"""How an experiment is decoded: the search configuration, and the settings that a recipe leaves with its model."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import yaml

from jstasr.config import merge_config
from jstasr.errors import JstasrError
from jstasr.experiment.files import DECODE, LM, NNLM
from jstasr.kaldi.files import atomic_write

GREEDY, BEAM = "greedy", "beam"
WEIGHTS = ("lm_weight", "nnlm_weight", "internal_lm_weight")
EXCESS = 0.2  # of internal_lm_weight over the external weights: beyond, what neither model has seen is preferred
MOST = {"beam_size": 1000, "max_symbols": 1000, "nbest": 1000, "batch_frames": 100_000_000, "max_seconds": 1_000_000}


@dataclass
class SearchConfig:
    """How a decoder's lattice is searched."""

    search: str = GREEDY  # Search: greedy | beam.
    beam_size: int = 8  # Label prefixes that beam search keeps at each frame.
    max_symbols: int = 3  # Largest number of labels in one encoder frame (40 ms).
    internal_lm_weight: float = 0.0  # Weight at which beam search subtracts the internal language model.
    lm_weight: float = 0.0  # Weight at which beam search adds the external language model, an n-gram model.
    nnlm_weight: float = 0.0  # Weight at which beam search adds an external neural language model.
    length_bonus: float = 0.0  # What beam search adds to the log-probability for each label; negative: a penalty.
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
    neural_model: str | None = None,
) -> SearchConfig:
    """Read conf/decode.yaml.

    Args:
        path: the file; None: `own`.
        overrides: `key=value` strings, applied last.
        language_model: the file given by --lm; refused without a weight, required with one.
        own: the settings of the experiment, with its language models; None: the defaults.
        neural_model: the file given by --nnlm, likewise. With either file those of the experiment do not count.
    Raises:
        JstasrError: unreadable file, unknown key, wrong type or value, settings that would do nothing.
    """
    source = path or "--set"
    if path is not None or own is None:
        config, held = merge_config(SearchConfig, path, overrides), SearchConfig()
    else:
        kept = replace(own)
        if any(override.replace(" ", "") == f"search={GREEDY}" for override in overrides):
            # were meant for the recipe's beam search
            kept.lm_weight = kept.nnlm_weight = kept.internal_lm_weight = kept.length_bonus = 0.0
            kept.hotwords, kept.nbest = [], 1
        config, held = merge_config(SearchConfig, None, overrides, defaults=kept), own
    if config.lang == "False":  # what YAML makes of the code of Norwegian, `no`
        config.lang = "no"
    check_search_config(config, str(source))
    if language_model or neural_model:
        held = SearchConfig()
    if config.lm_weight > 0 and not (language_model or held.lm_weight):
        raise JstasrError(f"{source}: lm_weight is {config.lm_weight} without a language model. Give --lm lm.arpa")
    if config.nnlm_weight > 0 and not (neural_model or held.nnlm_weight):
        raise JstasrError(
            f"{source}: nnlm_weight is {config.nnlm_weight} without a neural language model. Give --nnlm nnlm.pt, or "
            "--set nnlm_weight=0"
        )
    if config.lm_weight == 0 and language_model:
        raise JstasrError(f"--lm {language_model}: has no weight. Add --set search=beam --set lm_weight=0.3")
    if config.nnlm_weight == 0 and neural_model:
        raise JstasrError(f"--nnlm {neural_model}: has no weight. Add --set search=beam --set nnlm_weight=0.3")
    return config


def check_search_config(config: SearchConfig, source: str) -> None:
    """Refuse values that are out of range or would do nothing; `source` stands for their origin in the message."""
    if config.search not in (GREEDY, BEAM):
        raise JstasrError(f"{source}: search: {config.search} is neither greedy nor beam")
    for name, most in MOST.items():
        if not 1 <= getattr(config, name) <= most:
            raise JstasrError(f"{source}: {name}: must be 1 or more, and at most {most}")
    for name in WEIGHTS:
        if not 0 <= getattr(config, name) < float("inf"):
            raise JstasrError(f"{source}: {name}: must be 0 or more")
        if getattr(config, name) > 0 and config.search == GREEDY:
            raise JstasrError(f"{source}: {name} works in beam search only. Add --set search=beam")
    external = external_weight(config)
    if config.internal_lm_weight > external + EXCESS + 1e-9:
        raise JstasrError(
            f"{source}: internal_lm_weight {config.internal_lm_weight} is far above the external weight, "
            f"{external:g}: the search would prefer words that no text holds. Lower it to {external:g} or less"
        )
    if not abs(config.length_bonus) < float("inf"):
        raise JstasrError(f"{source}: length_bonus: must be a number")
    if config.length_bonus and config.search == GREEDY:
        raise JstasrError(f"{source}: length_bonus works in beam search only. Add --set search=beam")
    if config.nbest > 1 and config.search == GREEDY:
        raise JstasrError(f"{source}: nbest works in beam search only. Add --set search=beam")
    if config.nbest > max(1, config.beam_size):
        raise JstasrError(f"{source}: nbest: {config.nbest} is more than beam_size, {config.beam_size}")
    if not 0 < config.hotwords_score < float("inf"):
        raise JstasrError(f"{source}: hotwords_score: must be more than 0")
    if config.hotwords and config.search == GREEDY:
        raise JstasrError(f"{source}: hotwords work in beam search only. Add --set search=beam")


def external_weight(config: SearchConfig) -> float:
    """Of the external language models together."""
    return round(config.lm_weight + config.nnlm_weight, 9)


def with_hotwords(config: SearchConfig, hotwords: Sequence[str]) -> SearchConfig:
    """The settings with these phrases in the place of their own; they make beam search of greedy search."""
    return replace(config, hotwords=list(hotwords), search=BEAM if hotwords else config.search)


def recipe_search_yaml(settings: SearchConfig) -> str:
    """The content of `decode.yaml`."""
    return "# How `jstasr transcribe` searches.\n" + yaml.safe_dump(asdict(settings), sort_keys=False)


def write_recipe_search(
    folder: Path,
    settings: SearchConfig,
    language_model: str | Path | None,
    neural_model: str | Path | None = None,
) -> None:
    """Leave the settings, and the files of the language models that they use, with the model in a folder.

    Raises:
        JstasrError: the folder cannot be written.
    """
    for given, kept in ((language_model, folder / LM), (neural_model, folder / NNLM)):
        if given is None:
            kept.unlink(missing_ok=True)
        elif not kept.is_file() or not kept.samefile(given):
            with open(given, "rb") as source, atomic_write(kept, "wb") as target:
                shutil.copyfileobj(source, target)
    with atomic_write(folder / DECODE) as file:
        file.write(recipe_search_yaml(settings))


def read_recipe_search(folder: Path, name: str) -> SearchConfig:
    """The settings that stand with the model in a folder, or the defaults; `name` stands for it in messages.

    Raises:
        JstasrError: the file is damaged, or a language model of it is missing.
    """
    if not (folder / DECODE).is_file():
        return SearchConfig()
    try:
        settings = merge_config(SearchConfig, folder / DECODE, plain=True)
        check_search_config(settings, DECODE)
    except JstasrError as error:
        reason = str(error).removeprefix(f"{folder / DECODE}: ")
        raise JstasrError(f"{name}: its {DECODE} is damaged ({reason}). Decode or pack again: --stage 8") from error
    for weight, part in ((settings.lm_weight, LM), (settings.nnlm_weight, NNLM)):
        if weight > 0 and not (folder / part).is_file():
            raise JstasrError(f"{name}: {DECODE} needs {part}, which is missing. Decode or pack again: --stage 8")
    return settings
