"""Masked text reconstruction: unpaired text, its phonemes masked, into both decoders (JOIST, arXiv 2210.07353)."""

from typing import Any

from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.losses.record import Encodings, Loss, Setting
from jstasr.losses.transducer import hat_loss
from jstasr.model.joint import FULL, STREAMING, JointModel

SHARED = ("text_encoder", "shared_encoder")


def text_loss(model: JointModel, mode: str, encodings: Encodings, batch: Batch) -> Tensor | None:
    """-log P(labels | masked phonemes) of the unpaired texts by a decoder, in nats per label."""
    if encodings.text is None or len(batch.text_ids) == 0:
        return None
    unpaired = encodings.text[encodings.paired :]
    return hat_loss(model, mode, unpaired, batch.text_labels, batch.text_label_lengths)


def text_streaming(model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor | None:
    return text_loss(model, STREAMING, encodings, batch)


def text_full(model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor | None:
    return text_loss(model, FULL, encodings, batch)


LOSSES = (
    Loss(
        name="text_streaming",
        unit="text_labels",
        label="text, streaming",
        colour="#7fb2e5",
        settings=(Setting("text", 0.3, "Weight of both HAT losses on masked text, relative to those on speech."),),
        weight=lambda losses: losses.text * losses.streaming,
        value=text_streaming,
        trains=(*SHARED, "decoders.streaming"),
        needs_text=True,
    ),
    Loss(
        name="text_full",
        unit="text_labels",
        label="text, full context",
        colour="#f2a19a",
        settings=(),
        weight=lambda losses: losses.text * losses.full,
        value=text_full,
        trains=(*SHARED, "full_encoder", "decoders.full"),
        needs_text=True,
    ),
)
