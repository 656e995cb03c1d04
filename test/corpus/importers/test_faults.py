"""What is wrong with a source is told all at once, with file and line, and nothing is written."""

import os
from pathlib import Path

import pytest
import soundfile

from jstasr.kaldi.tables import read_table


def test_all_faults_of_a_table_at_once(speak, lines, run_import, folder):
    speak("a.wav", "b.wav", "c.wav")
    lines(
        "m.tsv",
        "audio\ttext\tid",
        "a.wav\tone\tu1",
        "gone.wav\ttwo\tu2",
        "b.wav\t \tu3",
        "c.wav\tfour\tu1",
        "c.wav\tfive",
        "c.wav\t?!\tu5",
    )
    content = (folder / "m.tsv").read_bytes() + b"b.wav\tcaf\xe9\tu6\n"
    (folder / "m.tsv").write_bytes(content)
    (folder / "empty.wav").touch()
    with open("m.tsv", "ab") as file:
        file.write(b"empty.wav\tsix\tu7\n\tseven\tu8\n")
    status, _, err = run_import("m.tsv", "data/x")
    assert status == 1
    m = folder / "m.tsv"
    for line, words in {
        3: "missing audio: ",
        4: "empty transcript",
        5: f"duplicate id u1, already on {m.name}:2",
        6: "2 fields, where the header has 3",
        7: "neither letter nor digit",
        8: "not UTF-8",
        9: "an empty file",
        10: "no audio file is named",
    }.items():
        assert f"m.tsv:{line}: " in err and words in err, err
    assert "8 fault(s)" in err
    assert not Path("data").exists() or os.listdir("data") == []


def test_columns_that_nobody_asked_for_are_ignored_and_said_once(speak, lines, run_import):
    speak("a.wav", "b.wav")
    lines("m.csv", "audio,text,speeker,color", "a.wav,one,ann,red", "b.wav,two,bob,blue")
    status, out, err = run_import("m.csv", "data/x")
    assert status == 0, err
    said = "columns: audio=audio, text=text; ignored: speeker (--columns speaker=speeker reads it), color"
    assert out.count(said) == 1 == out.count("color")
    _, out, _ = run_import("m.csv", "data/x", "--ignore", "color", "--columns", "speaker=speeker")
    assert "columns: audio=audio, text=text, speaker=speeker\n" in out
    assert read_table("data/x/utt2spk") == {"ann-a": "ann", "bob-b": "bob"}


def test_columns_can_be_named(speak, lines, run_import):
    speak("deep/a.wav")
    lines("m.csv", "Datei,Satz", "a.wav,eins")
    _, _, err = run_import("m.csv", "data/x")
    assert "no column for the audio" in err and "--columns audio=NAME" in err
    words = ["--columns", "audio=Datei", "--columns", "text=Satz", "--audio-dir", "deep"]
    assert run_import("m.csv", "data/x", *words)[0] == 0
    assert "no column 'Nix'" in run_import("m.csv", "data/x", "--columns", "audio=Nix")[2]
    assert "ROLE=NAME" in run_import("m.csv", "data/x", "--columns", "sound=Datei")[2]


def test_useful_but_unneeded_columns_are_known(speak, lines, run_import):
    speak("a.wav")
    lines("m.csv", "audio,text,age,gender,duration", "a.wav,one,20,f,0.5")
    assert run_import("m.csv", "data/x")[0] == 0
    assert not Path("data/x/segments").exists()


def test_faulty_rows_can_be_left_out_and_are_listed(speak, lines, run_import):
    speak("a.wav")
    lines("m.csv", "audio,text", "a.wav,one", "gone.wav,two")
    status, out, _ = run_import("m.csv", "data/x", "--skip-bad")
    assert status == 0 and "the 1 faulty row(s) are listed in data/x/skipped; the first: m.csv:3: missing" in out
    assert "m.csv:3: missing audio" in Path("data/x/skipped").read_text()
    assert len(read_table("data/x/text")) == 1


def test_broken_json_is_told_by_line(speak, lines, run_import):
    speak("a.wav")
    lines(
        "m.jsonl",
        '{"audio": "a.wav", "text": "one"}',
        '{"audio": ',
        "[1]",
        '{"audio": "a.wav", "text": "x", "end": 0.2}',
    )
    _, _, err = run_import("m.jsonl", "data/x")
    assert "m.jsonl:2: not JSON" in err and "m.jsonl:3: not a JSON object" in err
    assert "2 fault(s)" in err


@pytest.mark.parametrize(
    "field, said",
    [
        ('"text": NaN', "text is NaN: no transcript"),
        ('"text": null', "text is null: no transcript"),
        ('"text": ["three"]', "text is ['three'], not a transcript"),
        ('"text": {"en": "three"}', "text is {'en': 'three'}, not a transcript"),
        ('"text": 3', "text is 3, not a transcript"),
        ('"text": 3.5', "text is 3.5, not a transcript"),
        ('"text": true', "text is true, not a transcript"),
        ('"text": "\\ud83d"', "text is not UTF-8"),
        ('"text": "one", "text": "two"', "the key 'text' is there twice"),
        ('"text": "one", "speaker": ["ann"]', "speaker is ['ann'], not a string"),
        ('"text": "one", "speaker": false', "speaker is false, not a string"),
        ('"text": "one", "speaker": 1.5', "speaker is 1.5, not a string"),
        ('"text": "one", "lang": 7', "lang is 7, not a string"),
        ('"text": "one", "duration": NaN', "duration is NaN, not seconds"),
        ('"text": "one", "duration": Infinity', "duration is inf, not seconds"),
        ('"text": "one", "duration": true', "duration is true, not seconds"),
        ('"text": "one", "duration": [0.5]', "duration is [0.5], not seconds"),
        ('"text": "one", "start": NaN, "end": "nan"', "start is NaN, not seconds; end is 'nan', not seconds"),
        ('"text": NaN, "end": "1_0"', "text is NaN: no transcript; end is '1_0', not seconds"),
        ('"text": "one", "end": {}', "end is {}, not seconds"),
    ],
)
def test_json_that_is_no_text_and_no_number_is_a_fault_of_its_line(speak, lines, run_import, field, said):
    speak("a.wav", "b.wav", "c.wav")
    good = '{"audio": "a.wav", "text": "good"}'
    lines("m.jsonl", good, f'{{"audio": "b.wav", {field}}}', '{"audio": "c.wav", "text": NaN}')
    status, _, err = run_import("m.jsonl", "data/x")
    assert status == 1 and "2 fault(s)" in err
    assert "m.jsonl:2: " in err and said in err and "m.jsonl:3: text is NaN" in err


def test_json_without_a_speaker_and_with_a_number_for_one(speak, lines, run_import):
    speak("a.wav", "b.wav", "c.wav", "d.wav")
    speakers = {"a": "NaN", "b": "null", "c": "7", "d": "7.0"}
    lines("m.jsonl", *(f'{{"audio": "{n}.wav", "text": "x", "speaker": {s}}}' for n, s in speakers.items()))
    assert run_import("m.jsonl", "data/x")[0] == 0
    assert read_table("data/x/utt2spk") == {"a": "a", "b": "b", "7-c": "7", "7-d": "7"}


@pytest.mark.parametrize("value", ["nan", "inf", "1_0", "0x1", "１", "1,5", "1e999"])
def test_times_of_a_table_are_numbers(speak, lines, run_import, value):
    speak("a.wav")
    lines("m.tsv", "audio\ttext\tstart\tend", f"a.wav\tone\t0\t{value}")
    assert f"m.tsv:2: end is '{value}', not seconds" in run_import("m.tsv", "data/x")[2]
    lines("s/wav.scp", "r a.wav")
    lines("s/text", "u one")
    lines("s/segments", f"u r 0 {value}")
    assert "segments:1: expected `u recording start end`" in run_import("s", "data/x")[2]


@pytest.mark.parametrize("header", ["audio\ttext\ttext", "audio\ttext\tText"])
def test_a_column_that_is_there_twice_is_a_fault(speak, lines, run_import, header):
    speak("a.wav")
    lines("m.tsv", header, "a.wav\tone\ttwo")
    status, _, err = run_import("m.tsv", "data/x")
    assert status == 1 and "m.tsv:1: two columns" in err


def test_nesting_without_end_and_a_path_with_a_zero_byte_are_faults(speak, lines, run_import):
    speak("a.wav")
    lines("m.jsonl", '{"audio": "a.wav", "text": "x"}', "[" * 100_000, '{"audio": "a\\u0000.wav", "text": "y"}')
    status, _, err = run_import("m.jsonl", "data/x")
    assert status == 1 and "m.jsonl:2: not JSON" in err and "m.jsonl:3: " in err


def test_faults_of_a_kaldi_directory(speak, lines, run_import):
    speak("a.wav")
    lines("s/wav.scp", "u1 a.wav", "u2 a.wav", "u2 a.wav", "u9 a.wav")
    lines("s/text", "u1 one", "u2 two", "u3 three")
    _, _, err = run_import("s", "data/x")
    assert "wav.scp:3: duplicate id u2" in err and "text:3: u3 is not in wav.scp" in err
    assert "wav.scp:4: u9 has no transcript" in err


def test_faults_of_a_folder(speak, lines, run_import):
    speak("f/a.wav", "f/b.wav")
    lines("f/a.txt", "one")
    lines("f/c.txt", "three")
    lines("f/README.txt", "about")
    _, _, err = run_import("f", "data/x")
    assert "f/b.wav: no transcript b.txt" in err and "f/c.txt: no recording" in err and "README" not in err


def test_a_wrong_segment_is_told(speak, lines, run_import):
    speak("a.wav")
    lines("m.csv", "audio,text,start,end", "a.wav,one,0.3,0.2", "a.wav,two,x,1")
    _, _, err = run_import("m.csv", "data/x")
    assert "m.csv:2: segment 0.3 to 0.2" in err and "m.csv:3: start is 'x', not seconds" in err


def test_a_folder_that_is_no_data_directory_is_not_replaced(speak, lines, run_import):
    speak("a.wav")
    lines("m.csv", "audio,text", "a.wav,one")
    lines("precious/thesis.tex", "...")
    _, _, err = run_import("m.csv", "precious")
    assert "not replaced" in err and Path("precious/thesis.tex").exists()


def test_an_older_data_directory_is_replaced_only_by_a_whole_one(speak, lines, run_import):
    speak("a.wav")
    lines("m.csv", "audio,text", "a.wav,one")
    assert run_import("m.csv", "data/x")[0] == 0
    lines("m.csv", "audio,text", "gone.wav,two")
    assert run_import("m.csv", "data/x")[0] == 1
    assert list(read_table("data/x/text").values()) == ["one"]


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_table_is_one_sentence(lines, run_import, folder, content):
    (folder / "m.tsv").write_text(content)
    status, _, err = run_import("m.tsv", "data/x")
    assert status == 1 and "m.tsv" in err


def test_a_column_of_ids_that_are_none_can_be_ignored(speak, lines, run_import):
    speak("a.wav", "b.wav")
    lines("m.csv", "audio,text,id", "a.wav,one,1", "b.wav,one,1")
    _, _, err = run_import("m.csv", "data/x")
    assert "m.csv:3: duplicate id 1, already on m.csv:2" in err
    assert run_import("m.csv", "data/x", "--ignore", "id")[0] == 0
    assert list(read_table("data/x/text")) == ["a", "b"]


def test_rows_are_told_in_the_order_of_lines(speak, lines, run_import):
    speak("a.wav")
    lines("m.csv", "audio,text,hue", *(f"{'gone' if n in (2, 11) else 'a'}.wav,word,x" for n in range(1, 12)))
    _, _, err = run_import("m.csv", "data/x")
    places = [line.split()[0] for line in err.splitlines() if line.startswith("  ")]
    assert places == ["m.csv:3:", *(f"m.csv:{n}:" for n in range(4, 12)), "m.csv:12:"]
    assert "duplicate id a, already on m.csv:2" in err


def test_files_that_are_no_audio_are_told_by_line(speak, lines, run_import, folder):
    speak("a.wav", "long.wav")
    (folder / "page.mp3").write_text("<html>not found</html>" * 50)
    (folder / "junk.wav").write_bytes(b"RIFFjunk" * 100)
    soundfile.write("none.wav", [], 16000)
    names = ("page.mp3", "junk.wav", "none.wav", "a.wav")
    lines("m.csv", "audio,text,start,end", *(f"{name},word,," for name in names), "long.wav,word,0.2,1.1")
    for options in (["data/x"], ["--measure", "none"]):
        status, _, err = run_import("m.csv", *options)
        assert status == 1
        assert "m.csv:2: cannot be read as audio (it is a web page" in err and "page.mp3" in err
        assert "m.csv:3: cannot be read as audio" in err and "m.csv:4: the audio has no samples" in err
        assert "m.csv:6: segment 0.2 to 1.1 s lies outside the 0.50 s" in err and "4 fault(s)" in err


def test_a_row_without_language_among_others_is_told(speak, lines, run_import):
    speak("a.wav", "b.wav", "c.wav")
    lines("m.csv", "audio,text,lang", "a.wav,one,sw", "b.wav,two,", "c.wav,three,Haitian Creole")
    _, _, err = run_import("m.csv", "data/x")
    assert "m.csv:3: no language, where others have one (sw)" in err and "--lang CODE" in err
    assert "m.csv:4: language 'Haitian Creole' is no language code" in err and "ht is Haitian Creole" in err
    lines("m.csv", "audio,text,lang", "a.wav,one,sw", "b.wav,two,")
    assert run_import("m.csv", "data/x", "--lang", "wo")[0] == 0
    assert read_table("data/x/utt2lang") == {"a": "sw", "b": "wo"}


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("m.tsv", "audio,text\na.wav,one\n", "m.tsv:1: one column only, 'audio,text': tsv has tabs"),
        ("m.csv", "audio\ttext\na.wav\tone\n", "m.csv:1: one column only"),
        (
            "m.csv",
            "a.wav,one\n",
            "m.csv:1: the first line must name the columns, as audio, text, speaker; it is 'a.wav'",
        ),
        ("m.csv", "audio,text\na.wav,one, two\n", "m.csv:2: 3 fields, where the header has 2; a field that holds"),
    ],
)
def test_a_table_that_is_not_one_is_one_sentence(speak, folder, run_import, name, content, words):
    speak("a.wav")
    (folder / name).write_text(content)
    status, _, err = run_import(name, "data/x")
    assert status == 1 and words in err and "1 fault(s)" in err


def test_utf16_is_told_by_its_name(speak, lines, run_import, folder):
    speak("f/a.wav", "f/b.wav")
    lines("f/b.TXT", "two")
    (folder / "f/a.txt").write_text("one", encoding="utf-16")
    _, _, err = run_import("f", "data/x")
    assert "f/a.txt: is UTF-16, not UTF-8; convert it: iconv -f UTF-16" in err and "1 fault(s)" in err
    (folder / "m.tsv").write_text("audio\ttext\nf/b.wav\ttwo\n", encoding="utf-16")
    assert "m.tsv: is UTF-16" in run_import("m.tsv", "data/x")[2]


def test_a_text_is_no_table_of_recordings(lines, run_import):
    lines("m.txt", "a.wav|one")
    status, _, err = run_import("--split", "m.txt", "data")
    assert (
        status == 1
        and "m.txt: is text without speech by its name; of a table say --format tsv, csv, jsonl or ljspeech" in err
    )


def test_a_recording_that_is_cut_off_is_a_fault(speak, lines, run_import):
    speak("a.wav", "b.wav")
    content = Path("b.wav").read_bytes()
    Path("b.wav").write_bytes(content[: len(content) // 2])
    lines("m.csv", "audio,text", "a.wav,one", "b.wav,two")
    status, _, err = run_import("m.csv", "data/x")
    assert status == 1 and "m.csv:3: the audio is cut off or damaged: 0.25 s" in err


def test_a_file_of_which_no_line_is_json_is_one_error(lines, run_import):
    lines("m.jsonl", *("import this" for _ in range(50)))
    status, _, err = run_import("m.jsonl", "data/x")
    assert status == 1 and len(err.splitlines()) == 1 and "m.jsonl: none of its lines is a JSON object" in err


@pytest.mark.parametrize("options", [["--text", "t.txt"], ["--held-out", "0.1"], ["--max-train", "5"]])
def test_options_of_a_split_are_not_ignored_without_one(speak, lines, run_import, options):
    speak("a.wav")
    lines("m.csv", "audio,text", "a.wav,one")
    lines("t.txt", "a sentence")
    status, _, err = run_import("m.csv", "data/x", *options)
    assert status == 1 and f"{options[0]} goes with --split" in err and not Path("data").exists()


@pytest.mark.parametrize("dest", ["file", "file/x", "/proc/x"])
@pytest.mark.parametrize("split", [[], ["--split"]], ids=["set", "split"])
def test_a_place_that_cannot_be_written_is_one_error(speak, lines, run_import, dest, split):
    speak("a.wav", "b.wav", "c.wav", "d.wav")
    lines("m.csv", "audio,text", "a.wav,one", "b.wav,two", "c.wav,three", "d.wav,four")
    lines("file", "precious")
    status, _, err = run_import(*split, "m.csv", dest)
    assert status == 1 and len(err.splitlines()) == 1 and dest.split("/")[1 if dest[0] == "/" else 0] in err
    assert Path("file").read_text() == "precious\n"


def test_a_source_that_the_import_would_replace_is_refused(speak, lines, run_import):
    speak(*(f"{n}.wav" for n in range(8)))
    lines("m.csv", "audio,text,speaker", *(f"{n}.wav,word {n},s{n}" for n in range(8)))
    assert run_import("m.csv", "data/train")[0] == 0
    for words in (["data/train", "data/train"], ["--split", "data/train", "data"]):
        status, _, err = run_import(*words)
        assert status == 1 and "data/train: lies in data/train, which this import replaces" in err
    assert len(read_table("data/train/text")) == 8
    assert run_import("--split", "data/train", "data2")[0] == 0


@pytest.mark.parametrize(
    "duration, said", [(-1, "duration is -1"), (0, "duration is 0"), (1.2, "lasts 0.50 s"), (1e9, "lasts 0.50 s")]
)
def test_a_duration_without_a_start_is_that_of_the_recording(speak, lines, run_import, duration, said):
    speak("a.wav", "b.wav")
    row = '{{"audio_filepath": "{}.wav", "text": "one", "duration": {}}}'
    lines("m.jsonl", row.format("a", 0.6), row.format("b", duration))
    status, _, err = run_import("m.jsonl", "data/x")
    assert status == 1 and "m.jsonl:2: " in err and said in err and "m.jsonl:1: " not in err
    assert run_import("m.jsonl", "data/x", "--ignore", "duration")[0] == 0
