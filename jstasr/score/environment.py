"""Where and when a result was computed."""

import platform
import subprocess
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import jstasr

UNCOMMITTED = "-dirty"  # ends the git hash of a working tree with uncommitted changes


def environment() -> dict[str, str]:
    """`date` (local time), `python`, `jstasr`, `torch` and `git`, the short hash of the commit."""
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "jstasr": jstasr.__version__,
        "torch": _version("torch"),
        "git": _git_hash(),
    }


def _version(package: str) -> str:
    try:
        return version(package)  # without importing it, which would take seconds
    except PackageNotFoundError:
        return "not installed"


def _git_hash() -> str:
    command = ["git", "describe", "--always", f"--dirty={UNCOMMITTED}", "--exclude=*", "--abbrev=10"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"
