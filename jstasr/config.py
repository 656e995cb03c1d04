"""Configuration files: YAML over the defaults of a dataclass, then `a.b=c`; unknown keys are errors.

A file may name another one, `base: train_base.yaml`, and hold only what differs from it.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from jstasr.errors import JstasrError

Schema = TypeVar("Schema")

# {a:[1]} as it is typed on a command line, outside quotes: libyaml asks for a blank where PyYAML's own parser does not.
CLOSED_UP = re.compile(r"""("[^"]*"|'[^']*')|:(?=[\[{])""")
BASE = "base"  # key of the file whose values a file changes
DEEPEST = 8  # levels of nesting of a configuration that a program wrote; it has 5
NONE: Mapping[str, str] = MappingProxyType({})


def known_keys(node: Any, prefix: str = "") -> list[str]:
    """Dotted names of every value below a dataclass instance."""
    names = []
    for item in fields(node):
        value = getattr(node, item.name)
        names += known_keys(value, f"{prefix}{item.name}.") if is_dataclass(value) else [prefix + item.name]
    return names


def nested(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted name and value of all that is in nested dictionaries and lists, these included."""
    if name:
        yield name, value
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in below:
        yield from nested(item, f"{name}.{key}".lstrip("."))


def given_keys(values: dict, schema: Any, prefix: str = "") -> list[str]:
    """Dotted names of what a file sets, as deep as the schema goes."""
    names = []
    for name, value in values.items():
        below = getattr(schema, str(name), None)
        if isinstance(value, dict) and is_dataclass(below):
            names += given_keys(value, below, f"{prefix}{name}.")
        else:
            names.append(f"{prefix}{name}")
    return names


def check_keys(values: dict, defaults: Any, source: str, retired: Mapping[str, str] = NONE) -> None:
    """Refuse unknown keys, each with the nearest known one, or with what `retired` says of it."""
    known = known_keys(defaults)
    faults = []
    for name in given_keys(values, defaults):
        if name in known:
            continue
        if name in retired:
            faults.append(f"{name} is gone: {retired[name]}")
            continue
        near = [full for full in known if full.split(".")[-1] == name.split(".")[-1]]
        near = near or difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        faults.append(f"unknown key {name}" + (f" (did you mean {near[0]}?)" if near else ""))
    if faults:
        raise JstasrError(f"{source}: " + "; ".join(faults))


@contextmanager
def faults_of(source: str) -> Iterator[None]:
    """Name the source of what OmegaConf and the YAML parser refuse."""
    try:
        yield
    except (OmegaConfBaseException, YAMLError, ValueError, TypeError, OverflowError) as error:
        raise JstasrError(f"{source}: {' '.join(str(error).split())}") from error


def read_values(path: Path) -> dict:
    """What one YAML file holds, interpolations unresolved."""
    try:
        with faults_of(str(path)):
            values = OmegaConf.to_container(OmegaConf.load(path))
    except OSError as error:
        raise JstasrError(f"{path}: cannot read this configuration file: {error.strerror or error}") from None
    if not isinstance(values, dict):
        raise JstasrError(f"{path}: expected `key: value` pairs, found {type(values).__name__}")
    return values


def read_plain(path: Path) -> dict:
    """`read_values` of a file that a program wrote, every value written out: it may be a stranger's.

    Raises:
        JstasrError: an interpolation, which could ask for the environment; an alias, which could stand for billions of
            values; nesting that no configuration has.
    """
    depth = 0
    try:
        with faults_of(str(path)):
            for event in yaml.parse(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
                depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
                if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
                    raise JstasrError(f"{path}: line {event.start_mark.line + 1}: is nested or refers to itself")
                if isinstance(event, yaml.ScalarEvent) and "${" in event.value:
                    raise JstasrError(f"{path}: {event.value[:60]}: is not resolved here: write the value")
    except OSError as error:
        raise JstasrError(f"{path}: cannot read this configuration file: {error.strerror or error}") from None
    return read_values(path)


def read_with_bases(path: Path, users: tuple[Path, ...] = ()) -> list[tuple[str, dict]]:
    """Read a file, its base, the base of that, and so on.

    A base is relative to the folder in which the file that names it really lies: symbolic links to the file or to its
    folder change nothing.

    Args:
        path: the file.
        users: files that are based on it.
    Returns:
        (name, values without `base`) of each file, every base before its users.
    Raises:
        JstasrError: a file cannot be read; a base is missing or leads in a circle (names both files).
    """
    values = read_values(path)
    if BASE not in values:
        return [(str(path), values)]
    name = values.pop(BASE)
    if not isinstance(name, str) or not name:
        raise JstasrError(f"{path}: {BASE}: expected the name of a file, found {name!r}")
    users = (*users, path.resolve())
    base = (users[-1].parent / name).resolve()
    if base in users:
        circle = " -> ".join(str(file) for file in [*users[users.index(base) :], base])
        raise JstasrError(f"{path}: {BASE}: {name} leads in a circle: {circle}")
    if not base.is_file():
        raise JstasrError(f"{path}: {BASE}: {name}: there is no file {base}")
    return [*read_with_bases(base, users), (str(path), values)]


def drop_key(values: dict, name: str) -> None:
    """Remove a dotted key from nested values, if it is there."""
    *above, last = name.split(".")
    for part in above:
        below = values.get(part)
        if not isinstance(below, dict):
            return
        values = below
    values.pop(last, None)


def merge_config(
    schema: type[Schema],
    path: str | Path | None,
    overrides: Sequence[str] = (),
    defaults: Schema | None = None,
    retired: Mapping[str, str] = NONE,
    drop_retired: bool = False,
    plain: bool = False,
) -> Schema:
    """Read a configuration.

    Args:
        schema: a dataclass whose fields all have defaults.
        path: YAML file, or None for the defaults. It may name a `base`, which is read before it and may have a base
            itself; mappings are merged, lists and scalars replaced.
        overrides: `a.b=c` strings, applied after the file.
        defaults: the values that file and overrides change; None: those of the schema.
        retired: keys of earlier versions -> what takes their place, for the error.
        drop_retired: read files without these keys instead.
        plain: the file was written by a program, without a base and interpolations (`read_plain`).
    Returns:
        An instance of `schema`.
    Raises:
        JstasrError: unreadable file, a base that is missing or leads in a circle, unknown key (names the nearest),
            wrong type; names the file of them in which the fault stands.
    """
    merged = OmegaConf.structured(defaults if defaults is not None else schema)
    files = []
    if path is not None:
        files = [(str(path), read_plain(Path(path)))] if plain else read_with_bases(Path(path))
    for source, values in files:
        for name in retired if drop_retired else ():
            drop_key(values, name)
        check_keys(values, schema(), source, retired)
        with faults_of(source):
            merged = OmegaConf.merge(merged, values)
    for override in overrides:
        source = f"--set {override}"
        if "=" not in override:
            raise JstasrError(f"{source}: write it as key=value, such as seed=2")
        with faults_of(source):
            values = OmegaConf.from_dotlist([CLOSED_UP.sub(lambda match: match[1] or ": ", override)])
            check_keys(cast(dict, OmegaConf.to_container(values)), schema(), source, retired)
            merged = OmegaConf.merge(merged, values)
    with faults_of(str(path or "--set")):
        return cast(Schema, OmegaConf.to_object(merged))
