"""The gradient of one training step, by one process with the whole step or by one of two: started by test_cuda.py.

gradient_of_part.py DEVICE RANK PROCESSES PORT OUTPUT
"""

import os
import sys
import tempfile
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from jstasr.data.batch import Batch
from jstasr.experiment.config import TrainConfig
from jstasr.losses.step import StepLosses
from jstasr.model.config import DecoderConfig, ModelConfig
from jstasr.model.joint import JointModel
from jstasr.train.faults import Faults
from jstasr.train.log import Meter
from jstasr.train.loop import train_step
from jstasr.train.signals import StopRequest


def config_of(accumulate: int) -> TrainConfig:
    """A tiny model without random draws; the gradient is not clipped."""
    layers = dict(audio_layers=1, text_layers=1, shared_layers=1, full_layers=1)
    sizes = dict(vocab_size=11, phone_size=9, num_mel_bins=20, dim=16, heads=2, ff_dim=24, kernel_size=5, dropout=0.0)
    config = TrainConfig(model=ModelConfig(**sizes, **layers, decoder=DecoderConfig(embed_dim=8, joint_dim=12)))
    config.model.text.mask_ratio = 0.0
    config.specaug.freq_masks = config.specaug.time_masks = 0
    config.losses.consistency.weight, config.optim.accumulate, config.optim.clip_norm = 0.5, accumulate, 1e9
    return config


def part(number: int) -> Batch:
    """One of the two batches of the step, of different sizes."""
    generator, count = torch.Generator().manual_seed(number), 2 + number

    def symbols(length: int, size: int) -> torch.Tensor:
        return torch.randint(3, size, (count, length), generator=generator)

    def lengths(longest: int) -> torch.Tensor:
        return longest - torch.arange(count)

    names = [f"part{number}-{row}" for row in range(count)]
    speech = torch.randn(count, 90, 20, generator=generator)
    paired = speech, lengths(90), symbols(6, 11), lengths(6), symbols(9, 9), lengths(9)
    return Batch(names, *paired, names, symbols(8, 9), lengths(8), symbols(5, 11), lengths(5))


def main() -> None:
    """Take the step with the batches of this process and save its gradient."""
    device, rank, processes, port, output = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5]
    torch.backends.cudnn.allow_tf32 = False
    parts = [part(0), part(1)] if processes == 1 else [part(rank)]
    if processes == 1:
        fabric = Fabric(accelerator=device, devices=1)
    else:  # nodes of one process each, so that every process takes the first device
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "1"}
        os.environ |= {"RANK": str(rank), "GROUP_RANK": str(rank), "WORLD_SIZE": str(processes)}
        os.environ |= {"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
        strategy = DDPStrategy(process_group_backend="gloo")
        fabric = Fabric(accelerator=device, devices=1, num_nodes=processes, strategy=strategy)
    fabric.launch()
    torch.manual_seed(0)
    config = config_of(len(parts))
    losses = StepLosses(JointModel(config.model), config.losses)
    kept = {}

    def keep(*_) -> None:
        kept.update({name: p.grad.cpu().clone() for name, p in losses.named_parameters() if p.grad is not None})

    model, optimiser = fabric.setup(losses, torch.optim.SGD(losses.parameters(), lr=0.0))
    optimiser.register_step_pre_hook(keep)
    with tempfile.TemporaryDirectory() as folder:
        faults, stream = Faults(Path(folder), fabric, 9), iter([(0, {}, batch) for batch in parts])
        _, fault, _, _ = train_step(config, model, None, optimiser, fabric, stream, 5, Meter(), faults, StopRequest())
    assert not fault, fault
    torch.save(kept, output)


if __name__ == "__main__":
    main()
