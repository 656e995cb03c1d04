"""The training loop, from the first step or the newest checkpoint to the last step."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricModule

from jstasr.data.batch import Batch
from jstasr.data.speech_set import SpeechSet
from jstasr.data.splice import UnitBank
from jstasr.data.text_set import TextSet
from jstasr.errors import JstasrError
from jstasr.experiment.checkpoints import CheckpointFolder
from jstasr.experiment.config import TrainConfig, own_encoder
from jstasr.experiment.files import CHECKPOINTS
from jstasr.experiment.folder import changed_settings
from jstasr.experiment.load import first_fault
from jstasr.features.augment import augment
from jstasr.features.frames import FRAMES_PER_SECOND
from jstasr.kaldi.files import first_few
from jstasr.losses import LOSSES
from jstasr.losses.config import loss_weights
from jstasr.losses.consistency import alignment_note
from jstasr.losses.step import StepLosses
from jstasr.model.joint import JointModel
from jstasr.text.tokens import Tokenizer
from jstasr.train.ema import Ema
from jstasr.train.faults import Faults, not_finite
from jstasr.train.limiter import TimeLimiter
from jstasr.train.loader import training_batches
from jstasr.train.log import Clock, Meter, TrainLog
from jstasr.train.optimiser import distribute
from jstasr.train.processes import gather_objects, on_first, sum_over_processes
from jstasr.train.schedule import learning_rate
from jstasr.train.sharding import gather_model, gather_state, gather_tensor
from jstasr.train.signals import StoppedBySignal, StopRequest
from jstasr.train.trackers import KILLED
from jstasr.train.validate import validate

PICTURES_SHARE = 0.05  # largest share of the time for pictures between validations
SEED_STRIDE = 1_000_000_007  # apart enough that the steps of two seeds never share a random state


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
    stop: StopRequest | None = None,
    check_lock: Callable[[], None] | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Train to `optim.max_steps`, from the newest checkpoint in expdir if there is one.

    Args:
        cmvn: mean and standard deviation of the features, (F,) each.
        initial: sets the weights of a training that has no checkpoint; returns a line for the log.
        draw: f(model, step) that draws pictures, called on the first process after every validation and epoch.
        stop: listens to signals already; None: listen here.
        check_lock: raises JstasrError where another process has taken the experiment; called before each checkpoint.
        notes: lines for the beginning of the log.
    Raises:
        JstasrError: losses that stay non-finite, lack of memory, a full disk, a service of log_to that refuses.
        StoppedBySignal: after a signal that asks to stop, with a checkpoint of the last step saved.
        KeyboardInterrupt: after Ctrl-C, likewise.
    """
    fabric.seed_everything(config.seed, workers=False, verbose=False)
    plain = JointModel(config.model, own_encoder(config))
    plain.audio_encoder.front_end.set_cmvn(*cmvn)
    checkpoints = CheckpointFolder(expdir / CHECKPOINTS, config.valid.keep_best, config.valid.keep_last, check_lock)
    warnings: list[str] = []
    step, state = restore(checkpoints, config, plain, warnings.append)
    if state is None and initial is not None:
        warnings.append(initial(plain))
    log = TrainLog(expdir, fabric.is_global_zero, step)
    warnings += alignment_note(config.losses.consistency, fabric.device)
    for line in (*notes, *warnings, *([f"continuing after step {step}"] if step else [])):
        log.line(line)
    log.line(
        f"{sum(p.numel() for p in plain.parameters()) / 1e6:.2f}M parameters, {len(speech)} paired utterances "
        f"({speech.durations.sum() / FRAMES_PER_SECOND / 3600:.2f} h), {len(text) if text else 0} unpaired texts, "
        f"{config.optim.max_steps} steps on {fabric.world_size} x {fabric.device.type}"
    )
    if fabric.is_global_zero:
        checkpoints.remove_unfinished()
    stop = stop or StopRequest()
    with stop.listening(), log.tells_its_end():
        on_first(fabric, lambda: log.track(config))
        run = Run(config, plain, fabric, checkpoints, log, Validator(dev, tokenizer, draw), stop, step, state)
        del state
        with closing(training_batches(config, speech, text, run.position, fabric)) as stream:
            run.to_the_end(stream)
    log.close()


def restore(
    checkpoints: CheckpointFolder, config: TrainConfig, model: JointModel, warn: Callable[[str], None]
) -> tuple[int, dict | None]:
    """Load the weights of the newest usable checkpoint: its step and its whole state; 0, None without one.

    Raises:
        JstasrError: no checkpoint can be used; the newest one is of another training.
    """
    found = checkpoints.load_last(warn)
    if found is None:
        return 0, None
    step, state = found
    path = checkpoints.path(step)
    lacking = [name for name in ("optimiser", "position", "config") if name not in state]
    if lacking:
        raise JstasrError(
            f"{path}: holds weights only (no {', '.join(lacking)}), no training goes on from it. Remove it"
        )
    changed = changed_settings(state["config"], asdict(config))
    if changed:
        raise JstasrError(f"{path}: was written with other settings: {first_few(changed)}. Remove it, or that folder")
    try:
        model.load_state_dict(state.get("trained", state["model"]))
    except RuntimeError as error:
        raise JstasrError(f"{path}: does not fit the model: {first_fault(error)}. Remove it, or that folder") from error
    return step, state


@dataclass
class Validator:
    """What the model is validated on, and the pictures of it."""

    dev: SpeechSet
    tokenizer: Tokenizer
    draw: Callable[[JointModel, int], None] | None  # f(model, step)


class Run:
    """The steps of one training, from the restored state on: every process has its own."""

    def __init__(
        self,
        config: TrainConfig,
        plain: JointModel,
        fabric: Fabric,
        checkpoints: CheckpointFolder,
        log: TrainLog,
        validator: Validator,
        stop: StopRequest,
        step: int,
        state: dict | None,
    ):
        """plain: the model with the weights of `step`; state: of the checkpoint of that step, or None."""
        self.config, self.plain, self.fabric, self.stop = config, plain, fabric, stop
        self.checkpoints, self.log, self.validator = checkpoints, log, validator
        losses = StepLosses(plain, config.losses, config.specaug)
        self.bank = losses.bank
        if state is not None and self.bank is not None:
            self.bank.load(state["banks"][fabric.global_rank % len(state["banks"])])
        self.model, self.optimiser = distribute(losses, config.optim, fabric, state and state["optimiser"])
        self.ema = Ema(plain, config.optim.ema) if config.optim.ema > 0 else None
        if state is not None and self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.step = self.saved = self.first_step = step  # `saved`: the step of the newest checkpoint
        self.position: dict | None = state["position"] if state is not None else None
        self.seen_epoch = self.epoch
        self.meter, self.clock, self.pictures = Meter(), Clock(step), TimeLimiter(PICTURES_SHARE)
        limits = config.optim.max_skipped, config.data.max_skipped, config.data.max_lost_shards
        self.faults = Faults(log.path.parent, fabric, *limits, log.line)

    @property
    def epoch(self) -> int:
        """Complete passes over the speech."""
        return self.position["epoch"] if self.position is not None else 0

    def to_the_end(self, stream: Iterator[tuple[int, dict, Batch]]) -> None:
        """All steps that are left, with their checkpoints and validations; errors as of `train`."""
        last_step = self.config.optim.max_steps
        with self.stop.deferred():
            while True:
                self.save_and_validate()
                if self.step >= last_step:
                    break
                if self.take_step(stream):
                    self.end_early()
        done = f"nothing to do: {last_step} steps are done" if self.first_step == last_step else ""
        self.log.line(done or f"all {last_step} steps are done")

    def save_and_validate(self) -> None:
        """The checkpoint, validation and pictures that are due after the present step."""
        step, valid = self.step, self.config.valid
        due = step > 0 and (step % valid.interval == 0 or step == self.config.optim.max_steps)
        if due or (valid.save_interval and step % valid.save_interval == 0):
            self.save_checkpoint()  # before the validation, which may be interrupted
        if due:
            self.with_averaged_weights(self.validate)
        elif self.epoch > self.seen_epoch and self.fabric.broadcast(self.pictures.due()):
            self.with_averaged_weights(self.draw)
        self.seen_epoch = self.epoch

    def take_step(self, stream: Iterator[tuple[int, dict, Batch]]) -> bool:
        """One step and its log line; was a process asked to stop?"""
        config, last_step = self.config, self.config.optim.max_steps
        stopping, fault, norm, (epoch, self.position) = train_step(
            config,
            self.model,
            self.bank,
            self.optimiser,
            self.fabric,
            stream,
            self.step,
            self.meter,
            self.faults,
            self.stop,
        )
        self.step += 1
        if fault:
            self.log.line(f"step {self.step}: skipped, {fault}")
        elif self.ema is not None:
            self.ema.update()
        if self.step % config.log_interval == 0 or self.step == last_step:
            means, rates = self.meter.summary(self.fabric)
            rate, left = learning_rate(self.step - 1, config.optim), self.clock.left(self.step, last_step)
            self.log.progress(self.step, last_step, epoch, means, rates, rate, norm, left)
            self.meter = Meter()
        return stopping

    def end_early(self) -> NoReturn:
        """Save a checkpoint and end as the signal demands."""
        self.save_checkpoint()
        reason = self.stop.received or "a signal to another process"
        self.log.line(f"{reason}: stopped after step {self.step}, checkpoint saved")
        self.log.close(KILLED)
        if reason == "SIGINT":
            raise KeyboardInterrupt
        raise StoppedBySignal(f"{self.checkpoints.path(self.step)}: the same command continues from it", together=True)

    def save_checkpoint(self) -> None:
        """Write the checkpoint of the present step, unless it is there."""
        if self.step == self.saved:
            return
        assert self.position is not None  # a step was done
        state = training_state(self.plain, self.optimiser, self.ema, self.position, self.config)
        whole = gather_state(state, self.fabric.is_global_zero)
        if self.bank is not None:
            whole["banks"] = gather_objects(self.fabric, self.bank.state())
        on_first(self.fabric, lambda: self.checkpoints.save(whole, self.step))
        self.saved = self.step

    def with_averaged_weights(self, action: Callable[[JointModel], None]) -> None:
        """Call `action` on the first process with the weights that are used for decoding."""
        with self.clock.paused(self.meter), self.ema.applied() if self.ema is not None else nullcontext():
            whole = gather_model(self.plain, self.fabric)
            on_first(self.fabric, lambda: action(cast(JointModel, whole)))  # None on other processes only

    def validate(self, whole: JointModel) -> None:
        """Validate, store the score, draw; nothing where a resumed run has the score already."""
        if self.step in self.checkpoints.scores():
            return
        started = time.perf_counter()
        config, dev, tokenizer = self.config, self.validator.dev, self.validator.tokenizer
        result = validate(whole, dev, tokenizer, config.losses, config.valid, self.fabric.device)
        self.log.validation(result, self.step, time.perf_counter() - started)
        self.checkpoints.add_score(self.step, result.score)
        self.draw(whole)

    def draw(self, whole: JointModel) -> None:
        """Draw the pictures of the present step."""
        if self.validator.draw is not None:
            with self.pictures.timed():
                self.validator.draw(whole, self.step)


def train_step(
    config: TrainConfig,
    model: _FabricModule,
    bank: UnitBank | None,
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
        model: StepLosses, wrapped by `distribute`; bank: of them.
        step: steps done before this one.
    Returns:
        Whether a process was asked to stop; what was not finite, or ""; gradient norm; epoch, and position after the
        step.
    """
    optim = config.optim
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(step, optim)
        if group.get("of_encoder"):
            group["lr"] *= config.model.pretrained.rate if step >= config.model.pretrained.start_step else 0.0
    weights = loss_weights(step, config.losses)
    waiting = time.perf_counter()
    drawn = [next(stream) for _ in range(optim.accumulate)]
    waited = time.perf_counter() - waiting
    # every draw of a step is a function of (seed, step, process), so that a resumed run draws the same; seeded after
    # the batches have arrived, as a data loader draws when it starts
    torch.manual_seed((config.seed * SEED_STRIDE + step) * fabric.world_size + fabric.global_rank)
    parts = [batch for _, _, batch in drawn]
    if bank is not None and bank.config.due(step):
        parts = [bank.spliced(batch) for batch in parts]
    held = [batch.counts() for batch in parts]
    mine = {unit: sum(part[unit] for part in held) for unit in held[0]}
    unusable = [fault for batch in parts for fault in batch.skipped]
    lost = [fault for batch in parts for fault in batch.lost]
    left_out = {"unusable": float(len(unusable)), "lost": float(len(lost))}
    whole = sum_over_processes(fabric, mine | {"stop": float(bool(stop.received)), **left_out})
    if whole["unusable"]:
        faults.skipped_utterances(unusable)
    if whole["lost"]:
        faults.lost_shards(lost)
    outcomes: list[tuple[dict[str, torch.Tensor], Batch]] = []
    sums: dict[str, torch.Tensor] = {}  # the share of this process of every loss of the step
    for number, (batch, amount) in enumerate(zip(parts, held)):
        with (
            faults.memory_watched(step + 1, batch),
            fabric.no_backward_sync(model, enabled=number < optim.accumulate - 1),
        ):
            values, shares = backward(config, model, fabric, batch, weights, amount, whole)
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


def backward(
    config: TrainConfig,
    model: torch.nn.Module,
    fabric: Fabric,
    batch: Batch,
    weights: dict[str, float],
    amount: Mapping[str, float],
    whole: Mapping[str, float],
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Add the gradient of one batch of the step.

    Args:
        weights: of the losses.
        amount, whole: amount of each unit in the batch and in the whole step, see `Batch.counts`.
    Returns:
        The losses of the batch, and its shares of the losses of the step: of each, and of their weighted sum `loss`.
    """
    batch = batch.to(fabric.device)
    speech, speech_lengths = augment(batch.speech, batch.speech_lengths, config.augment)
    batch = replace(batch, speech=speech, speech_lengths=speech_lengths)
    values = model(batch, weights)
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
