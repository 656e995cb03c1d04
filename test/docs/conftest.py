"""The scripts and pages of docs/."""

import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def root():
    return ROOT


def script(name):
    """A script of docs/, which is no package, as a module."""
    spec = spec_from_file_location(f"docs_{name}", ROOT / f"docs/{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def figures():
    return script("figures")


@pytest.fixture(scope="session")
def reference():
    return script("reference")


@pytest.fixture(scope="session")
def tracked():
    """Files of the repository, those that git ignores and links left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [ROOT / name for name in names if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]
