"""The package outside its repository: built from the source distribution alone, installed in a new environment.

The environment holds what the wheel's own metadata asks for and nothing else, as links to the packages beside which
this test runs: pip without a network could not bring them. A new environment that downloads everything is the same
test by hand: `pip install 'dist/<wheel>[transcribe]'`.
"""

import os
import shutil
import subprocess
import sys
import venv
import wave
import zipfile
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from jstasr.decode.transcriber import Transcriber
from jstasr.experiment.files import AVERAGED
from jstasr.experiment.pack import pack
from jstasr.features.fbank import Fbank
from jstasr.features.settings import LHOTSE

ROOT = Path(__file__).parents[2]
GENERATED = shutil.ignore_patterns("*.so", "*.c", "__pycache__", "*.egg-info")
TOP = "pyproject.toml setup.py MANIFEST.in README.md LICENSE CHANGELOG.md CITATION.cff".split()
ALIGN = """
import sys, torch
from jstasr.align import best_alignment_from_cost
cost = torch.tensor([[[0.0, 9.0], [1.0, 9.0], [9.0, 1.0]]])
found = best_alignment_from_cost(cost, torch.tensor([3]), torch.tensor([2]), topology="noskip")
print(found.path.tolist(), float(found.cost), "torchaudio" in sys.modules)
"""
ALIGNED = "[[0, 0, 1]] 2.0 False"  # 0 + 1 + 1, against 0 + 9 + 1 for the only other path

pytestmark = pytest.mark.slow


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the source distribution of a clean copy of the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("jstasr", "tools"):
        shutil.copytree(ROOT / name, folder / "tree" / name, ignore=GENERATED)
    for name in TOP:
        shutil.copy(ROOT / name, folder / "tree")
    build = f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})"
    run(sys.executable, "-c", build, cwd=folder / "tree")
    shutil.rmtree(folder / "tree")
    # Without isolation, which would fetch setuptools, Cython and numpy; the pinned ones are here.
    offline = ["--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--disable-pip-version-check"]
    (source,) = folder.glob("*.tar.gz")
    run(sys.executable, "-m", "pip", "wheel", *offline, "-w", folder, source)
    (built,) = folder.glob("*.whl")
    return built


def active(lines: Iterable[str], extras: set[str]) -> list[Requirement]:
    """The requirements of a package that hold on this machine with `extras`, as pip reads them."""
    found = [Requirement(line) for line in lines]
    return [one for one in found if not one.marker or any(one.marker.evaluate({"extra": e}) for e in extras or {""})]


def requirements(wheel: Path, *extras: str) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().splitlines()
    wanted = [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]
    return active(wanted, set(extras))


def link_packages(wanted: list[Requirement], site: Path) -> None:
    """Link the installed packages that `wanted` ask for, and what those ask for, into the folder `site`."""
    linked = set()
    while wanted:
        requirement = wanted.pop()
        if str(requirement) in linked:
            continue
        linked.add(str(requirement))
        package = distribution(requirement.name)
        assert requirement.specifier.contains(package.version, prereleases=True), requirement
        for top in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(package.locate_file(top))
        wanted += active(package.requires or (), requirement.extras)


def install(wheel: Path, folder: Path, *extras: str) -> Path:
    """A new environment with the wheel; returns its folder of programs."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    link_packages(requirements(wheel, *extras), site)
    return folder / "bin"


@pytest.fixture
def bare(wheel, tmp_path):
    return install(wheel, tmp_path / "bare")


@pytest.fixture(autouse=True)
def outside(tmp_path, monkeypatch):
    """A working folder that is not the repository, and nothing in the environment that leads back to it."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("PYTHON", "VIRTUAL_ENV", "PIP_"))]:
        monkeypatch.delenv(name)


def test_the_wheel_holds_every_module_and_nothing_of_the_build(wheel):
    sources = [path.relative_to(ROOT) for path in (ROOT / "jstasr").rglob("*") if path.suffix in (".py", ".pyi")]
    compiled = [path.relative_to(ROOT) for path in (ROOT / "jstasr").rglob("*.pyx")]
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    page = [path.relative_to(ROOT) for path in (ROOT / "jstasr/serve/page").iterdir()]
    assert len(page) > 3
    expected = {str(path) for path in [*sources, *page]} | {"jstasr/py.typed"}
    libraries = {name for name in packed if name.endswith(".so")}
    assert len(compiled) > 1
    assert {name.partition(".")[0] for name in libraries} == {str(path.with_suffix("")) for path in compiled}
    assert packed - libraries == expected


def test_alignment_needs_torch_and_numpy_alone(wheel, bare):
    assert {requirement.name for requirement in requirements(wheel)} == {"torch", "numpy"}
    assert run(bare / "python", "-c", ALIGN).strip() == ALIGNED


def test_the_command_answers_without_any_extra(bare):
    listed = run(bare / "jstasr", "--help")
    assert "\n  transcribe " in listed
    failed = subprocess.run([bare / "jstasr", "transcribe", "a.zip", "a.wav"], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "pip install 'jstasr[transcribe]'" in failed.stderr


def test_a_packed_model_transcribes_with_the_extra_transcribe(wheel, make_experiment, tmp_path):
    rate, rng = 16000, np.random.default_rng(5)
    seconds = np.arange(2 * rate) / rate
    tones = np.sin(2 * np.pi * (300 + 900 * np.floor(seconds * 5) % 2500) * seconds) + rng.normal(0, 0.05, len(seconds))
    samples = (tones * 8000).astype(np.int16)
    with wave.open("tones.wav", "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    expdir = make_experiment(Fbank(rate, 20, LHOTSE)(samples / np.float32(32768)), LHOTSE)
    pack(expdir, expdir / AVERAGED, tmp_path / "model.zip")
    here = Transcriber.from_pretrained(tmp_path / "model.zip").transcribe("tones.wav", vad="energy").text
    shutil.rmtree(expdir)

    programs = install(wheel, tmp_path / "transcribing", "transcribe")
    assert here
    assert run(programs / "jstasr", "transcribe", "model.zip", "tones.wav") == f"tones.wav {here}\n"
    assert ROOT.as_posix() not in run(programs / "python", "-c", "import jstasr; print(jstasr.__file__)")
