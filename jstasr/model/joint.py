"""The joint speech-text model and its losses.

speech -> audio encoder --+
                          +-> shared streaming encoder -> streaming HAT decoder
text   -> text encoder ---+            |
                                       +-> full-context encoder -> full-context HAT decoder
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jstasr.align import consistency_loss
from jstasr.align.paths import forced_path
from jstasr.data.batch import Batch
from jstasr.model.config import LossConfig, ModelConfig
from jstasr.model.encoders import AudioEncoder, TextEncoder, conformer
from jstasr.model.hat import HatDecoder

STREAMING, FULL = "streaming", "full"


@dataclass
class Encoded:
    """One branch's way through the shared layers.

    `layers`: the input of the shared encoder, then the output of every shared and full-context layer, (N, T, C) each.
    """

    layers: list[Tensor]
    lengths: Tensor
    streaming: Tensor
    full: Tensor
    repeats: Tensor | None = None  # text: (N, P), positions of each phoneme


class JointModel(nn.Module):
    """Speech and text through one encoder into two transducer decoders (arXiv 2308.06125)."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        if config.vocab_size < 2 or config.phone_size < 2:
            raise ValueError("the model needs the sizes of the token list and of the phone list")
        self.config = config
        self.audio_encoder = AudioEncoder(config)
        self.text_encoder = TextEncoder(config)
        self.shared_encoder = conformer(config, config.shared_layers, streaming=True)
        self.full_encoder = conformer(config, config.full_layers, streaming=False)
        self.decoders = nn.ModuleDict(
            {mode: HatDecoder(config.dim, config.vocab_size, config.decoder) for mode in (STREAMING, FULL)}
        )
        self.ctc_label = nn.Linear(config.dim, config.vocab_size)
        self.ctc_phone = nn.Linear(config.dim, config.phone_size)

    def encode_shared(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """Either branch's frames (N, T, C) through the shared and the full-context encoder."""
        shared = self.shared_encoder(frames, lengths)
        streaming = shared[-1] if shared else frames
        above = self.full_encoder(streaming, lengths)
        return Encoded([frames, *shared, *above], lengths, streaming, above[-1] if above else streaming)

    def encode_speech(self, features: Tensor, lengths: Tensor) -> Encoded:
        """Normalised features (N, T, F) and their lengths (N,)."""
        return self.encode_shared(*self.audio_encoder(features, lengths))

    def encode_text(self, phones: Tensor, lengths: Tensor, maskable: Tensor | None = None) -> Encoded:
        """Phonemes (N, P) and their lengths (N,); `maskable` (N,) bool: where spans may be masked in training."""
        if maskable is None:
            maskable = torch.ones(len(phones), dtype=torch.bool, device=phones.device)
        frames, positions, repeats = self.text_encoder(phones, lengths, maskable)
        return replace(self.encode_shared(frames, positions), repeats=repeats)

    def forward(self, batch: Batch, features: Tensor, losses: LossConfig, paired_text: int) -> dict[str, Tensor]:
        """Every loss of one step.

        Args:
            batch: the utterances and texts.
            features: (B, T, F), the batch's speech normalised, with SpecAugment.
            losses: which losses are wanted (weight > 0).
            paired_text: how many of the paired transcripts (the first ones) ride in the text batch.
        Returns:
            (name -> scalar), each a mean over utterances: `streaming`, `full` (nats per label), `ctc_label`,
            `ctc_phone`, `text_streaming`, `text_full`, `consistency`; those switched off are left out.
        """
        speech = self.encode_speech(features, batch.speech_lengths)
        values = self.speech_losses(speech, batch, losses)
        unpaired_text = losses.text > 0 and len(batch.text_ids) > 0
        if not unpaired_text and paired_text == 0:
            return values
        text = self.encode_text_batch(batch, paired_text)
        if unpaired_text:
            unpaired = Encoded([], text.lengths[paired_text:], text.streaming[paired_text:], text.full[paired_text:])
            for mode, value in self.hat_losses(unpaired, batch.text_labels, batch.text_label_lengths, losses).items():
                values[f"text_{mode}"] = value
        if paired_text > 0:
            try:
                values["consistency"] = self.consistency(speech, text, batch, losses, paired_text)
            except ValueError:  # the alignment refuses vectors that are not finite: their loss is none, with a way back
                total = sum(layer.sum() for layer in (*speech.layers, *text.layers))
                if total.isfinite():
                    raise
                values["consistency"] = total * float("nan")
        return values

    def speech_losses(self, speech: Encoded, batch: Batch, losses: LossConfig) -> dict[str, Tensor]:
        values = self.hat_losses(speech, batch.labels, batch.label_lengths, losses)
        if losses.ctc_label > 0:
            values["ctc_label"] = self.ctc_loss(
                self.ctc_label(speech.streaming), speech.lengths, batch.labels, batch.label_lengths
            )
        if losses.ctc_phone > 0:
            values["ctc_phone"] = self.ctc_loss(
                self.ctc_phone(speech.layers[0]), speech.lengths, batch.phones, batch.phone_lengths
            )
        return values

    def encode_text_batch(self, batch: Batch, paired_text: int) -> Encoded:
        """The first paired transcripts and the unpaired texts, in this order, in one pass."""
        phones, lengths = batch.text_phones, batch.text_phone_lengths
        if paired_text > 0:
            width = max(batch.phones.shape[1], phones.shape[1])
            phones = torch.cat(
                [F.pad(part, (0, width - part.shape[1])) for part in (batch.phones[:paired_text], phones)]
            )
            lengths = torch.cat([batch.phone_lengths[:paired_text], lengths])
            phones = phones[:, : int(lengths.max())]
        maskable = torch.arange(len(phones), device=phones.device) >= paired_text
        return self.encode_text(phones, lengths, maskable | self.config.text.mask_paired)

    def hat_losses(self, encoded: Encoded, labels: Tensor, label_lengths: Tensor, losses: LossConfig) -> dict:
        """Transducer losses of the decoders that have a weight, in nats per label."""
        values = {}
        for mode, weight in ((STREAMING, losses.streaming), (FULL, losses.full)):
            if weight > 0:
                nats = self.decoders[mode].loss(getattr(encoded, mode), encoded.lengths, labels, label_lengths)
                values[mode] = nats.sum() / label_lengths.sum()
        return values

    @staticmethod
    def ctc_loss(logits: Tensor, lengths: Tensor, labels: Tensor, label_lengths: Tensor) -> Tensor:
        """CTC with blank 0, nats per label; an utterance too short for its labels counts as 0."""
        log_probs = logits.float().log_softmax(-1).transpose(0, 1)
        nats = F.ctc_loss(log_probs, labels, lengths, label_lengths, reduction="none", zero_infinity=True)
        return nats.sum() / label_lengths.sum()

    def consistency(self, speech: Encoded, text: Encoded, batch: Batch, losses: LossConfig, count: int) -> Tensor:
        """Mean over the chosen layers of the distance between speech and its own text along an alignment."""
        settings = losses.consistency
        total = len(speech.layers)
        chosen = sorted({layer % total for layer in settings.layers}) if settings.layers else range(total)
        speech_lengths, text_lengths = speech.lengths[:count], text.lengths[:count]
        path = None
        if settings.alignment == "forced":
            path = forced_path(
                self.ctc_phone(speech.layers[0][:count]).log_softmax(-1),
                batch.phones[:count],
                speech_lengths,
                batch.phone_lengths[:count],
                repeats=text.repeats[:count, : batch.phones.shape[1]],
            )
        return consistency_loss(
            [speech.layers[layer][:count] for layer in chosen],
            [text.layers[layer][:count] for layer in chosen],
            speech_lengths,
            text_lengths,
            alignment=settings.alignment,
            topology=settings.topology,
            distance=settings.distance,
            layer_norm=settings.layer_norm,
            stop_gradient=settings.stop_gradient,
            gamma=settings.gamma,
            path=path,
        )
