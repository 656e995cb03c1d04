"""One name, whichever way its accents are encoded, and places in archives."""

import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr.cli import main
from jstasr.kaldi.tables import read_table

UTILS = Path(__file__).resolve().parents[3] / "utils"
NAMES = ("é", "Ünï", "한국어", "Việt", "ガ", "й")  # which NFD takes apart
FORMS = [("NFC", "NFD"), ("NFD", "NFC"), ("NFC", "NFC"), ("NFD", "NFD")]


@pytest.mark.parametrize("of_table, of_file", FORMS)
def test_a_table_finds_its_files(speak, lines, run_import, of_table, of_file):
    """An archive made on macOS has names in NFD, the table that a spreadsheet wrote has them in NFC."""
    speak(*(f"clips/{unicodedata.normalize(of_file, name)}.wav" for name in NAMES))
    lines("m.tsv", "audio\ttext", *(f"clips/{unicodedata.normalize(of_table, name)}.wav\tword" for name in NAMES))
    assert run_import("m.tsv", "data/x")[0] == 0
    assert all(Path(path).is_file() for path in read_table("data/x/wav.scp").values())
    assert len(read_table("data/x/wav.scp")) == len(NAMES)


@pytest.mark.parametrize("of_text, of_file", FORMS)
def test_a_recording_finds_its_transcript(speak, lines, run_import, of_text, of_file):
    speak(*(f"f/{unicodedata.normalize(of_file, name)}.wav" for name in NAMES))
    for name in NAMES:
        lines(f"f/{unicodedata.normalize(of_text, name)}.txt", f"word {name}")
    assert run_import("f", "data/x")[0] == 0
    texts, paths = read_table("data/x/text"), read_table("data/x/wav.scp")
    for utterance, text in texts.items():
        assert unicodedata.normalize("NFC", f"word {Path(paths[utterance]).stem}") == text


def test_one_speaker_is_one_speaker(speak, lines, run_import):
    speak("a.wav", "b.wav")
    lines("m.tsv", "audio\ttext\tspeaker", "a.wav\tone\tJos\u00e9", "b.wav\ttwo\tJose\u0301")
    assert run_import("m.tsv", "data/x")[0] == 0
    assert len(set(read_table("data/x/utt2spk").values())) == 1


def test_speakers_of_kaldi_are_read_from_spk2utt_where_that_is_all(speak, lines, run_import):
    speak("a.wav", "b.wav", "c.wav")
    lines("k/wav.scp", "u1 a.wav", "u2 b.wav", "v1 c.wav")
    lines("k/text", "u1 one", "u2 two", "v1 three")
    lines("k/spk2utt", "u u1 u2", "v v1")
    lines("k/spk2gender", "u f", "v m")
    _, out, _ = run_import("k", "data/x")
    assert read_table("data/x/utt2spk") == {"u1": "u", "u2": "u", "v1": "v"}
    assert "not taken from k: spk2gender" in out and "not known" not in out


def test_places_in_an_archive_are_sound_for_all_tools(speak, lines, run_import):
    """Kaldi writes `wav.ark:123`, where a WAV file begins behind the id of its utterance."""
    speak("a.wav", "b.wav")
    with open("wav.ark", "wb") as archive:
        places = {}
        for name in "ab":
            archive.write(f"{name} ".encode())
            places[name] = f"wav.ark:{archive.tell()}"
            archive.write(Path(f"{name}.wav").read_bytes())
    for table, values in (("wav.scp", places), ("text", places), ("utt2spk", dict.fromkeys(places, "s"))):
        lines(f"k/{table}", *(f"{key} {value}" for key, value in values.items()))
    lines("k/spk2utt", "s a b")
    assert subprocess.run([UTILS / "validate_data_dir.sh", "--no-feats", "k"], capture_output=True).returncode == 0
    assert run_import("k", "data/x")[0] == 0
    for source in ("k", "data/x"):
        for rate in ("16k", "8k"):
            assert main(["format-audio", "--data-dir", source, "--outdir", "dump", "--fs", rate]) == 0
            assert main(["extract", "--data-dir", "dump", "--outdir", "fbank", "--fs", rate]) == 0
            samples = read_table("dump/utt2num_samples")
            assert samples == dict.fromkeys(places, "8000" if rate == "16k" else "4000")
    from jstasr.kaldi.audio import read_audio

    for name, place in places.items():
        np.testing.assert_array_equal(read_audio(place)[0], soundfile.read(f"{name}.wav", dtype="float32")[0])
    content = Path("wav.ark").read_bytes()
    Path("wav.ark").write_bytes(content[:-3000])
    status, _, err = run_import("k", "data/y")
    assert status == 1 and "is cut off or damaged: 0.09 s" in err and "b" in err
