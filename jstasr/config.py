"""Configuration files: YAML over the defaults of a dataclass, then `a.b=c`; unknown keys are errors."""

import difflib
from dataclasses import fields, is_dataclass
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from jstasr.errors import JstasrError


def known_keys(node, prefix: str = "") -> list[str]:
    """Dotted names of every value below a dataclass instance."""
    names = []
    for item in fields(node):
        value = getattr(node, item.name)
        names += known_keys(value, f"{prefix}{item.name}.") if is_dataclass(value) else [prefix + item.name]
    return names


def given_keys(values: dict, schema, prefix: str = "") -> list[str]:
    """Dotted names of what a file sets, as deep as the schema goes."""
    names = []
    for name, value in values.items():
        below = getattr(schema, str(name), None)
        if isinstance(value, dict) and is_dataclass(below):
            names += given_keys(value, below, f"{prefix}{name}.")
        else:
            names.append(f"{prefix}{name}")
    return names


def check_keys(values, defaults, source: str) -> None:
    """Refuse unknown keys, each with the nearest known one."""
    if not isinstance(values, dict):
        raise JstasrError(f"{source}: expected `key: value` pairs, found {type(values).__name__}")
    known = known_keys(defaults)
    faults = []
    for name in given_keys(values, defaults):
        if name in known:
            continue
        near = [full for full in known if full.split(".")[-1] == name.split(".")[-1]]
        near = near or difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        faults.append(f"unknown key {name}" + (f" (did you mean {near[0]}?)" if near else ""))
    if faults:
        raise JstasrError(f"{source}: " + "; ".join(faults))


def merge_config(schema: type, path: str | Path | None, overrides: list[str] = ()):
    """Read a configuration.

    Args:
        schema: a dataclass whose fields all have defaults.
        path: YAML file, or None for the defaults.
        overrides: `a.b=c` strings, applied after the file.
    Returns:
        An instance of `schema`.
    Raises:
        JstasrError: unreadable file, unknown key (names the nearest), wrong type.
    """
    merged = OmegaConf.structured(schema)
    source = str(path)
    try:
        if path is not None:
            loaded = OmegaConf.load(path)
            check_keys(OmegaConf.to_container(loaded) or {}, schema(), source)
            merged = OmegaConf.merge(merged, loaded)
        for source in overrides:
            if "=" not in source:
                raise JstasrError(f"--set {source}: write it as key=value, such as seed=2")
            dotted = OmegaConf.from_dotlist([source])
            check_keys(OmegaConf.to_container(dotted), schema(), f"--set {source}")
            merged = OmegaConf.merge(merged, dotted)
        return OmegaConf.to_object(merged)
    except OSError as error:
        raise JstasrError(f"{path}: cannot read this configuration file: {error.strerror}") from None
    except (OmegaConfBaseException, YAMLError, UnicodeDecodeError) as error:
        raise JstasrError(f"{source}: {' '.join(str(error).split())}") from error
