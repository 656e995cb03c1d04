"""Recipes run in a folder of the test's own; their Python is imported from where it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "egs/mini/asr1/local"))
CORPORA = ("JSTASR_CORPORA", "FSDD", "FSDD_URL")  # a test says itself where its corpus is


class Recipe:
    """A recipe's folder whose data, downloads and experiments are the test's own."""

    def __init__(self, name, folder):
        self.folder = folder
        for link in ("local", "utils", "path.sh", "cmd.sh", "db.sh", "asr.sh"):
            (folder / link).symlink_to(ROOT / "egs" / name / "asr1" / link)

    def run(self, *command, **environment):
        """Run local/... in the folder; returns the finished process with its text output."""
        inherited = {key: value for key, value in os.environ.items() if key not in CORPORA}
        return subprocess.run(
            [self.folder / command[0], *map(str, command[1:])],
            env=inherited | environment,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def mini(tmp_path):
    return Recipe("mini", tmp_path)


@pytest.fixture
def fsdd(tmp_path):
    return Recipe("fsdd", tmp_path)
