"""What a person sees of a training run: lines in train.log and on the terminal, curves in TensorBoard."""

import sys
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch.utils.tensorboard import SummaryWriter

from jstasr.errors import JstasrError
from jstasr.experiment.files import TENSORBOARD, TRAIN_LOG
from jstasr.features.frames import FRAMES_PER_SECOND
from jstasr.train.processes import add_up
from jstasr.train.validate import Validation

# Distances alone say nothing, as training shrinks them all: see jstasr.align.measure
LAYER_RATIOS = ("best_to_framewise", "best_to_random", "own_to_other", "position_share")


def duration(seconds: float) -> str:
    """Seconds -> h:mm:ss or m:ss."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Meter:
    """Means of what happened on this process since the last log line."""

    def __init__(self):
        self.losses: dict[str, torch.Tensor] = {}  # sums; on the device, so that no step waits for them
        self.amounts: dict[str, float] = {}
        self.finite_steps = 0
        self.waited = 0.0
        self.started = time.perf_counter()

    def add_losses(self, values: dict[str, torch.Tensor]) -> None:
        """values: this process's share of each loss of a step that was finite."""
        self.finite_steps += 1
        for name, value in values.items():
            self.losses[name] = self.losses.get(name, 0.0) + value.detach().double()

    def end_step(self, amounts: dict[str, float], waited: float) -> None:
        """amounts: of all processes, see `Batch.counts`; waited: seconds for batches, on this process."""
        for name, value in amounts.items():
            self.amounts[name] = self.amounts.get(name, 0.0) + value
        self.waited += waited

    def summary(self, fabric: Fabric) -> tuple[dict[str, float], dict[str, float]]:
        """Mean losses, and: audio seconds per second, padding and waiting in per cent, unpaired phonemes per paired."""
        elapsed = time.perf_counter() - self.started
        local = {name: float(value) / max(1, self.finite_steps) for name, value in self.losses.items()}
        frames, padded = self.amounts.get("frames", 0), self.amounts.get("padded_frames", 0)
        rates = {
            "audio_s_per_s": frames / FRAMES_PER_SECOND / elapsed,
            "padding": 100 * (1 - frames / max(1, padded)),
            "wait": 100 * self.waited / elapsed,
            "text_ratio": self.amounts.get("text_phones", 0) / max(1, self.amounts.get("phones", 0)),
        }
        return add_up(fabric, local), rates


class Clock:
    """Time left, from the steps of this run; validation does not count."""

    def __init__(self, first_step: int):
        self.first_step = first_step
        self.began = time.perf_counter()

    def left(self, step: int, last_step: int) -> float:
        """Seconds of training that remain."""
        return (time.perf_counter() - self.began) / max(1, step - self.first_step) * (last_step - step)

    @contextmanager
    def paused(self, meter: Meter):
        """Leave what happens inside out of the count and out of the meter's speed."""
        started = time.perf_counter()
        yield
        spent = time.perf_counter() - started
        self.began += spent
        meter.started += spent


class Sparing:
    """Lets something that is nice to have happen only as long as it takes a small share of the time."""

    def __init__(self, share: float):
        self.share, self.took, self.ended = share, 0.0, time.perf_counter()

    def due(self) -> bool:
        return self.took <= self.share * (time.perf_counter() - self.ended)

    @contextmanager
    def timed(self):
        began = time.perf_counter()
        yield
        self.ended = time.perf_counter()
        self.took = self.ended - began


class TrainLog:
    """Writes to exp/<tag>/train.log, standard error and exp/<tag>/tensorboard; silent on other ranks."""

    def __init__(self, expdir: Path, enabled: bool, step: int = 0):
        """step: steps done; curves of later ones, which a killed run may have drawn, are hidden."""
        self.enabled, self.path = enabled, Path(expdir) / TRAIN_LOG
        if enabled:
            with self.writing():
                self.file = open(self.path, "a", encoding="utf-8")
                self.board = SummaryWriter(str(expdir / TENSORBOARD), purge_step=step + 1 if step else None)

    @contextmanager
    def writing(self):
        """Say what a full disk means for the run."""
        try:
            yield
        except OSError as error:
            raise JstasrError(
                f"{self.path}: cannot be written ({error.strerror or error}). The last checkpoint is intact; "
                "free some space and start the same command again to continue"
            ) from error

    def line(self, message: str) -> None:
        if not self.enabled:
            return
        stamped = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} (train) {message}"
        print(stamped, file=sys.stderr, flush=True)
        with self.writing():
            self.file.write(stamped + "\n")
            self.file.flush()

    def curves(self, values: dict[str, float], step: int) -> None:
        if self.enabled:
            with self.writing():
                for name, value in values.items():
                    self.board.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still waiting."""
        if self.enabled:
            with self.writing():
                self.board.close()
                self.file.close()

    def progress(
        self,
        step: int,
        last_step: int,
        epoch: int,
        means: dict[str, float],
        rates: dict[str, float],
        rate: float,
        norm: float,
        left: float,
    ) -> None:
        """The mean losses and the speed since the last such line (Meter.summary), and how long the rest will take.

        Args:
            rate: learning rate; norm: of the last gradient; left: seconds.
        """
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        self.line(
            f"step {step}/{last_step} epoch {epoch + 1} left {duration(left)} | {shown} | "
            f"lr {rate:.1e} grad {norm:.2f} audio-s/s {rates['audio_s_per_s']:.0f} "
            f"pad {rates['padding']:.1f}% wait {rates['wait']:.1f}% text {rates['text_ratio']:.2f}x"
        )
        curves = {f"train/{name}": value for name, value in (means | rates).items()}
        self.curves(curves | {"train/learning_rate": rate, "train/gradient_norm": norm, "train/epoch": epoch + 1}, step)

    def validation(self, result: Validation, step: int, seconds: float) -> None:
        """WER of every branch and decoder, and one line for each layer on how it aligns."""
        if not self.enabled:
            return
        wer = " ".join(f"{name} {value:.1f}" for name, value in result.wer.items())
        cer = " ".join(f"{name} {value:.1f}" for name, value in result.cer.items())
        losses = " ".join(f"{name} {value:.3f}" for name, value in result.losses.items())
        self.line(f"dev after step {step}: WER% {wer} | CER% {cer} | loss {losses} | {seconds:.1f} s")
        curves = {f"dev_wer/{name}": value for name, value in result.wer.items()}
        curves |= {f"dev_cer/{name}": value for name, value in result.cer.items()}
        curves |= {f"dev_loss/{name}": value for name, value in result.losses.items()}
        for index, layer in enumerate(result.layers):
            shown = " ".join(f"{name} {layer[name]:.2f}" for name in LAYER_RATIOS)
            self.line(f"  layer {index}: distance {layer['best']:.3f} {shown}")
            curves |= {f"dev_layer{index}/{name}": layer[name] for name in ("best", *LAYER_RATIOS)}
        self.curves(curves, step)
        with self.writing():
            self.board.flush()
