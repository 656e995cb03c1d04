"""The search configuration: YAML over the defaults, then `key=value`; unknown keys are errors."""

from pathlib import Path

from jstasr.config import merge_config
from jstasr.decode.search import SearchConfig
from jstasr.errors import JstasrError


def load_search_config(path: str | Path | None, overrides: list[str] = ()) -> SearchConfig:
    """Read conf/decode.yaml.

    Raises:
        JstasrError: unreadable file, unknown key, wrong type or value.
    """
    config = merge_config(SearchConfig, path, overrides)
    if config.search not in ("greedy", "beam"):
        raise JstasrError(f"{path or '--set'}: search: {config.search} is neither greedy nor beam")
    for name in ("beam_size", "max_symbols", "batch_frames"):
        if getattr(config, name) < 1:
            raise JstasrError(f"{path or '--set'}: {name}: must be 1 or more")
    return config
