"""The package's floors (docs/architecture.md): nothing imports from a floor above its own."""

import ast
from pathlib import Path

import pytest

import jstasr

PACKAGE = Path(jstasr.__file__).parent
FLOORS = (
    "errors config kaldi shards text corpus pretrained features kernels align lm data model losses experiment"
    " decode export serve train status score report check sweep bench bin cli"
).split()


def imported(path: Path) -> set[str]:
    """The parts of jstasr, folders or modules of its top level, that a file imports anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, *below = name.split(".")
            if top == "jstasr" and below and not (below[0].startswith("__") or below[0] == "Transcriber"):
                found.add(below[0])
    return found


def upward_imports(root: Path, floors: list[str]) -> list[str]:
    """`file: part`, for each part above the file's own floor."""
    rank = {name: place for place, name in enumerate(floors)}
    faults = []
    for path in sorted(root.rglob("*.py")):
        own = path.relative_to(root).parts[0].removesuffix(".py")
        if own.startswith("__"):  # jstasr/__init__.py and __main__.py: the public names
            continue
        assert own in rank, f"{path}: no floor has this part; draw it into docs/architecture.md and FLOORS"
        for part in sorted(imported(path)):
            if rank[part] > rank[own]:
                faults.append(f"{path.relative_to(root)}: {part}")
    return faults


def test_nothing_imports_from_a_floor_above():
    assert upward_imports(PACKAGE, FLOORS) == []


def test_every_floor_exists():
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert {name for name in there if not name.startswith("__")} == set(FLOORS)


@pytest.mark.parametrize("line", ["import jstasr.upper", "from jstasr.upper import a", "from jstasr import upper"])
def test_an_upward_import_is_found(tmp_path, line):
    for part in ("lower", "upper"):
        (tmp_path / part).mkdir()
    (tmp_path / "upper" / "a.py").write_text("from jstasr.lower import b\n")
    (tmp_path / "lower" / "b.py").write_text(f"def f():\n    {line}\n")
    assert upward_imports(tmp_path, ["lower", "upper"]) == ["lower/b.py: upper"]
