"""`precision: auto`: the arithmetic that trains fastest on this machine, found by steps of the run's own model."""

import gc
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.data.speech_set import SpeechSet
from jstasr.data.text_set import TextSet
from jstasr.experiment.config import AUTO, BF16, FP32, TrainConfig
from jstasr.experiment.folder import recorded_precision
from jstasr.losses.config import loss_weights
from jstasr.losses.step import StepLosses
from jstasr.model.joint import JointModel
from jstasr.train.loader import text_budget
from jstasr.train.optimiser import optimiser_for
from jstasr.train.processes import RawInputPrecision, on_first

SECONDS = 2.0  # of the whole probe; a few more where a step of one utterance is long
MIN_ROUNDS, MAX_ROUNDS = 3, 15  # steps of each precision, whose median counts
FASTER = 1.1  # ratio of the times from which on the other precision is taken
UNSUPPORTED = re.compile(  # messages of torch and its libraries, with the type on either side
    r"b(float|f)16.*not (support|implement)|not (support|implement).*b(float|f)16|bf16 path needs", re.IGNORECASE
)


def settle_precision(
    config: TrainConfig, expdir: Path, speech: SpeechSet, text: TextSet | None, fabric: Fabric
) -> list[str]:
    """Replace `precision: auto` by what the run computes in: in `config`, and in the fabric of `parallel_fabric`.

    A run that has checkpoints goes on as its config.yaml says. A new one takes what the first process finds; every
    process has to call this.

    Returns:
        The line for the log, or none where the configuration names a precision.
    Raises:
        JstasrError: config.yaml is damaged beside checkpoints.
    """
    if config.precision != AUTO:
        return []
    found = ("", "")

    def decide() -> None:
        nonlocal found
        found = choose(config, expdir, speech, text, fabric.device)

    on_first(fabric, decide)
    config.precision, line = fabric.broadcast(found)
    arithmetic = fabric.strategy.precision
    assert isinstance(arithmetic, RawInputPrecision), "made by parallel_fabric"
    arithmetic.use(config.precision)
    return [line]


def choose(
    config: TrainConfig, expdir: Path, speech: SpeechSet, text: TextSet | None, device: torch.device
) -> tuple[str, str]:
    """The precision of a run that is configured with `auto`, and the line for the log that gives the reason."""
    recorded = recorded_precision(expdir)
    if recorded is not None:
        return recorded, f"precision: {recorded}, as this training began"
    if device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return FP32, f"precision: {FP32}; this processor has no bfloat16 products"
    times = probe(config, speech, text, device)
    if BF16 not in times:
        return FP32, f"precision: {FP32} ({milliseconds(times[FP32])} a step); {BF16} is not supported here"
    native = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    usual, other = (BF16, FP32) if native else (FP32, BF16)
    chosen = other if times[usual] >= FASTER * times[other] else usual
    shown = ", ".join(f"{milliseconds(seconds)} in {name}" for name, seconds in times.items())
    return chosen, f"precision: {chosen}, chosen by probing: a training step takes {shown}"


def milliseconds(seconds: float) -> str:
    """0.2345 -> 234 ms."""
    return f"{1e3 * seconds:.3g} ms" if seconds < 1 else f"{1e3 * seconds:.0f} ms"


def probe(config: TrainConfig, speech: SpeechSet, text: TextSet | None, device: torch.device) -> dict[str, float]:
    """Median seconds of a training step in each precision, in turns; without bf16-mixed where it is not supported.

    The batch has the configured size, or as many utterances as give each precision its rounds within the time. Random
    states stay as they are, and no memory stays in use.
    """
    devices = [torch.cuda.current_device() if device.index is None else device.index] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            return interleaved(prober(config, speech, text, device), full_batch(config, speech), device)
    finally:
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()


def full_batch(config: TrainConfig, speech: SpeechSet) -> int:
    """Utterances of mean length in a batch."""
    return max(1, int(config.data.batch_frames / speech.num_frames.mean()))


def prober(
    config: TrainConfig, speech: SpeechSet, text: TextSet | None, device: torch.device
) -> Callable[[str, int], None]:
    """step(precision, utterances): a training step of a new model, all losses at their final weight."""
    losses = StepLosses(JointModel(config.model), config.losses, config.specaug).to(device).train()
    optimiser = optimiser_for(losses.model, config.optim)
    trained = list(losses.parameters())
    weights = loss_weights(config.optim.max_steps, config.losses)

    def step(precision: str, utterances: int) -> None:
        batch = synthetic_batch(config, speech, text, utterances).to(device)
        with RawInputPrecision(precision, device.type).forward_context():
            values = losses(batch, weights)
        torch.stack([weights[name] * value.float() for name, value in values.items()]).sum().backward()
        torch.nn.utils.clip_grad_norm_(trained, config.optim.clip_norm)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def interleaved(step: Callable[[str, int], None], most: int, device: torch.device) -> dict[str, float]:
    """Median seconds of step(precision, utterances) with up to `most` utterances; see `probe`."""

    def timed(precision: str, utterances: int) -> float:
        began = time.perf_counter()
        step(precision, utterances)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - began

    began = time.perf_counter()
    precisions = [FP32, BF16]
    timed(FP32, 1)
    try:
        timed(BF16, 1)
    except RuntimeError as error:
        if not UNSUPPORTED.search(str(error)):
            raise
        precisions = [FP32]
    single = sum(timed(precision, 1) for precision in precisions)
    # one round to warm up, with memory and kernels of the shape, before those that are measured
    utterances = min(most, max(1, int(SECONDS / (MIN_ROUNDS + 1) / single)))
    taken: list[list[float]] = []
    for _ in range(1 + MAX_ROUNDS):
        if len(taken) > MIN_ROUNDS and time.perf_counter() - began > SECONDS:
            break
        taken.append([timed(precision, utterances) for precision in precisions])
    return {name: statistics.median(times) for name, times in zip(precisions, zip(*taken[1:]))}


def synthetic_batch(config: TrainConfig, speech: SpeechSet, text: TextSet | None, utterances: int) -> Batch:
    """Noise and arbitrary labels: utterances of the set's mean lengths, and unpaired texts in proportion."""
    share = utterances / full_batch(config, speech)
    texts, text_phones, text_labels = 0, 1, 1
    if text is not None:
        text_phones, text_labels = mean(text.phones.lengths), mean(text.labels.lengths)
        texts = round(share * text_budget(config, speech) / text_phones)

    def symbols(count: int, length: int, size: int) -> Tensor:
        return (1 + torch.arange(length) % max(1, size - 1)).repeat(count, 1)

    def lengths(count: int, length: int) -> Tensor:
        return torch.full((count,), length)

    frames, labels, phones = mean(speech.num_frames), mean(speech.labels.lengths), mean(speech.phones.lengths)
    size = config.model
    return Batch(
        utt_ids=[f"utterance-{number}" for number in range(utterances)],
        speech=torch.randn(utterances, frames, size.num_mel_bins),
        speech_lengths=lengths(utterances, frames),
        labels=symbols(utterances, labels, size.vocab_size),
        label_lengths=lengths(utterances, labels),
        phones=symbols(utterances, phones, size.phone_size),
        phone_lengths=lengths(utterances, phones),
        text_ids=[f"text-{number}" for number in range(texts)],
        text_phones=symbols(texts, text_phones, size.phone_size),
        text_phone_lengths=lengths(texts, text_phones),
        text_labels=symbols(texts, text_labels, size.vocab_size),
        text_label_lengths=lengths(texts, text_labels),
    )


def mean(lengths: np.ndarray) -> int:
    """The mean length, 1 or more."""
    return max(1, round(float(lengths.mean())))
