"""egs/fsdd: the download, and who speaks in which set. The corpus is a made one of the official layout."""

import io
import itertools
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr.kaldi.tables import read_table

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
DIGITS = "zero one two three four five six seven eight nine".split()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A tar.gz as the public source gives it: one top folder, recordings/ in it."""
    folder = tmp_path_factory.mktemp("fsdd")
    noise = np.random.default_rng(1).integers(-9999, 9999, 800, dtype=np.int16)
    soundfile.write(folder / "noise.wav", noise, 8000, subtype="PCM_16")
    sound = (folder / "noise.wav").read_bytes()
    with tarfile.open(folder / "master.tar.gz", "w:gz", compresslevel=1) as tar:
        for speaker, digit, take in itertools.product(SPEAKERS, range(10), range(50)):
            name = f"free-spoken-digit-dataset-master/recordings/{digit}_{speaker}_{take}.wav"
            entry = tarfile.TarInfo(name)
            entry.size = len(sound)
            tar.addfile(entry, io.BytesIO(sound))
    return folder / "master.tar.gz"


def make(fsdd, *options, **environment):
    result = fsdd.run("local/data.sh", "--n_joined", 20, "--n_text", 30, *options, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


def table(fsdd, part, name):
    return read_table(fsdd.folder / "data" / part / name)


def test_from_archive_to_data_dirs(fsdd, archive):
    make(fsdd, "--data_url", archive.as_uri())
    assert [path.name for path in (fsdd.folder / "downloads").iterdir()] == ["free-spoken-digit-dataset"]
    for part, size in {"train": 2020, "dev": 500, "test": 500}.items():
        result = fsdd.run("utils/validate_data_dir.sh", "--no-feats", fsdd.folder / "data" / part)
        assert result.returncode == 0, result.stderr
        assert len(table(fsdd, part, "text")) == size

    # No speaker is in two sets.
    heard = [set(table(fsdd, part, "utt2spk").values()) for part in ("train", "dev", "test")]
    assert sorted(speaker for part in heard for speaker in part) == sorted(SPEAKERS)

    # A recording's word is the digit of its file name; test has the recordings as they are.
    wav_scp, text = table(fsdd, "test", "wav.scp"), table(fsdd, "test", "text")
    assert all(text[name] == DIGITS[int(Path(path).name[0])] for name, path in wav_scp.items())

    # A joined utterance is as long as its words and the pauses between them.
    joined = {name: path for name, path in table(fsdd, "train", "wav.scp").items() if "-joined-" in name}
    words = table(fsdd, "train", "text")
    assert len(joined) == 20
    for name, path in joined.items():
        count = len(words[name].split())
        assert 2 <= count <= 5
        spoken, pauses = 0.1 * count, count - 1
        assert spoken + 0.019 * pauses < soundfile.info(fsdd.folder / path).duration < spoken + 0.2 * pauses

    strings = table(fsdd, "train_text", "text").values()
    assert len(strings) == 30
    assert {word for string in strings for word in string.split()} <= set(DIGITS)
    assert {len(string.split()) for string in strings} <= set(range(1, 8))


def test_a_second_run_does_nothing_and_needs_no_source(fsdd, archive):
    make(fsdd, "--data_url", archive.as_uri())
    assert "nothing to do" in make(fsdd, "--data_url", "file:///nowhere.tar.gz")


def test_a_store_of_corpora_is_used_as_it_is(fsdd, archive, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    subprocess.run(["tar", "-xf", archive, "-C", store], check=True)
    (store / "free-spoken-digit-dataset-master").rename(store / "free-spoken-digit-dataset")
    make(fsdd, JSTASR_CORPORA=str(store), FSDD_URL="file:///nowhere")
    assert table(fsdd, "test", "wav.scp")["yweweler-3-07"].startswith(str(store))
    assert not (fsdd.folder / "downloads").exists()

    (store / "free-spoken-digit-dataset/recordings/4_theo_2.wav").unlink()
    result = fsdd.run("local/data.sh", JSTASR_CORPORA=str(store))
    assert result.returncode == 1
    assert "lacks 4_theo_2.wav" in result.stderr


def test_half_an_archive_is_refused_and_is_in_nobodys_way(fsdd, archive, tmp_path):
    half = tmp_path / "half.tar.gz"
    half.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    result = fsdd.run("local/data.sh", "--data_url", half.as_uri())
    assert result.returncode == 1
    assert "no whole archive" in result.stderr
    assert list((fsdd.folder / "downloads/free-spoken-digit-dataset").iterdir()) == []
    make(fsdd, "--data_url", archive.as_uri())


def test_another_archive_is_refused(fsdd, tmp_path):
    other = tmp_path / "other.tar.gz"
    with tarfile.open(other, "w:gz") as tar:
        tar.add(__file__, "something/README")
    result = fsdd.run("local/data.sh", "--data_url", other.as_uri())
    assert result.returncode == 1
    assert "has no */recordings, but something" in result.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x.tar.gz", "file:///nowhere/x.tar.gz", "nonsense"])
def test_a_source_that_cannot_be_reached_is_one_sentence(fsdd, url):
    result = fsdd.run("local/data.sh", "--data_url", url)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1, result.stderr
    assert f"cannot download {url}" in result.stderr
