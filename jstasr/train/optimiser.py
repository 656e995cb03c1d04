"""The optimiser of a training, and its wrapping with the model for data parallelism."""

from typing import cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule

from jstasr.experiment.config import OptimConfig
from jstasr.losses.step import StepLosses
from jstasr.model.joint import JointModel
from jstasr.train.sharding import load_optimiser

ENCODER_WEIGHTS = "audio_encoder.front_end.encoder."  # what names of weights of a pretrained encoder begin with


def optimiser_for(model: JointModel, config: OptimConfig) -> torch.optim.Optimizer:
    """AdamW; no weight decay on biases, norms, embeddings and a pretrained encoder, which is a group of its own."""
    decayed, others, encoder = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if name.startswith(ENCODER_WEIGHTS):
            encoder.append(parameter)
            continue
        (decayed if parameter.ndim > 1 and "embedding" not in name else others).append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if encoder:
        groups.append({"params": encoder, "weight_decay": 0.0, "of_encoder": True})
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.betas[0], config.betas[1]), fused=True)


def distribute(
    losses: StepLosses, config: OptimConfig, fabric: Fabric, state: dict | None = None
) -> tuple[_FabricModule, torch.optim.Optimizer]:
    """Wrap the losses and their model for data parallelism, with an optimiser of the weights of this process.

    state: that of the optimiser in a checkpoint.
    """
    model = fabric.setup_module(losses)
    optimiser = optimiser_for(losses.model, config)
    if state is not None:
        load_optimiser(optimiser, state)  # before the set-up: the wrapper of fabric would drop it
    return model, cast(torch.optim.Optimizer, fabric.setup_optimizers(optimiser))  # a wrapper of one optimiser
