"""`jstasr bench train --device`: the training of a configuration on a device: speed, parts of a step, loader, memory.

Steps of the training loop itself, with all losses at their final weights, on synthetic features read from disk.
"""

import gc
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np
import torch
from lightning_fabric import Fabric
from torch.utils.flop_counter import FlopCounterMode

import jstasr.align.consistency
import jstasr.losses.consistency
import jstasr.losses.step
from jstasr.bench.device import TYPES, device_name, find_device, product_rate, synchronise
from jstasr.data.batch import Batch
from jstasr.data.speech_set import SpeechSet
from jstasr.data.text_set import TextSet
from jstasr.errors import JstasrError
from jstasr.experiment.config import BF16, FP32, TrainConfig, load_config
from jstasr.features.frames import FRAMES_PER_SECOND
from jstasr.losses.step import StepLosses
from jstasr.model.joint import JointModel
from jstasr.text.tokens import PhoneList, build_tokenizer
from jstasr.train.faults import Faults, is_out_of_memory
from jstasr.train.find_batch import peak, reset_peak
from jstasr.train.loader import training_batches
from jstasr.train.log import Meter
from jstasr.train.loop import train_step
from jstasr.train.optimiser import distribute
from jstasr.train.processes import parallel_fabric
from jstasr.train.signals import StopRequest

PRECISION = {"fp32": FP32, "bf16": BF16}
WARM_UP = 4  # steps before those that are measured: memory, kernels, readers of data
PART_STEPS = 8  # of those that are measured, steps whose parts and operations are measured too
WORDS = 1000  # of the list of tokens
MEDIAN_FRAMES, LOG_DEVIATION = 1000, 0.4  # of the log-normal lengths of the utterances
SHORTEST, LONGEST = 200, 2500  # frames of an utterance
FRAMES_PER_WORD, LETTERS_PER_WORD = 36, 3  # 2.8 labels and 11 phonemes a second
TRANSDUCER, CTC, CONSISTENCY = "transducer losses, forward", "CTC losses, forward", "consistency loss, forward"
ALIGNMENT = "of it the alignment"
ENCODERS, BACKWARD, REST = "encoders, forward", "backward", "copies, clipping, update"
GIB = 1 << 30

Item = tuple[int, dict, Batch]
Figures = dict[str, Any]
Report = Callable[[str], None]  # takes a line of Markdown


def run(
    config_path: str,
    overrides: Sequence[str],
    device_type: str,
    precisions: Sequence[str],
    batch_frames: Sequence[int],
    steps: int,
    utterances: int,
    report: Report = print,
) -> Figures:
    """Measure, and report as Markdown, line by line.

    Args:
        config_path, overrides: the configuration, as of `jstasr train`.
        device_type: "cpu" or "cuda".
        precisions: some of "fp32" and "bf16".
        batch_frames: sizes of a batch; text grows with them. Empty: that of the configuration.
        steps: steps that are measured; utterances: of the synthetic set.
    Returns:
        `device`; `rows`, one for each precision and batch size, as of `measure`.
    Raises:
        JstasrError: no such device; what `load_config` refuses.
    """
    device = find_device(device_type)
    first = load_config(config_path, overrides)
    sizes = list(batch_frames) or [first.data.batch_frames]
    rates = {precision: product_rate(device, TYPES[precision]) for precision in precisions}
    found: Figures = {"device": device_name(device), "config": Path(config_path).stem, "rows": []}
    report(f"Device: {found['device']}; torch {torch.__version__}; {Path(config_path).name}.")
    for precision, rate in rates.items():
        report(f"Matrix products in {precision}: {rate / 1e12:.3g} TFLOP/s.")
    report("")
    report("| precision | batch | parameters | step | audio-s per s | of the products' rate | loader | peak memory |")
    report("|---|--:|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        speech, text = write_data(folder, first.model.num_mel_bins, utterances)
        for precision in precisions:
            for size in sizes:
                config = of_size(load_config(config_path, overrides), size, speech)
                config.precision = PRECISION[precision]
                row: Figures = {"precision": precision, "batch_frames": size, "product_rate": rates[precision]}
                try:
                    row |= measure(config, speech, text, device, steps, folder)
                except (RuntimeError, JstasrError) as error:
                    if not is_out_of_memory(error) and not is_out_of_memory(error.__cause__ or error):
                        raise
                    row["out_of_memory"] = True
                found["rows"].append(row)
                report(table_row(row))
                gc.collect()
                if device.type == "cuda":
                    torch.cuda.empty_cache()
    for row in found["rows"]:
        if "parts" in row and row["batch_frames"] == sizes[0]:
            report_parts(row, report)
    return found


def write_data(folder: Path, mels: int, count: int) -> tuple[SpeechSet, TextSet]:
    """A synthetic set of paired utterances and one of unpaired texts, on disk: words of which each is a token."""
    rng = np.random.default_rng(0)
    letters = list("etaoinshrdlucmfw")
    words = sorted({"".join(rng.choice(letters, LETTERS_PER_WORD)) for _ in range(2 * WORDS)})[:WORDS]
    tokens, phones = folder / "word" / "tokens.txt", folder / "phones.txt"
    tokens.parent.mkdir()
    tokens.write_text("".join(f"{token}\n" for token in ("<blank>", "<unk>", *words)))
    phones.write_text("".join(f"{phone}\n" for phone in ("<pad>", "<mask>", "<unk>", "_", *letters)))
    frames = np.exp(rng.normal(np.log(MEDIAN_FRAMES), LOG_DEVIATION, count)).astype(int).clip(SHORTEST, LONGEST)
    ids = [f"utterance-{number:06}" for number in range(count)]
    sentences = [" ".join(rng.choice(words, max(1, length // FRAMES_PER_WORD))) for length in frames]
    for kind in ("speech", "text"):
        (folder / kind).mkdir()
        for name, values in (
            ("text", sentences),
            ("phones", [" _ ".join(map(" ".join, s.split())) for s in sentences]),
        ):
            (folder / kind / name).write_text("".join(f"{utt} {value}\n" for utt, value in zip(ids, values)))
    noise = rng.standard_normal((LONGEST, mels), dtype=np.float32)
    matrices = {
        utt: noise[:length] + np.float32(number / count) for number, (utt, length) in enumerate(zip(ids, frames))
    }
    kaldiio.save_ark(str(folder / "speech/feats.ark"), matrices, scp=str(folder / "speech/feats.scp"))
    (folder / "speech/utt2num_frames").write_text("".join(f"{utt} {length}\n" for utt, length in zip(ids, frames)))
    lists = build_tokenizer(tokens), PhoneList.load(phones)
    return SpeechSet(folder / "speech", *lists), TextSet.load([folder / "text"], *lists)


def of_size(config: TrainConfig, batch_frames: int, speech: SpeechSet) -> TrainConfig:
    """The configuration with another batch size, its text in proportion, and the lists of the synthetic set."""
    data = config.data
    data.text_batch_phones = round(data.text_batch_phones * batch_frames / data.batch_frames)
    data.batch_frames = batch_frames
    config.model.vocab_size = len(speech.tokenizer)
    config.model.phone_size = len(speech.transcripts.phone_list)
    return config


class Steps:
    """Training steps of one configuration."""

    def __init__(self, config: TrainConfig, device: torch.device, folder: Path) -> None:
        self.config = config
        self.fabric = parallel_fabric(config, True, int(device.type == "cuda"), 1, 1)
        self.fabric.launch()
        self.fabric.seed_everything(config.seed, workers=False, verbose=False)
        self.losses = StepLosses(JointModel(config.model), config.losses, config.specaug)
        self.model, self.optimiser = distribute(self.losses, config.optim, self.fabric)
        self.faults, self.stop = Faults(folder, self.fabric, config.optim.max_skipped), StopRequest()
        self.number = config.optim.max_steps // 2  # all losses have reached their weights

    def take(self, stream: Iterator[Item], count: int) -> Meter:
        """Take `count` steps; the meter of all of them."""
        meter = Meter()
        for _ in range(count):
            _, fault, _, _ = train_step(
                self.config,
                self.model,
                self.losses.bank,
                self.optimiser,
                self.fabric,
                stream,
                self.number,
                meter,
                self.faults,
                self.stop,
            )
            if fault:
                raise JstasrError(f"a step was skipped: {fault}")
            self.number += 1
        return meter


def measure(
    config: TrainConfig, speech: SpeechSet, text: TextSet, device: torch.device, steps: int, folder: Path
) -> Figures:
    """Measure the training of one configuration.

    Returns:
        `parameters`; `step`, seconds; `audio_per_second`, seconds of speech without padding; `padding` and `wait`
        (for the loader), shares; `flops` per second, of matrix products and convolutions; `peak`, bytes; `parts`,
        seconds of each in a step, with `step` of the same run; on a GPU `waits`, by the line of the code how often
        the CPU waits for it in a step.
    """
    training = Steps(config, device, folder)
    kept: list[Item] = []
    stream = recorded(training_batches(config, speech, text, None, training.fabric), kept)
    training.take(stream, WARM_UP)
    kept.clear()
    reset_peak(device)
    synchronise(device)
    began = time.perf_counter()
    meter = training.take(stream, steps)
    synchronise(device)
    elapsed = time.perf_counter() - began
    held, padded = meter.amounts["frames"], meter.amounts["padded_frames"]
    found = {
        "parameters": sum(parameter.numel() for parameter in training.model.parameters()),
        "step": elapsed / steps,
        "audio_per_second": held / FRAMES_PER_SECOND / elapsed,
        "padding": 1 - held / padded,
        "wait": meter.waited / elapsed,
        "peak": peak(device),
    }
    some = kept[: PART_STEPS * config.optim.accumulate]
    count = len(some) // config.optim.accumulate
    with FlopCounterMode(display=False) as counter:
        again = training.take(iter(some), count)
    flops = counter.get_total_flops() / again.amounts["padded_frames"] * padded
    with Parts(device).of(training.fabric) as parts:
        synchronise(device)
        began = time.perf_counter()
        training.take(iter(some), count)
        synchronise(device)
        parts.seconds["step"] = time.perf_counter() - began
    found |= {"flops": flops / elapsed, "parts": parts.by_step(count)}
    if device.type == "cuda":
        with waits() as lines:
            training.take(iter(some), count)
        found["waits"] = {line: number / count for line, number in lines.most_common()}
    return found


@contextmanager
def waits() -> Iterator[Counter[str]]:
    """Counts, by the line of the code, how often the CPU waits within the context for a copy from the GPU."""
    lines: Counter[str] = Counter()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield lines
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for warning in caught:
        if "synchronizing CUDA operation" in str(warning.message):
            lines["/".join(Path(warning.filename).parts[-3:]) + f":{warning.lineno}"] += 1


def recorded(stream: Iterator[Item], kept: list[Item]) -> Iterator[Item]:
    """The same stream, each item of which is kept too."""
    for item in stream:
        kept.append(item)
        yield item


class Parts:
    """Seconds in the parts of a step; the device is waited for before and after each."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {}

    def timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function, its seconds added to those of `name`."""

        def measured(*given: Any, **settings: Any) -> Any:
            synchronise(self.device)
            began = time.perf_counter()
            try:
                return function(*given, **settings)
            finally:
                synchronise(self.device)
                self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

        return measured

    @contextmanager
    def of(self, fabric: Fabric) -> Iterator["Parts"]:
        """Measure the steps that are taken within the context."""
        kinds = {"ctc_label": CTC, "ctc_phone": CTC, "consistency": CONSISTENCY}
        losses = tuple(
            replace(loss, value=self.timed(loss.value, kinds.get(loss.name, TRANSDUCER)))
            for loss in jstasr.losses.step.LOSSES
        )
        within = partial(self.timed, name=ALIGNMENT)
        with ExitStack() as stack:
            for owner, name, value in (
                (jstasr.losses.step, "LOSSES", losses),
                (jstasr.align.consistency, "align_embeddings", within(jstasr.align.consistency.align_embeddings)),
                (jstasr.losses.consistency, "best_alignment", within(jstasr.losses.consistency.best_alignment)),
                (StepLosses, "forward", self.timed(StepLosses.forward, "forward")),
                (fabric, "backward", self.timed(fabric.backward, BACKWARD)),
            ):
                stack.enter_context(replaced(owner, name, value))
            yield self

    def by_step(self, count: int) -> dict[str, float]:
        """Seconds of each part of one step, and of the `step`."""
        seconds = {name: value / count for name, value in self.seconds.items()}
        step, forward = seconds.pop("step"), seconds.pop("forward")
        seconds[ENCODERS] = forward - sum(seconds.get(name, 0.0) for name in (TRANSDUCER, CTC, CONSISTENCY))
        seconds[REST] = step - forward - seconds[BACKWARD]
        order = (ENCODERS, TRANSDUCER, CTC, CONSISTENCY, ALIGNMENT, BACKWARD, REST)
        return {name: seconds[name] for name in order if name in seconds} | {"step": step}


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """owner.name is `value` within the context."""
    original, own = getattr(owner, name), name in vars(owner)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)


def table_row(row: Figures) -> str:
    """A row of the table of speeds."""
    start = f"| {row['precision']} | {row['batch_frames']} "
    if row.get("out_of_memory"):
        return start + "| | does not fit into the memory | | | | |"
    share = row["flops"] / row["product_rate"]
    return start + (
        f"| {row['parameters'] / 1e6:.1f}M | {1e3 * row['step']:.1f} ms | {row['audio_per_second']:.0f} "
        f"| {share:.1%} | {row['wait']:.1%} | {row['peak'] / GIB:.2f} GiB |"
    )


def report_parts(row: Figures, report: Report) -> None:
    """The table of the parts of a step."""
    parts = row["parts"]
    report(f"\n| part of a step in {row['precision']}, one after the other | ms | share |\n|---|--:|--:|")
    for name, seconds in parts.items():
        report(f"| {name} | {1e3 * seconds:.2f} | {seconds / parts['step']:.1%} |")
