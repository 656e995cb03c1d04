"""The output of a training run: lines in train.log and on the terminal, curves in TensorBoard and other services."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch.utils.tensorboard import SummaryWriter

from jstasr.errors import JstasrError
from jstasr.experiment.config import TrainConfig
from jstasr.experiment.files import TENSORBOARD, TRAIN_LOG
from jstasr.features.frames import FRAMES_PER_SECOND
from jstasr.kaldi.files import write_fault
from jstasr.train.duration import duration
from jstasr.train.processes import sum_over_processes
from jstasr.train.read_log import CTRL_C, ERROR_PREFIX, MARK
from jstasr.train.trackers import FAILED, FINISHED, KILLED, Tracker, open_trackers
from jstasr.train.validate import Validation

# ratios, as training shrinks all distances: see jstasr.align.measure
LAYER_RATIOS = ("best_to_framewise", "best_to_random", "own_to_other", "position_share")


class Meter:
    """Means on this process since the last log line."""

    def __init__(self) -> None:
        self.losses: dict[str, torch.Tensor] = {}  # sums on the device, so that no step waits for a copy
        self.amounts: dict[str, float] = {}
        self.finite_steps = 0
        self.waited = 0.0
        self.started = time.perf_counter()

    def add_losses(self, values: dict[str, torch.Tensor]) -> None:
        """Add a finite step; values: the share of this process of each loss."""
        self.finite_steps += 1
        for name, value in values.items():
            self.losses[name] = value.detach().double() + self.losses.get(name, 0.0)

    def end_step(self, amounts: Mapping[str, float], waited: float) -> None:
        """Add what every step has; amounts: `Batch.counts` over all processes; waited: seconds for batches."""
        for name, value in amounts.items():
            self.amounts[name] = self.amounts.get(name, 0.0) + value
        self.waited += waited

    def summary(self, fabric: Fabric) -> tuple[dict[str, float], dict[str, float]]:
        """Mean losses over all processes; audio seconds per second, padding and waiting in per cent, phonemes
        of unpaired text per paired one."""
        elapsed = time.perf_counter() - self.started
        local = {name: float(value) / max(1, self.finite_steps) for name, value in self.losses.items()}
        frames, padded = self.amounts.get("frames", 0), self.amounts.get("padded_frames", 0)
        spliced = self.amounts.get("spliced_phones", 0)
        rates = {
            "audio_s_per_s": frames / FRAMES_PER_SECOND / elapsed,
            "padding": 100 * (1 - frames / max(1, padded)),
            "wait": 100 * self.waited / elapsed,
            "text_ratio": (self.amounts.get("text_phones", 0) + spliced)
            / max(1, self.amounts.get("phones", 0) - spliced),
        }
        return sum_over_processes(fabric, local), rates


class Clock:
    """Estimates the remaining time from the steps of this run, without validation."""

    def __init__(self, first_step: int):
        self.first_step = first_step
        self.began = time.perf_counter()

    def left(self, step: int, last_step: int) -> float:
        """Seconds of training that remain."""
        return (time.perf_counter() - self.began) / max(1, step - self.first_step) * (last_step - step)

    @contextmanager
    def paused(self, meter: Meter) -> Iterator[None]:
        """Exclude the time within the context from the estimate and from the speed of the meter."""
        started = time.perf_counter()
        yield
        spent = time.perf_counter() - started
        self.began += spent
        meter.started += spent


def leave_os_errors(arguments: threading.ExceptHookArgs) -> None:
    """Print no traceback of a disk's fault in TensorBoard's thread: the next call of its writer raises it again."""
    if not issubclass(arguments.exc_type, OSError):
        threading.__excepthook__(arguments)


class TrainLog:
    """Writes to exp/<tag>/train.log, standard error and exp/<tag>/tensorboard; silent on other ranks."""

    def __init__(self, expdir: Path, enabled: bool, step: int = 0):
        """step: steps done; curves of later steps, which a killed run may have written, are hidden."""
        self.enabled, self.path = enabled, Path(expdir) / TRAIN_LOG
        self.trackers: list[Tracker] = []
        self.board_path = Path(expdir) / TENSORBOARD
        if enabled:
            threading.excepthook = leave_os_errors
            with self.writing(self.path):
                self.file = open(self.path, "a", encoding="utf-8")
            with self.writing(self.board_path):
                self.board = SummaryWriter(str(self.board_path), purge_step=step + 1 if step else None)

    def track(self, config: TrainConfig) -> None:
        """Send the curves to the services of `config.log_to` too; errors as of `open_trackers`."""
        if self.enabled:
            self.trackers = open_trackers(self.path.parent, config, self.line)

    @contextmanager
    def writing(self, path: Path) -> Iterator[None]:
        """Turn a file that cannot be written into a JstasrError that says what to do."""
        try:
            yield
        except OSError as error:
            reason, remedy = write_fault(error)
            raise JstasrError(
                f"{path}: cannot be written ({reason}). The last checkpoint is intact. {remedy}; "
                "then the same command continues"
            ) from error

    def line(self, message: str) -> None:
        """Write a line with the time."""
        if not self.enabled:
            return
        stamped = self.stamped(message)
        with suppress(OSError):  # a terminal that was closed does not end the training
            print(stamped, file=sys.stderr, flush=True)
        self.write(stamped)

    @staticmethod
    def stamped(message: str) -> str:
        """The line of a message."""
        return time.strftime("%Y-%m-%dT%H:%M:%S") + MARK + message

    def write(self, stamped: str) -> None:
        """Add a line to train.log."""
        with self.writing(self.path):
            self.file.write(stamped + "\n")
            self.file.flush()

    @contextmanager
    def tells_its_end(self) -> Iterator[None]:
        """Leave in train.log, and where curves are sent to, what ended the run within the context; the terminal hears
        it from the command."""
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            if self.enabled:
                kind = "" if isinstance(error, JstasrError) else f"{type(error).__name__}: "
                words = CTRL_C if isinstance(error, KeyboardInterrupt) else f"{ERROR_PREFIX}{kind}{error}"
                with suppress(JstasrError):  # the first error counts
                    self.write(self.stamped(" ".join(words.split())))
                with suppress(JstasrError):
                    self.end_trackers(KILLED if isinstance(error, KeyboardInterrupt) else FAILED)
            raise

    def curves(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to each curve."""
        if self.enabled:
            with self.writing(self.board_path):
                for name, value in values.items():
                    self.board.add_scalar(name, value, step)
            for tracker in self.trackers:
                tracker.add(values, step)

    def end_trackers(self, outcome: str) -> None:
        """Send no curves from now on."""
        while self.trackers:
            self.trackers.pop().end(outcome)

    def close(self, outcome: str = FINISHED) -> None:
        """Flush and close the files; later lines go nowhere."""
        if self.enabled:
            self.end_trackers(outcome)
            self.enabled = False
            with self.writing(self.board_path):
                self.board.close()
            with self.writing(self.path):
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
        """Mean losses and speed since the last progress line (Meter.summary), and the time left.

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
        """WER of every branch and decoder, and a line for each consistency layer on its alignment."""
        if not self.enabled:
            return
        wer = " ".join(f"{name} {value:.1f}" for name, value in result.wer.items())
        cer = " ".join(f"{name} {value:.1f}" for name, value in result.cer.items())
        losses = " ".join(f"{name} {value:.3f}" for name, value in result.losses.items())
        self.line(f"dev after step {step}: WER% {wer} | CER% {cer} | loss {losses} | {seconds:.1f} s")
        silent = [mode for mode, share in result.empty.items() if share == 1]
        if silent:
            self.line(f"  {' and '.join(silent)}: only blanks, no text for any dev utterance; usual in the first steps")
        curves = {f"dev_wer/{name}": value for name, value in result.wer.items()}
        curves |= {f"dev_cer/{name}": value for name, value in result.cer.items()}
        curves |= {f"dev_loss/{name}": value for name, value in result.losses.items()}
        for index, layer in enumerate(result.layers):
            shown = " ".join(f"{name} {layer[name]:.2f}" for name in LAYER_RATIOS)
            self.line(f"  layer {index}: distance {layer['best']:.3f} {shown}")
            curves |= {f"dev_layer{index}/{name}": layer[name] for name in ("best", *LAYER_RATIOS)}
        self.curves(curves, step)
        with self.writing(self.board_path):
            self.board.flush()
