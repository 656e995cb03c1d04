"""The consistency loss: pull speech and its own text together along an alignment (arXiv 2308.06125, section 4)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from jstasr.align.best import best_alignment
from jstasr.align.consistency import ALIGNMENTS, consistency_loss
from jstasr.align.contrast import contrastive_loss
from jstasr.align.paths import forced_path, framewise_path, random_path
from jstasr.data.batch import Batch
from jstasr.data.splice import SpliceConfig
from jstasr.features.text_input import phoneme_of_position
from jstasr.kernels import device
from jstasr.losses.record import Encodings, Loss, Setting, Transcripts
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
    contrast: float = 0.0  # Temperature of the contrastive form along the path; 0: the plain distance.
    splice: SpliceConfig = field(default_factory=SpliceConfig)


def consistency(model: JointModel, encodings: Encodings, batch: Batch, losses: Any) -> Tensor | None:
    """The mean over the chosen layers of the loss along the alignment; NaN if a layer is not finite.

    Leaves the path at the shared input in `encodings`.
    """
    if encodings.transcripts is None:
        return None
    settings, transcripts, count = losses.consistency, encodings.transcripts, batch.recorded
    speech = encodings.speech[:count]
    total = len(speech.layers)
    chosen = sorted({layer % total for layer in settings.layers}) if settings.layers else range(total)
    forced = None
    if settings.alignment == "forced":
        forced = forced_path(
            model.ctc_phone(speech.layers[0]).log_softmax(-1),
            batch.phones[:count],
            speech.lengths,
            batch.phone_lengths[:count],
            repeats=transcripts.repeats[:, : batch.phones.shape[1]],
        )
    lengths = speech.lengths.cpu(), transcripts.lengths.cpu()  # once for all layers
    try:
        if settings.contrast > 0 or settings.splice.share > 0:
            encodings.path = path_at(speech.layers[0], transcripts.layers[0], *lengths, settings, forced)
        if settings.contrast == 0:
            return consistency_loss(
                [speech.layers[layer] for layer in chosen],
                [transcripts.layers[layer] for layer in chosen],
                *lengths,
                alignment=settings.alignment,
                topology=settings.topology,
                distance=settings.distance,
                layer_norm=settings.layer_norm,
                stop_gradient=settings.stop_gradient,
                gamma=settings.gamma,
                path=forced,
            )
        symbols = phones_of_positions(batch, transcripts)
        values = []
        for layer in chosen:
            pair = speech.layers[layer], transcripts.layers[layer]
            if settings.stop_gradient == "speech":
                pair = pair[0].detach(), pair[1]
            if settings.stop_gradient == "text":
                pair = pair[0], pair[1].detach()
            path = encodings.path if layer == 0 else path_at(*pair, *lengths, settings, forced)
            assert path is not None
            values.append(
                contrastive_loss(
                    *pair, *lengths, symbols, path, settings.contrast, settings.distance, settings.layer_norm
                )
            )
        return torch.stack(values).mean()
    except ValueError:  # refuses vectors that are not finite: NaN makes the run skip the step instead of ending
        everything = torch.stack([layer.sum() for layer in (*encodings.speech.layers, *transcripts.layers)]).sum()
        if everything.isfinite():
            raise
        return everything * float("nan")


def path_at(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    settings: ConsistencyConfig,
    forced: Tensor | None,
) -> Tensor:
    """The alignment of a layer as a path (B, n) int64 on the CPU, where its lengths are, -1 past the end.

    An utterance with fewer frames than positions, which has no path under `noskip`, gets the one of `skip`.
    """
    if forced is not None:
        return forced.cpu()
    if settings.alignment == "framewise":
        return framewise_path(speech_lengths, text_lengths, speech.shape[1])
    if settings.alignment == "random":
        return random_path(speech_lengths, text_lengths, speech.shape[1])
    path = torch.full(speech.shape[:2], -1)
    short = speech_lengths < text_lengths
    for topology, rows in (("skip", short), (settings.topology, ~short)):
        if rows.any():
            lengths = speech_lengths[rows], text_lengths[rows]
            kinds = topology, settings.distance, settings.layer_norm
            some = (speech, text) if rows.all() else (speech[rows], text[rows])
            found = best_alignment(*some, *lengths, *kinds).path
            assert isinstance(found, Tensor)  # dtw, which has none, is refused by `faults`
            path[rows] = found.cpu()
    return path


def phones_of_positions(batch: Batch, transcripts: Transcripts) -> Tensor:
    """The phoneme at each text position of the transcripts: (B, m) int64."""
    phones = batch.phones[: batch.recorded]
    repeats = transcripts.repeats[:, : phones.shape[1]]
    return phones.gather(1, phoneme_of_position(repeats, transcripts.layers[0].shape[1]))


def phoneme_path(batch: Batch, transcripts: Transcripts, path: Tensor) -> Tensor:
    """The phoneme of each frame, from its position on the path: (B, n) int64, -1 past the end."""
    repeats = transcripts.repeats[:, : batch.phones.shape[1]].cpu()
    source = phoneme_of_position(repeats, transcripts.layers[0].shape[1])
    return source.gather(1, path.clamp(min=0)).masked_fill(path < 0, -1)


def alignment_note(settings: ConsistencyConfig, where: torch.device) -> list[str]:
    """A line for the log where a GPU leaves to the CPU the alignments that its kernels know."""
    if where.type != "cuda" or settings.weight == 0 or settings.alignment != "best":
        return []
    reason = device.unavailable(where) if settings.topology in device.TOPOLOGIES else None
    return [f"the CPU finds the best alignments: {reason}"] if reason else []


def faults(losses: Any, model: ModelConfig) -> Iterator[str]:
    """One sentence for each setting of the consistency loss that is wrong."""
    settings, total = losses.consistency, model.num_consistency_layers
    if settings.alignment not in ALIGNMENTS:
        yield f"losses.consistency.alignment: {settings.alignment} is not one of {' '.join(ALIGNMENTS)}"
    if any(not -total <= layer < total for layer in settings.layers):
        yield f"losses.consistency.layers: {settings.layers} must lie in {-total} .. {total - 1}"
    if settings.alignment == "forced" and losses.ctc_phone <= 0:
        yield "losses.consistency.alignment: forced needs losses.ctc_phone above 0"
    if settings.contrast < 0:
        yield "losses.consistency.contrast: must not be negative"
    single = settings.alignment not in ("soft_dtw", "sinkhorn") and settings.topology != "dtw"
    if settings.contrast > 0 and not single:
        yield (
            "losses.consistency.contrast: needs an alignment with one position for each frame, not soft_dtw, sinkhorn "
            "or the topology dtw"
        )
    if not 0 <= settings.splice.share < 1:
        yield f"losses.consistency.splice.share: {settings.splice.share} must lie in [0, 1)"
    if settings.splice.share > 0 and (settings.alignment not in ("best", "forced") or not single):
        yield "losses.consistency.splice.share: needs the alignment best or forced, and not the topology dtw"
    if settings.splice.share > 0 and model.pretrained.inside:
        yield "losses.consistency.splice.share: splices features, and the model reads samples (model.pretrained.inside)"


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
        needs_transcripts=True,
        warmup=lambda losses: (losses.consistency.start_step, losses.consistency.warmup_steps),
        faults=faults,
    ),
)
