"""Pictures of the best alignment at every layer."""

from pathlib import Path

import numpy as np
import torch

from jstasr.align import best_alignment
from jstasr.align.distance import normalise
from jstasr.data.dataset import SpeechSet
from jstasr.data.io import atomic_write
from jstasr.model.joint import JointModel
from jstasr.text.tokens import PhoneList
from jstasr.train.collate import collate

MAX_LABELS = 60  # phonemes written on the axis of one picture


def spread(count: int, wanted: int) -> list[int]:
    """`wanted` indexes below count, evenly spread and distinct."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(wanted, count))})


@torch.inference_mode()
def draw_alignments(model: JointModel, data: SpeechSet, phone_list: PhoneList, indexes: list[int], path: Path) -> None:
    """Distances between speech and text, and the best path, of each utterance (row) at each layer (column), as PNG."""
    from matplotlib.figure import Figure

    was_training = model.training
    model.eval()
    batch = collate(data, indexes, None, []).to(model.ctc_label.weight.device)
    speech = model.encode_speech(model.audio_encoder.normalise(batch.speech), batch.speech_lengths)
    text = model.encode_text(batch.phones, batch.phone_lengths)
    layers = len(speech.layers)
    figure = Figure(figsize=(2.6 * layers, 2.6 * len(indexes)), layout="constrained")
    axes = figure.subplots(len(indexes), layers, squeeze=False)
    for column in range(layers):
        frames_all, positions_all = normalise(
            speech.layers[column].float(), text.layers[column].float(), "sqeuclidean", layer_norm=True
        )
        found = best_alignment(frames_all, positions_all, speech.lengths, text.lengths)
        for row, index in enumerate(indexes):
            axis = axes[row, column]
            frames, positions = int(speech.lengths[row]), int(text.lengths[row])
            distance = torch.cdist(frames_all[row, :frames], positions_all[row, :positions]).square()
            axis.imshow(distance.T.cpu().numpy(), origin="lower", aspect="auto", cmap="gray")
            axis.plot(np.arange(frames), found.path[row, :frames].cpu().numpy(), color="tab:red", linewidth=1)
            if row == 0:
                axis.set_title("shared input" if column == 0 else f"layer {column}", fontsize=8)
            phones = phone_list.decode(batch.phones[row, : batch.phone_lengths[row]].tolist())
            axis.set_yticks([])
            if column == 0:
                if len(phones) <= MAX_LABELS:
                    times = positions / len(phones)
                    axis.set_yticks([(i + 0.5) * times - 0.5 for i in range(len(phones))], phones, fontsize=5)
                axis.set_ylabel(data.ids[index], fontsize=5)
            axis.tick_params(axis="x", labelsize=6)
            if row == len(indexes) - 1:
                axis.set_xlabel("encoder frame (40 ms)", fontsize=6)
    with atomic_write(path, "wb") as file:
        figure.savefig(file, format="png", dpi=110)
    model.train(was_training)


class AlignmentPictures:
    """The same dev utterances drawn after every validation: images/step<N>.png."""

    def __init__(self, data: SpeechSet, phone_list: PhoneList, folder: Path, utterances: int = 3):
        self.data, self.phone_list, self.folder = data, phone_list, Path(folder)
        self.indexes = spread(len(data), utterances)

    def draw(self, model: JointModel, step: int) -> None:
        draw_alignments(model, self.data, self.phone_list, self.indexes, self.folder / f"step{step}.png")
