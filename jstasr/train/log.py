"""What a person sees of a training run: lines in train.log and on the terminal, curves in TensorBoard."""

import sys
import time
from pathlib import Path

import torch
from torch.utils.tensorboard import SummaryWriter

from jstasr.model.batch import Batch
from jstasr.train.validate import Validation

FRAMES_PER_SECOND = 100

# Distances alone say nothing, as training shrinks them all: see jstasr.align.measure
LAYER_RATIOS = ("best_to_framewise", "best_to_random", "own_to_other", "position_share")


def duration(seconds: float) -> str:
    """Seconds -> h:mm:ss or m:ss."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Meter:
    """Means of what happened since the last log line."""

    def __init__(self, processes: int):
        """processes: how many do the same as this one; the speed is that of all."""
        self.processes = processes
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
        """Seconds of audio per second, share of padding, share of time spent waiting for batches."""
        elapsed = time.perf_counter() - self.started
        return (
            f"audio-s/s {self.processes * self.frames / FRAMES_PER_SECOND / elapsed:.0f} "
            f"pad {100 * (1 - self.frames / max(1, self.padded)):.1f}% wait {100 * self.waited / elapsed:.1f}%"
        )


class TrainLog:
    """Writes to exp/<tag>/train.log, standard error and exp/<tag>/tensorboard; silent on other ranks."""

    def __init__(self, expdir: Path, enabled: bool):
        self.enabled = enabled
        if enabled:
            self.file = open(expdir / "train.log", "a", encoding="utf-8")
            self.board = SummaryWriter(str(expdir / "tensorboard"))

    def line(self, message: str) -> None:
        if not self.enabled:
            return
        stamped = f"{time.strftime('%Y-%m-%dT%H:%M:%S')} (train) {message}"
        self.file.write(stamped + "\n")
        self.file.flush()
        print(stamped, file=sys.stderr, flush=True)

    def curves(self, values: dict[str, float], step: int) -> None:
        if self.enabled:
            for name, value in values.items():
                self.board.add_scalar(name, value, step)

    def progress(
        self, step: int, last_step: int, epoch: int, meter: Meter, rate: float, norm: float, left: float
    ) -> None:
        """The mean losses since the last such line, and how long the rest will take (`left`, seconds)."""
        means = meter.means()
        shown = " ".join(f"{name} {value:.3f}" for name, value in means.items())
        self.line(
            f"step {step}/{last_step} epoch {epoch + 1} left {duration(left)} | {shown} | "
            f"lr {rate:.1e} grad {norm:.2f} {meter.speed()}"
        )
        curves = {f"train/{name}": value for name, value in means.items()}
        self.curves(curves | {"train/learning_rate": rate, "train/gradient_norm": norm}, step)

    def validation(self, result: Validation, step: int, seconds: float) -> None:
        """WER of every branch and decoder, and one line for each layer on how it aligns."""
        if not self.enabled:
            return
        wer = " ".join(f"{name} {value:.1f}" for name, value in result.wer.items())
        losses = " ".join(f"{name} {value:.3f}" for name, value in result.losses.items())
        self.line(f"dev after step {step}: WER% {wer} | loss {losses} | {seconds:.1f} s")
        curves = {f"dev_wer/{name}": value for name, value in result.wer.items()}
        curves |= {f"dev_cer/{name}": value for name, value in result.cer.items()}
        curves |= {f"dev_loss/{name}": value for name, value in result.losses.items()}
        for index, layer in enumerate(result.layers):
            shown = " ".join(f"{name} {layer[name]:.2f}" for name in LAYER_RATIOS)
            self.line(f"  layer {index}: distance {layer['best']:.3f} {shown}")
            curves |= {f"dev_layer{index}/{name}": layer[name] for name in ("best", *LAYER_RATIOS)}
        self.curves(curves, step)
        self.board.flush()
