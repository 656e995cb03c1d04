"""Build of jstasr: a Python package with Cython extensions, built with plain gcc or clang."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

import numpy

ROOT = Path(__file__).parent

extensions = [
    Extension(
        ".".join(path.with_suffix("").parts),
        [str(path)],
        include_dirs=[numpy.get_include()],
        define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
        depends=[str(header) for header in sorted(path.parent.glob("*_core.h"))],
        # No contraction to fused multiply-adds: the same bits on every machine.
        extra_compile_args=["-O3", "-fopenmp", "-ffp-contract=off"],
        extra_link_args=["-fopenmp"],
    )
    for path in sorted(Path("jstasr").rglob("*.pyx"))
]

setup(
    name="jstasr",
    version="0.1.0",
    description="Joint speech-text speech recognition without alignments",
    packages=find_packages(include=["jstasr", "jstasr.*"]),
    python_requires=">=3.10,<3.14",
    ext_modules=cythonize(extensions, language_level=3),
    entry_points={"console_scripts": ["jstasr=jstasr.cli:main"]},
)
