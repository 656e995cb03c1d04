"""A source distribution holds what its build needs: every source of the extensions, and the pinned packages."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = (".pyx", ".h")


@pytest.mark.slow
def test_source_distribution_holds_all_sources_of_the_extensions(tmp_path):
    tree = tmp_path / "tree"
    generated = shutil.ignore_patterns("*.so", "*.c", "__pycache__")
    shutil.copytree(ROOT / "jstasr", tree / "jstasr", ignore=generated)
    shutil.copytree(ROOT / "tools", tree / "tools", ignore=generated)
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md"):
        shutil.copy(ROOT / name, tree)
    subprocess.run([sys.executable, "setup.py", "-q", "sdist", "-d", tmp_path], cwd=tree, check=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "jstasr").rglob("*") if path.suffix in SOURCES}
    assert sum(name.endswith("_core.h") for name in sources) > 5
    assert sources | {"tools/requirements.txt", "tools/requirements-dev.txt", "setup.py"} <= packed
