"""Shards in an object store: s3fs against moto's server."""

from urllib.request import Request, urlopen

import numpy as np
import pytest
from moto.server import ThreadedMotoServer
from torch.utils.data import DataLoader

from jstasr.errors import JstasrError
from jstasr.experiment.config import TrainConfig
from jstasr.shards import store as store_module
from jstasr.shards.index import local_folder
from jstasr.shards.reader import LostShard
from jstasr.shards.store import Store
from jstasr.train.loader import Steps, step_sampler

URL = "s3://corpora/toy/train"


@pytest.fixture
def bucket(monkeypatch, tmp_path):
    """An empty bucket of an S3 server on this machine."""
    import s3fs

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    reset = Request(f"http://{host}:{port}/moto-api/reset", method="POST")  # buckets of another test of this process
    urlopen(reset).close()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    monkeypatch.setenv("JSTASR_CACHE", str(tmp_path / "cache"))
    s3fs.S3FileSystem.clear_instance_cache()
    store = s3fs.S3FileSystem()
    store.mkdir("corpora")
    yield store
    server.stop()
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_set_in_a_bucket_is_read_by_workers_too(sharded, bucket):
    for job in "12":
        assert sharded.write("--job", job, "--num-jobs", "2", outdir=URL) == 0
    assert sharded.write("--merge", "--num-jobs", "2", outdir=URL) == 0
    data, source = sharded.speech(local_folder(URL)), sharded.speech(sharded.source)
    data.prefetch(range(40))
    for index in range(40):
        np.testing.assert_array_equal(data.features(index), source.features(index))
    config = TrainConfig()
    config.data.batch_frames, config.data.join.share = 1000, 0.0
    steps = step_sampler(config, data, None, None)
    loader = DataLoader(Steps(data, None), sampler=iter(steps), batch_size=None, num_workers=2)
    held = []
    for epoch, _, batch in loader:
        if epoch > 0:
            break
        held += batch.utt_ids
    assert sorted(held) == sorted(source.ids)


def test_lost_shards_and_a_bucket_that_is_not_there_are_named(sharded, bucket, monkeypatch, capsys):
    monkeypatch.setattr(store_module, "WAITS", ())
    assert sharded.write(outdir=URL) == 0
    data = sharded.speech(local_folder(URL))
    assert Store(URL).sizes()["shard-000000.tar"] == data.index.shards[0].size
    bucket.rm("corpora/toy/train/shard-000000.tar")
    with pytest.raises(JstasrError, match=rf"{URL}/shard-000000\.tar: no such shard"):
        for index in range(40):
            data.features(index)
    bucket.pipe_file("corpora/toy/train/shard-000001.tar", b"cut")
    with pytest.raises(LostShard, match=r"shard-000001\.tar: is cut short at train-0"):
        data.features(next(index for index in range(40) if "shard-000001" in data.reader.table.value(index)))
    with pytest.raises(JstasrError, match=r"s3://nowhere/train/shards\.json: no such file\. Give the URL"):
        local_folder("s3://nowhere/train")
    capsys.readouterr()
    assert sharded.write(outdir="s3://nowhere/train") == 1
    assert "s3://nowhere/train/shard-000000.tar: cannot be written" in capsys.readouterr().err
