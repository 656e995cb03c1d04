"""Every format gives the same data directory of the same recordings."""

import json
import subprocess
from pathlib import Path

import pytest

from jstasr.corpus.importers.formats import guess_format
from jstasr.kaldi.data_dir import DataDir
from jstasr.kaldi.tables import read_table

ROOT = Path(__file__).resolve().parents[3]
TEXTS = {"a1": "Demat d’an holl!", "a2": "Mont a ra?", "b1": "Trugarez"}


@pytest.fixture
def corpus(speak):
    speak("clips/a1.wav", "clips/a2.wav", "clips/b1.wav")


def check(name="data/x"):
    """The data dir is valid, and says what TEXTS says."""
    validate = [ROOT / "utils/validate_data_dir.sh", "--no-feats", name]
    done = subprocess.run(validate, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    data = DataDir(name)
    data.check()
    assert sorted(data.text.values()) == sorted(TEXTS.values())
    assert all(Path(path).is_file() for path in data.wav_scp.values())
    return data


def test_tsv_and_csv_with_speakers_and_languages(corpus, lines, run_import, sizes):
    rows = [("path", "sentence", "client_id", "locale")]
    rows += [(f"clips/{name}.wav", text, f"spk {name[0]}", "br") for name, text in TEXTS.items()]
    for separator, name in (("\t", "m.tsv"), (",", "m.csv"), (";", "m2.csv")):
        lines(name, *(separator.join(row) for row in rows))
        status, out, err = run_import(name, "data/x")
        assert status == 0, err
        assert sizes(out)["data/x"] == (3, 2, 0.0, "br")
        data = check()
        assert list(data.utt2spk.values()) == ["spk_a", "spk_a", "spk_b"]
        assert list(data.text) == ["spk_a-a1", "spk_a-a2", "spk_b-b1"]
        assert set(data.utt2lang.values()) == {"br"}


def test_quotes_of_spreadsheets(corpus, lines, run_import):
    lines("m.csv", "audio,text", 'clips/a1.wav,"He said ""no"", twice"')
    lines("m.tsv", "audio\ttext", 'clips/a1.wav\t"He said ""no"", twice"', 'clips/a2.wav\t"Left" and right')
    for name, texts in (("m.csv", ['He said "no", twice']), ("m.tsv", ['He said "no", twice', '"Left" and right'])):
        assert run_import(name, "data/x")[0] == 0
        assert list(read_table("data/x/text").values()) == texts


def test_json_lines_and_nemo(corpus, lines, run_import):
    lines("m.jsonl", *(json.dumps({"audio": f"clips/{n}.wav", "text": t, "id": n}) for n, t in TEXTS.items()))
    assert run_import("m.jsonl", "data/x", "--lang", "br")[0] == 0
    assert list(check().text) == ["a1", "a2", "b1"]
    nemo = [{"audio_filepath": f"clips/{n}.wav", "duration": 0.25, "offset": 0.1, "text": t} for n, t in TEXTS.items()]
    lines("nemo.json", *map(json.dumps, nemo))
    assert run_import("--format", "nemo", "nemo.json", "data/x")[0] == 0
    segment = next(iter(check().segments.values()))
    assert (segment.start, segment.end) == (0.1, 0.35)


def test_a_json_list(corpus, lines, run_import):
    lines("m.json", json.dumps([{"audio": f"clips/{n}.wav", "text": t} for n, t in TEXTS.items()]))
    assert run_import("m.json", "data/x")[0] == 0
    check()


def test_a_kaldi_directory_with_segments_keeps_its_ids(corpus, lines, run_import):
    lines("egs/data/s/wav.scp", "rec clips/a1.wav")
    lines("egs/data/s/segments", "ann-1 rec 0.0 0.2", "ann-2 rec 0.2 0.4", "bob-1 rec 0.3 -1")
    lines("egs/data/s/text", *(f"{u} {t}" for u, t in zip(("ann-1", "ann-2", "bob-1"), TEXTS.values())))
    lines("egs/data/s/utt2spk", "ann-1 ann", "ann-2 ann", "bob-1 bob")
    status, _, err = run_import("egs/data/s", "data/x", "--lang", "br")
    assert status == 0, err
    data = check()
    assert list(data.text) == ["ann-1", "ann-2", "bob-1"] and data.segments["bob-1"].end == 0.5  # of the recording


def test_a_kaldi_directory_with_commands(corpus, lines, run_import):
    lines("s/wav.scp", *(f"{name} cat clips/{name}.wav |" for name in TEXTS))
    lines("s/text", *(f"{name} {text}" for name, text in TEXTS.items()))
    assert run_import("s", "data/x")[0] == 0
    assert read_table("data/x/wav.scp")["a1"] == "cat clips/a1.wav |"


def test_a_folder_of_recordings_and_texts_in_any_audio_format(speak, lines, run_import, sizes):
    speak("f/ann/a1.wav", rate=44100, channels=2)
    speak("f/ann/a2.flac", rate=8000)
    speak("f/bob/b1.ogg", rate=48000)
    for name, text in TEXTS.items():
        speaker = {"a": "ann", "b": "bob"}[name[0]]
        lines(f"f/{speaker}/{name}.txt", *text.split(" ", 1))
    status, out, err = run_import("f", "data/x", "--lang", "br")
    assert status == 0, err
    assert sizes(out)["data/x"][1] == 2
    assert list(check().text) == ["ann-a1", "ann-a2", "bob-b1"]


def test_equal_names_in_several_folders_become_different_ids(speak, lines, run_import):
    speak("one/1.wav", "two/1.wav", "two/2.wav")
    paths = ["one/1.wav", "two/1.wav", "two/2.wav"]
    lines("m.tsv", "audio\ttext", *(f"{path}\t{text}" for path, text in zip(paths, TEXTS.values())))
    assert run_import("m.tsv", "data/x")[0] == 0
    assert len(check().text) == 3


HEADER = "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccent\tlocale\tsegment"


def release(speak, lines, languages, official=False):
    for lang in languages:
        rows = []
        for number in range(12):
            name = f"common_voice_{lang}_{number}.mp3"
            speak(f"cv/{lang}/clips/{name}")
            rows.append(f"{lang}{number // 2:0>127}\t{name}\tSentence {number} {lang}\t2\t0\t\t\t\t{lang}\t")
        lines(f"cv/{lang}/validated.tsv", HEADER, *rows)
        if official:
            for part, chosen in (("train", rows[:8]), ("dev", rows[8:10]), ("test", rows[10:])):
                lines(f"cv/{lang}/{part}.tsv", HEADER, *chosen)


def test_common_voice_validated_of_chosen_languages(speak, lines, run_import, sizes):
    release(speak, lines, ["br", "dv", "en"])
    status, out, err = run_import("cv", "data/x", "--langs", "br dv")
    assert status == 0, err
    assert sizes(out)["data/x"][::3] == (24, "br dv") and sizes(out)["data/x"][1] == 12
    assert all(len(speaker) == 129 for speaker in read_table("data/x/spk2utt"))  # 16 digits would not tell them apart


def test_common_voice_folder_of_one_language(speak, lines, run_import, sizes):
    release(speak, lines, ["br"])
    status, out, err = run_import("cv/br", "data/x")
    assert status == 0 and sizes(out)["data/x"][::3] == (12, "br"), err
    assert sizes(run_import("cv/br", "data/x", "--lang", "lg")[1])["data/x"][::3] == (12, "lg")


def test_the_official_split_of_common_voice_is_kept(speak, lines, run_import):
    release(speak, lines, ["br"], official=True)
    status, out, err = run_import("--split", "cv", "data", "--langs", "br")
    assert status == 0, err
    sizes = {part: sorted(read_table(f"data/{part}/text").values()) for part in ("train", "dev", "test")}
    assert len(sizes["train"]) == 8 and sizes["test"] == ["Sentence 10 br", "Sentence 11 br"]


def test_an_archive_of_common_voice(speak, lines, run_import, folder, sizes):
    release(speak, lines, ["br"])
    (folder / "cv").rename(folder / "cv-corpus-99")
    subprocess.run(["tar", "-czf", "cv-corpus-99-br.tar.gz", "cv-corpus-99"], check=True)
    assert "--unpack-to" in run_import("cv-corpus-99-br.tar.gz", "data/x")[2]
    status, out, err = run_import("cv-corpus-99-br.tar.gz", "data/x", "--unpack-to", "downloads", "--langs", "br")
    assert status == 0 and sizes(out)["data/x"][0] == 12, err
    assert "/downloads/" in next(iter(read_table("data/x/wav.scp").values()))


def test_a_language_that_a_release_lacks_is_named(speak, lines, run_import):
    release(speak, lines, ["br", "dv"])
    assert "no recordings in kab" in run_import("cv", "data/x", "--langs", "br kab")[2]
    assert "has no language kab; it has: br dv" in run_import("cv", "data/x", "--langs", "kab")[2]


def test_formats_are_guessed(speak, lines, folder):
    release(speak, lines, ["br"])
    lines("s/wav.scp", "a x.wav")
    lines("d/state.json", "{}")
    speak("f/x/a.wav")
    lines("text.txt", "a sentence")
    guessed = {name: guess_format(folder / name) for name in ("cv", "cv/br", "s", "d", "f", "text.txt")}
    assert guessed == {
        "cv": "commonvoice", "cv/br": "commonvoice", "s": "kaldi", "d": "huggingface", "f": "folder",
        "text.txt": "text",
    }  # fmt: skip


@pytest.mark.parametrize("name, words", [("nowhere", "no such file"), ("x.xyz", "say --format"), ("empty", "--format")])
def test_what_cannot_be_guessed_is_asked(run_import, lines, folder, name, words):
    lines("x.xyz", "?")
    (folder / "empty").mkdir()
    status, _, err = run_import(name, "data/x")
    assert status == 1 and words in err
