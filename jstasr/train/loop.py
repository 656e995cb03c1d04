"""The training loop: one pass from the first step to the last, resumable at every checkpoint."""

import itertools
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from torch.utils.data import DataLoader, Dataset

from jstasr.data.batches import StepSampler
from jstasr.data.dataset import SpeechSet, TextSet
from jstasr.errors import JstasrError
from jstasr.features.augment import augment
from jstasr.features.specaug import spec_augment
from jstasr.model.batch import Batch
from jstasr.model.config import ConsistencyConfig, LossConfig
from jstasr.model.joint import JointModel
from jstasr.text.tokens import Tokenizer
from jstasr.train.checkpoint import CheckpointFolder
from jstasr.train.collate import collate
from jstasr.train.config import OptimConfig, TrainConfig
from jstasr.train.log import FRAMES_PER_SECOND, Meter, TrainLog
from jstasr.train.validate import validate

SEED_STRIDE = 1_000_000_007  # apart enough that the steps of two seeds never share a random state
MAX_FAULTS = 10  # steps in a row that were not finite, which end the run


class Steps(Dataset):
    """Item: (epoch, speech indexes, text indexes) -> (epoch, Batch)."""

    def __init__(self, speech: SpeechSet, text: TextSet | None):
        self.speech, self.text = speech, text

    def __getitem__(self, step) -> tuple[int, Batch]:
        epoch, speech_indexes, text_indexes = step
        return epoch, collate(self.speech, speech_indexes, self.text, text_indexes)


def learning_rate(step: int, config: OptimConfig) -> float:
    """Linear warm-up, then half a cosine to 0 at max_steps; `step` counts from 0."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    share = (step - config.warmup_steps) / max(1, config.max_steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, share)))


def consistency_weight(step: int, config: ConsistencyConfig) -> float:
    """The weight at a step: 0 before start_step, then linear over warmup_steps."""
    if config.alignment == "none" or step < config.start_step:
        return 0.0
    return config.weight * min(1.0, (step - config.start_step + 1) / max(1, config.warmup_steps))


def total_loss(values: dict[str, torch.Tensor], losses: LossConfig, consistency: float) -> torch.Tensor:
    """Weighted sum of the losses of one step."""
    weights = {
        "streaming": losses.streaming,
        "full": losses.full,
        "text_streaming": losses.text * losses.streaming,
        "text_full": losses.text * losses.full,
        "ctc_label": losses.ctc_label,
        "ctc_phone": losses.ctc_phone,
        "consistency": consistency,
    }
    return sum(weights[name] * value for name, value in values.items())


def fitting_prefix(lengths: torch.Tensor, budget: float) -> int:
    """How many of the first sequences fit a budget of padded positions; at least one."""
    padded = lengths.cummax(0).values * torch.arange(1, len(lengths) + 1)
    return max(1, int((padded <= budget).sum()))


def step_loader(config: TrainConfig, speech: SpeechSet, text: TextSet | None, done: int, fabric: Fabric) -> Iterator:
    """Batches from step `done` on, without end; each process takes every world_size-th one."""
    share = config.losses.consistency.text_share if config.losses.consistency.weight > 0 else 0.0
    sampler = StepSampler(
        speech.num_frames,
        config.data.batch_frames,
        text.phones.lengths if text is not None else None,
        int(config.data.text_batch_phones * (1.0 - share)),
        config.seed,
    )
    first = done * config.optim.accumulate * fabric.world_size + fabric.global_rank
    order = itertools.islice(sampler, first, None, fabric.world_size)
    loader = DataLoader(
        Steps(speech, text),
        sampler=order,
        batch_size=None,
        num_workers=config.data.num_workers,
        pin_memory=fabric.device.type == "cuda",
        prefetch_factor=4 if config.data.num_workers else None,
    )
    return iter(loader)


def optimiser_for(model: JointModel, config: OptimConfig) -> torch.optim.Optimizer:
    """AdamW; no weight decay on biases, norms and embeddings."""
    decayed, others = [], []
    for name, parameter in model.named_parameters():
        (decayed if parameter.ndim > 1 and "embedding" not in name else others).append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=tuple(config.betas), fused=True)


def train(
    config: TrainConfig,
    speech: SpeechSet,
    text: TextSet | None,
    dev: SpeechSet,
    tokenizer: Tokenizer,
    cmvn: tuple,
    expdir: Path,
    fabric: Fabric,
    after_validation: Callable[[JointModel, int], None] | None = None,
) -> None:
    """Train to `optim.max_steps`, from the newest checkpoint in expdir if there is one.

    Args:
        cmvn: mean and standard deviation of the features, (F,) each.
        after_validation: called as f(model, step) on the first process, to draw pictures.
    Raises:
        JstasrError: losses that stay non-finite, a full disk.
    """
    fabric.seed_everything(config.seed, workers=False, verbose=False)
    plain = JointModel(config.model)
    plain.audio_encoder.set_cmvn(*cmvn)
    optimiser = optimiser_for(plain, config.optim)
    checkpoints = CheckpointFolder(expdir / "checkpoints", config.valid.keep_best, config.valid.keep_last)
    log = TrainLog(expdir, fabric.is_global_zero)
    step = 0
    if (found := checkpoints.load_last()) is not None:
        step, state = found
        plain.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        log.line(f"continuing after step {step}")
    last_step = config.optim.max_steps
    log.line(
        f"{sum(p.numel() for p in plain.parameters()) / 1e6:.2f}M parameters, {len(speech)} paired utterances "
        f"({speech.num_frames.sum() / FRAMES_PER_SECOND / 3600:.2f} h), {len(text) if text else 0} unpaired texts, "
        f"{last_step} steps on {fabric.world_size} x {fabric.device.type}"
    )
    if step >= last_step:
        log.line(f"nothing to do: {step} steps are done")
        return
    model, optimiser = fabric.setup(plain, optimiser)
    batches = step_loader(config, speech, text, step, fabric)
    meter, clock, faults = Meter(fabric.world_size), Clock(step), 0
    while step < last_step:
        fault, norm, epoch = train_step(config, model, plain, optimiser, fabric, batches, step, meter)
        step += 1
        faults = faults + 1 if fault else 0
        if fault:
            log.line(f"step {step}: skipped, {fault}")
        if faults >= MAX_FAULTS:
            raise JstasrError(
                f"{faults} steps in a row were skipped; the last: {fault}. "
                "Lower optim.learning_rate, or look at these utterances"
            )
        if step % config.log_interval == 0 or step == last_step:
            rate = learning_rate(step - 1, config.optim)
            log.progress(step, last_step, epoch, meter, rate, norm, clock.left(step, last_step))
            meter = Meter(fabric.world_size)
        if step % config.valid.interval == 0 or step == last_step:
            with clock.paused(meter):
                if fabric.is_global_zero:
                    started = time.perf_counter()
                    result = validate(plain, dev, tokenizer, config.losses, config.valid, fabric.device)
                    log.validation(result, step, time.perf_counter() - started)
                    checkpoints.save(training_state(plain, optimiser, config), step, result.score)
                    if after_validation is not None:
                        after_validation(plain, step)
                fabric.barrier()


def train_step(
    config: TrainConfig,
    model: torch.nn.Module,
    plain: JointModel,
    optimiser: torch.optim.Optimizer,
    fabric: Fabric,
    batches: Iterator[tuple[int, Batch]],
    step: int,
    meter: Meter,
) -> tuple[str, float, int]:
    """Forward, backward and update; a step that is not finite on any process changes nothing.

    Args:
        model: as set up by fabric; plain: the module inside.
        step: steps done before this one.
    Returns:
        What was not finite, with its utterances ("" if nothing was); gradient norm; epoch.
    """
    losses, optim = config.losses, config.optim
    # every draw of a step is a function of (seed, step, process): a resumed run draws what this one would have
    torch.manual_seed((config.seed * SEED_STRIDE + step) * fabric.world_size + fabric.global_rank)
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(step, optim)
    weight = consistency_weight(step, losses.consistency)
    fault = ""
    for part in range(optim.accumulate):
        waiting = time.perf_counter()
        epoch, batch = next(batches)
        waited = time.perf_counter() - waiting
        paired = 0
        if weight > 0:
            budget = config.data.text_batch_phones * losses.consistency.text_share
            paired = fitting_prefix(batch.phone_lengths, budget)
        batch = batch.to(fabric.device)
        with fabric.no_backward_sync(model, enabled=part < optim.accumulate - 1):
            normal = plain.audio_encoder.normalise(augment(batch.speech, batch.speech_lengths, config.augment))
            features = spec_augment(normal, batch.speech_lengths, config.specaug)
            try:
                values = model(batch, features, losses, paired)
            except ValueError:  # the alignment refuses vectors that are not finite; the other losses show whose
                values = model(batch, features, losses, 0)
                if all(value.isfinite() for value in values.values()):
                    raise
            loss = total_loss(values, losses, weight)
            fabric.backward(loss / optim.accumulate)
        meter.add({"loss": loss, **values}, batch, waited)
        bad = [f"{name} loss is {float(value.detach()):.3g}" for name, value in values.items() if not value.isfinite()]
        if bad:
            fault = f"{', '.join(bad)} in utterances {' '.join(batch.utt_ids)}"
    # gradients are the mean over processes, so the norm is not finite on all or on none
    norm = float(fabric.clip_gradients(model, optimiser, max_norm=optim.clip_norm, error_if_nonfinite=False))
    if math.isfinite(norm):
        optimiser.step()
    else:
        fault = fault or f"the gradient norm is {norm:.3g} in a step with utterances {' '.join(batch.utt_ids)}"
    optimiser.zero_grad(set_to_none=True)
    return fault, norm, epoch


def parallel_fabric(config: TrainConfig, has_text: bool, ngpu: int, num_procs: int, num_nodes: int) -> Fabric:
    """The devices of a run: GPUs, or processes of the CPU, with data parallelism over more than one.

    Args:
        has_text: there is unpaired text.
        ngpu: GPUs of each node, or 0 for the CPU; num_procs: processes of the CPU.
    """
    losses = config.losses
    unpaired_text = losses.text > 0 and has_text and losses.consistency.text_share < 1
    weights = (losses.streaming, losses.full, losses.ctc_label, losses.ctc_phone, unpaired_text)
    devices = ngpu or num_procs
    strategy = "auto"
    if devices * num_nodes > 1:
        # a loss that is switched off leaves parameters without a gradient, which DDP must look for
        strategy = DDPStrategy(find_unused_parameters=min(weights) <= 0)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*`srun` command is available.*")
    return Fabric(
        accelerator="cuda" if ngpu else "cpu",
        devices=devices,
        num_nodes=num_nodes,
        strategy=strategy,
        precision=config.precision,
    )


class Clock:
    """Time left, from the steps of this run; validation does not count."""

    def __init__(self, first_step: int):
        self.first_step = first_step
        self.began = time.perf_counter()

    def left(self, step: int, last_step: int) -> float:
        """Seconds of training that remain."""
        return (time.perf_counter() - self.began) / (step - self.first_step) * (last_step - step)

    @contextmanager
    def paused(self, meter: Meter):
        """Leave what happens inside out of the count and out of the meter's speed."""
        started = time.perf_counter()
        yield
        spent = time.perf_counter() - started
        self.began += spent
        meter.started += spent


def training_state(model: JointModel, optimiser: torch.optim.Optimizer, config: TrainConfig) -> dict:
    """Everything that a resumed run needs."""
    return {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "config": asdict(config),
    }
