"""`jstasr VERB ...`: finds the verb's module in jstasr/bin and imports only that one."""

import argparse
import ast
import difflib
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import jstasr
from jstasr.errors import JstasrError

BIN = Path(__file__).parent / "bin"
# The order in which a recipe meets the verbs; `--help` lists others after these.
ORDER = (
    "check languages fetch import format-audio phonemize tokenize extract lm train status average decode pseudo-label"
    " score results analyze probe report pack transcribe serve export to-wav lock sweep bench"
).split()
# The optional dependencies (pyproject.toml) of a verb's packages; "train" holds those of all others.
EXTRA = {
    "score": "score",
    "results": "score",
    "analyze": "report",
    "sweep": "report",
    "report": "report",
    "transcribe": "transcribe",
    "serve": "serve",
    "export": "export",
    "bench": "bench",
}


def available_verbs() -> dict[str, Path]:
    """Verb -> its module's path, in the order of the stages that use them."""
    paths = {path.stem.replace("_", "-"): path for path in BIN.glob("*.py") if not path.stem.startswith("_")}
    rank = {verb: index for index, verb in enumerate(ORDER)}
    return {verb: paths[verb] for verb in sorted(paths, key=lambda verb: (rank.get(verb, len(rank)), verb))}


def read_help(path: Path) -> str:
    """The module's `HELP` line, read from its source: importing every verb would take seconds."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.Assign):
            continue
        if any(isinstance(target, ast.Name) and target.id == "HELP" for target in node.targets):
            return str(ast.literal_eval(node.value))
    return ""


def overview(verbs: dict[str, Path]) -> str:
    """The text of `jstasr --help`."""
    lines = ["usage: jstasr VERB [OPTION...]", "", (jstasr.__doc__ or "").partition("\n")[0], "", "verbs:"]
    lines += [f"  {verb:<14} {read_help(path)}" for verb, path in verbs.items()]
    lines += ["", "`jstasr VERB --help` lists the options of a verb; `jstasr --version` tells the version."]
    return "\n".join(lines)


def nearest(name: str, candidates: list[str]) -> str:
    """The hint after a mistyped name, or nothing when no candidate comes near."""
    found = difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    return f" Did you mean `{found[0]}`?" if found else ""


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds the default to an option's help, where there is one and the help does not tell it itself."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, "", []) or "default" in (action.help or ""):
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Argument parser without abbreviations that names the option nearest to an unknown one."""

    def __init__(self, *args, **kwargs) -> None:
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            unknown = message[len(prefix) :].split()[0].split("=")[0]
            message += "." + nearest(unknown, list(self._option_string_actions))
        self.exit(2, f"{self.prog}: error: {message}\nSee `{self.prog} --help`.\n")


def run_verb(verb: str, argv: list[str]) -> int:
    """Parse `argv` by the verb's module, run it, return the exit code."""
    try:
        module = import_module(f"jstasr.bin.{verb.replace('-', '_')}")
        parser = Parser(
            prog=f"jstasr {verb}",
            description=module.HELP,
            formatter_class=HelpFormatter,
        )
        module.add_arguments(parser)
        return module.run(parser.parse_args(argv)) or 0
    except JstasrError as error:
        print(f"jstasr {verb}: error: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "jstasr"):
            raise
        remedy = f"pip install 'jstasr[{EXTRA.get(verb, 'train')}]', or tools/setup.sh in a checkout"
        print(f"jstasr {verb}: error: the package {package} is not installed: {remedy}", file=sys.stderr)
        return 1


def dispatch(argv: list[str]) -> int:
    """Exit code of the command line `argv` (without the program's name)."""
    verbs = available_verbs()
    if not argv:
        print(overview(verbs), file=sys.stderr)
        return 2
    verb, rest = argv[0], argv[1:]
    if verb in ("-h", "--help", "help"):
        print(overview(verbs))
        return 0
    if verb == "--version":
        print(jstasr.__version__)
        return 0
    if verb not in verbs:
        hint = nearest(verb, list(verbs))
        print(f"jstasr: error: unknown verb `{verb}`.{hint} See `jstasr --help`.", file=sys.stderr)
        return 2
    return run_verb(verb, rest)


def main(argv: list[str] | None = None) -> int:
    """Entry point of the `jstasr` command."""
    try:
        code = dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # `jstasr ... | head`: the reader has gone. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        print("jstasr: interrupted", file=sys.stderr)
        return 130
