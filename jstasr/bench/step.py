"""`jstasr bench step`: what the consistency loss costs in a training step, and its alignments alone."""

import platform
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from jstasr.align import consistency_loss
from jstasr.bench.timing import clock_for, interleaved_medians, machine_name
from jstasr.data.batch import Batch
from jstasr.features.frames import FRAMES_PER_SECOND
from jstasr.losses.config import LossConfig, loss_weights
from jstasr.losses.consistency import ConsistencyConfig
from jstasr.losses.step import StepLosses
from jstasr.model.config import DecoderConfig, ModelConfig
from jstasr.model.joint import JointModel

LEARNING_RATE = 1e-4
CLIP = 5.0
CONSISTENCY_WEIGHT = 0.1


@dataclass(frozen=True)
class ConsistencyJob:
    """A synthetic step: paired speech, and a text batch of as many phonemes as the configs give it for so much."""

    batch: int = 16
    frames: int = 400  # of 10 ms
    phones: int = 40  # of an utterance or text: 10 a second
    labels: int = 20
    texts: int = 32  # that fill the text batch

    def draw(self, vocabulary: int, phone_size: int, mels: int, texts: int) -> Batch:
        """The batch for a model of these sizes, with so many unpaired texts."""
        generator = torch.Generator().manual_seed(0)

        def integers(count: int, length: int, size: int) -> Tensor:
            return torch.randint(1, size, (count, length), generator=generator)

        def lengths(count: int, length: int) -> Tensor:
            return torch.full((count,), length)

        return Batch(
            [f"utterance-{index}" for index in range(self.batch)],
            torch.randn(self.batch, self.frames, mels, generator=generator),
            lengths(self.batch, self.frames),
            integers(self.batch, self.labels, vocabulary),
            lengths(self.batch, self.labels),
            integers(self.batch, self.phones, phone_size),
            lengths(self.batch, self.phones),
            [f"text-{index}" for index in range(texts)],
            integers(texts, self.phones, phone_size),
            lengths(texts, self.phones),
            integers(texts, self.labels, vocabulary),
            lengths(texts, self.labels),
        )


def config_of_5m() -> ModelConfig:
    """A model of 5M parameters."""
    return ModelConfig(
        vocab_size=500,
        phone_size=60,
        dim=144,
        ff_dim=576,
        audio_layers=3,
        text_layers=2,
        shared_layers=3,
        full_layers=2,
        decoder=DecoderConfig(embed_dim=144, joint_dim=144),
    )


def run(
    job: ConsistencyJob, threads: int, rounds: int, seconds: float, report: Callable[[str], None] = print
) -> dict[str, float]:
    """Measure, and report as Markdown, line by line.

    Returns:
        Medians in seconds: of a step `without` the consistency loss, with it at the shared `input` and at `every`
        layer; `alignment`, of the alignments of all layers with their gradient.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        torch.manual_seed(0)
        model = JointModel(config_of_5m()).train()
        functions = {
            "without": stepper(model, job, ConsistencyConfig()),
            "input": stepper(model, job, ConsistencyConfig(weight=CONSISTENCY_WEIGHT, layers=[0])),
            "every": stepper(model, job, ConsistencyConfig(weight=CONSISTENCY_WEIGHT)),
            "alignment": alignments(model, job),
        }
        taken = interleaved_medians(functions, rounds, seconds, clock_for(threads))
    finally:
        torch.set_num_threads(before)
    size = sum(parameter.numel() for parameter in model.parameters())
    layers = model.config.num_consistency_layers
    report(
        f"Machine: {machine_name()}; {threads} thread(s); Python {platform.python_version()}, "
        f"torch {torch.__version__}."
    )
    report(
        f"Model of {size / 1e6:.1f}M parameters; {job.batch} utterances of {job.frames / FRAMES_PER_SECOND:g} s, "
        f"{job.texts} texts; forward, backward, clip, AdamW.\n"
    )
    names = {
        "without": "without the consistency loss",
        "input": "with it at the shared input",
        "every": f"with it at all {layers} layers",
        "alignment": f"of it: {layers} alignments and their gradient",
    }
    report("| step | time | of the step without |")
    report("| --- | ---: | ---: |")
    for name, text in names.items():
        share = taken[name] / taken["without"]
        shown = f"{share:.2%}" if name == "alignment" else f"{share:.2f}x"
        report(f"| {text} | {1e3 * taken[name]:.4g} ms | {shown} |")
    return taken


def stepper(model: JointModel, job: ConsistencyJob, consistency: ConsistencyConfig) -> Callable[[], None]:
    """One step of training as a function: forward, backward, clip, AdamW."""
    size = model.config
    batch = job.draw(size.vocab_size, size.phone_size, size.num_mel_bins, job.texts)
    config = LossConfig(consistency=consistency)
    losses, weights = StepLosses(model, config), loss_weights(0, config)
    trained = list(model.parameters())
    optimiser = torch.optim.AdamW(trained, lr=LEARNING_RATE, fused=True)

    def step() -> None:
        values = losses(batch, weights)
        torch.stack([weights[name] * value for name, value in values.items()]).sum().backward()
        torch.nn.utils.clip_grad_norm_(trained, CLIP)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def alignments(model: JointModel, job: ConsistencyJob) -> Callable[[], None]:
    """The consistency loss of one step and its gradient for given layers, as a function."""
    config = model.config
    batch = job.draw(config.vocab_size, config.phone_size, config.num_mel_bins, 0)
    with torch.no_grad():
        speech = model.encode_speech(batch.speech, batch.speech_lengths)
        text = model.encode_text(batch.phones, batch.phone_lengths)
    speech_layers, text_layers = (
        [layer.detach().requires_grad_() for layer in encoded.layers] for encoded in (speech, text)
    )

    def align() -> None:
        loss = consistency_loss(speech_layers, text_layers, speech.lengths, text.lengths)
        torch.autograd.grad(loss, [*speech_layers, *text_layers])

    return align
