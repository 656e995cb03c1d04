"""Features on the fly: the same numbers as extracted ones, computed from audio whenever they are asked for."""

import json
from pathlib import Path

from jstasr.errors import JstasrError
from jstasr.features.fbank import Fbank
from jstasr.kaldi.audio import read_audio
from jstasr.kaldi.feature_archive import ArchivedFeatures, check_features
from jstasr.kaldi.files import atomic_write
from jstasr.kaldi.indexed_table import IndexedTable

SETTINGS = "fbank.json"  # in dump/raw/<set>: what the features of wav.scp are


def write_settings(folder, fbank):
    """Note in a folder with wav.scp what its features are: fbank is a jstasr.features.fbank.Fbank."""
    with atomic_write(Path(folder) / SETTINGS) as file:
        json.dump({"sample_rate": fbank.sample_rate, "num_mel_bins": fbank.num_mel_bins}, file)
        file.write("\n")


def read_fbank(folder):
    """The Fbank that a folder with wav.scp is meant for."""
    path = Path(folder) / SETTINGS
    try:
        settings = json.loads(path.read_text("utf-8"))
        return Fbank(int(settings["sample_rate"]), int(settings["num_mel_bins"]))
    except FileNotFoundError:
        raise JstasrError(f"{path}: no such file. Make the set again: --stage 5 --stop_stage 5") from None
    except (ValueError, KeyError, TypeError) as error:
        raise JstasrError(f"{path}: damaged ({error}). Make the set again: --stage 5 --stop_stage 5") from error


def read_at_rate(source, fbank):
    """Samples of a formatted set's audio, refused where its rate is not that of the features."""
    samples, rate = read_audio(source)
    if rate != fbank.sample_rate:
        raise JstasrError(f"{rate} Hz, not {fbank.sample_rate}; run stage 2 with this --fs")
    return samples


class ComputedFeatures:
    """The interface of jstasr.kaldi.feature_archive.ArchivedFeatures over dump/raw/<set>: wav.scp and fbank.json."""

    def __init__(self, folder):
        self.name = str(Path(folder) / "wav.scp")
        self.table = IndexedTable(self.name)
        self.fbank = read_fbank(folder)

    def __getstate__(self):
        return {"name": self.name, "table": self.table, "fbank": (self.fbank.sample_rate, self.fbank.num_mel_bins)}

    def __setstate__(self, state):
        self.__dict__.update(state, fbank=Fbank(*state["fbank"]))

    def __len__(self):
        return len(self.table)

    def __contains__(self, utterance):
        return self.table.find(utterance) >= 0

    def __getitem__(self, utterance):
        """Features of an utterance, (T, D) float32; errors as of ArchivedFeatures."""
        row = self.table.find(utterance)
        if row < 0:
            raise JstasrError(f"{self.name}: no audio of utterance {utterance}")
        return self.read(row)

    def read(self, row):
        """Features of the utterance on a line of wav.scp (from 0)."""
        utterance, source = self.table.line(row)
        try:
            features = self.fbank(read_at_rate(source, self.fbank))
        except JstasrError as error:
            raise JstasrError(f"{utterance}: {error}") from error
        return check_features(features, utterance, source)

    def shape(self, row):
        """None: audio tells its number of frames only when it is read."""
        return None


def open_features(folder):
    """Reader of a set: its feats.scp, or its audio where there is none (dump/raw/<set>)."""
    folder = Path(folder)
    if not (folder / "feats.scp").exists() and (folder / SETTINGS).exists():
        return ComputedFeatures(folder)
    return ArchivedFeatures(folder / "feats.scp")
