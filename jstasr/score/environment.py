"""Where and when a result was made."""

import platform
import subprocess
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jstasr


def environment():
    """dict of str: date (local time), python, jstasr, torch, git (short hash, `-dirty` when changed)."""
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "jstasr": jstasr.__version__,
        "torch": _version("torch"),
        "git": _git_hash(),
    }


def _version(package):
    try:
        return version(package)  # without importing it, which would take seconds
    except PackageNotFoundError:
        return "not installed"


def _git_hash():
    command = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"
