"""The best alignment on a GPU, as far as a machine without one can tell: interpreted, and compiled but not run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from jstasr.kernels import device
from jstasr.losses.consistency import ConsistencyConfig, alignment_note

triton = pytest.importorskip("triton", reason="Triton is part of torch on Linux x86-64 only")
CASES = Path(__file__).with_name("interpreted_device.py")


def python(*words, **variables):
    """Output of Python in a process of its own, as triton.jit reads the environment once."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    run = subprocess.run([sys.executable, *words], env=environment | variables, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_the_kernels_under_the_interpreter():
    """Its cases stand in interpreted_device.py."""
    output = python("-m", "pytest", "-q", "-p", "no:cacheprovider", str(CASES), TRITON_INTERPRET="1")
    assert "passed" in output and "skipped" not in output


COMPILE = """
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource, compile
from jstasr.kernels.device_recursion import align_columns, trace

types = dict.fromkeys(("frames", "width", "item_stride", "row_stride", "first"), "i32")
types |= dict.fromkeys(("speech_lengths", "text_lengths", "bits"), "*i32") | {"bad": "*i8", "path": "*i64"}
types |= dict.fromkeys(("cost", "total", "left_edge", "right_edge"), "*fp32")
for kernel, others, warps in (
    (align_columns, dict(FIRST=True, LAST=True, BLOCK=32), 1),
    (align_columns, dict(FIRST=False, LAST=False, BLOCK=1024), 4),
    (trace, dict(WINDOW=64), 1),
):
    for noskip in (False, True):
        constants = others | dict(NOSKIP=noskip)
        signature = {name: "constexpr" if name in constants else types[name] for name in kernel.arg_names}
        source = ASTSource(kernel, signature, constexprs=constants)
        made = compile(source, target=GPUTarget("cuda", 80, 32), options=dict(num_warps=warps))
        assert ".target sm_80" in made.asm["ptx"] and len(made.asm["cubin"]) > 1000
        assert "min.f32" not in made.asm["ptx"]  # which is free to choose between zeros of either sign
        print("compiled")
"""


def test_the_kernels_compile_for_a_gpu(tmp_path):
    assert python("-c", COMPILE, TRITON_CACHE_DIR=str(tmp_path)).count("compiled") == 6


@pytest.fixture
def fresh():
    device.unavailable.cache_clear()
    yield
    device.unavailable.cache_clear()


@pytest.mark.parametrize(
    "breaks, reason",
    [
        (lambda patch: patch.setitem(sys.modules, "triton", None), "no Triton here"),
        (lambda patch: patch.delattr(triton.language, "gather"), f"Triton {triton.__version__} is older than 3.3"),
        (lambda patch: patch.setattr(torch.cuda, "get_device_capability", lambda _: (6, 1)), "no GPU this old"),
        (lambda patch: None, "Triton cannot run here: RuntimeError: no C compiler"),
    ],
    ids=["absent", "old", "old GPU", "no compiler"],
)
def test_the_log_says_why_the_cpu_finds_the_paths(monkeypatch, fresh, breaks, reason):
    def fails(*_):
        raise RuntimeError("no C compiler")

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setattr(torch, "zeros", lambda *_, device: torch.ones(1, 1, 1))
    monkeypatch.setattr(device, "align_costs", fails)
    breaks(monkeypatch)
    (line,) = alignment_note(ConsistencyConfig(weight=1.0), torch.device("cuda", 0))
    assert line.startswith("the CPU finds the best alignments: ") and reason in line


@pytest.mark.parametrize(
    "where, settings",
    [("cpu", {}), ("cuda", dict(weight=0.0)), ("cuda", dict(topology="dtw")), ("cuda", dict(alignment="random"))],
)
def test_the_log_says_nothing_where_there_is_nothing_to_choose(monkeypatch, where, settings):
    monkeypatch.setattr(device, "unavailable", lambda _: "no Triton here")
    assert alignment_note(ConsistencyConfig(**{"weight": 1.0, **settings}), torch.device(where)) == []
