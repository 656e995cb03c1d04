"""Commands in the code blocks of the pages have the options, verbs and settings that they are shown with."""

import re
import shlex
import subprocess
from dataclasses import is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from jstasr.cli import Parser, available_verbs
from jstasr.experiment.config import TrainConfig
from jstasr.experiment.search import SearchConfig

ROOT = Path(__file__).parents[2]
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "egs/README.md", "egs/*/asr1/README.md")
    for path in sorted(ROOT.glob(pattern))
]
SCRIPTS = ("run.sh", "setup.sh")
TOLD = {"breton", "german", "east"}  # recipes that a page tells how to make


def code_lines(page):
    """Lines of a page's code blocks, joined over backslashes, without comments."""
    blocks = "".join(re.findall(r"(?:^    .*\n)+", page.read_text("utf-8"), re.MULTILINE))
    for line in re.sub(r" *\\\n *", " ", blocks).splitlines():
        yield re.sub(r"(^|\s)#.*", "", line).strip()


def keys(node, prefix=""):
    """Keys of a configuration, `a.b.c`."""
    for name, value in vars(node).items():
        yield prefix + name
        if is_dataclass(value):
            yield from keys(value, f"{prefix}{name}.")


SETTINGS = {*keys(TrainConfig()), *keys(SearchConfig()), "a.b"}


@cache
def script_options(script):
    """Options in the help of a script."""
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True, timeout=60)
    names = [re.split("  +", line.strip())[0] for line in done.stdout.splitlines() if line.startswith("  --")]
    return {"--help", *re.findall(r"--[\w-]+", " ".join(names))}


@cache
def verb_options(verb):
    """Options of `jstasr VERB` and of the verbs below it; None: there is no such verb."""
    if verb not in available_verbs():
        return None
    parser = Parser(prog=verb)
    import_module(f"jstasr.bin.{verb.replace('-', '_')}").add_arguments(parser)
    found = set(parser._option_string_actions)
    for action in parser._actions:
        for below in action.choices.values() if isinstance(action.choices, dict) else ():
            found |= set(below._option_string_actions)
    return found


def known_options(program, words, folder):
    """The options that a command of jstasr has; None for a command of another program."""
    if program == "jstasr":
        return verb_options(words[0])
    if Path(program).name not in SCRIPTS:
        return None
    script = (folder if program.startswith("./") else ROOT) / program
    if script.is_file():
        return script_options(script.resolve() if "TEMPLATE" in program else script)
    # `./run.sh` in a page about all recipes
    return set.union(*map(script_options, ROOT.glob("egs/*/asr1/run.sh")))


def faults(line, folder):
    """What a command line names that does not exist; None for a line that is no command of jstasr."""
    try:
        words = shlex.split(re.sub(r"<[\w ]+>", "X", line))
    except ValueError:
        return None
    while words and re.match(r"\w+=", words[0]):
        del words[0]
    if not words or (words[0] != "jstasr" and Path(words[0]).name not in SCRIPTS):
        return None
    program, *words = words
    if program == "jstasr":
        if words[0] == "VERB" or words[0].startswith("--"):
            return []
        if verb_options(words[0]) is None:
            return [words[0]]
    elif not program.startswith("./") and not (ROOT / program).is_file():
        return [] if Path(program).parts[1] in TOLD else [program]
    options = [word.partition("=")[0] for word in words if re.fullmatch(r"--[\w-]+(=.*)?", word)]
    known = known_options(program, words, folder)
    settings = re.findall(r"--set ([\w.]+)=", " ".join(words))
    return [name for name in options if name not in known] + [name for name in settings if name not in SETTINGS]


def test_commands_in_the_pages_exist():
    wrong, checked = [], 0
    for page in PAGES:
        for line in code_lines(page):
            for command in line.split("; "):
                found = faults(command, page.parent)
                checked += found is not None
                wrong += [f"{page.relative_to(ROOT)}: {command}: {name}" for name in found or ()]
    assert not wrong
    assert checked > 60


@pytest.mark.parametrize(
    "command, wrong",
    [
        ("egs/mini/asr1/run.sh --stage 6 --n_paired 5", []),
        ("egs/fsdd/asr1/run.sh --n_paired 5", ["--n_paired"]),
        ("./run.sh --stages 6", ["--stages"]),
        ("egs/mini/asr2/run.sh", ["egs/mini/asr2/run.sh"]),
        ('./run.sh --asr_args "--set optim.max_step=5 --set optim.ema=0.9"', ["optim.max_step"]),
        ("X=1 ./run.sh --sttage 6", ["--sttage"]),
        ("jstasr transcribe <model> hello.wav --jsn", ["--jsn"]),
        ("jstasr bench align --tables sizes", []),
        ("jstasr transkribe X hello.wav", ["transkribe"]),
        ("tools/setup.sh --offlin --no-apt", ["--offlin"]),
        ("pip install x", None),
    ],
)
def test_a_command_with_what_does_not_exist_is_found(command, wrong):
    assert faults(command, ROOT) == wrong


def test_imports_in_the_pages_work():
    imports = {line for page in PAGES for line in code_lines(page) if re.match(r"(from|import) jstasr", line)}
    assert len(imports) >= 3
    for line in imports:
        exec(line, {})


def test_the_readme_begins_with_two_commands_and_is_short():
    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) < 120
    assert list(code_lines(ROOT / "README.md"))[:2] == ["egs/mini/asr1/run.sh", "test/run.sh"]
    for target in ("docs/guide/", "docs/reference/", "docs/measurements/", "docs/architecture.md", "LICENSE"):
        assert any(f"]({target}" in line for line in lines), target
