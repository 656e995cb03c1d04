"""The kernels stay inside their memory, whatever the shapes: the C core under gcc's sanitizers."""

import os
import subprocess
from pathlib import Path

import pytest

import jstasr.kernels


@pytest.mark.slow
@pytest.mark.parametrize("build", ["vector kernels", "portable kernels alone"])
def test_kernels_run_clean_under_the_sanitizers(tmp_path, build):
    program = tmp_path / "memory_check"
    compiler = os.environ.get("CC", "cc")
    # Without OpenMP: the sanitizers do not know its runtime. Threads share nothing but their inputs.
    command = [
        compiler, "-g", "-O1", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Wno-unused-function",
        "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
        "-I", str(Path(jstasr.kernels.__file__).parent), str(Path(__file__).parent / "memory_check.c"),
        "-o", str(program), "-lm",
    ]  # fmt: skip
    if build == "portable kernels alone":
        command.append("-DJSTASR_PORTABLE")
    subprocess.run(command, check=True)
    run = subprocess.run([str(program), "200"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "done\n"
