"""Pictures of the best alignment at every layer."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from jstasr.align import best_alignment
from jstasr.align.distance import normalise
from jstasr.align.paths import forced_path
from jstasr.data.collate import collate
from jstasr.data.speech_set import SpeechSet
from jstasr.data.subset import spread_subset
from jstasr.features.frames import ENCODER_FRAME_SECONDS
from jstasr.kaldi.files import atomic_write
from jstasr.model.joint import Encoded, JointModel
from jstasr.report.alignment import ctc_frames_needed
from jstasr.report.layers import layer_names
from jstasr.text.tokens import PhoneList

if TYPE_CHECKING:  # drawing alone imports matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_LABELS = 80  # phonemes written on the axis of one picture
LABEL_HEIGHT = 0.085  # inches a phoneme takes on the axis
CELL_WIDTH, MIN_HEIGHT, MAX_HEIGHT = 2.6, 2.3, 5.5  # inches
COLUMNS = 3  # of the picture of one utterance
PATH_COLOUR, FORCED_COLOUR = "#d62728", "#1f77b4"


def of_typical_length(num_frames: np.ndarray, wanted: int) -> list[int]:
    """Indexes of `wanted` utterances between the 20th and the 80th percentile of length, short ones first.

    Args:
        num_frames: (U,) int.
    """
    order = np.argsort(num_frames, kind="stable")
    ranks = np.linspace(0.2, 0.8, wanted) if wanted > 1 else [0.5] * wanted
    return list(dict.fromkeys(int(order[round(rank * (len(order) - 1))]) for rank in ranks))


def cell_height(phones: int) -> float:
    """Height of a picture that has room for the phonemes on its axis, inches."""
    return float(np.clip(LABEL_HEIGHT * phones, MIN_HEIGHT, MAX_HEIGHT))


def layer_alignments(speech: Encoded, text: Encoded) -> list[tuple[list[np.ndarray], np.ndarray]]:
    """For each layer: the distances (n, m) of each utterance, and the best paths (B, n)."""
    found = []
    for frames, positions in zip(speech.layers, text.layers):
        frames, positions = normalise(frames.float(), positions.float(), "sqeuclidean", layer_norm=True)
        path = best_alignment(frames, positions, speech.lengths, text.lengths).path
        assert isinstance(path, Tensor), "dtw alone gives a list of paths"
        distances = [
            torch.cdist(a[:n], t[:m]).square().cpu().numpy()
            for a, t, n, m in zip(frames, positions, speech.lengths.tolist(), text.lengths.tolist())
        ]
        found.append((distances, path.cpu().numpy()))
    return found


def draw_cell(
    axis: "Axes", distance: np.ndarray, path: np.ndarray, phones: list[str], forced: np.ndarray | None = None
) -> None:
    """One utterance at one layer: distances, dark where speech and text are near, and the paths over time.

    Args:
        distance: (n, m).
        path, forced: (n,) int, text position of each frame.
        phones: names for the axis; an empty list leaves it blank.
    """
    frames, positions = distance.shape
    extent = (0, frames * ENCODER_FRAME_SECONDS, -0.5, positions - 0.5)
    axis.imshow(distance.T, origin="lower", aspect="auto", cmap="gray", extent=extent)
    times = (np.arange(frames) + 0.5) * ENCODER_FRAME_SECONDS
    if forced is not None:
        axis.plot(times, forced[:frames], color=FORCED_COLOUR, linewidth=1.2, linestyle=(0, (3, 1.5)))
    axis.plot(times, path[:frames], color=PATH_COLOUR, linewidth=1)
    axis.tick_params(axis="x", labelsize=6)
    axis.set_yticks([])
    if phones and len(phones) <= MAX_LABELS:
        repeats = positions / len(phones)
        axis.set_yticks([(i + 0.5) * repeats - 0.5 for i in range(len(phones))], phones, fontsize=5.5)
        axis.tick_params(axis="y", length=1.5, pad=1)


def save(figure: "Figure", path: Path, dpi: int) -> None:
    """Write the figure as PNG, whole or not at all."""
    with atomic_write(path, "wb") as file:
        figure.savefig(file, format="png", dpi=dpi)


@torch.inference_mode()
def draw_alignments(model: JointModel, data: SpeechSet, phone_list: PhoneList, indexes: list[int], path: Path) -> None:
    """Distances between speech and text, and the best path, of each utterance (row) at each layer (column), as PNG."""
    from matplotlib.figure import Figure

    was_training = model.training
    model.eval()
    batch = collate(data, indexes, None, []).to(model.ctc_label.weight.device)
    speech = model.encode_speech(batch.speech, batch.speech_lengths)
    text = model.encode_text(batch.phones, batch.phone_lengths)
    model.train(was_training)
    names = layer_names(model.config)
    heights = [cell_height(length) for length in batch.phone_lengths.tolist()]
    figure = Figure(figsize=(CELL_WIDTH * len(names), sum(heights) + 0.4), layout="constrained")
    axes = figure.subplots(len(indexes), len(names), squeeze=False, gridspec_kw={"height_ratios": heights})
    for column, (distances, paths) in enumerate(layer_alignments(speech, text)):
        axes[0, column].set_title(names[column], fontsize=8)
        axes[-1, column].set_xlabel("seconds", fontsize=6)
        for row, index in enumerate(indexes):
            phones = phone_list.decode(data.phones[index]) if column == 0 else []
            draw_cell(axes[row, column], distances[row], paths[row], phones)
    for row, index in enumerate(indexes):
        axes[row, 0].set_ylabel(data.ids[index], fontsize=6)
    save(figure, path, dpi=110)


@torch.inference_mode()
def draw_utterance(
    model: JointModel, data: SpeechSet, phone_list: PhoneList, index: int, path: Path, with_forced: bool
) -> None:
    """One utterance as PNG: its log-mel features, then every layer with the best path and the forced alignment.

    Args:
        with_forced: draw the CTC forced alignment too, where the utterance has enough frames for one.
    """
    from matplotlib.figure import Figure

    batch = collate(data, [index], None, []).to(model.ctc_label.weight.device)
    speech = model.encode_speech(batch.speech, batch.speech_lengths)
    text = model.encode_text(batch.phones, batch.phone_lengths)
    forced = forced_positions(model, speech, text, batch.phones, batch.phone_lengths) if with_forced else None
    phones = phone_list.decode(data.phones[index])
    names = layer_names(model.config)
    rows = -(-(len(names) + 1) // COLUMNS)
    figure = Figure(figsize=(3.7 * COLUMNS, rows * (cell_height(len(phones)) + 0.35)), layout="constrained")
    axes = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    features = batch.speech[0].cpu().numpy()
    extent = (0, len(features) * batch.frame_ms / 1000, 0, features.shape[1])
    axes[0].imshow(features.T, origin="lower", aspect="auto", cmap="gray_r", extent=extent)
    axes[0].set_title("log-mel features" if data.log_mel else "features", fontsize=8)
    axes[0].set_yticks([])
    axes[0].tick_params(axis="x", labelsize=6)
    for axis, name, (distances, paths) in zip(axes[1:], names, layer_alignments(speech, text)):
        draw_cell(axis, distances[0], paths[0], phones, forced)
        axis.set_title(name, fontsize=8)
    for axis in axes[len(names) + 1 :]:
        axis.set_axis_off()
    save(figure, path, dpi=150)


def forced_positions(
    model: JointModel, speech: Encoded, text: Encoded, phones: Tensor, lengths: Tensor
) -> np.ndarray | None:
    """Text position of each frame (n,) of one utterance by the CTC forced alignment of its phonemes (1, P)."""
    if (speech.lengths.cpu() < ctc_frames_needed(phones.cpu(), lengths.cpu())).any():
        return None
    log_probs = model.ctc_phone(speech.layers[0]).log_softmax(-1)
    return forced_path(log_probs, phones, speech.lengths, lengths, repeats=text.repeats)[0].numpy()


class AlignmentPictures:
    """The same dev utterances drawn after every validation: images/step<N>.png."""

    def __init__(self, data: SpeechSet, phone_list: PhoneList, folder: Path, utterances: int = 3):
        self.data, self.phone_list, self.folder = data, phone_list, Path(folder)
        self.indexes = spread_subset(len(data), utterances).tolist()

    def draw(self, model: JointModel, step: int) -> None:
        """Draw the utterances as the model has them after `step`."""
        draw_alignments(model, self.data, self.phone_list, self.indexes, self.folder / f"step{step}.png")
