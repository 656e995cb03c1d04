"""Fully sharded data parallelism (FSDP): each process keeps a share of the weights, gradients and optimiser's state.

Weights come together for the layer that is computed. Checkpoints hold whole tensors, as those of every other run.
"""

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import ModelParallelStrategy
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from jstasr.model.conformer import ConformerBlock
from jstasr.model.joint import JointModel


def shard(model: torch.nn.Module, mesh: DeviceMesh) -> torch.nn.Module:
    """Shard every conformer block by itself, and together what is left: decoders, embeddings, subsampling."""
    mesh = mesh["data_parallel"]
    for module in model.modules():
        if isinstance(module, ConformerBlock):
            fully_shard(module, mesh=mesh)
    return fully_shard(model, mesh=mesh)


def sharded_strategy(processes: int) -> ModelParallelStrategy:
    """The strategy of fabric that shards over all processes."""
    return ModelParallelStrategy(shard, data_parallel_size=processes, tensor_parallel_size=1)


def local(tensor: torch.Tensor) -> torch.Tensor:
    """This process's share of a tensor, or all of one that is not sharded; shares its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def full(value, keep: bool):
    """The same nested dicts and lists with whole tensors in place of shares; every process has to call it.

    keep: False: take part only, and get None for what is sharded.
    """
    if isinstance(value, dict):
        return {name: full(item, keep) for name, item in value.items()}
    if isinstance(value, list):
        return [full(item, keep) for item in value]
    if isinstance(value, DTensor):
        whole = value.detach().full_tensor()
        return whole.cpu() if keep else None
    return value


def sharded_like(whole: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A whole tensor sharded as another one of its shape is; itself where that one is not sharded."""
    if not isinstance(like, DTensor) or whole.shape != like.shape:
        return whole
    return distribute_tensor(whole.to(like.device), like.device_mesh, like.placements)


def load_optimiser(optimiser: torch.optim.Optimizer, state: dict) -> None:
    """Load what a checkpoint holds of an optimiser whose parameters may be sharded."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    shares = {
        index: {name: sharded_like(value, parameters[index]) for name, value in values.items()}
        for index, values in state["state"].items()
    }
    optimiser.load_state_dict(state | {"state": shares})


def whole_model(model: JointModel, fabric: Fabric) -> JointModel | None:
    """The model to validate with: itself, or on the first process a copy with whole weights, None on the others.

    Every process has to call it.
    """
    if not any(isinstance(parameter, DTensor) for parameter in model.parameters()):
        return model
    weights = full(model.state_dict(), fabric.is_global_zero)
    if not fabric.is_global_zero:
        return None
    copy = JointModel(model.config)
    copy.load_state_dict(weights)
    return copy.to(fabric.device)
