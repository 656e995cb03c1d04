"""What a person sees of a training run: lines in train.log and on the terminal, curves in TensorBoard."""

import sys
import time
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from jstasr.train.validate import Validation

# Distances alone say nothing, as training shrinks them all: see jstasr.align.measure
LAYER_RATIOS = ("best_to_framewise", "best_to_random", "own_to_other", "position_share")


def duration(seconds: float) -> str:
    """Seconds -> h:mm:ss or m:ss."""
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


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
