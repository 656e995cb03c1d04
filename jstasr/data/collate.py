"""From indexes to a padded batch."""

from collections.abc import Sequence
from itertools import chain, islice

import numpy as np
import torch
from torch import Tensor

from jstasr.data.batch import Batch
from jstasr.data.join import Joins, joined_features, joined_id, joined_labels, joined_phones, split_rows
from jstasr.data.speech_set import SpeechSet
from jstasr.data.text_set import TextSet
from jstasr.errors import JstasrError
from jstasr.features.frames import FRAME_SHIFT_MS
from jstasr.kaldi.feature_archive import UnusableFeatures
from jstasr.shards.reader import LostShard


def pad_features(matrices: list[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Feature matrices (T_i, F) -> (N, T, F) float32 padded with 0, and (N,) lengths."""
    lengths = [len(matrix) for matrix in matrices]
    padded = np.zeros((len(matrices), max(lengths), matrices[0].shape[1]), dtype=np.float32)
    for row, matrix in zip(padded, matrices):
        row[: len(matrix)] = matrix
    return torch.from_numpy(padded), torch.tensor(lengths)


def pad_symbols(sequences: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Integer sequences -> (N, L) int64 padded with 0, and (N,) lengths; (0, 0) for an empty list."""
    padded = np.zeros((len(sequences), max(map(len, sequences), default=0)), dtype=np.int64)
    for row, sequence in zip(padded, sequences):
        row[: len(sequence)] = sequence
    return torch.from_numpy(padded), torch.tensor([len(sequence) for sequence in sequences], dtype=torch.long)


def usable(
    speech: SpeechSet,
    indexes: Sequence[int] | np.ndarray,
    joins: Joins,
    skipped: list[str],
    lost: list[str] | None = None,
) -> tuple[np.ndarray, list[np.ndarray], Joins]:
    """The utterances with usable features, these, and their rows; without any, the first usable one that follows.

    Args:
        skipped: gets what is wrong with each of the others.
        lost: gets what is wrong with the shard of each that is in a lost one; None: that is an error.
    Raises:
        LostShard: a shard that is missing or damaged, without `lost`.
        JstasrError: archives that cannot be read; not one usable utterance in the set.
    """
    kept: list[int] = []
    matrices: list[np.ndarray] = []
    following = ((int(indexes[-1]) + distance) % len(speech) for distance in range(1, len(speech)))
    for number, index in enumerate(chain(indexes, following)):
        if kept and number >= len(indexes):
            break
        try:
            matrices.append(speech.features(index))
            kept.append(number)
        except UnusableFeatures as error:
            skipped.append(str(error))
        except LostShard as error:
            if lost is None:
                raise
            lost.append(str(error))
    if not kept:
        first = [*skipped, *(lost or [])][0]
        raise JstasrError(f"{speech.folder}: not one utterance has usable features: {first}")
    if kept[0] >= len(indexes):
        index = (int(indexes[-1]) + 1 + kept[0] - len(indexes)) % len(speech)
        return np.asarray([index]), matrices, joins.of_one_utterance()
    return np.asarray(indexes)[kept], matrices, joins.keep(kept)


def joined_text(text: TextSet, indexes: np.ndarray) -> tuple[str, np.ndarray, np.ndarray]:
    """Id, phonemes and labels of a row of texts."""
    return joined_id(text, indexes), joined_phones(text, indexes), joined_labels(text, indexes)


def collate(
    speech: SpeechSet,
    indexes: Sequence[int] | np.ndarray,
    text: TextSet | None,
    text_indexes: Sequence[int] | np.ndarray,
    joins: Joins | None = None,
    skip: bool = False,
    skip_lost: bool = False,
) -> Batch:
    """Read, join and pad utterances of the paired set and texts of the text set.

    Args:
        indexes: (B,) int, of the paired set.
        text_indexes: (N,) int, of the text set; ignored without one.
        joins: which of them form one row of the batch; its id is theirs with `+` between. None: each is a row.
        skip: leave out utterances whose features are unusable, and name them in `Batch.skipped`.
        skip_lost: with `skip`, also those whose shard is lost, and name the shards in `Batch.lost`.
    """
    if joins is None:
        joins = Joins.none(len(indexes), len(text_indexes))
    skipped: list[str] = []
    lost: list[str] = []
    speech.prefetch(indexes)
    if skip:
        indexes, found, joins = usable(speech, indexes, joins, skipped, lost if skip_lost else None)
    else:
        found = [speech.features(i) for i in indexes]
    rng = np.random.default_rng(joins.seed)
    rows, text_rows = split_rows(indexes, joins.speech), split_rows(text_indexes, joins.text)
    gaps, parts = split_rows(joins.pauses, joins.speech), iter(found)
    ticks = speech.frame_ms // FRAME_SHIFT_MS
    matrices = [
        joined_features(list(islice(parts, len(row))), (pauses // ticks).tolist(), rng, speech.log_mel)
        for row, pauses in zip(rows, gaps)
    ]
    features, speech_lengths = pad_features(matrices)
    labels, label_lengths = pad_symbols([joined_labels(speech, row) for row in rows])
    phones, phone_lengths = pad_symbols([joined_phones(speech, row) for row in rows])
    texts = [] if text is None else [joined_text(text, row) for row in text_rows]
    text_phones, text_phone_lengths = pad_symbols([phones for _, phones, _ in texts])
    text_labels, text_label_lengths = pad_symbols([labels for _, _, labels in texts])
    return Batch(
        utt_ids=[joined_id(speech, row) for row in rows],
        speech=features,
        speech_lengths=speech_lengths,
        labels=labels,
        label_lengths=label_lengths,
        phones=phones,
        phone_lengths=phone_lengths,
        text_ids=[name for name, _, _ in texts],
        text_phones=text_phones,
        text_phone_lengths=text_phone_lengths,
        text_labels=text_labels,
        text_label_lengths=text_label_lengths,
        frame_ms=speech.frame_ms,
        skipped=skipped,
        lost=lost,
    )
