"""The consistency loss: pull speech and its own text together along an alignment (arXiv 2308.06125, section 4)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from jstasr.align.consistency import ALIGNMENTS, consistency_loss
from jstasr.align.paths import forced_path
from jstasr.data.batch import Batch
from jstasr.losses.record import Encodings, Loss, Setting
from jstasr.model.config import ModelConfig
from jstasr.model.joint import JointModel


@dataclass
class ConsistencyConfig:
    """The best-alignment consistency loss and its alternatives."""

    weight: float = 0.0  # Weight of the consistency loss; 0 switches it off.
    alignment: str = "best"  # Alignment: best | framewise | random | forced | soft_dtw | sinkhorn | none.
    topology: str = "skip"  # Topology of the best alignment: skip | noskip | dtw.
    distance: str = "sqeuclidean"  # Distance of two vectors: sqeuclidean | euclidean | cosine.
    layer_norm: bool = True  # Normalise the vectors (layer norm without weights) before comparing them.
    gamma: float = 0.1  # Temperature of soft_dtw, regularisation of sinkhorn.
    stop_gradient: str = "none"  # Branch that gets no gradient of the loss: none | speech | text.
    layers: list[int] = field(default_factory=list)  # Layers compared: 0 shared input, 1.. outputs, -1 last; []: all.
    start_step: int = 0  # First step with the loss.
    warmup_steps: int = 0  # Steps over which the loss then grows linearly to its weight.
    text_share: float = 0.5  # Share of the text batch for transcripts of paired speech.


def consistency(model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor | None:
    """The mean over the chosen layers of the mean distance along the alignment; NaN if a layer is not finite."""
    count = encodings.paired
    if encodings.text is None or count == 0:
        return None
    settings, speech, text = losses.consistency, encodings.speech[:count], encodings.text[:count]
    total = len(speech.layers)
    chosen = sorted({layer % total for layer in settings.layers}) if settings.layers else range(total)
    path = None
    if settings.alignment == "forced":
        assert text.repeats is not None
        path = forced_path(
            model.ctc_phone(speech.layers[0]).log_softmax(-1),
            batch.phones[:count],
            speech.lengths,
            batch.phone_lengths[:count],
            repeats=text.repeats[:, : batch.phones.shape[1]],
        )
    try:
        loss = consistency_loss(
            [speech.layers[layer] for layer in chosen],
            [text.layers[layer] for layer in chosen],
            speech.lengths,
            text.lengths,
            alignment=settings.alignment,
            topology=settings.topology,
            distance=settings.distance,
            layer_norm=settings.layer_norm,
            stop_gradient=settings.stop_gradient,
            gamma=settings.gamma,
            path=path,
        )
    except ValueError:  # refuses vectors that are not finite: NaN makes the run skip the step instead of ending
        everything = torch.stack([layer.sum() for layer in (*encodings.speech.layers, *encodings.text.layers)]).sum()
        if everything.isfinite():
            raise
        return everything * float("nan")
    assert isinstance(loss, Tensor)  # a float only without layers
    return loss


def num_paired_texts(batch: Batch, budget: float) -> int:
    """Number of paired transcripts, from the first, that fit a budget of padded phonemes; at least one."""
    padded = batch.phone_lengths.cummax(0).values * torch.arange(1, len(batch.phone_lengths) + 1)
    return max(1, int((padded <= budget).sum()))


def faults(losses: Any, model: ModelConfig) -> Iterator[str]:
    """One sentence for each setting of the consistency loss that is wrong."""
    settings, total = losses.consistency, model.num_consistency_layers
    if settings.alignment not in ALIGNMENTS:
        yield f"losses.consistency.alignment: {settings.alignment} is not one of {' '.join(ALIGNMENTS)}"
    if any(not -total <= layer < total for layer in settings.layers):
        yield f"losses.consistency.layers: {settings.layers} must lie in {-total} .. {total - 1}"
    if settings.alignment == "forced" and losses.ctc_phone <= 0:
        yield "losses.consistency.alignment: forced needs losses.ctc_phone above 0"
    if settings.weight > 0 and not 0 < settings.text_share <= 1:
        yield "losses.consistency.text_share: must lie in (0, 1]"


LOSSES = (
    Loss(
        name="consistency",
        unit="paired",
        label="consistency",
        colour="#7f7f7f",
        settings=(Setting("consistency", ConsistencyConfig, ConsistencyConfig.__doc__ or ""),),
        weight=lambda losses: 0.0 if losses.consistency.alignment == "none" else losses.consistency.weight,
        value=consistency,
        trains=("audio_encoder", "text_encoder", "shared_encoder", "full_encoder"),
        needs_text=True,
        warmup=lambda losses: (losses.consistency.start_step, losses.consistency.warmup_steps),
        faults=faults,
    ),
)
