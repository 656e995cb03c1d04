"""The `jstasr` command: finding verbs, errors, speed."""

import subprocess
import sys
from pathlib import Path

import pytest

from jstasr import cli
from jstasr.errors import JstasrError

BIN = Path(cli.__file__).parent / "bin"


def jstasr(*words):
    return subprocess.run([sys.executable, "-m", "jstasr", *words], capture_output=True, text=True)


@pytest.fixture
def toy_verbs(tmp_path, monkeypatch):
    """A bin folder of two verbs, whose modules stand in for jstasr.bin.*."""
    (tmp_path / "say_hello.py").write_text('HELP = "greet"\nraise RuntimeError("imported")\n')
    (tmp_path / "fail.py").write_text('"""Fails."""\nHELP = "fail on request"\n')
    monkeypatch.setattr(cli, "BIN", tmp_path)

    class Module:
        HELP = "fail on request"

        @staticmethod
        def add_arguments(parser):
            parser.add_argument("--how-many", type=int, default=3, help="things")
            parser.add_argument("--level", type=int, default=4, help="depth (default: deep)")

        @staticmethod
        def run(args):
            if args.how_many == 0:
                raise JstasrError("x.txt:3: no word")
            if args.how_many == 1:
                raise KeyboardInterrupt
            return args.how_many - 3

    monkeypatch.setattr(cli, "import_module", lambda name: Module)


def test_help_lists_every_module_of_bin_with_its_line():
    done = jstasr("--help")
    verbs = {path.stem.replace("_", "-") for path in BIN.glob("[!_]*.py")}
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert done.returncode == 0
    assert set(lines) == verbs
    assert all(lines.values())


def test_help_imports_no_verb(toy_verbs, capsys):
    assert cli.main(["--help"]) == 0
    assert "say-hello" in capsys.readouterr().out


@pytest.mark.parametrize("verb", sorted(path.stem.replace("_", "-") for path in BIN.glob("[!_]*.py")))
def test_help_of_a_verb_imports_neither_torch_nor_numpy(verb):
    code = (
        "import sys; from jstasr import cli\n"
        f"try: cli.main([{verb!r}, '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print('HEAVY', sorted({'torch', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []", done.stdout + done.stderr


def test_unknown_verb_names_the_nearest():
    done = jstasr("tokenise")
    assert done.returncode == 2
    assert "`tokenise`" in done.stderr and "`tokenize`" in done.stderr


def test_no_verb_shows_the_overview():
    done = jstasr()
    assert done.returncode == 2 and "verbs:" in done.stderr


def test_version_is_the_packages():
    import jstasr as package

    assert jstasr("--version").stdout.strip() == package.__version__


def test_a_user_error_is_one_line_without_traceback(toy_verbs, capsys):
    assert cli.main(["fail", "--how-many", "0"]) == 1
    assert capsys.readouterr().err == "jstasr fail: error: x.txt:3: no word\n"


def missing(module):
    def import_module(name):
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    return import_module


def test_a_package_that_is_not_installed_is_named_with_the_extra_that_has_it(monkeypatch, capsys):
    monkeypatch.setattr(cli, "import_module", missing("rich.table"))
    assert cli.main(["results"]) == 1
    assert "the package rich is not installed: pip install 'jstasr[score]'" in capsys.readouterr().err


def test_a_missing_module_of_jstasr_itself_is_a_traceback(monkeypatch):
    monkeypatch.setattr(cli, "import_module", missing("jstasr.scores"))
    with pytest.raises(ModuleNotFoundError):
        cli.main(["results"])


def test_the_verbs_return_value_is_the_exit_code(toy_verbs):
    assert cli.main(["fail"]) == 0
    assert cli.main(["fail", "--how-many", "7"]) == 4


def test_interrupt_is_no_traceback(toy_verbs, capsys):
    assert cli.main(["fail", "--how-many", "1"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_unknown_option_names_the_nearest(toy_verbs, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["fail", "--how-mani", "2"])
    assert stop.value.code == 2
    assert "`--how-many`" in capsys.readouterr().err


def test_options_are_not_abbreviated(toy_verbs):
    with pytest.raises(SystemExit):
        cli.main(["fail", "--how", "2"])


def test_help_tells_each_default_once(toy_verbs, capsys):
    with pytest.raises(SystemExit):
        cli.main(["fail", "--help"])
    out = capsys.readouterr().out
    assert "things (default: 3)" in out
    assert "depth (default: deep)" in out and "default: 4" not in out


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m jstasr --help | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.strip() in ("0", "141")
    assert done.stderr == ""
