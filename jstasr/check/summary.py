"""A few lines on what decides the result before training: the languages, the amount of speech, the speakers."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from jstasr.check.measured import ENOUGH_TO_BEGIN, MEASURED
from jstasr.check.probes import Missing, numbers
from jstasr.corpus.importers.split import unknown_speakers
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import is_pipe
from jstasr.kaldi.data_dir import TEXT, UTT2SPK, WAV_SCP, DataDir
from jstasr.kaldi.files import first_few
from jstasr.text.g2p import G2p, choose_method
from jstasr.text.language_codes import canonical_code, canonical_table, language_name
from jstasr.text.languages import has_dotless_i, is_unspaced

SAMPLED = 300  # recordings of a set whose length is looked up
WARNING = "WARNING"


@dataclass(frozen=True)
class Speech:
    """An amount of paired speech.

    Args:
        name: of the set.
        utterances: how many.
        seconds: language (or "") -> length; empty where it is not known.
        speakers: how many different ones are known.
        unknown: utterances whose speaker is not known.
        names: of the speakers that are known; empty where only their number is.
    """

    name: str
    utterances: int
    seconds: Mapping[str, float]
    speakers: int
    unknown: int = 0
    names: frozenset[str] = frozenset()


Row = tuple[str, str]


def language_rows(codes: Iterable[str], g2p: G2p) -> list[Row]:
    """What each code is taken for: its name, its phonemes, its numbers, its spelling."""
    rows = []
    for given in codes:
        code = canonical_code(given)
        rows.append(("language", f"{code}: {language_name(code)}" + (f" (given as {given})" if given != code else "")))
        try:
            choice = choose_method(g2p, code)
            rows.append(("phonemes", f"{code}: {choice.method}: {choice.reason}"))
        except JstasrError as error:
            rows.append((WARNING, f"{code}: {error}"))
        if g2p.cleaner != "none":
            try:
                rows.append(("numbers", f"{code}: {numbers(code)}"))
            except Missing as missing:
                rows.append(("numbers", f"{code}: {missing}"))
        spelling = ["no spaces between words: the character error rate counts" if is_unspaced(code) else "words"]
        spelling += ["I is the capital of ı"] if has_dotless_i(code) else []
        rows.append(("spelling", f"{code}: {', '.join(spelling)}"))
    return rows


def measure_set(folder: Path, language: str = "", seed: int = 1) -> Speech:
    """The amount of speech in a data directory; lengths are those of a sample of its recordings.

    Raises:
        JstasrError: a value of utt2lang that is no language code.
    """
    data = DataDir(folder)
    languages = canonical_table(data.utt2lang, str(folder / "utt2lang")) if data.utt2lang is not None else {}
    own = [utterance for utterance, speaker in data.utt2spk.items() if utterance == speaker]
    counts = Counter(languages.get(utterance, language) for utterance in data.utt2spk)
    seconds = {}
    for code, count in sorted(counts.items()):
        of_language = sorted(utterance for utterance in data.utt2spk if languages.get(utterance, language) == code)
        lengths = _lengths(data, random.Random(seed).sample(of_language, min(SAMPLED, count)))
        if lengths:
            seconds[code] = sum(lengths) / len(lengths) * count
    names = frozenset(data.utt2spk.values()) - frozenset(own)
    return Speech(folder.name, len(data.utt2spk), seconds, len(names), len(own), names)


def speech_of(measured: str) -> Speech:
    """The amount that `jstasr import --measure` printed."""
    values: dict[str, str] = {}
    for word in measured.split():
        name, _, values[name] = word.partition("=")
    pairs = (pair.rpartition(":") for pair in values["seconds_of"].split(","))
    seconds = {code: float(length) for code, _, length in pairs}
    unknown = int(values["unknown"])
    return Speech("all", int(values["utterances"]), seconds, int(values["speakers"]) - unknown, unknown)


def _lengths(data: DataDir, utterances: Iterable[str]) -> list[float]:
    """Seconds of utterances, where they are known without running a program or reading a broken file."""
    lengths = []
    for utterance in utterances:
        recording, start, end = (data.segments or {}).get(utterance, (utterance, 0.0, -1))
        source = data.wav_scp.get(recording, "")
        if end == -1 and (is_pipe(source) or not Path(source).is_file()):
            continue
        try:
            lengths.append((soundfile.info(source).duration if end == -1 else end) - start)
        except soundfile.SoundFileError:
            continue
    return lengths


def speech_rows(sets: Sequence[Speech]) -> list[Row]:
    """The amount of speech of the training set, the first, beside what such an amount gave, and the speakers."""
    train = sets[0]
    rows = [("speech", f"{train.name}: {train.utterances} utterances, {_hours_by_language(train)}")]
    short = [code for code, seconds in train.seconds.items() if seconds < ENOUGH_TO_BEGIN * 3600]
    if short:
        which = f" of {' '.join(short)}" if len(train.seconds) > 1 else ""
        rows.append((WARNING, f"too little speech{which} to learn from: error rates near 100% are to be expected"))
    if train.seconds:
        rows.append(("measured", "CER " + "; ".join(f"{one.rate} after {one.speech}" for one in MEASURED)))
    utterances, unknown = sum(one.utterances for one in sets), sum(one.unknown for one in sets)
    if unknown < utterances:
        found = ", ".join(f"{one.name} {one.speakers}" for one in sets) if len(sets) > 1 else str(train.speakers)
        rows.append(("speakers", found + (f"; unknown of {unknown} utterances" if unknown else "")))
    if unknown:
        rows.append((WARNING, unknown_speakers(unknown, utterances)))
    for other in sets[1:]:
        if shared := train.names & other.names:
            names = first_few(sorted(shared), 3)
            rows.append((WARNING, f"{len(shared)} speaker(s) of {other.name} are in {train.name} too: {names}"))
    if unknown == 0 and len(sets) == 1 and train.speakers == 1:
        rows.append((WARNING, "one speaker only: error rates say nothing about other voices"))
    return rows


def _hours_by_language(speech: Speech) -> str:
    if not speech.seconds:
        return "of unknown length"
    total = _duration(sum(speech.seconds.values()))
    if len(speech.seconds) == 1:
        return total
    return total + ": " + ", ".join(f"{code or '?'} {_duration(value)}" for code, value in speech.seconds.items())


def _duration(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} hours"
    minutes = round(seconds / 60)
    return "1 minute" if minutes == 1 else f"{minutes} minutes"


def present_sets(folders: Iterable[Path]) -> list[Path]:
    """Those of some folders that are data directories by now."""
    return [folder for folder in folders if all((folder / name).is_file() for name in (WAV_SCP, TEXT, UTT2SPK))]


def block(rows: Iterable[Row]) -> str:
    """The rows as aligned text below a heading."""
    return "\n".join(["Summary", *(f"  {name:<9}  {text}".rstrip() for name, text in rows)])
