"""utils/data/join_utterances.py: a set of several utterances at a time."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

UTILS = Path(__file__).parents[2] / "utils"
RATE = 8000
SPEAKERS = {"a-1": "a", "a-2": "a", "a-3": "a", "b-1": "b", "b-2": "b"}
TEXTS = {"a-1": "one", "a-2": "two three", "a-3": "four", "b-1": "five", "b-2": "six"}


def table(path):
    return dict(line.split(" ", 1) for line in path.read_text().splitlines())


def join(*words):
    return subprocess.run([UTILS / "data/join_utterances.py", *words], capture_output=True, text=True)


@pytest.fixture
def data(tmp_path):
    """Five utterances of 0.1, 0.2 ... s, each of its own constant level."""
    folder = tmp_path / "data"
    folder.mkdir()
    lines = {"wav.scp": [], "text": [], "utt2spk": [], "utt2lang": []}
    for number, (utterance, speaker) in enumerate(SPEAKERS.items(), 1):
        soundfile.write(tmp_path / f"{utterance}.wav", np.full(800 * number, 0.1 * number), RATE)
        values = (tmp_path / f"{utterance}.wav", TEXTS[utterance], speaker, "en")
        for part, value in zip(lines.values(), values):
            part.append(f"{utterance} {value}\n")
    for name, part in lines.items():
        (folder / name).write_text("".join(part))
    (folder / "spk2utt").write_text("a a-1 a-2 a-3\nb b-1 b-2\n")
    return folder


def test_utterances_of_a_speaker_are_joined_with_silence_between(data, tmp_path):
    done = join("--count", "2", "--pause", "0.05", data, tmp_path / "x2")
    assert done.returncode == 0 and "3 joined utterances" in done.stdout
    assert table(tmp_path / "x2/text") == {"a-1": "one two three", "a-3": "four", "b-1": "five six"}
    assert table(tmp_path / "x2/utt2spk") == {"a-1": "a", "a-3": "a", "b-1": "b"}
    samples, rate = soundfile.read(table(tmp_path / "x2/wav.scp")["a-1"])
    wanted = np.concatenate([np.full(800, 0.1), np.zeros(400), np.full(1600, 0.2)])
    assert rate == RATE and len(samples) == len(wanted) and np.allclose(samples, wanted, atol=1e-4)
    valid = subprocess.run([UTILS / "validate_data_dir.sh", "--no-feats", tmp_path / "x2"], capture_output=True)
    assert valid.returncode == 0


def test_the_words_are_those_of_the_set_whoever_speaks(data, tmp_path):
    assert join("--count", "3", "--any-speaker", data, tmp_path / "any").returncode == 0
    found = table(tmp_path / "any/text")
    assert sorted(" ".join(found.values()).split()) == sorted(" ".join(TEXTS.values()).split()) and len(found) == 2


def test_the_sex_of_the_speakers_comes_along(data, tmp_path):
    (data / "spk2gender").write_text("a f\nb m\nnobody m\n")
    assert join(data, tmp_path / "x2").returncode == 0
    assert table(tmp_path / "x2/spk2gender") == {"a": "f", "b": "m"}


def test_what_cannot_be_joined_is_refused(data, tmp_path):
    assert "same directory" in join(data, data).stderr
    assert "--count must be 1 or more" in join("--count", "0", data, tmp_path / "x").stderr
    soundfile.write(tmp_path / "a-2.wav", np.zeros(800), 16000)
    assert "sampling rates of [8000, 16000] Hz" in join(data, tmp_path / "x").stderr
    (data / "segments").write_text("".join(f"{utterance} {utterance} 0 0.1\n" for utterance in SPEAKERS))
    assert "has segments" in join(data, tmp_path / "x").stderr
