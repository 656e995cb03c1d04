"""Small corpora in every layout."""

import numpy as np
import pytest
import soundfile

from jstasr.cli import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def speak(folder):
    """A function that writes audio files of half a second, of any rate, format and number of channels."""

    def write(*names, rate=16000, channels=1):
        for number, name in enumerate(names):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng(number).normal(0, 0.1, (rate // 2, channels))
            soundfile.write(path, noise, rate)

    return write


@pytest.fixture
def lines(folder):
    """A function that writes the lines of a text file."""

    def write(name, *content):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def run_import(folder, capsys):
    """`jstasr import`: a function of its words that gives its status, output and errors."""

    def run(*words):
        status = main(["import", *map(str, words)])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def sizes():
    """A function of a report that gives its table of sets: name -> (utterances, speakers, hours, languages)."""

    def read(report):
        rows = {}
        table = report.split("\n\n")[1].splitlines()
        assert table[0].split() == ["set", "utterances", "speakers", "hours", "languages"]
        for line in table[1:]:
            name, utterances, speakers, hours, *languages = line.split()
            rows[name] = (int(utterances), int(speakers.replace("unknown", "0")), float(hours), " ".join(languages))
        return rows

    return read
