#!/usr/bin/env python3
"""Write the tables of config.md, commands.md and espnet.md in docs/reference from the code.

    python docs/reference.py            # rewrites the pages that differ
    python docs/reference.py --check    # writes nothing; status 1 where a page differs

A page has a comment for each table, and this script writes what stands between it and its end:

    <!-- config: jstasr.experiment.config.TrainConfig -->
    <!-- /config -->
    <!-- commands -->
    <!-- /commands -->
    <!-- espnet -->
    <!-- /espnet -->

The meaning of a configuration value is the comment behind its field in the dataclass or, where a class has no source
of its own, `field(metadata={"help": ...})`. That of a command's option is its help, and that of an option
of ESPnet stands in utils/internal/espnet_options.tsv.
"""

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import Field, fields, is_dataclass
from pathlib import Path

from jstasr.cli import HelpFormatter, Parser, available_verbs

PAGES = ("config.md", "commands.md", "espnet.md")
FOLDER = Path(__file__).resolve().parent / "reference"
ESPNET = FOLDER.parents[1] / "utils" / "internal" / "espnet_options.tsv"
FILLED_IN = ("model.vocab_size", "model.phone_size")  # from the token and phone lists
MARKED = re.compile(r"(<!-- (config|commands|espnet)(?:: (\S+))? -->\n)(.*?)(<!-- /\2 -->)", re.DOTALL)


def comment(owner: type, field: Field) -> str:
    """What is said about a field: its metadata's `help`, else the comment behind it."""
    if "help" in field.metadata:
        return field.metadata["help"]
    try:
        source = inspect.getsource(owner)
    except (OSError, TypeError):  # made by make_dataclass
        return ""
    found = re.search(rf"^    {field.name}: .*?  # (.*)$", source, re.MULTILINE)
    return found[1] if found else ""


def escape(text: str) -> str:
    """Text for a table's cell, where `|` ends the cell; `<` would begin a tag outside code."""
    parts = text.replace("|", "\\|").split("`")
    return "`".join(part if i % 2 else part.replace("<", "\\<") for i, part in enumerate(parts))


def config_rows(config: object, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Key, default and meaning of every value; a part's own row has no default."""
    for field in fields(config):  # type: ignore[arg-type]
        name, value = prefix + field.name, getattr(config, field.name)
        if is_dataclass(value):
            yield f"**{name}**", "", (type(value).__doc__ or "").splitlines()[0]
            yield from config_rows(value, f"{name}.")
        elif name not in FILLED_IN:
            yield f"`{name}`", f"`{value}`", escape(comment(type(config), field))


def config_table(path: str) -> str:
    """The table of a configuration, a dataclass named by its import path."""
    module, _, name = path.rpartition(".")
    rows = config_rows(getattr(importlib.import_module(module), name)())
    lines = [("key", "default", "meaning"), ("---", "---", "---"), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines) + "\n"


def option(action: argparse.Action) -> str:
    """An option with the value that it takes, or an argument."""
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
    if not action.option_strings:
        return f"{action.metavar or action.dest}{' ...' if action.nargs else ''}"
    name = ", ".join(action.option_strings)
    return name if action.nargs == 0 else f"{name} {value}{' ...' if action.nargs else ''}"


def command_text(name: str, parser: argparse.ArgumentParser, level: str) -> str:
    """Heading, description and options of a command, and of the commands below it."""
    formatter = HelpFormatter(parser.prog)
    text = f"{level} {name}\n\n"
    description = (parser.description or "").strip()
    text += f"{description[:1].upper()}{description[1:]}.\n\n" if description else ""
    actions = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
    rows = [action for action in actions if not isinstance(action, argparse._SubParsersAction)]
    if rows:
        text += "| option | meaning |\n| --- | --- |\n"
        for action in rows:
            meaning = formatter._expand_help(action) if action.help else ""
            text += f"| {escape(f'`{option(action)}`')} | {escape(meaning)} |\n"
        text += "\n"
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):
            about = {choice.dest: choice.help for choice in action._choices_actions}
            for verb, below in action.choices.items():
                below.description = about.get(verb)
                text += command_text(f"{name} {verb}", below, level + "#")
    return text


def commands() -> str:
    """All commands of `jstasr`, in the order of the stages that use them."""
    text = "\n"
    for verb in available_verbs():
        module = importlib.import_module(f"jstasr.bin.{verb.replace('-', '_')}")
        parser = Parser(prog=f"jstasr {verb}", description=module.HELP, formatter_class=HelpFormatter)
        module.add_arguments(parser)
        text += command_text(f"jstasr {verb}", parser, "##")
    return text


def espnet_tables() -> str:
    """ESPnet's options: those of the same meaning, those that are accepted, those that are refused."""
    lines = [line for line in ESPNET.read_text("utf-8").splitlines() if not line.startswith("#")]
    rows = [line.split("\t") for line in lines]
    text = "\n### The same name here\n\n| option | what differs |\n| --- | --- |\n"
    text += "".join(
        f"| `--{name}` | {escape(about)} |\n".replace("|  |", "| |") for name, kind, about in rows if kind == "="
    )
    text += "\n### Accepted, with this effect\n\n| option | effect here |\n| --- | --- |\n"
    text += "".join(f"| `--{name}` | {escape(about)} |\n" for name, kind, about in rows if kind == "+")
    text += (
        "\n### Refused, and what takes its place\n\n| option | accepted all the same | instead |\n| --- | --- | --- |\n"
    )
    for name, kind, about in rows:
        if kind not in ("=", "+"):
            accepted = {"-": "", "lm": "beside `--use_lm false`"}.get(kind, f"`{kind}`")
            text += f"| `--{name}` | {escape(accepted)} | {escape(about)} |\n".replace("|  |", "| |")
    return text + "\n"


def fill(page: str) -> str:
    """The page with its tables taken from the code."""

    def replaced(match: re.Match) -> str:
        tables = {"config": lambda: config_table(match[3]), "commands": commands, "espnet": espnet_tables}
        return match[1] + tables[match[2]]() + match[5]

    return MARKED.sub(replaced, page)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="write the reference pages from the code")
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 where a page differs")
    check = parser.parse_args(argv).check
    status = 0
    for path in (FOLDER / name for name in PAGES):
        before = path.read_text("utf-8")
        after = fill(before)
        if after != before:
            if check:
                print(f"docs/reference/{path.name}: is not what the code says: run docs/reference.py")
                status = 1
            else:
                path.write_text(after, "utf-8")
                print(f"docs/reference/{path.name}: rewritten")
    return status


if __name__ == "__main__":
    sys.exit(main())
