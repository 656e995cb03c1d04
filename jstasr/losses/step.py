"""All losses of a training step in one module, so that data parallelism wraps one forward pass."""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.data.batch import Batch
from jstasr.data.splice import UnitBank
from jstasr.features.specaug import SpecAugmentConfig
from jstasr.losses import LOSSES
from jstasr.losses.config import LossConfig
from jstasr.losses.consistency import phoneme_path
from jstasr.losses.record import Encodings, Transcripts
from jstasr.model.joint import Encoded, JointModel


class StepLosses(nn.Module):
    """The model and its losses on a batch."""

    def __init__(self, model: JointModel, losses: LossConfig, specaug: SpecAugmentConfig | None = None):
        super().__init__()
        self.model, self.losses, self.specaug = model, losses, specaug
        splice = losses.consistency.splice
        self.bank = UnitBank(splice, *model.audio_encoder.frame_of_features()) if splice.share > 0 else None

    def forward(self, batch: Batch, weights: dict[str, float]) -> dict[str, Tensor]:
        """Compute the losses whose weight is above 0.

        Args:
            batch: see `Batch` for shapes.
            weights: of the losses at this step, see jstasr.losses.config.loss_weights.
        Returns:
            name -> scalar, the mean over the unit of the loss; without losses whose unit the batch lacks.
        """
        active = [loss for loss in LOSSES if weights[loss.name] > 0]
        encodings = Encodings(self.model.encode_speech(batch.speech, batch.speech_lengths, self.specaug))
        encodings.text, encodings.transcripts = encode_texts(
            self.model,
            batch,
            unpaired=any(loss.needs_text for loss in active) and len(batch.text_ids) > 0,
            transcripts=any(loss.needs_transcripts for loss in active),
            deep=self.losses.consistency.layers != [0],
        )
        values = {loss.name: loss.value(self.model, encodings, batch, self.losses) for loss in active}
        if self.bank is not None and encodings.path is not None and encodings.transcripts is not None:
            self.bank.add(batch, phoneme_path(batch, encodings.transcripts, encodings.path))
        return {name: value for name, value in values.items() if value is not None}


def encode_texts(
    model: JointModel, batch: Batch, unpaired: bool, transcripts: bool, deep: bool
) -> tuple[Encoded | None, Transcripts | None]:
    """Encode the unpaired texts and the transcripts of recorded utterances, as one batch.

    deep: the transcripts at every layer, instead of at the shared input alone.
    """
    count = batch.recorded if transcripts else 0
    if count == 0 and not unpaired:
        return None, None
    some = len(batch.text_ids) if unpaired else 0
    lengths = torch.cat([batch.phone_lengths[:count], batch.text_phone_lengths[:some]])
    width = int(lengths.max())
    parts = [batch.phones[:count, :width], batch.text_phones[:some, :width]]
    phones = torch.cat([F.pad(part, (0, width - part.shape[1])) for part in parts])
    maskable = torch.arange(len(phones), device=phones.device) >= count
    frames, positions, repeats = model.text_encoder(phones, lengths, maskable | model.config.text.mask_paired)
    first = 0 if deep else count
    upper = None
    if first < len(phones):
        width = int(positions[first:].max())
        upper = replace(model.encode_shared(frames[first:, :width], positions[first:]), repeats=repeats[first:])
    layers = upper[:count].layers if deep and upper is not None else [frames[:count]]
    text = upper[count - first :] if unpaired and upper is not None else None
    return text, Transcripts(layers, positions[:count], repeats[:count]) if transcripts else None


def speech_losses(model: JointModel, speech: Encoded, batch: Batch, losses: LossConfig) -> dict[str, Tensor]:
    """The losses on speech whose weight is above 0, for validation: name -> scalar."""
    wanted = [loss for loss in LOSSES if loss.on_speech and loss.weight(losses) > 0]
    values = {loss.name: loss.value(model, Encodings(speech), batch, losses) for loss in wanted}
    return {name: value for name, value in values.items() if value is not None}
