"""The search configuration: YAML over the defaults, then `key=value`; unknown keys are errors."""

from collections.abc import Sequence
from pathlib import Path

from jstasr.config import merge_config, read_with_bases
from jstasr.decode.greedy import SearchConfig
from jstasr.errors import JstasrError


def load_search_config(
    path: str | Path | None, overrides: Sequence[str] = (), language_model: str | None = None
) -> SearchConfig:
    """Read conf/decode.yaml.

    Args:
        language_model: the file given by --lm; refused where no weight is given, required with one above 0. A weight
            of 0 may be what `jstasr tune` found.
    Raises:
        JstasrError: unreadable file, unknown key, wrong type or value, settings that would do nothing.
    """
    config = merge_config(SearchConfig, path, overrides)
    source = path or "--set"
    if config.search not in ("greedy", "beam"):
        raise JstasrError(f"{source}: search: {config.search} is neither greedy nor beam")
    for name in ("beam_size", "max_symbols", "batch_frames"):
        if getattr(config, name) < 1:
            raise JstasrError(f"{source}: {name}: must be 1 or more")
    for name in ("lm_weight", "internal_lm_weight"):
        if not 0 <= getattr(config, name) < float("inf"):
            raise JstasrError(f"{source}: {name}: must be 0 or more")
        if getattr(config, name) > 0 and config.search == "greedy":
            raise JstasrError(f"{source}: {name} works in beam search only. Add --set search=beam")
    if config.lm_weight > 0 and not language_model:
        raise JstasrError(f"{source}: lm_weight is {config.lm_weight} without a language model. Give --lm lm.arpa")
    files = read_with_bases(Path(path)) if path else []
    given = [*overrides, *(f"{key}=" for _, values in files for key in values)]
    if config.lm_weight == 0 and language_model and not any(item.startswith("lm_weight=") for item in given):
        raise JstasrError(f"--lm {language_model}: has no weight. Add --set search=beam --set lm_weight=0.3")
    return config
