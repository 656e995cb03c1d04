"""The YAML file of a sweep: which systems are trained in which conditions with which seeds, and which are compared."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jstasr.config import read_values
from jstasr.errors import JstasrError, list_faults
from jstasr.sweep.digest import digest

KEYS = (
    "name",
    "recipe",
    "systems",
    "conditions",
    "seeds",
    "test_sets",
    "decodings",
    "measure",
    "comparisons",
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+]*")  # part of a folder's name and of `B - A`
ALL = "all"  # the one condition of a plan that names none
# Options of run.sh that each cell has of its own
OWN = (
    "stage stop_stage skip_stages skip_data_prep skip_train skip_eval skip_packing dumpdir expdir asr_tag asr_exp"
    " asr_stats_dir test_sets inference_tag lm_exp ngram_exp"
).split()
# Options of run.sh that change no result
FREE = "nj inference_nj disk_gb results_note".split()
# Options that the stages up to the features do not read; all others belong to the data
TRAINING = (
    "asr_config asr_args average_num ngpu train_procs num_nodes feats_normalize pretrained_model ignore_init_mismatch"
).split()
DECODING = (
    "inference_config inference_args inference_asr_model inference_modes gpu_inference lm_inference_config"
    " use_streaming metrics score_opts"
).split()
MEASURES = ("wer", "cer", "ter")
LM = "_lm"  # ends the name of a decoding with the n-gram model of --use_lm

Options = dict[str, str]  # of run.sh, without dashes in front


@dataclass
class System:
    """A way to train: what it changes in the configuration, and in the options of run.sh."""

    name: str
    overrides: list[str]  # `a.b=c`
    options: Options


@dataclass
class Comparison:
    """System B against system A; empty lists: everywhere."""

    b: str
    a: str
    decodings: list[str] = field(default_factory=list)  # names, "lm" or "none"
    test_sets: list[str] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """`B - A`."""
        return f"{self.b} - {self.a}"

    def includes(self, condition: str, test_set: str, decoding: str, mode: str) -> bool:
        """Is it made here?"""
        kind = "lm" if decoding.endswith(LM) else "none"
        return (
            (not self.conditions or condition in self.conditions)
            and (not self.test_sets or test_set in self.test_sets)
            and (not self.modes or mode in self.modes)
            and (not self.decodings or decoding in self.decodings or kind in self.decodings)
        )


@dataclass
class Plan:
    """A sweep.

    Attributes:
        name: of its folder.
        recipe: folder of the recipe in the repository, egs/<name>/asr1.
        conditions: name -> options of run.sh.
        decodings: name -> options of the stages 8 and 9; {"": {}}: as the recipe decodes.
        measure: wer, cer or ter.
    """

    name: str
    recipe: str
    systems: dict[str, System]
    conditions: dict[str, Options]
    seeds: list[int]
    test_sets: list[str]
    decodings: dict[str, Options]
    measure: str
    comparisons: list[Comparison]

    def planned(self) -> Iterator["PlannedCell"]:
        """All cells: one seed of all systems before the next seed, so that comparisons are there early."""
        for seed in self.seeds:
            for condition in self.conditions:
                for system in self.systems.values():
                    yield PlannedCell(self, condition, system, seed)


@dataclass
class PlannedCell:
    """One system, condition and seed."""

    plan: Plan
    condition: str
    system: System
    seed: int

    @property
    def key(self) -> tuple[str, str, int]:
        """(condition, system, seed)."""
        return self.condition, self.system.name, self.seed

    @property
    def options(self) -> Options:
        """Options of run.sh, those of the system over those of the condition."""
        return self.plan.conditions[self.condition] | self.system.options

    @property
    def training_options(self) -> Options:
        """`options` with the seed and the overrides."""
        parts = [
            (options or {}).get("asr_args", "")
            for options in (self.plan.conditions[self.condition], self.system.options)
        ]
        sets = [f"--set {shlex.quote(item)}" for item in [f"seed={self.seed}", *self.system.overrides]]
        return self.options | {"asr_args": " ".join([*(part for part in parts if part), *sets])}

    @property
    def data(self) -> Options:
        """The options that the stages up to the features read: cells in which they are equal share these stages."""
        return {key: value for key, value in sorted(self.options.items()) if key not in (*FREE, *TRAINING, *DECODING)}

    @property
    def config(self) -> str:
        """Digest of what is trained, given its data and the code."""
        options = {key: value for key, value in self.training_options.items() if key not in (*FREE, *DECODING)}
        return digest(json.dumps(options, sort_keys=True))

    def search(self, decoding: str) -> str:
        """Digest of how one of the decodings is made."""
        options = self.options | self.plan.decodings[decoding]
        options = {key: value for key, value in options.items() if key in (*DECODING, "use_lm", "ngram_num")}
        return digest(json.dumps([decoding, self.plan.measure, options], sort_keys=True))


def read_plan(path: str | Path) -> Plan:
    """Read the YAML file of a sweep.

    Raises:
        JstasrError: unreadable, or with faults, all of which are named.
    """
    path = Path(path)
    values = read_values(path)
    faults: list[str] = []
    reader = _Reader(values, faults)
    plan = reader.plan()
    if faults:
        raise JstasrError(f"{path}: not a plan of a sweep:\n{list_faults(faults, indent='  ')}")
    return plan


class _Reader:
    """Takes a plan from the values of a YAML file, and collects what is wrong with them."""

    def __init__(self, values: dict, faults: list[str]):
        self.values, self.faults = values, faults

    def plan(self) -> Plan:
        for key in self.values:
            if key not in KEYS:
                self.faults.append(f"unknown key {key}; there are {', '.join(KEYS)}")
        systems = {name: self._system(name, value) for name, value in self._mapping("systems").items()}
        conditions = self._mapping("conditions", {ALL: {}})
        decodings = self._mapping("decodings", {"": {}})
        plan = Plan(
            name=self._name("name", str(self.values.get("name", ""))),
            recipe=str(self.values.get("recipe", "")).strip("/"),
            systems=systems,
            conditions={name: self._options(f"conditions.{name}", value) for name, value in conditions.items()},
            seeds=[seed for seed in self._list("seeds") if isinstance(seed, int)],
            test_sets=[str(name) for name in self._list("test_sets")],
            decodings={name: self._options(f"decodings.{name}", value) for name, value in decodings.items()},
            measure=str(self.values.get("measure", "wer")),
            comparisons=[],
        )
        if not plan.recipe:
            self.faults.append("recipe: the folder of a recipe is missing, such as egs/mini/asr1")
        if not plan.systems:
            self.faults.append("systems: none is named")
        if not plan.seeds or len(set(plan.seeds)) < len(self._list("seeds")):
            self.faults.append("seeds: a list of different whole numbers, such as [1, 2, 3]")
        if not plan.test_sets:
            self.faults.append("test_sets: a list of the recipe's test sets, such as [test]")
        if plan.measure not in MEASURES:
            self.faults.append(f"measure: {plan.measure} is not one of {', '.join(MEASURES)}")
        for name, options in plan.decodings.items():
            wrong = [key for key in options if key not in DECODING and key not in ("use_lm", *FREE)]
            if wrong:
                self.faults.append(f"decodings.{name}: {', '.join(wrong)}: not options of decoding and scoring")
        plan.comparisons = [self._comparison(value, plan) for value in self.values.get("comparisons") or []]
        return plan

    def _name(self, where: str, name: str) -> str:
        if not NAME.fullmatch(name):
            self.faults.append(f"{where}: `{name}` is no name: letters, digits, `.`, `_` and `+`")
        return name

    def _mapping(self, key: str, default: dict | None = None) -> dict[str, Any]:
        value = self.values.get(key)
        if value is None:
            return default or {}
        if not isinstance(value, dict):
            self.faults.append(f"{key}: expected `name: settings`, found {type(value).__name__}")
            return {}
        return {self._name(key, str(name)): settings for name, settings in value.items()}

    def _list(self, key: str) -> list:
        value = self.values.get(key)
        return value if isinstance(value, list) else []

    def _options(self, where: str, value: Any) -> Options:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.faults.append(f"{where}: expected options of run.sh, `name: value`, found {type(value).__name__}")
            return {}
        options = {}
        for name, setting in value.items():
            name = str(name).lstrip("-").replace("-", "_")
            if name in OWN:
                self.faults.append(f"{where}: {name} is set by the sweep itself")
            options[name] = _text(setting)
        return options

    def _system(self, name: str, value: Any) -> System:
        if value is not None and not isinstance(value, dict):
            self.faults.append(f"systems.{name}: expected `key: value` pairs, found {type(value).__name__}")
            value = None
        value = value or {}
        options = {key: setting for key, setting in value.items() if str(key).startswith("--")}
        overrides = {key: setting for key, setting in value.items() if key not in options}
        if "seed" in overrides:
            self.faults.append(f"systems.{name}: seed is set by the sweep itself")
        return System(name, list(_dotted(overrides)), self._options(f"systems.{name}", options))

    def _comparison(self, value: Any, plan: Plan) -> Comparison:
        settings = value if isinstance(value, dict) else {"systems": value}
        text = str(settings.get("systems", ""))
        b, _, a = (part.strip() for part in text.partition("-"))
        comparison = Comparison(b, a)
        known = {
            "test_sets": plan.test_sets,
            "conditions": list(plan.conditions),
            "modes": ["streaming", "full"],
            "decodings": None,
        }
        if b not in plan.systems or a not in plan.systems:
            self.faults.append(f"comparisons: `{text}`: expected `B - A`, two of {', '.join(plan.systems)}")
        for key, names in settings.items():
            if key == "systems":
                continue
            if key not in known:
                self.faults.append(f"comparisons: {text}: unknown key {key}; there are {', '.join(known)}")
                continue
            names = [str(name) for name in (names if isinstance(names, list) else [names])]
            allowed = known[key]
            for name in names:
                if allowed is not None and name not in allowed:
                    self.faults.append(f"comparisons: {text}: {key}: {name} is not one of {', '.join(allowed)}")
            setattr(comparison, key, names)
        return comparison


def _dotted(values: Mapping, prefix: str = "") -> Iterator[str]:
    """`a.b=c` of each value of a nested mapping."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={_text(value)}"


def _text(value: Any) -> str:
    """A value of the YAML file as it is written on a command line."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
