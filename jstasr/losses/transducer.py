"""The HAT losses of both decoders on speech (Variani et al., arXiv 2003.07705)."""

from functools import partial
from typing import Any

from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.losses.record import Encodings, Loss, Setting
from jstasr.model.joint import FULL, STREAMING, Encoded, JointModel


def hat_loss(model: JointModel, mode: str, encoded: Encoded, labels: Tensor, label_lengths: Tensor) -> Tensor:
    """-log P(labels | encoded), summed over all alignments, in nats per label.

    Args:
        mode: of the decoder: "streaming" or "full".
        labels: (N, U) int; label_lengths: (N,) int.
    """
    nats = model.decoder(mode).loss(encoded.of(mode), encoded.lengths, labels, label_lengths)
    return nats.sum() / label_lengths.sum()


def speech_loss(mode: str, model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor:
    """The loss of a decoder on the paired speech."""
    return hat_loss(model, mode, encodings.speech, batch.labels, batch.label_lengths)


LOSSES = (
    Loss(
        name="streaming",
        unit="labels",
        label="speech, streaming",
        colour="#1f77b4",
        settings=(Setting("streaming", 0.5, "Weight of the HAT loss of the streaming decoder."),),
        weight=lambda losses: losses.streaming,
        value=partial(speech_loss, STREAMING),
        trains=("audio_encoder", "shared_encoder", "decoders.streaming"),
    ),
    Loss(
        name="full",
        unit="labels",
        label="speech, full context",
        colour="#d62728",
        settings=(Setting("full", 0.5, "Weight of the HAT loss of the full-context decoder."),),
        weight=lambda losses: losses.full,
        value=partial(speech_loss, FULL),
        trains=("audio_encoder", "shared_encoder", "full_encoder", "decoders.full"),
    ),
)
