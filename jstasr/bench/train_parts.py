"""Where a training step spends its time: processor seconds of each part of jstasr's model, there and back."""

import time
from collections import defaultdict
from contextlib import contextmanager

import torch

from jstasr.bench.train_job import Job, jstasr, jstasr_model
from jstasr.model.conformer import Attention, Convolution, FeedForward
from jstasr.model.encoders import Subsampling
from jstasr.model.hat import HatDecoder

PARTS = {
    Subsampling: "subsampling",
    FeedForward: "feed-forward",
    Attention: "attention",
    Convolution: "convolution",
}
JOINT = "joint network and loss"


class PartTimes:
    """Processor seconds: `forward`, `backward` and `whole`, of parts by name."""

    def __init__(self):
        self.forward, self.backward, self.whole = (defaultdict(float) for _ in range(3))
        self.open = {}

    def start(self, key):
        self.open[key] = time.process_time()

    def stop(self, key, times, name):
        times[name] += time.process_time() - self.open.pop(key)

    def watch(self, module, name):
        """Count the calls of a module, and the way back through it."""
        module.register_forward_pre_hook(lambda m, given: self.start(m))
        module.register_forward_hook(lambda m, given, out: self.stop(m, self.forward, name))
        if isinstance(module, Subsampling):  # its input has no gradient: its way back ends with the step's
            module.register_forward_hook(self.start_back)
            return
        module.register_full_backward_pre_hook(lambda m, given: self.start(m))
        module.register_full_backward_hook(lambda m, given, out: self.stop(m, self.backward, name))

    def start_back(self, module, given, out):
        """A forward hook: the way back through the module begins when its result has a gradient."""
        out.register_hook(lambda gradient: self.start(module))

    @contextmanager
    def counted(self, owner, function, name):
        """Count the calls of owner.function under `name` of `whole`."""
        original = getattr(owner, function)

        def timed(*args, **settings):
            self.start(name)
            try:
                return original(*args, **settings)
            finally:
                for module in [key for key in self.open if isinstance(key, Subsampling)]:
                    self.stop(module, self.backward, PARTS[Subsampling])
                self.stop(name, self.whole, name)

        setattr(owner, function, timed)
        try:
            yield
        finally:
            setattr(owner, function, original)


class Joint(torch.nn.Module):
    """A decoder's loss as a module, for its hooks."""

    def __init__(self, decoder: HatDecoder):
        super().__init__()
        self.loss = decoder.loss

    def forward(self, *given):
        return self.loss(*given)


def part_times(job: Job, autocast: bool, steps: int) -> dict[str, float]:
    """Processor seconds of one step by part, and `all` of it. The watching itself takes a few percent."""
    times = PartTimes()
    model = jstasr_model(job)
    for module in model.modules():
        if type(module) in PARTS:
            times.watch(module, PARTS[type(module)])
    joint = Joint(model.decoder("full"))
    times.watch(joint, JOINT)
    vars(model.decoder("full"))["loss"] = joint  # in place of the method, which a submodule would not hide
    _, step = jstasr(job, model)
    for table in (times.forward, times.backward, times.whole):
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
    found["norms, residuals, masks: backward"] = times.whole["backward"] - inside
    found["clip"], found["optimiser"] = times.whole["clip"], times.whole["optimiser"]
    found["norms, residuals, masks, SpecAugment: forward"] = total - sum(found.values())
    return {name: seconds / steps for name, seconds in {**found, "all": total}.items()}
