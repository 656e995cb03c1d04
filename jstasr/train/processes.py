"""Devices, and the few things that the processes of a run tell each other."""

import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.strategies import DDPStrategy

from jstasr.errors import JstasrError
from jstasr.experiment.config import TrainConfig
from jstasr.losses.config import untrained_parts
from jstasr.train.sharding import sharded_strategy


class RawInputPrecision(MixedPrecision):
    """Autocast that leaves the inputs as they are: the model normalises raw features in float32."""

    def convert_input(self, data: Any) -> Any:
        return data


def parallel_fabric(config: TrainConfig, has_text: bool, ngpu: int, num_procs: int, num_nodes: int) -> Fabric:
    """The devices of a run: GPUs, or processes of the CPU, with data parallelism over more than one (DDP or FSDP).

    Args:
        has_text: there is unpaired text.
        ngpu: GPUs of each node, or 0 for the CPU; num_procs: processes of the CPU. Under torchrun its own number of
            processes counts.
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
        # a loss that is switched off, or begins later, leaves parameters without a gradient: DDP must look for them
        unpaired = has_text and config.losses.consistency.text_share < 1
        strategy = DDPStrategy(find_unused_parameters=bool(untrained_parts(config.losses, unpaired)))
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")
    device = "cuda" if ngpu else "cpu"
    return Fabric(
        accelerator=device,
        devices=devices,
        num_nodes=num_nodes,
        strategy=strategy,
        plugins=RawInputPrecision(config.precision, device) if config.precision == "bf16-mixed" else None,
    )


def join_again(ngpu: int) -> None:
    """Form the group of processes after torchrun has started them again; to be called before fabric.launch.

    torchrun's store still holds the addresses of those that died, under the names that torch would use again: the
    group is formed under names of its own.
    """
    attempt = int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
    if attempt == 0 or os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True" or os.environ["WORLD_SIZE"] == "1":
        return
    if ngpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store = torch.distributed.TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
    torch.distributed.init_process_group(
        "nccl" if ngpu else "gloo",
        store=torch.distributed.PrefixStore(f"attempt{attempt}", store),
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
    )


def add_up(fabric: Fabric, values: dict[str, float]) -> dict[str, float]:
    """The sum of each value over all processes."""
    if fabric.world_size == 1:
        return values
    numbers = torch.tensor(list(values.values()), dtype=torch.float64, device=fabric.device)
    return dict(zip(values, fabric.all_reduce(numbers, reduce_op="sum").tolist()))


def gather_texts(fabric: Fabric, text: str) -> list[str]:
    """What every process says, in their order."""
    if fabric.world_size == 1:
        return [text]
    texts: list[str] = [""] * fabric.world_size
    torch.distributed.all_gather_object(texts, text)
    return texts


def on_first(fabric: Fabric, action: Callable[[], None]) -> None:
    """Do something on the first process while the others wait; its error ends all of them."""
    error = None
    if fabric.is_global_zero:
        try:
            action()
        except JstasrError as found:
            error = found
    message = fabric.broadcast(str(error) if error is not None else "")
    if message:
        raise error or JstasrError(message)
