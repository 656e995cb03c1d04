"""Decode a data set with both decoders."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from jstasr.data.batches import bucketed_batches
from jstasr.data.collate import pad_features
from jstasr.data.speech_set import read_num_frames
from jstasr.decode.greedy import Hypothesis, search
from jstasr.decode.hotwords import hotword_graph
from jstasr.decode.streaming import search_in_pieces
from jstasr.errors import JstasrError
from jstasr.experiment.config import feature_settings
from jstasr.experiment.load import Experiment, require_modes
from jstasr.experiment.search import SearchConfig
from jstasr.features.frames import FRAME_SHIFT_MS, FRAMES_PER_SECOND
from jstasr.features.on_the_fly import open_features
from jstasr.features.settings import require_features, settings_of
from jstasr.kaldi.files import atomic_write, first_few
from jstasr.lm.external import ExternalLm
from jstasr.model.joint import FULL, STREAMING, Encoded, JointModel


@dataclass
class Speed:
    """Seconds of audio decoded, and the seconds that decoding took."""

    audio: float
    elapsed: float

    @property
    def real_time_factor(self) -> float:
        """Seconds of decoding for a second of audio."""
        return self.elapsed / max(self.audio, 1e-9)


@dataclass
class FeatureBatch:
    """Utterances to be decoded together: features (T_i, F); `start` (N,) int, their known first labels, or None."""

    ids: list[str]
    matrices: list[np.ndarray]
    start: torch.Tensor | None

    def encode(self, model: JointModel) -> Encoded:
        """Encode the whole utterances."""
        features, lengths = pad_features(self.matrices)
        device = model.ctc_label.weight.device
        return model.encode_speech(features.to(device), lengths.to(device))


def read_batches(
    experiment: Experiment,
    folder: Path,
    ids: list[str],
    batch_frames: int,
    languages: dict[str, str] | None = None,
) -> Iterator[FeatureBatch]:
    """Read utterances of dump/fbank/<set>, dump/raw/<set> or shards, in batches of similar length.

    Args:
        ids: the utterances.
        batch_frames: padded feature frames of a batch, in 10 ms.
        languages: utterance -> language, given to a multilingual model; None: it recognises the language.
    Raises:
        JstasrError: features that are missing, damaged, or of another kind or dimension; an unknown language.
    """
    require_features(folder, feature_settings(experiment.config), "the model")
    reader = open_features(folder)
    starts = language_labels(experiment, ids, languages)
    for indexes in bucketed_batches(read_durations(folder, ids), batch_frames, np.random.default_rng(0)):
        matrices = [reader[ids[i]] for i in indexes]
        for index, matrix in zip(indexes, matrices):
            if matrix.shape[1] != experiment.config.model.num_mel_bins:
                raise JstasrError(
                    f"{folder}: the features of {ids[index]} have {matrix.shape[1]} dimensions, the model was trained "
                    f"on {experiment.config.model.num_mel_bins}. Extract them with the recipe that trained it"
                )
        start = None if starts is None else starts[indexes].to(experiment.model.ctc_label.weight.device)
        yield FeatureBatch([ids[i] for i in indexes], matrices, start)


def read_durations(folder: Path, ids: list[str]) -> np.ndarray:
    """(N,) int64, lengths of utterances of a set in 10 ms; errors as of `read_num_frames`."""
    return read_num_frames(folder, ids) * (settings_of(folder).frame_ms // FRAME_SHIFT_MS)


@torch.inference_mode()
def decode_set(
    experiment: Experiment,
    folder: Path,
    ids: list[str],
    modes: list[str],
    config: SearchConfig,
    progress: Callable[[str], None],
    language_model: ExternalLm | None = None,
    languages: dict[str, str] | None = None,
) -> tuple[dict[str, dict[str, Hypothesis]], Speed]:
    """Decode utterances of dump/fbank/<set> or dump/raw/<set>.

    Args:
        ids: the utterances to decode.
        modes: "streaming" and/or "full".
        progress: called every few seconds with a line for the log.
        languages: utterance -> language, given to a multilingual model; None: it recognises the language.
    Returns:
        mode -> utterance -> Hypothesis, and the speed.
    Raises:
        JstasrError: features that are missing, damaged, or of another kind or dimension; an unknown language;
            utterances that are too long for full context; hotwords that the model cannot spell.
    """
    model, device = experiment.model, experiment.model.ctc_label.weight.device
    require_modes(experiment, modes)
    hotwords = hotword_graph(config.hotwords, config.hotwords_score, experiment.tokenizer, device)
    lengths = read_durations(folder, ids)
    most = config.max_seconds * FRAMES_PER_SECOND
    if FULL in modes:
        refuse_long(
            [f"{utt} ({n / FRAMES_PER_SECOND:.0f} s)" for utt, n in zip(ids, lengths) if n > most], folder, config
        )
    found: dict[str, dict[str, Hypothesis]] = {mode: {} for mode in modes}
    started = last_shown = time.perf_counter()
    done = 0
    for batch in read_batches(experiment, folder, ids, config.batch_frames, languages):
        if modes == [STREAMING] and len(batch.ids) == 1 and len(batch.matrices[0]) > most:
            features = torch.from_numpy(batch.matrices[0]).to(device)
            found[STREAMING][batch.ids[0]] = search_in_pieces(
                model, features, config, language_model, batch.start, hotwords
            )
        else:
            encoded = batch.encode(model)
            for mode in modes:
                decoder, frames = model.decoder(mode), encoded.of(mode)
                best = search(decoder, frames, encoded.lengths, config, language_model, batch.start, hotwords)
                found[mode].update(zip(batch.ids, best))
        done += len(batch.ids)
        now = time.perf_counter()
        if now - last_shown > 5:
            last_shown = now
            left = (now - started) / done * (len(ids) - done)
            progress(f"{done}/{len(ids)} utterances, {left:.0f} s left")
    return found, Speed(float(lengths.sum()) / FRAMES_PER_SECOND, time.perf_counter() - started)


def refuse_long(utterances: list[str], folder: Path, config: SearchConfig) -> None:
    """Refuse utterances, each as `id (seconds)`, that the full-context decoder cannot take."""
    if utterances:
        raise JstasrError(
            f"{folder}: {len(utterances)} utterances are longer than the {config.max_seconds} s that the full-context "
            f"decoder takes: {first_few(utterances)}. Cut them into segments, decode them with the streaming decoder "
            'alone (--inference_modes streaming), or raise the limit (--inference_args "--set max_seconds=N")'
        )


def language_labels(experiment: Experiment, ids: list[str], languages: dict[str, str] | None) -> torch.Tensor | None:
    """(N,) int, the language token of each utterance, or None without `languages`."""
    if languages is None:
        return None
    missing = [utt for utt in ids if utt not in languages]
    if missing:
        raise JstasrError(f"no language is given for {len(missing)} utterances: {first_few(missing)}. Correct utt2lang")
    return torch.tensor([experiment.tokenizer.token_list.language_id(languages[utt]) for utt in ids])


def write_hypotheses(folder: Path, suffix: str, experiment: Experiment, found: dict[str, Hypothesis]) -> None:
    """Write text, token and score (log-probability) files, `<name><suffix>`, sorted by utterance, into a folder."""
    tokenizer = experiment.tokenizer
    columns = {
        "text": lambda best: tokenizer.decode(best.labels),
        "token": lambda best: " ".join(tokenizer.tokens(best.labels)),
        "score": lambda best: f"{best.score:.4f}",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, column in columns.items():
        with atomic_write(folder / f"{name}{suffix}") as file:
            for utt in sorted(found):
                file.write(f"{utt} {column(found[utt])}".rstrip() + "\n")
