"""Vectors of whole utterances: the mean over time of each layer of a trained model."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from jstasr.data.batches import bucketed_batches
from jstasr.data.speech_set import read_num_frames
from jstasr.decode.decode_set import read_batches
from jstasr.experiment.load import Experiment
from jstasr.features.frames import FRAMES_PER_SECOND
from jstasr.kaldi.files import first_few
from jstasr.kaldi.tables import read_table
from jstasr.report.layers import layer_names
from jstasr.text.tokens import PhoneList

FEATURES = "features"
BATCH_FRAMES = 6400  # padded feature frames (10 ms): the layers of a batch stay small beside the model


class Pooled(NamedTuple):
    """Utterances, and of each layer by name their vectors (U, C)."""

    ids: list[str]
    vectors: dict[str, np.ndarray]


def mean_over_time(frames: Tensor, lengths: Tensor) -> Tensor:
    """(N, C), the mean of frames (N, T, C) before their padding; lengths: (N,) int."""
    inside = torch.arange(frames.shape[1], device=frames.device)[None, :, None] < lengths[:, None, None]
    return torch.where(inside, frames, 0.0).sum(1) / lengths[:, None]


@torch.inference_mode()
def pool_speech(experiment: Experiment, folder: Path, progress: Callable[[str], None]) -> Pooled:
    """Vectors of the features, and of each layer that speech and text share, of dump/fbank/<set> or dump/raw/<set>.

    Utterances too long for the full-context encoder are left out, with a line to `progress`.

    Raises:
        JstasrError: features that are missing, damaged, or of another kind or dimension.
    """
    ids = sorted(read_table(folder / "utt2num_frames"))
    most = experiment.search.max_seconds * FRAMES_PER_SECOND
    lengths = read_num_frames(folder, ids)
    if long := [utt for utt, length in zip(ids, lengths) if length > most]:
        progress(f"{folder}: left out {len(long)} utterances over {experiment.search.max_seconds} s: {first_few(long)}")
        ids = [utt for utt, length in zip(ids, lengths) if length <= most]
    names = [FEATURES, *layer_names(experiment.config.model)]
    found: list[str] = []
    vectors: dict[str, list[Tensor]] = {name: [] for name in names}
    for batch in read_batches(experiment, folder, ids, BATCH_FRAMES):
        encoded = batch.encode(experiment.model)
        vectors[FEATURES].append(torch.from_numpy(np.stack([matrix.mean(0) for matrix in batch.matrices])))
        for name, layer in zip(names[1:], encoded.layers):
            vectors[name].append(mean_over_time(layer, encoded.lengths).cpu())
        found += batch.ids
    return Pooled(found, {name: torch.cat(parts).numpy() for name, parts in vectors.items() if parts})


@torch.inference_mode()
def pool_text(experiment: Experiment, phone_list: PhoneList, phones: Sequence[str]) -> dict[str, np.ndarray]:
    """Vectors (U, C) of each shared layer, of phonemes `p1 p2 _ p3`."""
    names = layer_names(experiment.config.model)
    sequences = [torch.tensor(phone_list.encode(line.split())) for line in phones]
    lengths = np.array([len(sequence) for sequence in sequences])
    device = experiment.model.ctc_label.weight.device
    vectors: dict[str, np.ndarray] = {}
    for rows in bucketed_batches(lengths, BATCH_FRAMES, np.random.default_rng(0)):
        padded = pad_sequence([sequences[row] for row in rows], batch_first=True)
        encoded = experiment.model.encode_text(padded.to(device), torch.from_numpy(lengths[rows]).to(device))
        for name, layer in zip(names, encoded.layers):
            means = mean_over_time(layer, encoded.lengths).cpu().numpy()
            vectors.setdefault(name, np.empty((len(sequences), means.shape[1]), means.dtype))[rows] = means
    return vectors
