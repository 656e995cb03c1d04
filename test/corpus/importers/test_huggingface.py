"""Hugging Face data sets on disk, as `save_to_disk` and Parquet files lay them out."""

import builtins
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
import soundfile

from jstasr.kaldi.tables import read_table

AUDIO = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
TEXTS = ["one", "two", "three"]


def table(speak, folder, inside, **columns):
    """A table of three recordings, whose audio is inside or a path."""
    names = [f"{n}.wav" for n in range(3)]
    speak(*(f"src/{name}" for name in names))
    audio = [
        {
            "bytes": (folder / "src" / name).read_bytes() if inside else None,
            "path": name if inside else f"../src/{name}",
        }
        for name in names
    ]
    features = {"lang_id": {"names": ["br", "dv"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pyarrow.table(
        {"audio": pyarrow.array(audio, AUDIO), "sentence": TEXTS, "lang_id": [1, 1, 0], **columns}
    ).replace_schema_metadata(metadata)


def save_to_disk(data, folder):
    """As datasets.Dataset.save_to_disk: an Arrow stream and two JSON files."""
    folder.mkdir(parents=True)
    with pyarrow.ipc.new_stream(folder / "data-00000-of-00001.arrow", data.schema) as writer:
        writer.write_table(data)
    (folder / "dataset_info.json").write_text("{}")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))


@pytest.mark.parametrize("inside", [True, False])
def test_an_arrow_folder(speak, folder, run_import, inside):
    save_to_disk(table(speak, folder, inside), folder / "hf")
    status, out, err = run_import("hf", "data/x")
    assert status == 0, err
    assert list(read_table("data/x/text").values()) == TEXTS
    assert list(read_table("data/x/utt2lang").values()) == ["dv", "dv", "br"]
    wavs = list(read_table("data/x/wav.scp").values())
    assert [soundfile.info(path).duration for path in wavs] == [0.5] * 3
    assert all(("data/x/audio" in path) == inside for path in wavs)


@pytest.mark.parametrize("inside", [True, False])
def test_measuring_writes_no_audio(speak, folder, run_import, inside):
    save_to_disk(table(speak, folder, inside), folder / "hf")
    before = sorted(folder.rglob("*"))
    status, out, err = run_import("--measure", "hf", "none")
    assert status == 0, err
    assert out.startswith("utterances=3 seconds=2 speakers=3") and out.strip().endswith("langs=br,dv")
    assert sorted(folder.rglob("*")) == before


def test_values_that_are_no_text_are_told_by_row(speak, folder, run_import):
    data = table(speak, folder, True)
    column = data.column_names.index("sentence")
    save_to_disk(data.set_column(column, "sentence", pyarrow.array([["a"], ["b"], None])), folder / "hf")
    _, _, err = run_import("hf", "data/x")
    assert "3 fault(s)" in err and "row 1: sentence is ['a'], not a transcript" in err
    assert "row 3: sentence is null: no transcript" in err


def test_stored_bytes_that_are_no_audio_are_told(speak, folder, run_import):
    data = table(speak, folder, True)
    audio = [{"bytes": b"<html>", "path": "0.mp3"}, *data.column("audio").to_pylist()[1:]]
    save_to_disk(data.set_column(0, "audio", pyarrow.array(audio, AUDIO)), folder / "hf")
    for options in (["data/x"], ["--measure", "none"]):
        status, _, err = run_import("hf", *options)
        assert status == 1 and "arrow: row 1: cannot be read as audio" in err and "1 fault(s)" in err


def test_the_folders_of_a_dataset_dict_are_its_split(speak, folder, run_import):
    data = table(speak, folder, True)
    for number, part in enumerate(("train", "validation", "test")):
        save_to_disk(data.slice(number, 1), folder / "hf" / part)
    (folder / "hf/dataset_dict.json").write_text('{"splits": ["train", "validation", "test"]}')
    status, out, err = run_import("--split", "hf", "data")
    assert status == 0, err
    assert [list(read_table(f"data/{name}/text").values()) for name in ("train", "dev", "test")] == [[t] for t in TEXTS]
    assert soundfile.info(next(iter(read_table("data/test/wav.scp").values()))).duration == 0.5


def test_audio_of_equal_names_in_two_splits_is_kept_apart(speak, folder, run_import):
    data = table(speak, folder, True)
    stored = [(folder / f"src/{n}.wav").read_bytes() for n in range(2)]
    for part, content in zip(("train", "test"), stored, strict=True):
        audio = pyarrow.array([{"bytes": content, "path": "same.wav"}], AUDIO)
        save_to_disk(data.slice(0, 1).set_column(0, "audio", audio), folder / "hf" / part)
    assert run_import("hf", "data/x")[0] == 0
    assert {Path(path).read_bytes() for path in read_table("data/x/wav.scp").values()} == set(stored)


def test_parquet_shards_tell_their_split(speak, folder, run_import):
    data = table(speak, folder, True)
    (folder / "hf/data").mkdir(parents=True)
    for number, part in enumerate(("train", "dev", "test")):
        pyarrow.parquet.write_table(data.slice(number, 1), folder / f"hf/data/{part}-00000-of-00001.parquet")
    assert run_import("--split", "hf", "data")[0] == 0
    assert list(read_table("data/dev/text").values()) == ["two"]


def test_faults_name_the_row_and_the_column(speak, folder, run_import):
    data = table(speak, folder, False, mood=["x"] * 3)
    save_to_disk(data, folder / "hf")
    (folder / "src/1.wav").unlink()
    _, _, err = run_import("hf", "data/x")
    assert "data-00000-of-00001.arrow: row 2: missing audio" in err


def test_a_damaged_file_is_named(folder, run_import):
    (folder / "x.parquet").write_bytes(b"PAR1 no")
    status, _, err = run_import("x.parquet", "data/x")
    assert status == 1 and "x.parquet: cannot be read as parquet" in err


def test_without_pyarrow_the_remedy_is_told(folder, run_import, monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest)

    (folder / "x.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr(builtins, "__import__", refuse)
    status, _, err = run_import("x.parquet", "data/x")
    assert status == 1 and "pip install" in err and "pyarrow" in err
