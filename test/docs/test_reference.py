"""docs/reference.py: the tables of configuration and commands are those of the code."""

import argparse
from dataclasses import dataclass, field, make_dataclass

from jstasr.cli import available_verbs


@dataclass
class Part:
    """A part."""

    rate: float = 0.5  # Rate of something.


@dataclass
class Whole:
    """All."""

    name: str = "a"  # One of a | b.
    part: Part = field(default_factory=Part)
    silent: int = 0


def test_the_pages_are_those_of_the_code(reference):
    assert reference.main(["--check"]) == 0


def test_a_configuration_is_read_from_its_defaults_and_comments(reference):
    assert list(reference.config_rows(Whole())) == [
        ("`name`", "`a`", "One of a \\| b."),
        ("**part**", "", "A part."),
        ("`part.rate`", "`0.5`", "Rate of something."),
        ("`silent`", "`0`", ""),
    ]


def test_metadata_explains_a_field_of_a_class_without_source(reference):
    made = make_dataclass("Made", [("x", int, field(default=1, metadata={"help": "An x."})), ("y", int, 2)])
    assert list(reference.config_rows(made())) == [("`x`", "`1`", "An x."), ("`y`", "`2`", "")]


def test_every_value_has_a_meaning(reference):
    for name in ("jstasr.experiment.config.TrainConfig", "jstasr.experiment.search.SearchConfig"):
        rows = [line for line in reference.config_table(name).splitlines() if line.startswith("| `")]
        assert rows and not [row for row in rows if row.endswith("| |")]


def test_a_command_is_described_by_its_options(reference):
    parser = argparse.ArgumentParser("jstasr toy", description="play a game")
    parser.add_argument("players", nargs="+", help="who plays")
    parser.add_argument("--mode", choices=["a", "b"], default="a", help="the <game>")
    parser.add_argument("--quiet", action="store_true", help="no `<log>`")
    assert reference.command_text("jstasr toy", parser, "##").splitlines() == [
        "## jstasr toy",
        "",
        "Play a game.",
        "",
        "| option | meaning |",
        "| --- | --- |",
        "| `players ...` | who plays |",
        "| `--mode a\\|b` | the \\<game> (default: a) |",
        "| `--quiet` | no `<log>` |",
        "",
    ]


def test_every_command_has_a_section(root):
    page = (root / "docs/reference/commands.md").read_text("utf-8")
    for verb in available_verbs():
        assert f"\n## jstasr {verb}\n" in page
