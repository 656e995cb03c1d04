"""What `jstasr analyze` does: load, measure, draw, write."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jstasr.data.speech_set import SpeechSet
from jstasr.errors import JstasrError
from jstasr.experiment.config import feature_settings
from jstasr.experiment.files import ALIGNMENT_JSON, ALIGNMENT_TEXT, AVERAGED, PHONES
from jstasr.experiment.load import Experiment
from jstasr.features.settings import require_features
from jstasr.kaldi.files import atomic_write
from jstasr.report.alignment import analyse_alignments
from jstasr.report.alignment_text import alignment_text
from jstasr.report.known_times import KnownTimes
from jstasr.report.pictures import draw_utterance, of_typical_length
from jstasr.score.environment import environment
from jstasr.text.tokens import PhoneList

BATCH_FRAMES = 6400  # padded feature frames (10 ms): the layers of a batch stay small beside the model


def analyse(
    expdir: Path,
    model: str | None,
    data_dir: Path,
    outdir: Path,
    utterances: int,
    pictures: int,
    progress: Callable[[str], None],
    phone_times: Path | None = None,
) -> str:
    """Write alignment.json, alignment.txt and alignment.<n>.png below `outdir`.

    Args:
        expdir: exp/<tag>.
        model: weights; None: the averaged ones.
        data_dir: dump/fbank/<set> with phones.
        utterances: how many are measured; 0: all.
        pictures: how many are drawn.
        progress: called with lines on how far the measurement is.
        phone_times: CTM file of phonemes, to compare the best paths with.
    Returns:
        The text of alignment.txt.
    Raises:
        JstasrError: a part of the experiment or of the data is missing or damaged.
    """
    if not expdir.is_dir():
        raise JstasrError(f"{expdir}: no such folder. Give the folder of an experiment, exp/<tag>")
    experiment = Experiment.load(expdir, model, own_search=False)
    phone_list = PhoneList.load(expdir / PHONES)
    if not (data_dir / "phones").is_file():
        raise JstasrError(f"{data_dir / 'phones'}: no such file. Training and dev sets have one: --stage 3")
    require_features(data_dir, feature_settings(experiment.config), "the model")
    data = SpeechSet(data_dir, experiment.tokenizer, phone_list)
    if not len(data):
        raise JstasrError(f"{data_dir}: holds no utterance")
    data.check(experiment.config.model.num_mel_bins)
    weight = experiment.config.losses.ctc_phone
    layers = experiment.config.model.num_consistency_layers
    times = KnownTimes(phone_times, phone_list, layers) if phone_times else None
    analysis = analyse_alignments(experiment.model, data, BATCH_FRAMES, utterances, weight > 0, progress, times)
    analysis |= {
        "data": str(data_dir),
        "model": str(model or expdir / AVERAGED),
        "environment": environment(),
        "pictures": [],
    }
    for index in of_typical_length(data.num_frames, pictures):
        name = f"alignment.{len(analysis['pictures']) + 1}.png"
        draw_utterance(experiment.model, data, phone_list, index, outdir / name, with_forced=weight > 0)
        analysis["pictures"].append({"utterance": data.ids[index], "text": data.texts[index], "file": name})
    drawn = {picture["file"] for picture in analysis["pictures"]}
    for old in outdir.glob("alignment.[0-9]*.png"):
        if old.name not in drawn:  # of an earlier call that drew more
            old.unlink()
    text = alignment_text(analysis)
    with atomic_write(outdir / ALIGNMENT_TEXT) as file:
        file.write(text)
    with atomic_write(outdir / ALIGNMENT_JSON) as file:
        json.dump(without_nan(analysis), file, ensure_ascii=False, indent=1, allow_nan=False)
        file.write("\n")
    return text


def without_nan(value: Any) -> Any:
    """The same nested value with None for NaN and infinity, which JSON cannot hold."""
    if isinstance(value, dict):
        return {name: without_nan(part) for name, part in value.items()}
    if isinstance(value, list):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
