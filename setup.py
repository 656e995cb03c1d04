"""The Cython extensions of jstasr, built with plain gcc or clang; all else about the package is in pyproject.toml."""

import os
import subprocess
import sysconfig
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

os.chdir(Path(__file__).parent)


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


# force: a build that was interrupted leaves a .c file which dates alone would take for complete, and a changed
# header is no reason for Cython to run.
setup(ext_modules=cythonize(extensions(), language_level=3, force=True))
