"""Several short utterances of a speaker as one, with pauses between them, so that a model hears more than a sentence.

A model that only ever heard single sentences stops after the first pause.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jstasr.data.join_config import JoinConfig
from jstasr.data.speech_set import SpeechSet
from jstasr.data.text_set import TextSet
from jstasr.features.fbank import LOG_FLOOR
from jstasr.features.frames import FRAMES_PER_SECOND
from jstasr.text.languages import is_unspaced
from jstasr.text.tokens import PhoneList
from jstasr.text.unspaced import join_unspaced

QUIET_SHARE = 0.1  # of the frames of an utterance: they hold its background, and fill pauses
SILENT_PAUSES = 0.25  # share of the pauses that are digital silence
LOWERED_PAUSES = 0.25  # share of the pauses whose background is lowered, as by a noise gate
LOWERED_BY = 10.0  # at most, natural logarithm of power: 43 dB


class Joins(NamedTuple):
    """Which of the utterances and texts of a step follow each other in one row of its batch.

    speech: (B,) int, utterances in each row; pauses: frames of the pause before each utterance, 0 at the first of a
    row; text: (N,) int, texts in each row; seed: of the contents of the pauses.
    """

    speech: np.ndarray
    pauses: np.ndarray
    text: np.ndarray
    seed: tuple[int, ...]

    @classmethod
    def none(cls, utterances: int, texts: int) -> "Joins":
        """Every utterance and every text is a row."""
        ones = np.ones(max(utterances, texts), dtype=np.int64)
        return cls(ones[:utterances], np.zeros(utterances, dtype=np.int64), ones[:texts], (0,))

    def keep(self, places: Sequence[int]) -> "Joins":
        """The same without the utterances at other places; a row without any disappears."""
        kept = np.zeros(len(self.pauses), dtype=np.int64)
        kept[list(places)] = 1
        counts = np.asarray([row.sum() for row in split_rows(kept, self.speech)], dtype=np.int64)
        return self._replace(speech=counts[counts > 0], pauses=self.pauses[list(places)])

    def of_one_utterance(self) -> "Joins":
        """The same with one utterance in place of all."""
        return self._replace(speech=np.ones(1, dtype=np.int64), pauses=np.zeros(1, dtype=np.int64))


class JoinedRows:
    """The rows of an epoch: each is one utterance, or several with pauses between them.

    Args:
        members: (M,) int, utterances, row after row.
        starts: (R,) int, the place in `members` at which each row begins.
        pauses: (M,) int, frames of the pause before each member; 0 at the first of a row.
        lengths: (N,) int, frames of the utterances.
    """

    def __init__(self, members: np.ndarray, starts: np.ndarray, pauses: np.ndarray, lengths: np.ndarray):
        self.members, self.starts, self.pauses = members, starts, pauses
        self.counts = np.diff(starts, append=len(members))  # (R,) members of each row
        frames = lengths[members] + pauses
        self.lengths = np.add.reduceat(frames, starts) if len(starts) else frames  # (R,) frames of each row

    def __len__(self) -> int:
        return len(self.starts)

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Members (M',) of some rows, their pauses (M',), and the number of members of each row."""
        places = [np.arange(start, start + count) for start, count in zip(self.starts[rows], self.counts[rows])]
        chosen = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
        return self.members[chosen], self.pauses[chosen], self.counts[rows]


def chain_rows(parts: Sequence[JoinedRows], lengths: np.ndarray) -> JoinedRows:
    """The rows of all parts, one part after the other; lengths: (N,) int, frames of the utterances."""
    if len(parts) == 1:
        return parts[0]
    firsts = np.cumsum([0, *(len(part.members) for part in parts)]).tolist()
    starts = [part.starts + first for part, first in zip(parts, firsts)]
    members, pauses = (np.concatenate(found) for found in zip(*((part.members, part.pauses) for part in parts)))
    return JoinedRows(members, np.concatenate(starts), pauses, lengths)


def join_utterances(
    drawn: np.ndarray,
    lengths: np.ndarray,
    groups: np.ndarray,
    config: JoinConfig,
    max_frames: int,
    rng: np.random.Generator,
) -> JoinedRows:
    """Join a share of the short utterances of an epoch at random within their groups; each other one is a row.

    An utterance is short if two of its length and a pause fit. Joined lengths are spread up to the limit, so that a
    model hears inputs of every length. The last utterance of a group may stay alone for lack of a partner.

    Args:
        drawn: (M,) int, the utterances of the epoch; one may occur several times.
        lengths: (N,) int, frames of each utterance of the set.
        groups: (N,) int, utterances of one number may be joined.
        max_frames: largest length of a joined utterance.
        rng: decides which are joined, in which order, and the pauses.
    """
    order = drawn[rng.permutation(len(drawn))]
    shortest, longest = (round(seconds * FRAMES_PER_SECOND) for seconds in (config.pause_min, config.pause_max))
    chosen = (rng.random(len(order)) < config.share) & (2 * lengths[order] + longest <= max_frames)
    alone, joined = order[~chosen], order[chosen]
    joined = joined[np.argsort(groups[joined], kind="stable")]
    pauses = rng.integers(shortest, longest + 1, size=len(joined))
    wanted = rng.uniform(0.0, max_frames, size=len(joined))  # length of the row that begins here
    starts = row_starts(lengths[joined], groups[joined], pauses, wanted, max_frames)
    pauses[starts] = 0
    members = np.concatenate([joined, alone])
    starts = np.concatenate([starts, np.arange(len(joined), len(members))])
    return JoinedRows(members, starts, np.concatenate([pauses, np.zeros_like(alone)]), lengths)


def row_starts(
    lengths: np.ndarray, groups: np.ndarray, pauses: np.ndarray, wanted: np.ndarray, max_frames: int
) -> np.ndarray:
    """Cut a sequence into rows: each ends before the utterance that would make it longer than wanted.

    Two utterances are joined whatever is wanted, where `max_frames` allows it. Arguments: (M,) each.

    Returns:
        (R,) int64, ascending from 0.
    """
    starts: list[int] = []
    total, count, group, limit = 0, 0, None, 0.0
    values = zip(lengths.tolist(), groups.tolist(), pauses.tolist(), wanted.tolist())
    for place, (length, own_group, pause, own_limit) in enumerate(values):
        longer = total + pause + length
        if own_group == group and longer <= (max_frames if count == 1 else limit):
            total, count = longer, count + 1
        else:
            starts.append(place)
            total, count, group, limit = length, 1, own_group, min(own_limit, max_frames)
    return np.asarray(starts, dtype=np.int64)


def join_texts(
    texts: np.ndarray, lengths: np.ndarray, groups: np.ndarray, per_row: int, max_length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Join the texts of a batch, so that their rows are about as long as those of the speech beside them.

    Args:
        texts: (M,) int, texts of similar lengths.
        lengths, groups: (N,) int, phonemes of all texts; texts of one number may be joined.
        per_row: largest number of texts in a row.
        max_length: largest number of phonemes in a joined row.
    Returns:
        The texts in the order of their rows (M,), and the number of texts in each row (R,).
    """
    parts, counts = [], []
    for group in np.unique(groups[texts]):
        part = texts[groups[texts] == group]
        fitting = max(1, min(per_row, (max_length + 1) // (int(lengths[part].max()) + 1)))  # a word mark between two
        rows = np.array_split(part, -(-len(part) // fitting))
        parts.append(part)
        counts += [len(row) for row in rows]
    return np.concatenate([*parts, texts[:0]]), np.asarray(counts, dtype=np.int64)


def split_rows(items: Sequence[int] | np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    """Cut a sequence into rows of `counts` items each."""
    return np.split(np.asarray(items, dtype=np.int64), counts.cumsum()[:-1]) if len(counts) else []


def edge_frames(features: np.ndarray) -> np.ndarray:
    """The first and last frames of an utterance, (Q, F), Q >= 1: most of them are its background."""
    count = max(1, round(QUIET_SHARE / 2 * len(features)))
    return np.concatenate([features[:count], features[len(features) - count :]])


def quiet_frames(features: np.ndarray) -> np.ndarray:
    """The quietest frames of an utterance, (Q, F), Q >= 1: its background where it has pauses or edges."""
    count = max(1, round(QUIET_SHARE * len(features)))
    return features[np.argpartition(features.mean(axis=1), count - 1)[:count]]


def pause_between(
    before: np.ndarray, after: np.ndarray, frames: int, rng: np.random.Generator, log_mel: bool = True
) -> np.ndarray:
    """The features of a pause: the background of the two utterances, the same lowered, or digital silence.

    Args:
        before, after: (T, F) features of the utterances.
        frames: length of the pause.
        log_mel: what the features are; of others, the levels are not known: the background as it is.
    Returns:
        (frames, F).
    """
    kind, lowered = rng.random(2)
    if log_mel and kind < SILENT_PAUSES:
        return np.full((frames, before.shape[1]), LOG_FLOOR, dtype=before.dtype)
    first = int(rng.integers(frames + 1))  # the background changes at a random place
    background_of = quiet_frames if log_mel else edge_frames
    sources = [(background_of(before), first), (background_of(after), frames - first)]
    background = np.concatenate([quiet[rng.integers(len(quiet), size=count)] for quiet, count in sources])
    if not log_mel:
        return background
    if kind < SILENT_PAUSES + LOWERED_PAUSES:
        background = background - np.asarray(LOWERED_BY * lowered, dtype=background.dtype)
    return np.maximum(background, np.asarray(LOG_FLOOR, dtype=background.dtype))


def joined_features(
    matrices: Sequence[np.ndarray], pauses: Sequence[int], rng: np.random.Generator, log_mel: bool = True
) -> np.ndarray:
    """Features (T_i, F) of utterances -> (T, F) of one after the other.

    Args:
        pauses: frames of the pause before each; the first is ignored.
        log_mel: what the features are, see `pause_between`.
    """
    parts = [matrices[0]]
    for before, after, frames in zip(matrices, matrices[1:], pauses[1:]):
        parts += [pause_between(before, after, int(frames), rng, log_mel), after]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def joined_id(data: SpeechSet | TextSet, indexes: Sequence[int] | np.ndarray) -> str:
    """The ids of utterances with `+` between."""
    return "+".join(data.ids[i] for i in indexes)


def joined_labels(data: SpeechSet | TextSet, indexes: Sequence[int] | np.ndarray) -> np.ndarray:
    """(U,) labels of transcripts of one language, one after the other as in one text."""
    if len(indexes) == 1:
        return data.labels[indexes[0]]
    language = data.languages[indexes[0]]
    text = " ".join(data.texts[i] for i in indexes)
    text = join_unspaced(text) if is_unspaced(language) else text
    return np.asarray(data.tokenizer.encode(text, language, strict=False), dtype=np.int32)


def joined_phones(data: SpeechSet | TextSet, indexes: Sequence[int] | np.ndarray) -> np.ndarray:
    """(P,) phonemes of transcripts, one after the other with a word mark between."""
    parts = [data.phones[indexes[0]]]
    for i in indexes[1:]:
        parts += [np.asarray([PhoneList.WORD_MARK_ID], dtype=parts[0].dtype), data.phones[i]]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]
