"""Masked text losses: both decoders predict the labels of unpaired text from its masked phonemes (arXiv 2210.07353)."""

from functools import partial
from typing import Any

from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.losses.record import Encodings, Loss, Setting
from jstasr.losses.transducer import hat_loss
from jstasr.model.joint import FULL, STREAMING, JointModel


def text_loss(mode: str, model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor | None:
    """-log P(labels | masked phonemes) of the unpaired texts by a decoder, in nats per label."""
    if encodings.text is None:
        return None
    return hat_loss(model, mode, encodings.text, batch.text_labels, batch.text_label_lengths)


LOSSES = (
    Loss(
        name="text_streaming",
        unit="text_labels",
        label="text, streaming",
        colour="#7fb2e5",
        settings=(Setting("text", 0.3, "Weight of the HAT losses on masked text, relative to those on speech."),),
        weight=lambda losses: losses.text * losses.streaming,
        value=partial(text_loss, STREAMING),
        trains=("text_encoder", "shared_encoder", "decoders.streaming"),
        needs_text=True,
    ),
    Loss(
        name="text_full",
        unit="text_labels",
        label="text, full context",
        colour="#f2a19a",
        settings=(),
        weight=lambda losses: losses.text * losses.full,
        value=partial(text_loss, FULL),
        trains=("text_encoder", "shared_encoder", "full_encoder", "decoders.full"),
        needs_text=True,
    ),
)
