"""All losses of a training step in one module, so that data parallelism wraps one forward pass."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.data.batch import Batch
from jstasr.features.specaug import SpecAugmentConfig
from jstasr.losses import LOSSES
from jstasr.losses.config import LossConfig
from jstasr.losses.record import Encodings
from jstasr.model.joint import Encoded, JointModel


class StepLosses(nn.Module):
    """The model and its losses on a batch."""

    def __init__(self, model: JointModel, losses: LossConfig, specaug: SpecAugmentConfig | None = None):
        super().__init__()
        self.model, self.losses, self.specaug = model, losses, specaug

    def forward(self, batch: Batch, weights: dict[str, float], paired: int) -> dict[str, Tensor]:
        """Compute the losses whose weight is above 0.

        Args:
            batch: see `Batch` for shapes.
            weights: of the losses at this step, see jstasr.losses.config.loss_weights.
            paired: number of paired transcripts, from the first, that are encoded as text too.
        Returns:
            name -> scalar, the mean over the unit of the loss; without losses whose unit the batch lacks.
        """
        active = [loss for loss in LOSSES if weights[loss.name] > 0]
        encodings = Encodings(self.model.encode_speech(batch.speech, batch.speech_lengths, self.specaug))
        if any(loss.needs_text for loss in active) and paired + len(batch.text_ids) > 0:
            encodings = Encodings(encodings.speech, encode_texts(self.model, batch, paired), paired)
        values = {loss.name: loss.value(self.model, encodings, batch, self.losses) for loss in active}
        return {name: value for name, value in values.items() if value is not None}


def encode_texts(model: JointModel, batch: Batch, paired: int) -> Encoded:
    """Encode the first `paired` transcripts and the unpaired texts, in this order, as one batch."""
    phones, lengths = batch.text_phones, batch.text_phone_lengths
    if paired > 0:
        width = max(batch.phones.shape[1], phones.shape[1])
        phones = torch.cat([F.pad(part, (0, width - part.shape[1])) for part in (batch.phones[:paired], phones)])
        lengths = torch.cat([batch.phone_lengths[:paired], lengths])
        phones = phones[:, : int(lengths.max())]
    maskable = torch.arange(len(phones), device=phones.device) >= paired
    return model.encode_text(phones, lengths, maskable | model.config.text.mask_paired)


def speech_losses(model: JointModel, speech: Encoded, batch: Batch, losses: LossConfig) -> dict[str, Tensor]:
    """The losses on speech whose weight is above 0, for validation: name -> scalar."""
    wanted = [loss for loss in LOSSES if not loss.needs_text and loss.weight(losses) > 0]
    values = {loss.name: loss.value(model, Encodings(speech), batch, losses) for loss in wanted}
    return {name: value for name, value in values.items() if value is not None}
