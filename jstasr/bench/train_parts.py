"""Where a training step spends its time: processor seconds of each part's forward and backward pass."""

import time
from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from jstasr.bench.train_job import TrainJob, jstasr, jstasr_model
from jstasr.model.conformer import Attention, Convolution, FeedForward
from jstasr.model.encoders import Subsampling
from jstasr.model.hat import HatDecoder
from jstasr.model.joint import FULL

PARTS: dict[type[nn.Module], str] = {
    Subsampling: "subsampling",
    FeedForward: "feed-forward",
    Attention: "attention",
    Convolution: "convolution",
}
JOINT = "joint network and loss"


class PartTimes:
    """Processor seconds by the name of the part.

    `forward`, `backward`: in the modules that `watch` was given; `functions`: in the functions of `counted`.
    """

    def __init__(self) -> None:
        self.forward: defaultdict[str, float] = defaultdict(float)
        self.backward: defaultdict[str, float] = defaultdict(float)
        self.functions: defaultdict[str, float] = defaultdict(float)
        self.running: dict[Hashable, float] = {}  # module or name -> when it started

    def start(self, key: Hashable) -> None:
        """Start the clock of a module or function."""
        self.running[key] = time.process_time()

    def stop(self, key: Hashable, times: defaultdict[str, float], name: str) -> None:
        """Add what passed since its start to the time of the part `name`."""
        times[name] += time.process_time() - self.running.pop(key)

    def watch(self, module: nn.Module, name: str) -> None:
        """Measure the forward and the backward pass of a module."""
        module.register_forward_pre_hook(lambda m, given: self.start(m))
        module.register_forward_hook(lambda m, given, out: self.stop(m, self.forward, name))
        if isinstance(module, Subsampling):  # its input has no gradient: its backward pass ends with the step's
            module.register_forward_hook(self.start_backward)
            return
        module.register_full_backward_pre_hook(lambda m, given: self.start(m))
        module.register_full_backward_hook(lambda m, given, out: self.stop(m, self.backward, name))

    def start_backward(self, module: nn.Module, given: Any, out: Any) -> None:
        """A forward hook: the backward pass of the module begins when its result has a gradient."""
        out.register_hook(lambda gradient: self.start(module))

    @contextmanager
    def counted(self, owner: Any, function: str, name: str) -> Iterator[None]:
        """Measure the calls of owner.function, under `name` of `functions`."""
        original = getattr(owner, function)

        def timed(*args: Any, **settings: Any) -> Any:
            self.start(name)
            try:
                return original(*args, **settings)
            finally:
                for module in [key for key in self.running if isinstance(key, Subsampling)]:
                    self.stop(module, self.backward, PARTS[Subsampling])
                self.stop(name, self.functions, name)

        setattr(owner, function, timed)
        try:
            yield
        finally:
            setattr(owner, function, original)


class DecoderLoss(nn.Module):
    """A decoder's loss as a module, so that it can have hooks."""

    def __init__(self, decoder: HatDecoder) -> None:
        super().__init__()
        self.loss = decoder.loss

    def forward(self, *given: Tensor) -> Tensor:
        return self.loss(*given)


def part_times(job: TrainJob, autocast: bool, steps: int) -> dict[str, float]:
    """Processor seconds of one step by part, and `all` of it. The hooks themselves take a few percent."""
    times = PartTimes()
    model = jstasr_model(job)
    for module in model.modules():
        if type(module) in PARTS:
            times.watch(module, PARTS[type(module)])
    decoder = model.decoder(FULL)
    loss = DecoderLoss(decoder)
    times.watch(loss, JOINT)
    vars(decoder)["loss"] = loss  # hides the method; set as an attribute it would become a submodule
    _, step = jstasr(job, model)
    for table in (times.forward, times.backward, times.functions):
        table.clear()
    with (
        times.counted(torch.Tensor, "backward", "backward"),
        times.counted(torch.nn.utils, "clip_grad_norm_", "clip"),
        times.counted(torch.optim.AdamW, "step", "optimiser"),
    ):
        began = time.process_time()
        for _ in range(steps):
            step(autocast)
        total = time.process_time() - began
    found = {}
    for name in (*PARTS.values(), JOINT):
        found[f"{name}, forward"], found[f"{name}, backward"] = times.forward[name], times.backward[name]
    inside = sum(times.backward.values())
    found["norms, residuals, masks: backward"] = times.functions["backward"] - inside
    found["clip"], found["optimiser"] = times.functions["clip"], times.functions["optimiser"]
    found["norms, residuals, masks, SpecAugment: forward"] = total - sum(found.values())
    return {name: seconds / steps for name, seconds in {**found, "all": total}.items()}
