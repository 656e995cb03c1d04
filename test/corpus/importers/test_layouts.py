"""Folders as people have them: LJSpeech, AudioFolder, links, hidden files; how they are told apart."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from jstasr.corpus.importers.formats import guess_format
from jstasr.kaldi.tables import read_table


def words(name="data/x"):
    """File name without ending -> transcript."""
    text = read_table(f"{name}/text")
    return {Path(path).stem: text[utterance] for utterance, path in read_table(f"{name}/wav.scp").items()}


LJSPEECH = [
    'LJ001-0001|"Printing, in 1455|"Printing, in fourteen fifty-five',
    "LJ001-0002|of Dr. Who, Esq.|of Doctor Who, Esquire",
    "LJ001-0003|the third|the third",
]


@pytest.mark.parametrize("source", ["lj", "lj/metadata.csv"])
def test_ljspeech(speak, lines, run_import, source):
    speak(*(f"lj/wavs/LJ001-000{n}.wav" for n in (1, 2, 3, 4)))
    lines("lj/metadata.csv", *LJSPEECH)
    status, out, err = run_import(source, "data/x", "--lang", "en")
    assert status == 0, err
    assert words() == {line.split("|")[0]: line.split("|")[2] for line in LJSPEECH}
    assert "columns: audio=1, text=3; ignored: 2\n" in out
    assert "1 recording(s) that no line of metadata.csv names: wavs/LJ001-0004.wav" in out
    assert run_import(source, "data/x", "--columns", "text=2")[0] == 0
    assert words()["LJ001-0001"] == '"Printing, in 1455'


def test_an_empty_normalised_transcript_is_a_fault_and_no_doubt_about_the_fields(speak, lines, run_import):
    speak("lj/wavs/a.wav", "lj/wavs/b.wav", "lj/wavs/c.wav")
    lines("lj/metadata.csv", "a|in 1455|in fourteen", "b|of 5|", "c|7|")
    status, _, err = run_import("lj", "data/x")
    assert status == 1 and "metadata.csv:2: empty transcript" in err and "metadata.csv:3: empty transcript" in err


def test_ljspeech_with_one_transcript_and_other_audio(speak, lines, run_import):
    speak("lj/wavs/a.flac", "lj/b.WAV", "lj/wavs/c.x.wav")
    lines("lj/metadata.csv", "a|one", "b|two", "wavs/c.x.wav|three")
    status, _, err = run_import("lj", "data/x")
    assert status == 0, err
    assert words() == {"a": "one", "b": "two", "c.x": "three"}


def test_faults_of_ljspeech_name_their_lines(speak, lines, run_import):
    speak("lj/wavs/a.wav", "lj/wavs/b.wav", "lj/wavs/c.wav")
    lines("lj/metadata.csv", "a|one", "b|two|too|many", "gone|three", "c|")
    _, out, err = run_import("lj", "data/x")
    assert "metadata.csv:2: 4 fields between |, where most lines have 2" in err
    assert "metadata.csv:3: missing audio" in err and "metadata.csv:4: empty transcript" in err
    status, out, _ = run_import("lj", "data/x", "--skip-bad")
    assert status == 0 and words() == {"a": "one"} and "found" in out


@pytest.mark.parametrize("row", ["{}|ann|hello there", "{}|hello there|ann", "{}|ann|en|hello there"])
def test_which_field_is_the_transcript_is_asked_where_it_is_not_sure(speak, lines, run_import, row):
    speak(*(f"v/wavs/{n}.wav" for n in "abc"))
    lines("v/metadata.csv", *(row.format(n) for n in "abc"))
    status, _, err = run_import("v", "data/x")
    assert status == 1 and len(err.splitlines()) == 1 and "fields of `a|" in err and "is the transcript?" in err
    fields = row.split("|")
    text, speaker = fields.index("hello there") + 1, fields.index("ann") + 1
    status, _, err = run_import("v", "data/x", "--columns", f"text={text}", "--columns", f"speaker={speaker}")
    assert status == 0, err
    assert read_table("data/x/text") == {f"ann-{n}": "hello there" for n in "abc"}


def test_a_table_with_bars_and_a_header(speak, lines, run_import):
    speak("v/a.wav", "v/b.wav")
    lines("v/metadata.csv", "audio_file|text|speaker_name", 'a.wav|"one, two|ann', "b.wav|three|bob")
    status, _, err = run_import("v/metadata.csv", "data/x")
    assert status == 0, err
    assert words() == {"a": '"one, two', "b": "three"}


def test_deepspeech(speak, lines, run_import, folder):
    speak("clips/a.wav", "clips/b.wav")
    rows = (f"{folder}/clips/{n}.wav,16044,word {n}" for n in "ab")
    lines("train.csv", "wav_filename,wav_filesize,transcript", *rows)
    for options in ([], ["--format", "deepspeech"]):
        status, out, err = run_import("train.csv", "data/x", *options)
        assert status == 0, err
        assert words() == {"a": "word a", "b": "word b"} and "ignored: wav_filesize\n" in out


def audiofolder(folder, name, ending, rows):
    path = folder / name / f"metadata.{ending}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if ending == "csv":
        path.write_text("".join(",".join(row) + "\n" for row in (rows[0].keys(), *(row.values() for row in rows))))
    elif ending == "jsonl":
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_audiofolder(speak, folder, run_import, ending):
    speak("af/data/a.wav", "af/b.flac", "af/c.mp3", "af/forgotten.wav")
    names = ["data/a.wav", "b.flac", "c.mp3"]
    rows = [{"file_name": name, "transcription": f"word {name}", "path": "x", "mood": "y"} for name in names]
    audiofolder(folder, "af", ending, rows)
    status, out, err = run_import("af", "data/x")
    assert status == 0, err
    assert words() == {"a": "word data/a.wav", "b": "word b.flac", "c": "word c.mp3"}
    assert "1 recording(s) that no row names: forgotten.wav" in out and "mood" in out


def test_the_folders_of_an_audiofolder_are_its_split(speak, folder, run_import):
    for number, part in enumerate(("train", "validation", "test")):
        speak(*(f"af/{part}/{n}.wav" for n in "ab"))
        rows = [{"file_name": f"{n}.wav", "sentence": f"word {n} {number}", "speaker": f"s{number}"} for n in "ab"]
        audiofolder(folder, f"af/{part}", "csv" if number else "jsonl", rows)
    status, _, err = run_import("--split", "af", "data")
    assert status == 0, err
    for number, part in enumerate(("train", "dev", "test")):
        assert sorted(read_table(f"data/{part}/text").values()) == [f"word a {number}", f"word b {number}"]


def test_faults_of_an_audiofolder_name_table_and_line(speak, folder, run_import):
    speak("af/a.wav", "af/b.wav")
    audiofolder(folder, "af", "csv", [{"file_name": "a.wav", "text": "one"}, {"file_name": "gone.wav", "text": "two"}])
    assert "af/metadata.csv:3: missing audio" in run_import("af", "data/x")[2]
    audiofolder(folder, "af", "jsonl", [{"file_name": "a.wav", "text": "one"}])
    status, _, err = run_import("af", "data/x")
    assert status == 1 and "has both metadata.csv and metadata.jsonl; which one is it?" in err
    assert run_import("af/metadata.jsonl", "data/x")[0] == 0 and words() == {"a": "one"}


def test_a_folder_that_fits_two_formats_is_asked_about(speak, lines, run_import):
    speak("f/a.wav")
    lines("f/a.txt", "one")
    lines("f/wav.scp", "a f/a.wav")
    lines("f/text", "a eins")
    status, _, err = run_import("f", "data/x")
    assert status == 1 and len(err.splitlines()) == 1 and "Say --format kaldi or --format folder" in err
    assert run_import("f", "data/x", "--format", "folder")[0] == 0 and words() == {"a": "one"}
    assert run_import("f", "data/x", "--format", "kaldi")[0] == 0 and words() == {"a": "eins"}


def test_a_folder_with_recordings_and_tables_is_asked_about(speak, lines, run_import):
    speak("f/clips/a.wav", "f/clips/b.wav")
    lines("f/train.tsv", "path\tsentence", "clips/a.wav\tone")
    lines("f/test.tsv", "path\tsentence", "clips/b.wav\ttwo")
    status, _, err = run_import("f", "data/x")
    assert status == 1 and "which one is it? Name it instead of the folder: f/test.tsv, f/train.tsv" in err
    assert run_import("f/test.tsv", "data/x")[0] == 0 and words() == {"b": "two"}


def test_a_folder_of_data_directories_names_them(lines, run_import):
    lines("d/train/wav.scp", "a a.wav")
    lines("d/test/wav.scp", "a a.wav")
    assert "d: holds data directories; name one of them: test, train" in run_import("d", "data/x")[2]


def test_formats_are_told_by_header_and_content(speak, lines, folder):
    lines("lj.csv", *LJSPEECH)
    lines("bars.csv", "audio|text", "a|b")
    lines("commas.csv", "audio,text", "a|b,c")
    lines("empty.csv")
    lines("fleurs/train.tsv", "1\ta.wav\tOne\tone")
    assert {name: guess_format(folder / f"{name}.csv") for name in ("lj", "bars", "commas", "empty")} == {
        "lj": "ljspeech", "bars": "csv", "commas": "csv", "empty": "csv",
    }  # fmt: skip
    with pytest.raises(Exception, match="which one is it"):
        guess_format(folder / "fleurs")


def test_links_to_folders_and_files_are_followed(speak, lines, run_import, folder):
    speak("store/ann/a.wav", "store/b.wav")
    lines("store/ann/a.txt", "one")
    lines("store/b.txt", "two")
    (folder / "f").mkdir()
    (folder / "f/ann").symlink_to("../store/ann")
    (folder / "f/b.wav").symlink_to("../store/b.wav")
    (folder / "f/b.txt").symlink_to("../store/b.txt")
    status, _, err = run_import("f", "data/x")
    assert status == 0, err
    assert read_table("data/x/text") == {"ann-a": "one", "b": "two"}
    (folder / "g").symlink_to("f")
    assert run_import("g", "data/x")[0] == 0 and len(read_table("data/x/text")) == 2


def test_dead_links_are_named(speak, lines, run_import, folder):
    speak("f/a.wav")
    lines("f/a.txt", "one")
    lines("f/b.txt", "two")
    (folder / "f/b.wav").symlink_to("nowhere.wav")
    speak("f/c.wav")
    (folder / "f/c.txt").symlink_to("nowhere.txt")
    _, _, err = run_import("f", "data/x")
    assert "f/b.txt:1: missing audio" in err and "f/c.txt: cannot read" in err and "2 fault(s)" in err
    (folder / "dead").symlink_to("nowhere")
    assert "dead: no such file or folder (it is a link to what is not there)" in run_import("dead", "data/x")[2]


@pytest.mark.parametrize("links", [{"f/loop": "."}, {"f/out": "../other", "other/back": "../f"}])
def test_links_that_lead_back_are_named(speak, lines, run_import, folder, links):
    speak("f/a.wav")
    lines("f/a.txt", "one")
    (folder / "other").mkdir()
    for name, target in links.items():
        (folder / name).symlink_to(target)
    status, _, err = run_import("f", "data/x")
    assert status == 1 and "is a link to a folder that it is in; remove the link" in err
    for name in links:
        (folder / name).unlink()
    assert run_import("f", "data/x")[0] == 0


def test_one_recording_under_two_names_of_a_folder_is_a_fault(speak, lines, run_import, folder):
    speak("f/ann/a.wav")
    lines("f/ann/a.txt", "one")
    (folder / "f/bob").symlink_to("ann")
    _, _, err = run_import("f", "data/x")
    assert "f/bob/a.wav: is the same file as f/ann/a.wav; remove one of the links" in err and "1 fault(s)" in err


def test_hidden_files_are_left_out_and_others_counted(speak, lines, run_import):
    speak("f/a.wav", "f/.b.wav", "f/.trash/c.wav", "f/B.WAV")
    lines("f/a.txt", "one")
    lines("f/.b.txt", "two")
    lines("f/B.Txt", "three")
    lines("f/notes.md", "...")
    lines("f/readme.txt", "...")
    status, out, err = run_import("f", "data/x")
    assert status == 0, err
    assert words() == {"a": "one", "B": "three"}
    assert "2 file(s) that are neither recordings nor transcripts: f/notes.md, f/readme.txt" in out


def test_audio_that_cannot_be_read_names_the_command(speak, lines, run_import, folder):
    speak("f/a.wav")
    lines("f/a.txt", "one")
    (folder / "f/my b.m4a").write_bytes(b"\0\0\0\x18ftypM4A ")
    lines("f/my b.txt", "two")
    _, _, err = run_import("f", "data/x")
    assert "f/my b.m4a: .m4a files cannot be read; convert it: ffmpeg -i 'my b.m4a' 'my b.wav'" in err


def test_recordings_and_transcripts_of_one_name_are_faults(speak, lines, run_import):
    speak("f/a.wav", "f/a.flac", "f/b.wav")
    lines("f/a.txt", "one")
    lines("f/b.txt", "two")
    lines("f/b.TXT", "zwei")
    _, _, err = run_import("f", "data/x")
    assert "f/a.flac: a.flac and a.wav would share one transcript; keep one of them" in err
    assert "f/b.wav: b.TXT and b.txt are both there; keep one of them" in err and "3 fault(s)" in err


def test_what_a_kaldi_directory_has_beside_is_noted(speak, lines, run_import):
    speak("a.wav")
    lines("s/wav.scp", "r a.wav", "unused a.wav", "empty")
    lines("s/segments", "u r 0 0.2", "v empty 0 0.2")
    lines("s/text", "u one", "v two")
    lines("s/utt2spk", "u ann", "v bob", "gone bob")
    _, _, err = run_import("s", "data/x")
    assert "s/wav.scp:3: no audio behind empty" in err and "1 fault(s)" in err
    status, out, _ = run_import("s", "data/x", "--skip-bad")
    assert status == 0 and "1 recording(s) of wav.scp of which no segment is taken: unused" in out
    assert "1 line(s) of utt2spk about utterances that text lacks: gone" in out


def test_common_voice_without_validated_names_its_tables(speak, lines, run_import):
    speak("cv/clips/a.mp3")
    lines("cv/train.tsv", "client_id\tpath\tsentence\tlocale", "c\ta.mp3\tone\tbr")
    _, _, err = run_import("cv", "data/x")
    assert 'cv: has no validated.tsv; choose of its tables: --tables "train"' in err
    assert run_import("cv", "data/x", "--tables", "train")[0] == 0
