"""A device that is measured: its name, its clock, and the rate of its matrix products."""

import time
from collections.abc import Callable
from typing import Any

import torch

from jstasr.bench.timing import machine_name
from jstasr.errors import JstasrError

DEVICES = ("cpu", "cuda")
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
PRODUCT_SIZE = {"cpu": 1024, "cuda": 8192}  # rows and columns of a square matrix: large enough for the full rate
PRODUCT_SECONDS = 0.3


def find_device(name: str) -> torch.device:
    """The device of a name of DEVICES; JstasrError where it is not there."""
    if name not in DEVICES:
        raise JstasrError(f"--device {name}: expected one of {' '.join(DEVICES)}")
    if name == "cuda" and not torch.cuda.is_available():
        raise JstasrError("--device cuda: PyTorch sees no GPU here. Look at `nvidia-smi`")
    return torch.device(name, 0) if name == "cuda" else torch.device(name)


def device_name(device: torch.device) -> str:
    """What the figures depend on, in words: the GPU, or the processor and its cores."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else machine_name()


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def waits_for(device: torch.device, function: Callable[[], Any]) -> Callable[[], Any]:
    """The function, which then returns only when the device has finished its work."""

    def waiting() -> Any:
        result = function()
        synchronise(device)
        return result

    return waiting


def product_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations per second of one large matrix product after the other, on random values."""
    size = PRODUCT_SIZE[device.type]
    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    for _ in range(3):
        torch.matmul(left, right)
    synchronise(device)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < PRODUCT_SECONDS:
        torch.matmul(left, right)
        synchronise(device)
        count += 1
    return count * 2 * size**3 / (time.perf_counter() - began)
