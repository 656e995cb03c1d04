"""Devices, and the communication between the processes of a run."""

import gc
import logging
import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.strategies.ddp import DDPStrategy

from jstasr.errors import JstasrError
from jstasr.experiment.config import BF16, TrainConfig
from jstasr.losses.config import untrained_parts
from jstasr.train.sharding import sharded_strategy

T = TypeVar("T")


class RawInputPrecision(MixedPrecision):
    """float32, or autocast that leaves the inputs as they are: the model normalises raw features in float32.

    `auto` computes in float32 until `use` names what it stands for.
    """

    def __init__(self, precision: str, device: str):
        super().__init__("bf16-mixed", device)
        self.use(precision)

    def use(self, precision: str) -> None:
        """Compute in `32-true` or `bf16-mixed` from now on."""
        self.autocast = precision == BF16

    def forward_context(self) -> AbstractContextManager:
        return super().forward_context() if self.autocast else nullcontext()

    def convert_input(self, data: Any) -> Any:
        return data

    def convert_output(self, data: Any) -> Any:
        return super().convert_output(data) if self.autocast else data


def parallel_fabric(config: TrainConfig, has_text: bool, ngpu: int, num_procs: int, num_nodes: int) -> Fabric:
    """The devices of a run: GPUs, or processes of the CPU, with data parallelism over more than one (DDP or FSDP).

    Args:
        has_text: there is unpaired text.
        ngpu: GPUs of each node, or 0 for the CPU; num_procs: processes on the CPU. Under torchrun, its
            number of processes is used.
    Raises:
        JstasrError: GPUs and processes of torchrun differ in number.
    """
    devices = ngpu or num_procs
    launched = os.environ.get("LOCAL_WORLD_SIZE")  # torchrun sets it
    if launched is not None:
        if ngpu and ngpu != int(launched):
            raise JstasrError(f"torchrun started {launched} processes on this node and --ngpu is {ngpu}: give the same")
        devices = int(launched)
        num_nodes = int(os.environ["WORLD_SIZE"]) // devices
    strategy = "auto"
    if devices * num_nodes > 1 and config.strategy == "fsdp":
        strategy = sharded_strategy(devices * num_nodes)
    elif devices * num_nodes > 1:
        # a loss that is off, or starts later, leaves parameters without gradient, which DDP must search for
        strategy = DDPStrategy(find_unused_parameters=bool(untrained_parts(config.losses, has_text)))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")
    device = "cuda" if ngpu else "cpu"
    return Fabric(
        accelerator=device,
        devices=devices,
        num_nodes=num_nodes,
        strategy=strategy,
        plugins=RawInputPrecision(config.precision, device),
    )


def init_group_after_restart(ngpu: int) -> None:
    """Form the process group after torchrun has restarted the processes; call it before fabric.launch.

    torchrun's store still holds the addresses of the ended processes under the keys that torch would use: every
    attempt gets keys of its own.
    """
    attempt = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
    if attempt == 0 or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or os.environ["WORLD_SIZE"] == "1":
        return
    if ngpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    store = dist.TCPStore(*address, is_master=False)  # pyright: ignore[reportPrivateImportUsage]
    dist.init_process_group(
        "nccl" if ngpu else "gloo",
        store=dist.PrefixStore(f"attempt{attempt}", store),  # pyright: ignore[reportPrivateImportUsage]
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
    )


def leave_group() -> None:
    """Leave the process group, if there is one; every process has to call it, when no model of the run is in use.

    A thread of the group may still have tensors to let go, for which it needs the interpreter: while that ends, it
    would abort the process, with its work done. Here the group's last reference has to be released, where its threads
    are waited for without holding the interpreter, and not in the destructor of a model, where they are waited for
    for ever.
    """
    if dist.is_initialized():
        gc.collect()  # models whose gradients the group reduces
        dist.destroy_process_group()


def sum_over_processes(fabric: Fabric, values: Mapping[str, float]) -> dict[str, float]:
    """The sum of each value over all processes; every process has to call it."""
    if fabric.world_size == 1:
        return dict(values)
    numbers = torch.tensor(list(values.values()), dtype=torch.float64, device=fabric.device)
    total = fabric.all_reduce(numbers, reduce_op="sum")
    assert isinstance(total, torch.Tensor)
    return dict(zip(values, total.tolist()))


def gather_objects(fabric: Fabric, own: T) -> list[T]:
    """The object of every process, by rank; every process has to call it."""
    if fabric.world_size == 1:
        return [own]
    gathered: list[T] = [own] * fabric.world_size
    dist.all_gather_object(gathered, own)
    return gathered


def on_first(fabric: Fabric, action: Callable[[], None]) -> None:
    """Run `action` on the first process while the others wait.

    Raises:
        JstasrError: that of the action, on all processes.
    """
    error = None
    if fabric.is_global_zero:
        try:
            action()
        except JstasrError as found:
            error = found
    message = fabric.broadcast(str(error) if error is not None else "")
    if message:
        raise error or JstasrError(message)
