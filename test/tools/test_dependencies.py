"""What pyproject.toml declares against what the code imports and what tools/requirements.txt pins."""

import ast
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from jstasr.cli import EXTRA, available_verbs

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OPTIONAL = PROJECT["optional-dependencies"]
DISTRIBUTIONS = {
    "espeakng_loader": "espeakng-loader",
    "lightning_fabric": "lightning-fabric",
    "mlflow": "mlflow-skinny",
    "yaml": "pyyaml",
}
# Looked for at run time: formats of `jstasr import`, pretrained encoders, voice activity, shards and services for
# curves, with extras of their own, a peer of `jstasr bench`, and what torch brings for a GPU.
NOT_ALWAYS = {
    "datasets",
    "espnet2",
    "fsspec",
    "httpx",
    "huggingface-hub",
    "lhotse",
    "mlflow-skinny",
    "onnxruntime",
    "peft",
    "pyarrow",
    "transformers",
    "triton",
    "wandb",
}


def declared(extra: str) -> dict[str, Requirement]:
    """Distribution -> requirement, of the core and an extra with the extras that it names."""
    lines = [*PROJECT["dependencies"], *(OPTIONAL[extra] if extra else [])]
    found = {}
    for requirement in map(Requirement, lines):
        if requirement.name == "jstasr":
            for other in requirement.extras:
                found |= declared(other)
        else:
            found[canonicalize_name(requirement.name)] = requirement
    return found


def imported_modules(path: Path) -> set[str]:
    """Full names of all that a file imports, anywhere in it; a name that is imported from a module counts as one."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages_behind(start: Path) -> set[str]:
    """The distributions that a file and the modules of jstasr behind it import."""
    found, seen, waiting = set(), set(), [start]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imported_modules(path):
            parts = name.split(".")
            if parts[0] == "jstasr":
                stems = [ROOT.joinpath(*parts[:count]) for count in range(2, len(parts) + 1)]
                files = [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
                waiting += [file for file in files if file.is_file()]
            elif name.startswith("torch.utils.tensorboard"):
                found |= {"torch", "tensorboard"}
            elif parts[0] not in sys.stdlib_module_names:
                found.add(canonicalize_name(DISTRIBUTIONS.get(parts[0], parts[0])))
    return found


@pytest.mark.parametrize("verb", sorted(available_verbs()))
def test_the_extra_of_a_verb_has_every_package_that_it_can_import(verb):
    needed = packages_behind(available_verbs()[verb]) - NOT_ALWAYS
    assert needed <= set(declared(EXTRA.get(verb, "train")))


def test_packages_are_found_behind_functions_and_other_modules():
    assert {"torch", "lightning-fabric", "jiwer", "pyyaml"} <= packages_behind(available_verbs()["train"])


def test_the_api_of_a_packed_model_needs_the_extra_transcribe_only():
    assert packages_behind(ROOT / "jstasr" / "decode" / "transcriber.py") - NOT_ALWAYS <= set(declared("transcribe"))


def test_every_extra_but_bench_and_test_is_in_all():
    for extra in set(OPTIONAL) - {"bench", "test"}:
        assert set(declared(extra)) <= set(declared("all"))


def pins(name: str) -> list[Requirement]:
    lines = (ROOT / "tools" / name).read_text("utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_the_pinned_versions_are_within_the_bounds():
    pinned = [*pins("requirements.txt"), *pins("requirements-dev.txt")]
    for name, requirement in declared("test").items():
        versions = [str(pin.specifier)[2:] for pin in pinned if canonicalize_name(pin.name) == name]
        assert versions, f"{name} is not pinned"
        assert all(version in requirement.specifier for version in versions), requirement


def test_every_pinned_line_is_one_version():
    for pin in [*pins("requirements.txt"), *pins("requirements-dev.txt")]:
        assert re.fullmatch(r"==[\d.]+(post\d+)?", str(pin.specifier)), pin


def test_torch_and_torchaudio_are_pinned_as_a_pair():
    torch, audio = (pin for pin in pins("requirements.txt") if pin.name.startswith("torch"))
    assert (torch.name, audio.name) == ("torch", "torchaudio")
    assert torch.specifier == audio.specifier


def test_no_bound_keeps_other_packages_from_newer_releases():
    for extra in ["", *OPTIONAL]:
        for requirement in declared(extra).values():
            operators = {specifier.operator for specifier in requirement.specifier}
            assert operators <= {">=", "!="}, requirement  # one bad release may be left out
