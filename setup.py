"""Build of jstasr: a Python package with Cython extensions, built with plain gcc or clang."""

import os
import subprocess
import sysconfig
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

os.chdir(Path(__file__).parent)


def requirements(name):
    """The pinned packages of tools/<name>."""
    lines = Path("tools", name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def openmp_flags():
    """["-fopenmp"] where the compiler has it; without it the extensions run on one thread."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
        probe = [*compiler, "-fopenmp", str(source), "-o", str(source.with_suffix(""))]
        try:
            return ["-fopenmp"] if subprocess.run(probe, capture_output=True).returncode == 0 else []
        except OSError:
            return []  # no compiler: the build's own message is the clearer one


def extensions():
    """One extension for each .pyx."""
    openmp = openmp_flags()
    return [
        Extension(
            ".".join(path.with_suffix("").parts),
            [str(path)],
            include_dirs=[numpy.get_include()],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
            extra_compile_args=["-O3", *openmp],
            extra_link_args=openmp,
        )
        for path in sorted(Path("jstasr").rglob("*.pyx"))
    ]


setup(
    name="jstasr",
    version="0.1.0",
    description="Joint speech-text speech recognition without alignments",
    packages=find_packages(include=["jstasr", "jstasr.*"]),
    python_requires=">=3.10,<3.14",
    install_requires=["torch==2.11.0", "torchaudio==2.11.0", *requirements("requirements.txt")],
    extras_require={
        "hf": ["pyarrow>=15"],
        "test": requirements("requirements-dev.txt"),
        "bench": ["librosa", "tslearn", "dtw-python", "dtaidistance", "numba"],
    },
    # Always anew: a build that was interrupted leaves a .c file which dates alone would take for complete,
    # and a changed header is no reason for Cython to run.
    ext_modules=cythonize(extensions(), language_level=3, force=True),
    entry_points={"console_scripts": ["jstasr=jstasr.cli:main"]},
)
