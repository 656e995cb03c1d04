"""The training loop: one pass from the first step to the last, resumable at every checkpoint."""

import itertools
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch.utils.data import DataLoader, Dataset

from jstasr.data.batches import StepSampler
from jstasr.data.dataset import SpeechSet, TextSet
from jstasr.errors import JstasrError
from jstasr.features.specaug import spec_augment
from jstasr.model.batch import Batch
from jstasr.model.config import ConsistencyConfig, LossConfig
from jstasr.model.joint import JointModel
from jstasr.text.tokens import Tokenizer
from jstasr.train.checkpoint import CheckpointFolder
from jstasr.train.collate import collate
from jstasr.train.config import OptimConfig, TrainConfig
from jstasr.train.log import TrainLog, duration
from jstasr.train.validate import validate

MAX_BAD_STEPS = 10  # non-finite steps in a row that end the run
FRAMES_PER_SECOND = 100


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


class Meter:
    """Means of what happened since the last log line."""

    def __init__(self):
        self.sums: dict[str, float] = {}
        self.steps = 0
        self.frames = 0
        self.padded = 0
        self.waited = 0.0
        self.started = time.perf_counter()

    def add(self, values: dict[str, torch.Tensor], batch: Batch, waited: float) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value.detach())
        self.steps += 1
        self.frames += int(batch.speech_lengths.sum())
        self.padded += batch.speech.shape[0] * batch.speech.shape[1]
        self.waited += waited

    def means(self) -> dict[str, float]:
        return {name: total / max(1, self.steps) for name, total in self.sums.items()}

    def speed(self) -> str:
        elapsed = time.perf_counter() - self.started
        return (
            f"audio-s/s {self.frames / FRAMES_PER_SECOND / elapsed:.0f} "
            f"pad {100 * (1 - self.frames / max(1, self.padded)):.1f}% wait {100 * self.waited / elapsed:.1f}%"
        )


def train(
    config: TrainConfig,
    speech: SpeechSet,
    text: TextSet | None,
    dev: SpeechSet,
    tokenizer: Tokenizer,
    cmvn: tuple,
    expdir: Path,
    fabric: Fabric,
    after_validation=None,
) -> None:
    """Train to `optim.max_steps`, from the newest checkpoint in expdir if there is one.

    Args:
        cmvn: mean and standard deviation of the features, (F,) each.
        after_validation: called as f(model, step) on the first process, to draw pictures.
    Raises:
        JstasrError: losses that stay non-finite, a full disk.
    """
    fabric.seed_everything(config.seed, workers=False, verbose=False)
    model = JointModel(config.model)
    model.audio_encoder.set_cmvn(*cmvn)
    optimiser = optimiser_for(model, config.optim)
    checkpoints = CheckpointFolder(expdir / "checkpoints", config.valid.keep_best, config.valid.keep_last)
    log = TrainLog(expdir, fabric.is_global_zero)
    step = 0
    if (found := checkpoints.load_last()) is not None:
        step, state = found
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        if fabric.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_random"])
        torch.set_rng_state(state["random"])
        log.line(f"continuing after step {step}")
    plain = model
    model, optimiser = fabric.setup(model, optimiser)
    log.line(
        f"{sum(p.numel() for p in plain.parameters()) / 1e6:.2f}M parameters, {len(speech)} paired utterances "
        f"({speech.num_frames.sum() / FRAMES_PER_SECOND / 3600:.2f} h), {len(text) if text else 0} unpaired texts, "
        f"{config.optim.max_steps} steps on {fabric.world_size} x {fabric.device.type}"
    )
    if step >= config.optim.max_steps:
        log.line(f"nothing to do: {step} steps are done")
        return
    batches = step_loader(config, speech, text, step, fabric)
    meter, began, first_step, bad_steps = Meter(), time.perf_counter(), step, 0
    validating = 0.0
    while step < config.optim.max_steps:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, config.optim)
        weight = consistency_weight(step, config.losses.consistency)
        fault = None
        for part in range(config.optim.accumulate):
            waiting = time.perf_counter()
            epoch, batch = next(batches)
            waited = time.perf_counter() - waiting
            paired = 0
            if weight > 0:
                budget = config.data.text_batch_phones * config.losses.consistency.text_share
                paired = fitting_prefix(batch.phone_lengths, budget)
            batch = batch.to(fabric.device)
            last = part == config.optim.accumulate - 1
            with fabric.no_backward_sync(model, enabled=not last):
                normal = plain.audio_encoder.normalise(batch.speech)
                features = spec_augment(normal, batch.speech_lengths, config.specaug)
                values = model(batch, features, config.losses, paired)
                loss = total_loss(values, config.losses, weight)
                if not torch.isfinite(loss):
                    fault = (
                        ", ".join(f"{n} {float(v.detach()):.4g}" for n, v in values.items() if not v.isfinite()),
                        batch.utt_ids,
                    )
                    break
                fabric.backward(loss / config.optim.accumulate)
            meter.add({"loss": loss, **values}, batch, waited)
        norm = (
            None
            if fault
            else fabric.clip_gradients(model, optimiser, max_norm=config.optim.clip_norm, error_if_nonfinite=False)
        )
        if norm is not None and not torch.isfinite(norm):
            fault = ("gradient norm", batch.utt_ids)
        step += 1
        if fault:
            bad_steps += 1
            log.line(f"step {step}: skipped, not finite: {fault[0]}; utterances {' '.join(fault[1])}")
            if bad_steps >= MAX_BAD_STEPS:
                raise JstasrError(
                    f"{bad_steps} steps in a row were not finite (the last: {fault[0]}; utterances "
                    f"{' '.join(fault[1][:5])} ...). Lower optim.learning_rate, or look at these utterances"
                )
        else:
            bad_steps = 0
            optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        if step % config.log_interval == 0 or step == config.optim.max_steps:
            means = meter.means()
            spent = time.perf_counter() - began - validating
            left = spent / (step - first_step) * (config.optim.max_steps - step)
            shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
            log.line(
                f"step {step}/{config.optim.max_steps} epoch {epoch + 1} {shown} lr {learning_rate(step - 1, config.optim):.2e} "
                f"grad {float(norm) if norm is not None else math.nan:.2f} {meter.speed()} left {duration(left)}"
            )
            log.curves({f"train/{name}": value for name, value in means.items()}, step)
            meter = Meter()
        if step % config.valid.interval == 0 or step == config.optim.max_steps:
            started = time.perf_counter()
            if fabric.is_global_zero:
                result = validate(
                    plain,
                    dev,
                    tokenizer,
                    config.losses,
                    config.data.batch_frames,
                    config.valid.utterances,
                    fabric.device,
                )
                log.validation(result, step, time.perf_counter() - started)
                checkpoints.save(training_state(plain, optimiser, config), step, result.score)
                if after_validation is not None:
                    after_validation(plain, step)
            fabric.barrier()
            validating += time.perf_counter() - started
            meter.started += time.perf_counter() - started


def training_state(model: JointModel, optimiser, config: TrainConfig) -> dict:
    """Everything that a resumed run needs."""
    return {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "config": asdict(config),
        "random": torch.get_rng_state(),
        "cuda_random": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
    }
