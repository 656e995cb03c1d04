"""Auxiliary CTC losses (Graves et al., 2006): on labels above, on phonemes below the shared encoder."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.losses.record import Encodings, Loss, Setting
from jstasr.model.joint import JointModel


def ctc_loss(logits: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
    """CTC with blank 0, in nats per label; an utterance too short for its labels counts as 0.

    Args:
        logits: (N, T, V); lengths: (N,) int; labels: (N, U) int; label_lengths: (N,) int.
    """
    log_probs = logits.float().log_softmax(-1).transpose(0, 1)
    nats = F.ctc_loss(log_probs, labels, lengths, label_lengths, reduction="none", zero_infinity=True)
    return nats.sum() / label_lengths.sum()


def ctc_label(model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor:
    """CTC of the labels on the output of the shared encoder."""
    speech = encodings.speech
    return ctc_loss(model.ctc_label(speech.streaming), speech.lengths, batch.labels, batch.label_lengths)


def ctc_phone(model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor:
    """CTC of the phonemes on the output of the audio encoder."""
    speech = encodings.speech
    return ctc_loss(model.ctc_phone(speech.layers[0]), speech.lengths, batch.phones, batch.phone_lengths)


LOSSES = (
    Loss(
        name="ctc_label",
        unit="labels",
        label="CTC, labels",
        colour="#2ca02c",
        settings=(Setting("ctc_label", 0.1, "Weight of the CTC loss on labels, after the shared encoder."),),
        weight=lambda losses: losses.ctc_label,
        value=ctc_label,
        trains=("audio_encoder", "shared_encoder", "ctc_label"),
    ),
    Loss(
        name="ctc_phone",
        unit="phones",
        label="CTC, phonemes",
        colour="#9467bd",
        settings=(Setting("ctc_phone", 0.3, "Weight of the CTC loss on phonemes, after the audio encoder."),),
        weight=lambda losses: losses.ctc_phone,
        value=ctc_phone,
        trains=("audio_encoder", "ctc_phone"),
    ),
)
