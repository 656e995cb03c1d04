"""Training from shards, on a disk and at a URL: the same bits as from the features that they were written from."""

import fsspec
import pytest
import torch

from jstasr.cli import main
from jstasr.data.speech_set import SpeechSet
from jstasr.errors import JstasrError
from jstasr.shards.index import local_folder

URL = "memory://bucket/train"


def same(one, two):
    return [name for name in one if not torch.equal(one[name], two[name])] == []


class Sharded:
    """The training set of `training` in about four shards."""

    def __init__(self, training):
        self.training, self.source = training, training.toy.folder / "fbank/train"

    def write(self, place) -> int:
        return main(["shards", "--data-dir", str(self.source), "--outdir", str(place), "--shard-mb", "0.01"])

    def speech(self, place):
        assert self.write(place) == 0
        return SpeechSet(local_folder(str(place)), *self.training.toy.lists())


@pytest.fixture
def sharded(training, monkeypatch, tmp_path):
    monkeypatch.setenv("JSTASR_CACHE", str(tmp_path / "cache"))
    fsspec.filesystem("memory").store.clear()
    yield Sharded(training)
    fsspec.filesystem("memory").store.clear()


@pytest.mark.parametrize("workers", [0, 1])
def test_shards_at_a_url_train_to_the_same_bits_as_a_folder(training, sharded, workers):
    config = training.config(steps=8, interval=4, dropout=0.1)
    config.data.num_workers = workers
    whole = training.run(config, "folder")
    assert same(training.run(config, "shards", speech=sharded.speech(URL)), whole)
    assert training.losses("shards") == training.losses("folder")


@pytest.mark.parametrize("window", [0, 2])
def test_a_resumed_run_from_shards_ends_with_the_same_bits(training, sharded, window):
    """Step 5 lies inside an epoch, and with windows inside one of them."""
    speech = sharded.speech(URL)
    config = training.config(steps=12, interval=5, dropout=0.1)
    config.data.num_workers, config.data.window_shards = 1, window
    whole = training.run(config, "whole", speech=speech)
    half = training.run(config, "parts", stop=5, speech=speech)
    assert not same(half, whole)
    assert same(training.run(config, "parts", speech=speech), whole)
    assert training.losses("parts") == training.losses("whole")


def test_a_lost_shard_ends_the_run_with_its_name(training, sharded):
    speech = sharded.speech(URL)
    fsspec.filesystem("memory").rm("/bucket/train/shard-000001.tar")
    with pytest.raises(JstasrError, match=rf"^{URL}/shard-000001\.tar: no such shard.*data\.max_lost_shards=N"):
        training.run(training.config(steps=8, interval=8), "exp", speech=speech)


def test_lost_shards_are_left_out_on_request_and_counted(training, sharded):
    config = training.config(steps=8, interval=8)
    config.data.max_lost_shards = 1
    speech, store = sharded.speech(URL), fsspec.filesystem("memory")
    store.rm("/bucket/train/shard-000001.tar")
    first = training.run(config, "exp", speech=speech)
    log = training.log("exp")
    assert log.count("skipped shard") == 1
    assert f"skipped shard 1 (of at most 1): {URL}/shard-000001.tar: no such shard" in log
    training.run(config, "parts", stop=None, speech=speech)
    assert same(training.weights("parts"), first)
    store.rm("/bucket/train/shard-000002.tar")
    with pytest.raises(JstasrError, match=r"2 shards are missing or damaged, more than data\.max_lost_shards \(1\)"):
        training.run(config, "more", speech=speech)


def command(training, name, place, *options):
    """The exit code of `jstasr train` on the shards at a place, 4 steps."""
    return main(training.words(training.config(steps=4, interval=2), name, "--train-dir", str(place), *options)[3:])


def test_the_command_trains_from_a_url_and_goes_on_from_a_folder(training, sharded):
    assert sharded.write(URL) == 0
    assert command(training, "url", URL) == 0
    assert command(training, "folder", sharded.source) == 0
    assert training.losses("url") == training.losses("folder")
    assert command(training, "url", sharded.source) == 0
    assert "nothing to do: 4 steps are done" in training.log("url")


def test_the_command_names_lost_shards_before_the_first_step(training, sharded, capsys):
    assert sharded.write(URL) == 0
    store = fsspec.filesystem("memory")
    store.rm("/bucket/train/shard-000000.tar")
    store.pipe_file("/bucket/train/shard-000001.tar", b"")
    assert command(training, "exp", URL) == 1
    said = capsys.readouterr().err
    assert "shards that are missing or cut short (2): shard-000000.tar, shard-000001.tar" in said and URL in said
    assert "data.max_lost_shards=N goes on" in said
    assert command(training, "exp", URL, "--set", "data.max_lost_shards=2") == 0
    assert training.log("exp").count("skipped shard") == 2
