"""The training loop, from the first step or the newest checkpoint to the last step."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule

from jstasr.data.batch import Batch
from jstasr.data.speech_set import SpeechSet
from jstasr.data.text_set import TextSet
from jstasr.experiment.checkpoints import CheckpointFolder
from jstasr.experiment.config import OptimConfig, TrainConfig
from jstasr.experiment.files import CHECKPOINTS
from jstasr.features.augment import augment
from jstasr.features.frames import FRAMES_PER_SECOND
from jstasr.losses import LOSSES
from jstasr.losses.config import loss_weights
from jstasr.losses.consistency import num_paired_texts
from jstasr.losses.step import StepLosses
from jstasr.model.joint import JointModel
from jstasr.text.tokens import Tokenizer
from jstasr.train.ema import Ema
from jstasr.train.faults import Faults, not_finite
from jstasr.train.loader import training_batches
from jstasr.train.log import Clock, Meter, TimeLimiter, TrainLog
from jstasr.train.processes import on_first, sum_over_processes
from jstasr.train.schedule import learning_rate
from jstasr.train.sharding import gather_model, gather_state, gather_tensor, load_optimiser
from jstasr.train.signals import StoppedBySignal, StopRequest
from jstasr.train.validate import validate

PICTURES_SHARE = 0.05  # largest share of the time for pictures between validations
SEED_STRIDE = 1_000_000_007  # apart enough that the steps of two seeds never share a random state


def optimiser_for(model: JointModel, config: OptimConfig) -> torch.optim.Optimizer:
    """AdamW; no weight decay on biases, norms and embeddings."""
    decayed, others = [], []
    for name, parameter in model.named_parameters():
        (decayed if parameter.ndim > 1 and "embedding" not in name else others).append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
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


def train(
    config: TrainConfig,
    speech: SpeechSet,
    text: TextSet | None,
    dev: SpeechSet,
    tokenizer: Tokenizer,
    cmvn: tuple,
    expdir: Path,
    fabric: Fabric,
    draw: Callable[[JointModel, int], None] | None = None,
    initial: Callable[[JointModel], str] | None = None,
) -> None:
    """Train to `optim.max_steps`, from the newest checkpoint in expdir if there is one.

    Args:
        cmvn: mean and standard deviation of the features, (F,) each.
        initial: sets the weights of a training that has no checkpoint; returns a line for the log.
        draw: f(model, step) that draws pictures, called on the first process after every validation and epoch.
    Raises:
        JstasrError: losses that stay non-finite, lack of memory, a full disk.
        StoppedBySignal: after SIGTERM or SIGUSR1, with a checkpoint of the last step saved.
    """
    fabric.seed_everything(config.seed, workers=False, verbose=False)
    plain = JointModel(config.model)
    plain.audio_encoder.front_end.set_cmvn(*cmvn)
    losses = StepLosses(plain, config.losses, config.specaug)
    checkpoints = CheckpointFolder(expdir / CHECKPOINTS, config.valid.keep_best, config.valid.keep_last)
    warnings: list[str] = []
    found = checkpoints.load_last(warnings.append)
    step, state = found or (0, None)
    if state is not None:
        plain.load_state_dict(state.get("trained", state["model"]))
    elif initial is not None:
        warnings.append(initial(plain))
    log = TrainLog(expdir, fabric.is_global_zero, step)
    for line in (*warnings, *([f"continuing after step {step}"] if step else [])):
        log.line(line)
    last_step, interval, save_interval = config.optim.max_steps, config.valid.interval, config.valid.save_interval
    log.line(
        f"{sum(p.numel() for p in plain.parameters()) / 1e6:.2f}M parameters, {len(speech)} paired utterances "
        f"({speech.num_frames.sum() / FRAMES_PER_SECOND / 3600:.2f} h), {len(text) if text else 0} unpaired texts, "
        f"{last_step} steps on {fabric.world_size} x {fabric.device.type}"
    )
    if fabric.is_global_zero:
        checkpoints.remove_unfinished()
    model, optimiser = distribute(losses, config.optim, fabric, state and state["optimiser"])
    ema = Ema(plain, config.optim.ema) if config.optim.ema > 0 else None
    position: dict | None = None
    if state is not None:
        if ema is not None:
            ema.load_state_dict(state["ema"])
        position = state["position"]
    del state, found
    meter, clock, faults = Meter(), Clock(step), Faults(expdir, fabric, config.optim.max_skipped)
    first_step = saved = step  # `saved`: the step of the newest checkpoint
    pictures, seen_epoch = TimeLimiter(PICTURES_SHARE), position["epoch"] if position is not None else 0
    stream = training_batches(config, speech, text, position, fabric)

    def save_checkpoint() -> None:
        assert position is not None  # a step was done
        whole = gather_state(training_state(plain, optimiser, ema, position, config), fabric.is_global_zero)
        on_first(fabric, lambda: checkpoints.save(whole, step))

    def with_averaged_weights(action: Callable[[JointModel], None]) -> None:
        with clock.paused(meter), ema.applied() if ema is not None else nullcontext():
            whole = gather_model(plain, fabric)
            on_first(fabric, lambda: action(cast(JointModel, whole)))  # None on other processes only

    def draw_pictures(whole: JointModel) -> None:
        if draw is not None:
            with pictures.timed():
                draw(whole, step)

    def validate_model(whole: JointModel) -> None:
        if step in checkpoints.scores():  # resumed after this validation
            return
        started = time.perf_counter()
        result = validate(whole, dev, tokenizer, config.losses, config.valid, fabric.device)
        log.validation(result, step, time.perf_counter() - started)
        checkpoints.add_score(step, result.score)
        draw_pictures(whole)

    with StopRequest().listening() as stop:
        while True:
            due = step > 0 and (step % interval == 0 or step == last_step)
            if step > saved and (due or (save_interval and step % save_interval == 0)):
                save_checkpoint()  # before the validation, which may be interrupted
                saved = step
            new_epoch = position is not None and position["epoch"] > seen_epoch
            if due:
                with_averaged_weights(validate_model)
            elif new_epoch and fabric.broadcast(pictures.due()):
                with_averaged_weights(draw_pictures)
            seen_epoch = position["epoch"] if position is not None else 0
            if step >= last_step:
                break
            stopping, fault, norm, (epoch, position) = train_step(
                config, model, optimiser, fabric, stream, step, meter, faults, stop
            )
            step += 1
            if fault:
                log.line(f"step {step}: skipped, {fault}")
            elif ema is not None:
                ema.update()
            if step % config.log_interval == 0 or step == last_step:
                means, rates = meter.summary(fabric)
                rate = learning_rate(step - 1, config.optim)
                log.progress(step, last_step, epoch, means, rates, rate, norm, clock.left(step, last_step))
                meter = Meter()
            if stopping:
                if step > saved:
                    save_checkpoint()
                reason = stop.received or "a signal to another process"
                log.line(f"{reason}: stopped after step {step}, checkpoint saved")
                log.close()
                raise StoppedBySignal(f"{checkpoints.path(step)}: the same command continues from it")
    log.line(f"nothing to do: {step} steps are done" if first_step == last_step else f"all {last_step} steps are done")
    log.close()


def train_step(
    config: TrainConfig,
    model: _FabricModule,
    optimiser: torch.optim.Optimizer,
    fabric: Fabric,
    stream: Iterator[tuple[int, dict, Batch]],
    step: int,
    meter: Meter,
    faults: Faults,
    stop: StopRequest,
) -> tuple[bool, str, float, tuple[int, dict]]:
    """Forward, backward and update; a step that is not finite on one of the processes is skipped on all.

    The gradient is that of the mean over the whole step, however the step is split into processes and accumulated
    batches.

    Args:
        model: StepLosses, wrapped by `distribute`.
        step: steps done before this one.
    Returns:
        Whether a process was asked to stop; what was not finite, or ""; gradient norm; epoch, and position after the
        step.
    """
    optim = config.optim
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(step, optim)
    weights = loss_weights(step, config.losses)
    waiting = time.perf_counter()
    drawn = [next(stream) for _ in range(optim.accumulate)]
    waited = time.perf_counter() - waiting
    # every draw of a step is a function of (seed, step, process), so that a resumed run draws the same; seeded after
    # the batches have arrived, as a data loader draws when it starts
    torch.manual_seed((config.seed * SEED_STRIDE + step) * fabric.world_size + fabric.global_rank)
    parts = [batch for _, _, batch in drawn]
    paired = [num_transcripts(config, batch, weights) for batch in parts]
    held = [batch.counts(count) for batch, count in zip(parts, paired)]
    mine = {unit: sum(part[unit] for part in held) for unit in held[0]}
    whole = sum_over_processes(fabric, mine | {"stop": float(bool(stop.received))})
    outcomes: list[tuple[dict[str, torch.Tensor], Batch]] = []
    sums: dict[str, torch.Tensor] = {}  # the share of this process of every loss of the step
    for number, (batch, count, amount) in enumerate(zip(parts, paired, held)):
        with (
            faults.memory_watched(step + 1, batch),
            fabric.no_backward_sync(model, enabled=number < optim.accumulate - 1),
        ):
            values, shares = backward(config, model, fabric, batch, count, weights, amount, whole)
        for name, value in shares.items():
            sums[name] = sums.get(name, 0.0) + value.detach()
        outcomes.append((values, batch))
    fault = ""
    with faults.memory_watched(step + 1, parts[0]):
        total = fabric.clip_gradients(model, optimiser, max_norm=optim.clip_norm, error_if_nonfinite=False)
        norm = float(gather_tensor(cast(torch.Tensor, total)))
        if math.isfinite(norm):
            optimiser.step()
            faults.finite(parts)
            meter.add_losses(sums)
        else:
            found = "; ".join(filter(None, (not_finite(values, batch) for values, batch in outcomes)))
            fault = faults.skipped(step + 1, found, parts, norm)
    optimiser.zero_grad(set_to_none=True)
    meter.end_step(whole, waited)
    stopping = whole["stop"] > 0 or (fabric.world_size == 1 and bool(stop.received))
    return stopping, fault, norm, drawn[-1][:2]


def num_transcripts(config: TrainConfig, batch: Batch, weights: dict[str, float]) -> int:
    """Number of transcripts of paired speech in the text batch, for the consistency loss; 0 before it starts."""
    if weights["consistency"] <= 0:
        return 0
    return num_paired_texts(batch, config.data.text_batch_phones * config.losses.consistency.text_share)


def backward(
    config: TrainConfig,
    model: torch.nn.Module,
    fabric: Fabric,
    batch: Batch,
    paired: int,
    weights: dict[str, float],
    amount: Mapping[str, float],
    whole: Mapping[str, float],
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Add the gradient of one batch of the step.

    Args:
        paired: number of transcripts of paired speech in the text batch.
        weights: of the losses.
        amount, whole: amount of each unit in the batch and in the whole step, see `Batch.counts`.
    Returns:
        The losses of the batch, and its shares of the losses of the step: of each, and of their weighted sum `loss`.
    """
    batch = batch.to(fabric.device)
    speech, speech_lengths = augment(batch.speech, batch.speech_lengths, config.augment)
    batch = replace(batch, speech=speech, speech_lengths=speech_lengths)
    values = model(batch, weights, paired)
    units = {loss.name: loss.unit for loss in LOSSES}
    shares = {name: value * (amount[units[name]] / whole[units[name]]) for name, value in values.items()}
    loss = sum(weights[name] * share for name, share in shares.items())
    assert isinstance(loss, torch.Tensor), f"no loss at a step with the weights {weights}"
    # a loss that is not finite may have a finite gradient: NaN makes every process skip the step
    loss = loss * torch.where(loss.detach().isfinite(), 1.0, float("nan"))
    fabric.backward(loss * fabric.world_size)  # the gradient is the mean over processes
    return values, {"loss": loss, **shares}


def training_state(
    model: JointModel, optimiser: torch.optim.Optimizer, ema: Ema | None, position: dict, config: TrainConfig
) -> dict:
    """Everything that a resumed run needs; the random states follow from seed and step.

    `model` holds the weights for decoding: the averaged ones, if there is an average.
    """
    state: dict = {"optimiser": optimiser.state_dict(), "position": position, "config": asdict(config)}
    if ema is None:
        return state | {"model": model.state_dict()}
    with ema.applied():
        averaged = {name: value.clone() for name, value in model.state_dict().items()}
    return state | {"model": averaged, "trained": model.state_dict(), "ema": ema.state_dict()}
