"""Streamed Hugging Face data sets, against the import of the same files without streaming."""

import io
import json
import os
import subprocess
import sys
import tarfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import soundfile

from jstasr.kaldi.tables import read_table

datasets = pytest.importorskip("datasets")
TABLES = ("text", "utt2spk", "utt2lang", "spk2utt")
STREAM = ("--format", "hf-stream")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """The folder in which datasets would keep copies, empty."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(folder))
    monkeypatch.setattr(datasets.config, "DOWNLOADED_DATASETS_PATH", str(folder / "downloads"))
    return folder


def flac(number):
    """A recording of half a second."""
    file = io.BytesIO()
    noise = np.random.default_rng(number).integers(-3000, 3000, 8000, dtype=np.int16)
    soundfile.write(file, noise, 16000, format="FLAC")
    return file.getvalue()


def write_parquet(folder, rows=3, **columns):
    """hf/data/{train,test}-00000-of-00001.parquet as datasets writes them; audio of equal names in both."""
    for part, first in (("train", 0), ("test", rows)):
        own = {
            "audio": [{"bytes": flac(first + n), "path": f"{n}.flac"} for n in range(rows)],
            "sentence": [f"{part} sentence {n}" for n in range(rows)],
            "speaker": [f"s{n % 2}" for n in range(rows)],
            "lang_id": [n % 2 for n in range(rows)],
        }
        kinds = {
            "audio": datasets.Audio(),
            "sentence": datasets.Value("string"),
            "speaker": datasets.Value("string"),
            "lang_id": datasets.ClassLabel(names=["br", "dv"]),
        }
        path = folder / f"hf/data/{part}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = datasets.Features(kinds).arrow_schema
        pyarrow.parquet.write_table(pyarrow.table({**own, **columns}, schema=schema), path)


def write_tars(folder):
    """wds/train-000000.tar and train-000001.tar, each with three samples of the same keys."""
    (folder / "wds").mkdir()
    for shard in range(2):
        with tarfile.open(folder / f"wds/train-{shard:06d}.tar", "w") as tar:
            for n in range(3):
                known = {"speaker": f"s{n}"} if shard else {}  # a key that the first samples lack
                said = json.dumps({"lang": "br", **known}).encode()
                for ending, content in (("flac", flac(3 * shard + n)), ("txt", b"word %d" % n), ("json", said)):
                    member = tarfile.TarInfo(f"{n}.{ending}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))


def content(folder):
    """The tables of a data directory, and the bytes of each recording."""
    tables = {name: read_table(f"{folder}/{name}") for name in TABLES}
    wavs = read_table(f"{folder}/wav.scp")
    return tables, {key: open(path, "rb").read() for key, path in wavs.items()}


@pytest.mark.parametrize(("write", "source", "count"), [(write_parquet, "hf", 6), (write_tars, "wds", 6)])
def test_it_is_what_the_import_without_streaming_makes(folder, run_import, cache, write, source, count):
    write(folder)
    assert run_import(source, "data/whole")[0] == 0
    status, _, err = run_import(*STREAM, source, "data/streamed")
    assert status == 0, err
    assert content("data/streamed") == content("data/whole")
    stored = content("data/streamed")[1].values()
    assert sorted(stored) == sorted(map(flac, range(count)))  # as they are, each once
    assert not list(cache.rglob("*"))


def test_the_splits_are_the_sets(folder, run_import):
    write_parquet(folder)
    columns = ("--ignore", "speaker", "--dev-share", "0.4")
    assert run_import("--split", *columns, *STREAM, "hf", "data")[0] == 0
    assert sorted(read_table("data/test/text").values()) == [f"test sentence {n}" for n in range(3)]


def test_one_split_alone(folder, run_import):
    write_parquet(folder)
    assert run_import(*STREAM, "--tables", "test", "hf", "data/x")[0] == 0
    assert sorted(read_table("data/x/text").values()) == [f"test sentence {n}" for n in range(3)]
    status, _, err = run_import(*STREAM, "--tables", "dev", "hf", "data/y")
    assert status == 1 and "hf: no split dev for --tables; it has train test" in err


def test_a_limit_reads_no_further(folder, run_import):
    write_tars(folder)
    (folder / "wds/train-000001.tar").write_bytes(b"no tar file" * 100)
    status, _, err = run_import(*STREAM, "wds", "data/x")
    assert status == 1 and "train-000001.tar: cannot be read" in err and "get the file again" in err
    status, _, err = run_import(*STREAM, "--limit", "2", "wds", "data/x")
    assert status == 0, err
    assert list(read_table("data/x/text").values()) == ["word 0", "word 1"]
    status, _, err = run_import("--limit", "2", "wds", "data/x")
    assert status == 1 and "--limit goes with --format hf-stream" in err


def test_a_tar_file_cut_short_between_two_samples_is_named(folder, run_import):
    write_tars(folder)
    path = folder / "wds/train-000001.tar"
    with tarfile.open(path) as tar:
        second = tar.getmembers()[3].offset
    path.write_bytes(path.read_bytes()[:second])
    status, _, err = run_import(*STREAM, "wds", "data/x")
    assert status == 1 and "train-000001.tar: is cut short" in err


def test_a_folder_with_the_name_of_a_reader_is_a_folder(folder, run_import):
    write_parquet(folder)
    (folder / "hf").rename(folder / "parquet")
    (folder / "other.parquet").write_bytes(b"no")
    assert run_import(*STREAM, "parquet", "data/x")[0] == 0
    status, _, err = run_import(*STREAM, "webdataset", "data/x")
    assert status == 1 and "webdataset: neither a folder nor OWNER/NAME" in err


def test_a_row_without_bytes_is_named(folder, run_import):
    audio = [{"bytes": flac(n) if n != 1 else None, "path": f"{n}.flac"} for n in range(3)]
    write_parquet(folder, audio=audio)
    status, _, err = run_import(*STREAM, "hf", "data/x")
    assert status == 1 and "2 fault(s)" in err
    assert "data/train-00000-of-00001.parquet: row 2: no audio bytes in audio; download the data set" in err
    assert run_import(*STREAM, "--skip-bad", "hf", "data/x")[0] == 0
    assert len(read_table("data/x/text")) == 4


def test_a_damaged_file_is_named(folder, run_import):
    write_parquet(folder)
    path = folder / "hf/data/test-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    status, _, err = run_import(*STREAM, "hf", "data/x")
    assert status == 1 and "Traceback" not in err
    assert "test-00000-of-00001.parquet: cannot be read" in err


def test_without_a_network_the_remedy_is_told(folder):
    result = subprocess.run(
        [sys.executable, "-m", "jstasr", "import", *STREAM, "someone/speech:br", "data/x"],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "someone/speech:br: the Hub cannot be reached" in result.stderr
    assert "connect to the network" in result.stderr


def test_without_datasets_the_remedy_is_told(folder, run_import, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    status, _, err = run_import(*STREAM, "hf", "data/x")
    assert status == 1 and "pip install '.[hf-stream]'" in err
