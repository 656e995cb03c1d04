"""What stage 0, stage 1 and setup.sh say of languages, amount of speech and speakers."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr.check.measured import MEASURED
from jstasr.check.summary import Speech, measure_set, speech_rows
from jstasr.cli import main

ROOT = Path(__file__).resolve().parents[2]


def write_set(folder, utterances, seconds=2.0):
    """utterances: {utterance: (speaker, language)}; every utterance a file of its own."""
    folder.mkdir(parents=True)
    speakers = {}
    for utterance, (speaker, _) in utterances.items():
        speakers.setdefault(speaker, []).append(utterance)
        soundfile.write(folder / f"{utterance}.wav", np.zeros(round(8000 * seconds)), 8000)
    tables = {
        "wav.scp": [f"{u} {folder}/{u}.wav" for u in sorted(utterances)],
        "text": [f"{u} one" for u in sorted(utterances)],
        "utt2spk": [f"{u} {utterances[u][0]}" for u in sorted(utterances)],
        "spk2utt": [f"{speaker} {' '.join(sorted(found))}" for speaker, found in sorted(speakers.items())],
        "utt2lang": [f"{u} {utterances[u][1]}" for u in sorted(utterances)],
    }
    for name, lines in tables.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))


def said(rows):
    return [" ".join(row) for row in rows]


def test_a_set_is_measured_by_language_and_speakers_that_are_their_utterances_are_unknown(tmp_path):
    write_set(tmp_path / "train", {"a-1": ("a", "pol"), "a-2": ("a", "PL"), "b-1": ("b-1", "de"), "c-1": ("c-1", "de")})
    found = measure_set(tmp_path / "train")
    assert (found.utterances, found.speakers, found.unknown, found.names) == (4, 1, 2, {"a"})
    assert found.seconds == {"de": pytest.approx(4), "pl": pytest.approx(4)}


def test_segments_count_and_pipes_are_of_unknown_length(tmp_path):
    write_set(tmp_path / "train", {"a-1": ("a", "pl"), "a-2": ("a", "pl")})
    (tmp_path / "train/segments").write_text("a-1 r 0 1.5\na-2 r 2 -1\n")
    (tmp_path / "train/wav.scp").write_text(f"r {tmp_path}/train/a-1.wav\n")
    assert measure_set(tmp_path / "train").seconds == {"pl": pytest.approx(1.5)}
    (tmp_path / "train/segments").unlink()
    (tmp_path / "train/wav.scp").write_text("a-1 cat x |\na-2 cat x |\n")
    assert measure_set(tmp_path / "train").seconds == {}
    assert "of unknown length" in said(speech_rows([measure_set(tmp_path / "train")]))[0]


@pytest.mark.parametrize("seconds, little", [(420, True), (3500, True), (3700, False), (360000, False)])
def test_too_little_speech_is_a_warning_beside_what_was_measured(seconds, little):
    lines = said(speech_rows([Speech("train", 100, {"pl": seconds}, 10)]))
    assert any(line.startswith("WARNING too little speech to learn from") for line in lines) == little
    assert "94% after 5 minutes of Breton" in " ".join(lines)


def test_the_language_with_too_little_is_named():
    lines = said(speech_rows([Speech("train", 100, {"pl": 7200, "br": 300}, 10)]))
    assert "2.1 hours: pl 2.0 hours, br 5 minutes" in lines[0] and "too little speech of br" in lines[1]


def test_unknown_and_shared_speakers_are_warnings_and_others_are_not():
    one, two, none = frozenset("abc"), frozenset("cd"), frozenset()
    good = [Speech("train", 9, {"pl": 9000}, 3, 0, one), Speech("test", 2, {}, 1, 0, frozenset("d"))]
    assert not [line for line in said(speech_rows(good)) if "WARNING" in line]
    shared = said(speech_rows([good[0], Speech("test", 2, {}, 2, 0, two)]))
    assert "WARNING 1 speaker(s) of test are in train too: c" in shared
    unknown = said(speech_rows([Speech("train", 9, {"pl": 9000}, 0, 9, none)]))
    assert any("WARNING the speakers are not known" in line and "`speaker`" in line for line in unknown)
    some = said(speech_rows([Speech("train", 9, {"pl": 9000}, 3, 2, one)]))
    assert any("the speakers of 2 of 9 utterances are not known" in line for line in some)


def test_the_figures_are_those_of_the_measurements():
    def rate(name, key, column):
        with open(ROOT / "docs/measurements" / name, encoding="utf-8") as file:
            rows = csv.DictReader(line for line in file if not line.startswith("#"))
            return next(row[column] for row in rows if list(row.values())[: len(key)] == key)

    assert [one.rate for one in MEASURED] == [
        rate("breton.csv", ["5 minutes of Breton"], "CER full context"),
        rate("commonvoice_en.csv", ["decode_beam4", "full"], "CER"),
        rate("commonvoice_en.csv", ["decode_lm", "full"], "CER"),
    ]


def test_stage_0_sums_up_the_sets_that_are_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["check", "--stages", "1", "--disk-gb", "0", "--memory-gb", "0", "--langs", "POL", "--sets", "train dev"]
    assert main(options) == 0
    out = capsys.readouterr().out
    assert "language   pl: Polish (given as POL)" in out and "speech     not there yet" in out
    write_set(tmp_path / "data/train", {f"u{n}": (f"u{n}", "pl") for n in range(6)})
    assert main(options) == 0
    out = capsys.readouterr().out
    assert "train: 6 utterances, 0 minutes" in out and "WARNING    the speakers are not known" in out
    assert main(["check", "--summary", "--langs", "", "--sets", "train dev"]) == 0
    assert capsys.readouterr().out.startswith("Summary\n  speech     train: 6 utterances")


def test_copies_of_speed_perturbation_count_as_audio_to_encode(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("train", "dev"):
        write_set(Path("data", name), {f"{name}{number}": ("anna", "pl") for number in range(3)})
    recipes = []
    monkeypatch.setattr("jstasr.check.items.all_items", lambda recipe: recipes.append(recipe) or [])
    command = ["check", "--stages", "5", "--langs", "pl", "--sets", "train dev"]
    main(command)
    main([*command, "--speed-perturb-factors", "0.9 1.0 1.1"])
    assert [recipe.seconds for recipe in recipes] == [pytest.approx(12.0), pytest.approx(24.0)]
