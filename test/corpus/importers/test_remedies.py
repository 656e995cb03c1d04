"""What a message says to do is done here, and helps."""

import re
import subprocess
from pathlib import Path

import pytest

from jstasr.kaldi.tables import read_table

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "name, separator, remedy",
    [("m.csv", "\t", "tsv"), ("m.tsv", ",", "csv"), ("m.tsv", ";", "csv"), ("m.tsv", "|", "csv")],
)
def test_a_table_with_the_ending_of_another(speak, lines, run_import, name, separator, remedy):
    speak("a.wav", "b.wav")
    lines(name, f"audio{separator}text", f"a.wav{separator}one", f"b.wav{separator}two")
    status, _, err = run_import(name, "data/x")
    assert status == 1 and "one column only" in err and "(--format)" in err
    assert run_import("--format", remedy, name, "data/x")[0] == 0
    assert list(read_table("data/x/text").values()) == ["one", "two"]


def test_a_list_of_files_and_transcripts_with_the_ending_of_a_text(speak, lines, run_import):
    speak("wavs/a.wav", "wavs/b.wav")
    lines("train.txt", "wavs/a.wav|one", "wavs/b.wav|two")
    _, _, err = run_import("--split", "train.txt", "data")
    assert "--format tsv, csv, jsonl or ljspeech" in err
    assert run_import("--format", "ljspeech", "train.txt", "data/x")[0] == 0
    assert read_table("data/x/text") == {"a": "one", "b": "two"}


def test_several_sources(speak, lines, run_import):
    speak("a.wav", "b.wav")
    lines("1.csv", "audio,text", "a.wav,one")
    lines("2.csv", "audio,text", "b.wav,two")
    _, _, err = run_import("1.csv", "2.csv", "data/x")
    assert "one source only; import each, then utils/combine_data.sh" in err
    assert run_import("1.csv", "data/1")[0] == run_import("2.csv", "data/2")[0] == 0
    done = subprocess.run([ROOT / "utils/combine_data.sh", "data/x", "data/1", "data/2"], capture_output=True)
    assert done.returncode == 0 and read_table("data/x/text") == {"a": "one", "b": "two"}


def test_a_text_of_several_languages(speak, lines, run_import):
    names = [f"{lang}{n}" for lang in ("en", "de") for n in range(6)]
    speak(*(f"{name}.wav" for name in names))
    lines("m.csv", "audio,text,speaker,lang", *(f"{n}.wav,word {n},{n},{n[:2]}" for n in names))
    lines("more.txt", "ein Satz")
    for words in (["--split", "m.csv", "data"], ["--measure", "m.csv", "none"]):
        status, _, err = run_import(*words, "--text", "more.txt")
        assert status == 1 and "--text more.txt: say its language, one of de en: --text LANG=FILE" in err
        assert run_import(*words, "--text", "de=more.txt")[0] == 0
    assert set(read_table("data/train_text/utt2lang").values()) == {"de"}


@pytest.mark.parametrize("lang", [[], ["--lang", "br"]])
def test_a_text_without_a_sentence_names_the_file_and_what_it_lacks(speak, lines, run_import, lang):
    speak(*(f"{n}.wav" for n in range(8)))
    lines("m.csv", "audio,text,speaker", *(f"{n}.wav,word {n},s{n}" for n in range(8)))
    lines("t.txt", *(f"Word {n}!" for n in range(8)))
    assert run_import("--split", "m.csv", "data", *lang)[0] == 0
    held_out = [text for part in ("dev", "test") for text in read_table(f"data/{part}/text").values()]
    lines("t.txt", *held_out)
    status, _, err = run_import("--split", "m.csv", "data", *lang, "--text", "t.txt")
    assert status == 1 and re.search(
        r"t.txt: no sentence can be taken: left out \d that dev or test has; give text", err
    )
    lines("t.txt", *held_out, "Another sentence.")
    assert run_import("--split", "m.csv", "data", *lang, "--text", "t.txt")[0] == 0
    assert list(read_table("data/train_text/text").values()) == ["Another sentence."]


def test_a_transcript_in_another_encoding_keeps_its_name(speak, run_import):
    speak("f/a b.wav", "f/c.wav")
    Path("f/a b.txt").write_text("où", encoding="utf-16")
    Path("f/c.txt").write_text("là")
    _, _, err = run_import("f", "data/x")
    command = re.search(r"convert it: (.*)", err)[1]
    assert subprocess.run(command, shell=True).returncode == 0
    assert run_import("f", "data/x")[0] == 0
    assert read_table("data/x/text") == {"a_b": "où", "c": "là"}


def test_a_compressed_table(speak, lines, run_import):
    speak("a.wav")
    lines("m 1.tsv", "audio\ttext", "a.wav\tone")
    subprocess.run(["gzip", "m 1.tsv"], check=True)
    _, _, err = run_import("m 1.tsv.gz", "data/x")
    command = re.search(r"unpack it: (.*)", err)[1]
    assert subprocess.run(command, shell=True).returncode == 0
    assert run_import("m 1.tsv", "data/x")[0] == 0


def test_an_archive_that_is_no_release(speak, lines, run_import):
    speak("c/a.wav")
    lines("c/m.tsv", "audio\ttext", "a.wav\tone")
    subprocess.run(["tar", "-czf", "c.tar.gz", "c"], check=True)
    _, _, err = run_import("--unpack-to", "un", "c.tar.gz", "data/x")
    folder = re.search(r"unpacked in (\S+): name the table", err)[1]
    assert run_import(f"{folder}/m.tsv", "data/x")[0] == 0
    Path("d").mkdir()
    Path("c.tar.gz").rename("d/c.tar.gz")
    assert "d: holds archives and no recordings; unpack them there" in run_import("d", "data/x")[2]
    subprocess.run(["tar", "-xzf", "c.tar.gz"], cwd="d", check=True)
    assert run_import("d/c/m.tsv", "data/y")[0] == 0


@pytest.mark.parametrize(
    "name, said", [("m.xlsx", "save it as CSV"), ("m.ODS", "save it as CSV"), ("m.docx", "plain text")]
)
def test_what_an_office_program_wrote(folder, run_import, name, said):
    Path(name).write_bytes(b"PK\x03\x04")
    status, _, err = run_import(name, "data/x")
    assert status == 1 and said in err and "--format" not in err


def test_half_a_character_of_json_is_no_matter_of_iconv(speak, lines, run_import):
    speak("a.wav")
    lines("m.jsonl", r'{"audio": "a.wav", "text": "hi \ud83d"}')
    _, _, err = run_import("m.jsonl", "data/x")
    assert r"m.jsonl:1: text is not UTF-8: \ud83d is half a character" in err and "iconv" not in err


def test_a_key_that_is_there_twice_in_the_only_line(speak, lines, run_import):
    speak("a.wav")
    lines("m.jsonl", '{"audio": "a.wav", "text": "hi", "text": "ho"}')
    assert "m.jsonl:1: not JSON: the key 'text' is there twice" in run_import("m.jsonl", "data/x")[2]
