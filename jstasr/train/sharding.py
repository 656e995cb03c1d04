"""Fully sharded data parallelism (FSDP): each process keeps a share of the weights, gradients and optimiser state.

The weights of a layer are gathered while it is computed. Checkpoints hold whole tensors, as in every other run.
"""

from typing import Any, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.model_parallel import ModelParallelStrategy
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from jstasr.model.conformer import ConformerBlock
from jstasr.model.joint import JointModel


def shard(model: torch.nn.Module, mesh: DeviceMesh) -> torch.nn.Module:
    """Shard every conformer block as a unit, and the rest (decoders, embeddings, subsampling) as another."""
    mesh = mesh["data_parallel"]
    for module in model.modules():
        if isinstance(module, ConformerBlock):
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)  # in place
    return model


def sharded_strategy(processes: int) -> ModelParallelStrategy:
    """Fabric's strategy that shards over all processes."""
    return ModelParallelStrategy(shard, data_parallel_size=processes, tensor_parallel_size=1)


def local(tensor: torch.Tensor) -> torch.Tensor:
    """This process's share of a tensor, or all of one that is not sharded; shares its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def gather_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """The whole of a tensor that may be sharded; every process has to call it."""
    return cast(DTensor, tensor.detach()).full_tensor() if isinstance(tensor, DTensor) else tensor


def gather_state(state: dict, keep: bool) -> dict:
    """Gather the sharded tensors of nested dicts and lists, on the CPU; every process has to call it.

    keep: False: take part, and get None in place of every sharded tensor.
    """

    def gather(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: gather(item) for name, item in value.items()}
        if isinstance(value, list):
            return [gather(item) for item in value]
        if isinstance(value, DTensor):
            whole = gather_tensor(value)
            return whole.cpu() if keep else None
        return value

    return gather(state)


def sharded_like(whole: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Shard a whole tensor like another one of its shape; unchanged if that one is not sharded."""
    if not isinstance(like, DTensor) or whole.shape != like.shape:
        return whole
    return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)


def load_optimiser(optimiser: torch.optim.Optimizer, state: dict) -> None:
    """Load the whole tensors of a checkpoint into an optimiser whose parameters may be sharded."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    shares = {
        index: {name: sharded_like(value, parameters[index]) for name, value in values.items()}
        for index, values in state["state"].items()
    }
    optimiser.load_state_dict(state | {"state": shares})


def gather_model(model: JointModel, fabric: Fabric) -> JointModel | None:
    """A model with whole weights: itself, or if it is sharded a copy on the first process and None on the others.

    Every process has to call it.
    """
    if not any(isinstance(parameter, DTensor) for parameter in model.parameters()):
        return model
    weights = gather_state(model.state_dict(), fabric.is_global_zero)
    if not fabric.is_global_zero:
        return None
    copy = JointModel(model.config)
    copy.load_state_dict(weights)
    return copy.to(fabric.device)
