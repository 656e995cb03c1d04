"""The transducer losses of both decoders on speech: HAT (Variani et al., arXiv 2003.07705)."""

from typing import Any

from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.losses.record import Encodings, Loss, Setting
from jstasr.model.joint import FULL, STREAMING, Encoded, JointModel

SHARED = ("audio_encoder", "shared_encoder")


def hat_loss(model: JointModel, mode: str, encoded: Encoded, labels: Tensor, label_lengths: Tensor) -> Tensor:
    """-log P(labels | encoded) by a decoder, summed over all alignments, in nats per label.

    Args:
        mode: "streaming" or "full".
        labels: (N, U) int; label_lengths: (N,) int.
    """
    frames = encoded.streaming if mode == STREAMING else encoded.full
    nats = model.decoders[mode].loss(frames, encoded.lengths, labels, label_lengths)
    return nats.sum() / label_lengths.sum()


def streaming(model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor:
    return hat_loss(model, STREAMING, encodings.speech, batch.labels, batch.label_lengths)


def full(model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor:
    return hat_loss(model, FULL, encodings.speech, batch.labels, batch.label_lengths)


LOSSES = (
    Loss(
        name="streaming",
        unit="labels",
        label="speech, streaming",
        colour="#1f77b4",
        settings=(Setting("streaming", 0.5, "Weight of the HAT loss of the streaming decoder."),),
        weight=lambda losses: losses.streaming,
        value=streaming,
        trains=(*SHARED, "decoders.streaming"),
    ),
    Loss(
        name="full",
        unit="labels",
        label="speech, full context",
        colour="#d62728",
        settings=(Setting("full", 0.5, "Weight of the HAT loss of the full-context decoder."),),
        weight=lambda losses: losses.full,
        value=full,
        trains=(*SHARED, "full_encoder", "decoders.full"),
    ),
)
