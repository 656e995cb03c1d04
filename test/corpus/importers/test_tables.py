"""Tables are read strictly: what is in them arrives whole, or is a fault that names its line."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from jstasr.kaldi.tables import read_table

ROWS = [("audio", "text"), ("a.wav", "één"), ("b.wav", "zwölf"), ("c.wav", "дом"), ("d.wav", "plain")]


@pytest.fixture
def recordings(speak):
    speak("a.wav", "b.wav", "c.wav", "d.wav")


def table(ending):
    """The content of ROWS as a table."""
    if ending == "jsonl":
        return "".join(json.dumps(dict(zip(*pair)), ensure_ascii=False) + "\n" for pair in
                       ((ROWS[0], row) for row in ROWS[1:]))  # fmt: skip
    return "".join(("\t" if ending == "tsv" else ",").join(row) + "\n" for row in ROWS)


def words(text):
    return {Path(path).stem: text[utterance] for utterance, path in read_table("data/x/wav.scp").items()}


@pytest.mark.parametrize("ending", ["tsv", "csv", "jsonl", "TSV", "CSV", "JSON"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["", "mark"])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_marks_line_ends_and_upper_case_endings(recordings, folder, run_import, ending, mark, line_end):
    content = table(ending.lower().replace("json", "jsonl").replace("jsonll", "jsonl")).encode()
    (folder / f"m.{ending}").write_bytes(mark + content.replace(b"\n", line_end))
    status, _, err = run_import(f"m.{ending}", "data/x")
    assert status == 0, err
    assert words(read_table("data/x/text")) == {"a": "één", "b": "zwölf", "c": "дом", "d": "plain"}


@pytest.mark.parametrize("ending", ["tsv", "csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_another_encoding_is_one_fault_whose_remedy_works(speak, folder, run_import, ending, encoding):
    names = [f"{n}.wav" for n in range(120)]
    speak(*names)
    separator = "\t" if ending == "tsv" else ","
    lines = [f"clips/../{name}{separator}café {name[:-4]} zwölf" for name in names]
    if ending == "jsonl":
        lines = [json.dumps(dict(zip(("audio", "text"), line.split(",")))).replace("\\u00e9", "é") for line in lines]
        lines = [line.replace("\\u00f6", "ö") for line in lines]
    else:
        lines.insert(0, f"audio{separator}text")
    (folder / "clips").mkdir()
    (folder / f"a b.{ending}").write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
    status, _, err = run_import(f"a b.{ending}", "data/x")
    assert status == 1 and len(err.splitlines()) == 1 and "not UTF-8; convert it: iconv " in err, err
    remedy = err.strip().partition("convert it: ")[2]
    subprocess.run(remedy, shell=True, check=True)
    status, _, err = run_import(shlex.split(remedy)[-1], "data/x")
    assert status == 0, err
    assert sorted(read_table("data/x/text").values())[0] == "café 0 zwölf" and len(read_table("data/x/text")) == 120


def test_a_few_lines_of_another_encoding_are_faults_of_their_own(recordings, folder, run_import):
    (folder / "m.csv").write_bytes(table("csv").encode() + b"a.wav,caf\xe9\n")
    assert "m.csv:6: text is not UTF-8" in run_import("m.csv", "data/x")[2]


def test_a_zero_byte_is_a_fault_of_its_line(recordings, folder, run_import):
    for name, row in (("m.tsv", "a.wav\to\0ne\n"), ("m.csv", "a.wav,o\0ne\n")):
        separator = row[5]
        (folder / name).write_text(f"audio{separator}text\n{row}")
        assert f"{name}:2: the transcript holds U+0000" in run_import(name, "data/x")[2]


def test_a_quoted_field_may_hold_line_breaks_and_separators(recordings, folder, run_import):
    (folder / "m.csv").write_text('audio,text\na.wav,"one,\r\ntwo, ""three"""\nb.wav,four\n')
    status, _, err = run_import("m.csv", "data/x")
    assert status == 0, err
    assert words(read_table("data/x/text")) == {"a": 'one, two, "three"', "b": "four"}


@pytest.mark.parametrize(
    "rows, place",
    [
        (['a.wav,"one', "b.wav,two", "c.wav,three"], "m.csv:2: not CSV from here on: unexpected end of data"),
        (["a.wav,one", 'b.wav,"two', 'c.wav,three"', "d.wav,four"], "m.csv:3: a quote opens here and closes on line 4"),
        (["a.wav,one", 'b.wav,"two" three'], "m.csv:3: not CSV from here on: ',' expected after '\"'"),
    ],
)
def test_a_quote_that_swallows_rows_is_a_fault(recordings, lines, run_import, rows, place):
    lines("m.csv", "audio,text", *rows)
    for options in ([], ["--skip-bad"]):
        status, _, err = run_import("m.csv", "data/x", *options)
        assert status == 1 and place in err and "a quote inside a field is written twice" in err, err


def test_short_and_long_rows_are_faults_of_their_lines(recordings, lines, run_import):
    lines("m.tsv", "audio\ttext\tspeaker", "a.wav\tone", "b.wav\ttwo\tann\textra", "c.wav\tthree\tann")
    _, _, err = run_import("m.tsv", "data/x")
    assert "m.tsv:2: 2 fields, where the header has 3" in err and "m.tsv:3: 4 fields" in err and "2 fault(s)" in err


def test_unread_columns_may_be_there_twice_or_have_no_name(recordings, lines, run_import):
    lines("m.csv", "audio,x,text,x,,", "a.wav,1,one,2,3,4")
    status, out, err = run_import("m.csv", "data/x")
    assert status == 0, err
    assert "ignored: x, (without a name)\n" in out and words(read_table("data/x/text")) == {"a": "one"}


def test_a_column_that_columns_names_may_not_be_there_twice(recordings, lines, run_import):
    lines("m.csv", "audio,satz,satz", "a.wav,one,two")
    assert "two columns 'satz'" in run_import("m.csv", "data/x", "--columns", "text=satz")[2]


def test_json_over_several_lines_is_one_error_whose_remedy_works(recordings, folder, run_import):
    rows = {n: {"audio": f"{n}.wav", "text": f"word {n}"} for n in "abcd"}
    (folder / "m.json").write_text(json.dumps(rows, indent=4))
    status, _, err = run_import("m.json", "data/x")
    assert status == 1 and len(err.splitlines()) == 1 and "m.json: is one JSON value over several lines" in err
    assert "jq -c '.[]' m.json > lines.jsonl" in err
    # What jq -c '.[]' writes; it is no tool that tests can count on.
    (folder / "lines.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows.values()))
    assert run_import("lines.jsonl", "data/x")[0] == 0 and len(read_table("data/x/text")) == 4


def test_many_faults_of_one_kind_are_a_few_lines_and_a_count(speak, lines, run_import):
    speak("a.wav", "b.wav")
    lines("m.csv", "audio,text,start,end", *(f"a.wav,,{n},{n + 1}" for n in range(300)), "gone.wav,x,,", "b.wav,y,,")
    _, _, err = run_import("m.csv", "data/x")
    assert "301 fault(s)" in err and len(err.splitlines()) == 14
    assert "m.csv:302: missing audio" in err and "(and 290 more: empty transcript)" in err


def test_paths_are_understood_as_other_programs_write_them(speak, lines, run_import, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    speak("clips/a b.wav", "clips/c.wav", "clips/d.wav", "clips/e%20f.wav", "clips/g\\h.wav")
    written = [
        f"file://{tmp_path}/clips/a%20b.wav",
        "~/clips/c.wav",
        "clips\\d.wav",
        "clips/e%20f.wav",
        "clips/g\\h.wav",
    ]
    lines("m.tsv", "id\taudio\ttext", *(f"u{n}\t{audio}\tword" for n, audio in enumerate(written)))
    assert run_import("m.tsv", "data/x")[0] == 0
    found = [
        Path(value.split("'")[1] if "'" in value else value).name for value in read_table("data/x/wav.scp").values()
    ]
    assert [name.replace("\\\\", "\\") for name in found] == ["a b.wav", "c.wav", "d.wav", "e%20f.wav", "g\\h.wav"]


def test_addresses_are_no_files(speak, lines, run_import):
    speak("a.wav")
    addresses = ["https://example.org/a.wav", "s3://bucket/a.wav", "gs://bucket/a.wav"]
    lines("m.csv", "audio,text", "a.wav,word", *(f"{address},word" for address in addresses))
    status, _, err = run_import("m.csv", "data/x")
    assert status == 1 and "3 fault(s)" in err
    assert "m.csv:4: s3://bucket/a.wav is an address, not a file; fetch it and give its path" in err


def test_audio_that_is_missing_altogether_is_one_fault_whose_remedy_works(speak, lines, run_import):
    names = [f"{n}.wav" for n in range(50)]
    speak(*(f"clips/{name}" for name in names))
    lines("m.csv", "audio,text", *(f"{name},word" for name in names))
    status, _, err = run_import("m.csv", "data/x")
    assert status == 1 and "1 fault(s)" in err and "m.csv:2: missing audio" in err and "--audio-dir DIR" in err
    assert run_import("m.csv", "data/x", "--audio-dir", "clips")[0] == 0


@pytest.mark.parametrize("split", [[], ["--split"]], ids=["set", "split"])
def test_skip_bad_where_all_rows_are_bad_names_them(recordings, lines, run_import, split):
    lines("m.csv", "audio,text", "a.wav,", "b.wav,?!", "c.wav, ")
    for options in (["data/x", *split], ["--measure", "none"]):
        status, _, err = run_import("m.csv", *options, "--skip-bad")
        assert status == 1 and "no usable utterance: nothing is left without the 3 faulty row(s)" in err
        assert "m.csv:3: the transcript has neither letter nor digit" in err


@pytest.mark.parametrize("ending", ["tsv", "csv", "jsonl"])
def test_a_header_without_rows_is_one_error(lines, run_import, ending):
    lines(f"m.{ending}", {"tsv": "audio\ttext", "csv": "audio,text", "jsonl": ""}[ending])
    for options in (["data/x"], ["--split", "data"], ["--measure", "none"]):
        status, _, err = run_import(f"m.{ending}", *options)
        assert status == 1 and ("no usable utterance: there are no rows" in err or "is empty" in err)


def test_only_the_asked_languages_are_taken_and_the_others_counted(recordings, lines, run_import):
    lines("m.tsv", "audio\ttext\tlang", "a.wav\tone\ten", "b.wav\tzwei\tde", "c.wav\ttrois\tfr", "d.wav\tfour\ten")
    status, out, err = run_import("m.tsv", "data/x", "--langs", "en de")
    assert status == 0, err
    assert set(read_table("data/x/utt2lang").values()) == {"en", "de"}
    assert "of a language that --langs does not name  1" in out
