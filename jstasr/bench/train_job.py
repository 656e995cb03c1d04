"""The job of `jstasr bench train`: one training step, by jstasr's model and by ESPnet's modules.

An implementation is a function `build(job) -> (parameters, step)`; `step(autocast)` runs one step, from features to
updated weights, and returns the loss. Both have the same dimensions, dropout everywhere, masks, clipping and optimiser.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from jstasr.features.frames import FRAMES_PER_SECOND

if TYPE_CHECKING:  # each implementation imports its own model
    from jstasr.model.joint import JointModel

LEARNING_RATE = 1e-4
CLIP = 5.0

Step = Callable[[bool], float]  # under autocast to bfloat16? -> loss
Built = tuple[list[torch.nn.Parameter], Step]


@dataclass(frozen=True)
class TrainJob:
    """Dimensions of the model and of a batch of synthetic speech; its utterances and labels have no padding."""

    batch: int = 16
    frames: int = 400  # of 10 ms
    mels: int = 80
    dim: int = 144
    heads: int = 4
    ff_dim: int = 576
    kernel_size: int = 15
    layers: int = 8
    vocabulary: int = 128
    labels: int = 20
    dropout: float = 0.1

    @property
    def audio_seconds(self) -> float:
        """Seconds of speech in a step."""
        return self.batch * self.frames / FRAMES_PER_SECOND

    def data(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Features (B, T, F) and their lengths, labels (B, U) and their lengths."""
        generator = torch.Generator().manual_seed(0)
        features = torch.randn(self.batch, self.frames, self.mels, generator=generator)
        labels = torch.randint(1, self.vocabulary, (self.batch, self.labels), generator=generator)
        frame_lengths, label_lengths = (torch.full((self.batch,), length) for length in (self.frames, self.labels))
        return features, frame_lengths, labels, label_lengths


def jstasr_model(job: TrainJob) -> "JointModel":
    """jstasr's model: 2 + 3 streaming and 3 full-context layers, the loss at the last one's decoder."""
    from jstasr.model.config import DecoderConfig, ModelConfig
    from jstasr.model.joint import JointModel

    full = shared = (job.layers + 1) // 3
    config = ModelConfig(
        vocab_size=job.vocabulary,
        phone_size=2,
        num_mel_bins=job.mels,
        dim=job.dim,
        heads=job.heads,
        ff_dim=job.ff_dim,
        kernel_size=job.kernel_size,
        dropout=job.dropout,
        audio_layers=job.layers - full - shared,
        text_layers=0,
        shared_layers=shared,
        full_layers=full,
        decoder=DecoderConfig(embed_dim=job.dim, joint_dim=job.dim),
    )
    torch.manual_seed(0)
    return JointModel(config)


def jstasr(job: TrainJob, model: "JointModel | None" = None) -> Built:
    """jstasr's step."""
    from jstasr.data.batch import Batch
    from jstasr.features.specaug import SpecAugmentConfig
    from jstasr.losses.config import LossConfig, loss_weights
    from jstasr.losses.step import StepLosses

    model = (jstasr_model(job) if model is None else model).train()
    features, lengths, labels, label_lengths = job.data()
    none = torch.zeros(0, dtype=torch.long)
    names = [str(index) for index in range(job.batch)]
    batch = Batch(
        names,
        features,
        lengths,
        labels,
        label_lengths,
        labels[:, :0],
        none,
        [],
        none[:, None],
        none,
        none[:, None],
        none,
    )
    losses = LossConfig(streaming=0.0, full=1.0, text=0.0, ctc_label=0.0, ctc_phone=0.0)
    step_losses, weights = StepLosses(model, losses, SpecAugmentConfig()), loss_weights(0, losses)
    trained = list(model.parameters())
    optimiser = torch.optim.AdamW(trained, lr=LEARNING_RATE, fused=True)

    def forward():
        return step_losses(batch, weights)["full"]

    step = stepper(forward, trained, optimiser)
    step(False)
    return [parameter for parameter in trained if parameter in optimiser.state], step


def espnet(job: TrainJob) -> Built:
    """The step of ESPnet's own modules, with torchaudio's transducer loss."""
    from torchaudio.functional import rnnt_loss

    # optional, so not known to a type checker
    ConformerEncoder = import_module("espnet2.asr.encoder.conformer_encoder").ConformerEncoder
    SpecAug = import_module("espnet2.asr.specaug.specaug").SpecAug
    StatelessDecoder = import_module("espnet2.asr_transducer.decoder.stateless_decoder").StatelessDecoder
    JointNetwork = import_module("espnet2.asr_transducer.joint_network").JointNetwork

    torch.manual_seed(0)
    masks = SpecAug(
        apply_time_warp=False,
        freq_mask_width_range=(0, 27),
        num_freq_mask=2,
        time_mask_width_range=(0, 40),
        num_time_mask=2,
    )
    encoder = ConformerEncoder(
        job.mels,
        output_size=job.dim,
        attention_heads=job.heads,
        linear_units=job.ff_dim,
        num_blocks=job.layers,
        dropout_rate=job.dropout,
        positional_dropout_rate=job.dropout,
        attention_dropout_rate=job.dropout,
        macaron_style=True,
        rel_pos_type="latest",
        cnn_module_kernel=job.kernel_size,
    )
    decoder = StatelessDecoder(job.vocabulary, embed_size=job.dim)
    joint = JointNetwork(job.vocabulary, job.dim, job.dim, joint_space_size=job.dim)
    model = torch.nn.ModuleList([encoder, decoder, joint]).train()
    features, lengths, labels, label_lengths = job.data()
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)

    def forward():
        masked, _ = masks(features, lengths)
        encoded, encoded_lengths, _ = encoder(masked, lengths)
        predicted = decoder(torch.nn.functional.pad(labels, (1, 0)))
        logits = joint(encoded.unsqueeze(2), predicted.unsqueeze(1)).float()
        nats = rnnt_loss(logits, labels.int(), encoded_lengths.int(), label_lengths.int(), blank=0, reduction="sum")
        return nats / label_lengths.sum()

    parameters = list(model.parameters())
    step = stepper(forward, parameters, optimiser)
    step(False)
    return parameters, step


def stepper(
    forward: Callable[[], Tensor], parameters: Sequence[torch.nn.Parameter], optimiser: torch.optim.Optimizer
) -> Step:
    """One step: forward pass (under autocast if asked for), backward pass, clipping, update."""

    def step(autocast: bool) -> float:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss = forward()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP)
        optimiser.step()
        optimiser.zero_grad()
        return float(loss.detach())

    return step


IMPLEMENTATIONS: dict[str, Callable[[TrainJob], Built]] = {"jstasr": jstasr, "espnet": espnet}
