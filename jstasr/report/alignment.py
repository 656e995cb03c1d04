"""How well speech and text align at every layer of a trained model, over a data set."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jstasr.align.measure import AlignmentDistances, alignment_distances, path_agreement
from jstasr.align.paths import forced_path, framewise_path
from jstasr.data.batch import Batch
from jstasr.data.batches import bucketed_batches
from jstasr.data.collate import collate
from jstasr.data.speech_set import SpeechSet
from jstasr.data.subset import spread_subset
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few
from jstasr.model.joint import Encoded, JointModel
from jstasr.report.known_times import KnownTimes
from jstasr.report.layers import FRAME_MS, layer_names
from jstasr.report.phone_paths import DISTANCE, LAYER_NORM, TOPOLOGY, best_phone_path
from jstasr.score.bootstrap import LEVEL, REPLICATES, replicate_sums

RATIOS = {
    "best_to_framewise": ("best", "framewise"),
    "best_to_random": ("best", "random"),
    "own_to_other": ("best", "other"),
}
SECONDS_BETWEEN_LINES = 5.0


@torch.inference_mode()
def analyse_alignments(
    model: JointModel,
    data: SpeechSet,
    batch_frames: int,
    utterances: int,
    aligner_trained: bool,
    progress: Callable[[str], None],
    times: KnownTimes | None = None,
) -> dict[str, Any]:
    """Distances at every consistency layer, and agreement with the CTC forced alignment of the phonemes.

    Args:
        model: in evaluation mode, on the CPU.
        batch_frames: padded feature frames of a batch.
        utterances: how many, evenly spread; 0: all.
        aligner_trained: whether the phoneme CTC head was trained; without it there is no forced alignment.
        progress: called every few seconds with a line on how far the measurement is.
        times: at which the phonemes begin, for a comparison with those on the best paths.
    Returns:
        What alignment.json holds: `utterances`, `settings`, `layers`, `aligner`, `phone_times`.
    Raises:
        JstasrError: the model's output is not finite, or features cannot be read; names the utterances. No phoneme has
            a time.
    """
    chosen = spread_subset(len(data), utterances)
    batches = bucketed_batches(data.durations[chosen], batch_frames, np.random.default_rng(0))
    names = layer_names(model.config)
    generator = torch.Generator().manual_seed(0)  # for the random alignments
    distances: list[list[AlignmentDistances]] = [[] for _ in names]
    aligner = ForcedAlignments(len(names)) if aligner_trained else None
    done, started = 0, time.perf_counter()
    last_shown = started
    for rows in batches:
        batch = collate(data, chosen[rows], None, [])
        speech = model.encode_speech(batch.speech, batch.speech_lengths)
        text = model.encode_text(batch.phones, batch.phone_lengths)
        check_finite(speech, text, batch.utt_ids)
        for layer, (frames, positions) in enumerate(zip(speech.layers, text.layers)):
            distances[layer].append(
                alignment_distances(
                    frames, positions, speech.lengths, text.lengths, TOPOLOGY, DISTANCE, LAYER_NORM, generator
                )
            )
        if aligner:
            aligner.add(model, speech, text, batch)
        if times:
            times.add(speech, text, batch)
        done += len(rows)
        now = time.perf_counter()
        if now - last_shown > SECONDS_BETWEEN_LINES and done < len(chosen):
            last_shown = now
            progress(f"{done}/{len(chosen)} utterances, {(now - started) / done * (len(chosen) - done):.0f} s left")
    layers = [
        {"layer": layer, "name": name} | summarise(AlignmentDistances(*map(torch.cat, zip(*distances[layer]))))
        for layer, name in enumerate(names)
    ]
    if aligner:
        for layer, agreement in zip(layers, aligner.agreements()):
            layer["agreement"] = agreement
    known = times.summary() if times else None
    if times:
        for layer, errors in zip(layers, times.of_layers(), strict=True):
            layer["phone_times"] = errors
    return {
        "utterances": len(chosen),
        "settings": {"topology": TOPOLOGY, "distance": DISTANCE, "layer_norm": LAYER_NORM, "frame_ms": FRAME_MS},
        "layers": layers,
        "aligner": aligner.summary() if aligner else None,
        "phone_times": known,
    }


def check_finite(speech: Encoded, text: Encoded, utt_ids: list[str]) -> None:
    """Raise JstasrError, naming the utterances, where representations within the lengths are NaN or infinite."""
    bad = []
    for row, utt in enumerate(utt_ids):
        frames, positions = int(speech.lengths[row]), int(text.lengths[row])
        parts = [layer[row, :frames] for layer in speech.layers] + [layer[row, :positions] for layer in text.layers]
        if not all(part.isfinite().all() for part in parts):
            bad.append(utt)
    if bad:
        raise JstasrError(
            f"the model's output is not finite for {len(bad)} of a batch of {len(utt_ids)} utterances: "
            f"{first_few(bad)}. If this holds for all utterances, the training diverged: average "
            "other checkpoints (--stage 7)"
        )


def summarise(distances: AlignmentDistances) -> dict[str, Any]:
    """Means over utterances, ratios of the means, and the bootstrap intervals of the ratios."""
    summary: dict[str, Any] = {**distances.summary()}
    summary["intervals"] = {
        name: ratio_interval(getattr(distances, above).double().numpy(), getattr(distances, below).double().numpy())
        for name, (above, below) in RATIOS.items()
    }
    return summary


def ratio_interval(above: np.ndarray, below: np.ndarray) -> list[float] | None:
    """Bootstrap interval, over utterances, of sum(above) / sum(below); None with fewer than two utterances.

    Args:
        above, below: (U,) float; utterances with a NaN are left out.
    """
    columns = np.column_stack([above, below])
    columns = columns[np.isfinite(columns).all(1)]
    if len(columns) < 2 or not columns[:, 1].any():
        return None
    sums = replicate_sums(columns, REPLICATES)
    sums = sums[sums[:, 1] > 0]
    tail = (100 - LEVEL) / 2
    return [float(value) for value in np.percentile(sums[:, 0] / sums[:, 1], [tail, 100 - tail])]


def ctc_frames_needed(phones: Tensor, lengths: Tensor) -> Tensor:
    """(B,) the fewest frames in which CTC can emit the phonemes (B, P): one each, and a blank between equal ones."""
    inside = torch.arange(1, phones.shape[1]) < lengths[:, None]
    return lengths + ((phones[:, 1:] == phones[:, :-1]) & inside).sum(1)


class ForcedAlignments:
    """Forced alignments of the phonemes by the model's CTC head, and the best paths of every layer beside them."""

    def __init__(self, layers: int):
        # phoneme of each frame, a tensor (B, n) for each batch
        self.references: list[Tensor] = []
        self.uniform: list[Tensor] = []
        self.best: list[list[Tensor]] = [[] for _ in range(layers)]  # by layer
        self.phone_lengths: list[Tensor] = []
        self.too_short: list[str] = []

    def add(self, model: JointModel, speech: Encoded, text: Encoded, batch: Batch) -> None:
        """Align a batch; utterances with too few frames for CTC are only counted."""
        possible = speech.lengths >= ctc_frames_needed(batch.phones, batch.phone_lengths)
        self.too_short += [utt for utt, enough in zip(batch.utt_ids, possible.tolist()) if not enough]
        if not possible.any():
            return
        assert text.repeats is not None, "text was encoded from phonemes"
        lengths, phone_lengths = speech.lengths[possible], batch.phone_lengths[possible]
        log_probs = model.ctc_phone(speech.layers[0][possible]).log_softmax(-1)
        self.references.append(forced_path(log_probs, batch.phones[possible], lengths, phone_lengths).int())
        self.uniform.append(framewise_path(lengths, phone_lengths, log_probs.shape[1]).int())
        self.phone_lengths.append(phone_lengths)
        for best, frames, positions in zip(self.best, speech.layers, text.layers):
            chosen = frames[possible], positions[possible], lengths, text.lengths[possible], text.repeats[possible]
            best.append(best_phone_path(*chosen).int())

    def agreement(self, paths: list[Tensor]) -> dict[str, float] | None:
        """path_agreement over all batches; None where no utterance could be aligned."""
        if not paths:
            return None
        path, reference = join(paths).long(), join(self.references).long()
        return path_agreement(path, reference, torch.cat(self.phone_lengths), FRAME_MS)._asdict()

    def agreements(self) -> list[dict[str, float] | None]:
        """Agreement of the best paths with the forced alignments at each layer."""
        return [self.agreement(paths) for paths in self.best]

    def summary(self) -> dict[str, Any]:
        """How many utterances were aligned, which were too short, and how well uniform stretching agrees."""
        return {
            "utterances": sum(map(len, self.references)),
            "too_short": {"count": len(self.too_short), "first": self.too_short[:10]},
            "framewise": self.agreement(self.uniform),
        }


def join(paths: list[Tensor]) -> Tensor:
    """Paths of several batches in one tensor, padded with -1."""
    width = max(path.shape[1] for path in paths)
    return torch.cat([torch.nn.functional.pad(path, (0, width - path.shape[1]), value=-1) for path in paths])
