"""Writes the API pages: one HTML page a public module, from the docstrings. Fails on any warning.

Usage: .venv/bin/python tools/api.py [FOLDER]     (default: build/api; open index.html in it)
"""

import os
import sys
import warnings
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pdoc.doc
import pdoc.render

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "jstasr"
COMMANDS = f"{PACKAGE}.bin"  # `jstasr VERB --help` documents these


def public_modules() -> list[str]:
    """The package and every module below it whose path has no name with a leading underscore."""
    found = walk_packages(import_module(PACKAGE).__path__, f"{PACKAGE}.")
    names = [PACKAGE, *(module.name for module in found)]
    return [name for name in names if "._" not in name and not f"{name}.".startswith(f"{COMMANDS}.")]


def write_pages(folder: Path) -> dict[str, pdoc.doc.Module]:
    """Write the pages, return the modules. pdoc's own walk would leave out what a package's `__all__` does not name."""
    pdoc.render.configure(docformat="google", search=True)
    modules = {name: pdoc.doc.Module.from_name(name) for name in public_modules()}
    for name, module in modules.items():
        page = folder / f"{name.replace('.', '/')}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(pdoc.render.html_module(module, modules), encoding="utf-8")
    (folder / "index.html").write_text(pdoc.render.html_index(modules), encoding="utf-8")
    (folder / "search.js").write_text(pdoc.render.search_index(modules), encoding="utf-8")
    return modules


def main(words: list[str]) -> int:
    if len(words) > 1 or any(word.startswith("-") for word in words):
        print(__doc__, file=sys.stderr)
        return 0 if words[:1] in (["-h"], ["--help"]) else 2
    os.environ["PDOC_DISPLAY_ENV_VARS"] = "1"  # a default that equals a variable of this shell is no secret
    folder = Path(words[0]) if words else ROOT / "build" / "api"
    with warnings.catch_warnings(record=True) as caught:
        # of the inherited keys of a TypedDict, which stand on the page all the same
        warnings.filterwarnings("ignore", "Cannot determine where .* is taken from", module="pdoc.doc")
        modules = write_pages(folder)
    faults = [f"{warning.filename}:{warning.lineno}: {warning.message}" for warning in caught]
    faults += [f"{name}: the module has no docstring" for name, module in modules.items() if not module.docstring]
    if faults:
        print(*faults, f"tools/api.py: error: {len(faults)} warnings, which stand above", sep="\n", file=sys.stderr)
        return 1
    print(f"{len(modules)} pages in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
