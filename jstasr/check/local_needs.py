"""What the scripts in a recipe's local/ need: programs, Python packages, Perl modules and files."""

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from jstasr.check import probes
from jstasr.check.items import AUDIO, Item
from jstasr.check.shell_words import BUILTINS, ShellCommands, shell_commands

# Programs that local/ scripts often call and that a system may lack -> where they come from.
DEBIAN = {
    "7z": "p7zip-full",
    "bc": "bc",
    "bunzip2": "bzip2",
    "curl": "curl",
    "dos2unix": "dos2unix",
    "ffmpeg": "ffmpeg",
    "flac": "flac",
    "gawk": "gawk",
    "git": "git",
    "jq": "jq",
    "lame": "lame",
    "mpg123": "mpg123",
    "oggdec": "vorbis-tools",
    "opusdec": "opus-tools",
    "parallel": "parallel",
    "python2": "python2",
    "rename": "rename",
    "rsync": "rsync",
    "sox": "sox",
    "soxi": "sox",
    "unrar": "unrar",
    "unzip": "unzip",
    "wget": "wget",
    "xz": "xz-utils",
    "zcat": "gzip",
}
PIP = {"gdown": "gdown", "huggingface-cli": "huggingface_hub", "kaggle": "kaggle", "spm_train": "sentencepiece"}
# In wav.scp, which such scripts write, they play the audio in stage 2.
PLAYERS = re.compile(r"(?<![\w/.-])(ffmpeg|flac|lame|mpg123|oggdec|opusdec|sox|sph2pipe|wav-reverberate)(?=\s+-)")
DISTRIBUTIONS = {
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "docx": "python-docx",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# Perl modules in Debian packages that are not called lib...-perl after them.
PERL_PACKAGES = {"LWP": "libwww-perl", "LWP::UserAgent": "libwww-perl", "LWP::Simple": "libwww-perl"}
PERL_USE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<word>use|require)[ \t]+(?P<module>[A-Za-z_]\w*(?:::\w+)*)(?=[ \t;('\"]|$)(?!\s*=>)",
    re.MULTILINE,
)
PERL_OPTION = re.compile(r"\bperl\b[^\n|;]*?[ \t]-[Mm]([A-Z]\w*(?:::\w+)*)")
PERL_END = re.compile(r"^__(?:END|DATA)__\b.*|^=[a-zA-Z].*?(?:^=cut\b.*?$|\Z)", re.MULTILINE | re.DOTALL)
FOREIGN = ("utils", "scripts", "pyscripts", "steps", "sid", "diarization", "local")  # folders of recipes
ELSEWHERE = ", or begin with --stage 1 where local/data.sh does not come to it"


@dataclass(frozen=True)
class Need:
    """Something that a file in local/ calls or imports.

    Args:
        kind: "program" | "module" | "perl" (a module) | "file".
        file: the one that needs it.
        certain: it is called whatever happens, as far as can be read.
    """

    name: str
    kind: str
    file: Path
    certain: bool


def reached_files(folder: Path) -> list[Path]:
    """data.sh, and the files below the folder that it names, that these name, and so on."""
    files = {path for path in folder.rglob("*") if path.suffix in (".sh", ".py", ".pl", ".pm") and path.is_file()}
    reached = [path for path in files if path == folder / "data.sh"]
    for path in reached:
        text = _read(path)
        named = [
            other
            for other in sorted(files - set(reached))
            if re.search(rf"(?<![\w-]){re.escape(other.name)}(?![\w-])", text)
            or (other.suffix == ".pm" and re.search(rf"\b(?:use|require)\b.*\b{re.escape(other.stem)}\b", text))
            or (
                path.suffix == other.suffix == ".py"
                and re.search(rf"\bimport\b.*\b{re.escape(other.stem)}\b|\bfrom\b.*\b{re.escape(other.stem)}\b", text)
            )
        ]
        reached += named
    return reached


def local_needs(folder: Path) -> list[Need]:
    """What the reached files of a recipe's local/ need, except Python's and Perl's own modules and bash's commands."""
    files = reached_files(folder)
    scripts = {path: shell_commands(_read(path)) for path in files if path.suffix == ".sh"}
    own_modules = {path.stem for path in folder.rglob("*.py")}
    own_perl = {path.stem for path in folder.rglob("*.pm")}
    needs: dict[tuple[str, str], Need] = {}
    for path in files:
        found = [*_of_players(path)]
        if path in scripts:
            found += _of_script(path, scripts)
        elif path.suffix == ".py":
            found += (need for need in _of_python(path) if need.name not in own_modules)
        found += (need for need in _of_perl(path) if need.name.rpartition("::")[2] not in own_perl)
        for need in found:
            key = (need.kind, need.name)
            if key not in needs or (need.certain and not needs[key].certain):
                needs[key] = need
    return sorted(needs.values(), key=lambda need: (need.kind, need.name))


def local_items(folder: Path) -> list[Item]:
    """A row of the table for each need that is not common to all systems, or is missing."""
    items = []
    for need in local_needs(folder):
        label = f"{need.name} ({need.file})"
        if need.kind == "module":
            remedy = f"pip install {DISTRIBUTIONS.get(need.name, need.name)}, in .venv{ELSEWHERE}"
            items.append(Item(label, partial(_module, need.name), (1,), remedy, need.certain))
            continue
        if need.kind == "perl":
            if not _perl_has(need.name):
                package = PERL_PACKAGES.get(need.name, f"lib{need.name.lower().replace('::', '-')}-perl")
                remedy = f"apt-get install {package} (Debian, Ubuntu; as root), or cpan {need.name}{ELSEWHERE}"
                items.append(Item(label, partial(_perl_module, need.name), (1,), remedy, need.certain))
            continue
        try:
            probes.present(need.name) if need.kind == "program" else _file(need.name)
            here = True
        except probes.Missing:
            here = False
        if here and need.name not in DEBIAN:
            continue
        if need.kind == "file":
            remedy = f"it is no file of this recipe or of jstasr: bring it along from its own toolkit{ELSEWHERE}"
            items.append(Item(label, partial(_file, need.name), (1,), remedy, required=False))
            continue
        remedy = "install it"
        if need.name in DEBIAN:
            remedy = f"apt-get install {DEBIAN[need.name]} (Debian, Ubuntu; as root)"
        elif need.name in PIP:
            remedy = f"pip install {PIP[need.name]}, in .venv"
        stages = (1, AUDIO) if PLAYERS.match(f"{need.name} -") else (1,)
        probe = partial(probes.present, need.name)
        items.append(Item(label, probe, stages, remedy + ELSEWHERE, need.certain and need.name in DEBIAN | PIP))
    return items


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _of_players(path: Path) -> Iterator[Need]:
    lines = (line for line in _read(path).splitlines() if not line.lstrip().startswith("#"))
    for name in sorted({name for line in lines for name in PLAYERS.findall(line)}):
        yield Need(name, "program", path, certain=False)


def _of_script(path: Path, scripts: dict[Path, ShellCommands]) -> Iterator[Need]:
    found = scripts[path]
    functions = {name for other in scripts.values() for name in other.functions}
    for name in sorted(found.called - functions - BUILTINS):
        if re.fullmatch(r"[A-Za-z0-9][\w.+-]*", name):
            if not name.isdigit():
                yield Need(name, "program", path, certain=name not in found.asked_for)
        elif re.fullmatch(rf"(?:\./)?(?:{'|'.join(FOREIGN)})/[\w./+-]+", name):
            yield Need(name, "file", path, certain=True)


def _of_python(path: Path) -> Iterator[Need]:
    try:
        tree = ast.parse(_read(path))
    except SyntaxError:
        return
    always = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in {name.partition(".")[0] for name in names}:
            if name not in sys.stdlib_module_names:
                yield Need(name, "module", path, certain=node in always)


def _of_perl(path: Path) -> Iterator[Need]:
    """Modules that a Perl script uses, and that a shell script names behind -M."""
    text = _read(path)
    if path.suffix in (".pl", ".pm"):
        for match in PERL_USE.finditer(PERL_END.sub("", text)):
            # Lower case is a pragma; what is indented may be in an eval, or be a text that is printed.
            if match["module"][0].isupper():
                yield Need(match["module"], "perl", path, certain=match["word"] == "use" and not match["indent"])
    elif path.suffix == ".sh":
        lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
        for name in sorted({name for line in lines for name in PERL_OPTION.findall(line)}):
            yield Need(name, "perl", path, certain=False)


@cache
def _perl_folders() -> list[Path]:
    """Where perl looks for modules; none without perl."""
    try:
        done = subprocess.run(["perl", "-e", 'print join "\n", @INC'], capture_output=True, text=True, check=False)
    except OSError:
        return []
    return [Path(line) for line in done.stdout.splitlines()]


def _perl_has(name: str) -> bool:
    """Can a module be found? It is not loaded, for that runs it."""
    return any((folder / f"{name.replace('::', '/')}.pm").is_file() for folder in _perl_folders())


def _perl_module(name: str) -> str:
    if not _perl_has(name):
        raise probes.Missing("not installed")
    return "installed"


def _module(name: str) -> str:
    """That a module can be found; it is not imported, for it may take long."""
    if importlib.util.find_spec(name) is None:
        raise probes.Missing("not installed")
    return "installed"


def _file(name: str) -> str:
    if not Path(name).exists():
        raise probes.Missing("no such file")
    return "there"
