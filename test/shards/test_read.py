"""Sets in shards, on a disk and at a URL: the set that was written; what is missing, damaged or changed is named."""

import pickle

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from torch.utils.data import DataLoader

from jstasr.data.batches import steps_of_process
from jstasr.data.collate import collate
from jstasr.data.refusals import Refusals
from jstasr.errors import JstasrError
from jstasr.experiment.config import TrainConfig
from jstasr.experiment.data_record import PAIRED, changes, describe
from jstasr.features.on_the_fly import open_features
from jstasr.shards import store as store_module
from jstasr.shards.index import local_folder, read_index
from jstasr.shards.reader import LostShard
from jstasr.shards.store import Store
from jstasr.train.loader import Steps, step_sampler

URL = "memory://bucket/train"
OUTSIDE = b'{"version": 1, "shards": [], "dimensions": 20, "tables": {"../text": ""}, "summary": {}}'
PLACES = ["folder", "url"]


@pytest.fixture
def written(sharded, memory):
    """f(place) -> the local folder of the index of shards in a folder or at a URL."""

    def write(place):
        assert sharded.write(outdir=sharded.folder if place == "folder" else URL) == 0
        return local_folder(str(sharded.folder) if place == "folder" else URL)

    return write


def place_of_shards(sharded, place):
    return str(sharded.folder) if place == "folder" else URL


@pytest.mark.parametrize("place", PLACES)
def test_the_set_is_the_one_that_was_written(sharded, written, place):
    data, source = sharded.speech(written(place)), sharded.speech(sharded.source)
    assert list(data.ids) == list(source.ids) and list(data.texts) == list(source.texts)
    for index in range(40):
        np.testing.assert_array_equal(data.features(index), source.features(index))
        np.testing.assert_array_equal(data.labels[index], source.labels[index])
        np.testing.assert_array_equal(data.phones[index], source.phones[index])
    assert not changes({PAIRED: describe(source)}, {PAIRED: describe(data)})  # a training may go on from the other
    assert describe(source) == describe(data)


@pytest.mark.parametrize("place", PLACES)
def test_a_batch_is_the_one_of_the_set_on_disk(sharded, written, place):
    data, source = sharded.speech(written(place)), sharded.speech(sharded.source)
    found, expected = (collate(one, [7, 3, 39, 3], None, []) for one in (data, source))
    assert found.utt_ids == expected.utt_ids and found.speech.equal(expected.speech)
    assert pickle.loads(pickle.dumps(data)).features(5).tobytes() == source.features(5).tobytes()


def test_decoding_from_a_url_gives_what_the_set_on_disk_gives(jstasr, experiment, sharded, written, tmp_path):
    written("url")
    for place, name in ((URL, "url"), (sharded.source, "disk")):
        options = ["--expdir", experiment, "--data-dir", place, "--outdir", tmp_path / name, "--mode", "full"]
        done = jstasr("decode", *options)
        assert done.returncode == 0, done.stderr
    texts = [(tmp_path / name / "full/logdir/text.1").read_text() for name in ("url", "disk")]
    assert texts[0] == texts[1] and len(set(texts[0].splitlines())) == 40


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("ranks", range(1, 9))
def test_ranks_and_their_workers_read_every_utterance_once(sharded, written, ranks, workers):
    """Also where the connection was used before the workers were forked."""
    data = sharded.speech(written("url"))
    data.features(0)
    config = TrainConfig(seed=3)
    config.data.batch_frames, config.data.window_shards, config.data.join.share = 250, 4, 0.0
    count = len(step_sampler(config, data, None, None).epoch_batches(0))
    assert count >= 16
    held = []
    for rank in range(ranks):
        steps = steps_of_process(iter(step_sampler(config, data, None, None)), rank, ranks)
        loader = DataLoader(Steps(data, None), sampler=steps, batch_size=None, num_workers=workers)
        for epoch, _, batch in loader:
            if epoch > 0:
                break
            held += batch.utt_ids
    assert sorted(held) == sorted(data.ids)


@pytest.mark.parametrize("place", PLACES)
def test_a_missing_shard_is_named_with_the_remedy(sharded, written, place):
    folder = written(place)
    data, store = sharded.speech(folder), fsspec.core.url_to_fs(place_of_shards(sharded, place))[0]
    path = fsspec.core.url_to_fs(f"{place_of_shards(sharded, place)}/shard-000002.tar")[1]
    store.rm(path)
    lost = [index for index in range(40) if fails(data, index)]
    assert len(lost) == read_index(folder).shards[2].utterances
    with pytest.raises(LostShard, match=r"shard-000002\.tar: no such shard; it holds train-0.*data\.max_lost_shards=N"):
        data.features(lost[0])
    refusals = Refusals()
    data.check_shards(refusals)
    with pytest.raises(JstasrError, match=r"missing or cut short \(1\): shard-000002\.tar"):
        refusals.raise_all()


@pytest.mark.parametrize("damage, words", [("flipped", "damaged: another checksum"), ("cut", "cut short")])
@pytest.mark.parametrize("place", PLACES)
def test_a_damaged_shard_is_named(sharded, written, place, damage, words):
    data = sharded.speech(written(place))
    _, _, entry = data.reader.table.line(0)[1].partition("shard-")
    name = f"shard-{entry.split()[0]}"
    store, path = fsspec.core.url_to_fs(f"{place_of_shards(sharded, place)}/{name}")
    content = bytearray(store.cat_file(path))
    offset = int(entry.split()[1])
    if damage == "cut":
        del content[offset + 100 :]
    else:
        content[offset + 200] ^= 1
    store.pipe_file(path, bytes(content))
    with pytest.raises(LostShard, match=rf"{name}: is {words}.* at train-000\. Copy or write it again"):
        data.features(0)


def fails(data, index):
    try:
        data.features(index)
    except LostShard:
        return True
    return False


def test_utterances_of_lost_shards_are_left_out_on_request(sharded, written, memory):
    data = sharded.speech(written("url"))
    memory.rm("/bucket/train/shard-000001.tar")
    lost = [index for index in range(40) if fails(data, index)]
    kept = [index for index in range(40) if index not in lost][:3]
    with pytest.raises(LostShard):
        collate(data, [*lost[:2], *kept], None, [], skip=True)
    batch = collate(data, [*lost[:2], *kept], None, [], skip=True, skip_lost=True)
    assert batch.utt_ids == [data.ids[index] for index in kept]
    assert len(batch.lost) == 2 and all(line.startswith(f"{URL}/shard-000001.tar: ") for line in batch.lost)


def test_the_copy_of_an_index_has_the_tables_and_no_shard(sharded, written, tmp_path):
    folder = written("url")
    assert folder.is_relative_to(tmp_path / "cache")
    assert not list(folder.glob("*.tar")) and (folder / "text").exists()
    assert local_folder(f"{URL}/shards.json") == local_folder(f"{URL}/") == folder


def test_shards_that_were_written_again_have_another_copy(sharded, written):
    folder = written("url")
    (sharded.source / "text").write_text((sharded.source / "text").read_text().replace("\n", " a\n"))
    assert sharded.write(outdir=URL) == 0
    again = local_folder(URL)
    assert again != folder and (again / "text").read_text() == (sharded.source / "text").read_text()


def test_a_table_that_is_damaged_or_missing_is_named(sharded, memory):
    assert sharded.write(outdir=URL) == 0
    memory.pipe_file("/bucket/train/phones", b"x y\n")
    with pytest.raises(JstasrError, match=rf"{URL}/phones: its checksum is not that in shards\.json"):
        local_folder(URL)
    memory.rm("/bucket/train/phones")
    with pytest.raises(JstasrError, match=rf"{URL}/phones: no such file"):
        local_folder(URL)
    memory.rm("/bucket/train/shards.json")
    with pytest.raises(JstasrError, match=rf"{URL}/shards\.json: no such file\. Give the URL"):
        local_folder(URL)


@pytest.mark.parametrize(
    "content, words",
    [
        (b"{", "damaged"),
        (b"[]", "damaged"),
        (b'{"version": 1}', "damaged"),
        (OUTSIDE, "damaged"),
        (None, "of version 99"),
    ],
)
def test_an_index_that_cannot_be_read_is_named(sharded, content, words):
    assert sharded.write() == 0
    path = sharded.folder / "shards.json"
    path.write_bytes(path.read_bytes().replace(b'"version": 1', b'"version": 99') if content is None else content)
    with pytest.raises(JstasrError, match=rf"shards\.json: {words}.*Write the shards again"):
        open_features(sharded.folder)
        read_index(sharded.folder)


def test_features_of_another_size_than_the_models_are_refused(sharded):
    assert sharded.write() == 0
    data = sharded.speech(sharded.folder)
    data.check(sharded.toy.dim)
    with pytest.raises(JstasrError, match=r"features have 20 dimensions and the model's num_mel_bins is 80"):
        data.check(80)


def test_a_set_that_is_not_in_shards_has_no_windows(sharded):
    with pytest.raises(JstasrError, match=r"data\.window_shards: .* is not in shards"):
        sharded.speech(sharded.source).shard_numbers()


class Flaky(MemoryFileSystem):
    """memory:// whose first reads of each file fail as those of a network do."""

    protocol = "flaky"
    failures, seen = 2, {}

    def cat_file(self, path, **options):
        self.seen[path] = self.seen.get(path, 0) + 1
        if self.seen[path] <= self.failures:
            raise ConnectionError("connection reset")
        return super().cat_file(path.removeprefix("flaky:/"), **options)


@pytest.mark.parametrize("failures, read", [(2, True), (3, False)])
def test_a_read_that_fails_is_tried_three_times(memory, monkeypatch, failures, read):
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    monkeypatch.setattr(store_module, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(Flaky, "failures", failures)
    monkeypatch.setattr(Flaky, "seen", {})
    memory.pipe_file("/bucket/a", b"content")
    if read:
        assert Store("flaky://bucket").read("a", 3, 5) == b"te"
    else:
        with pytest.raises(JstasrError, match=r"flaky://bucket/a: cannot be read \(ConnectionError: connection reset"):
            Store("flaky://bucket").read("a")


def test_urls_that_nothing_opens_are_named():
    with pytest.raises(JstasrError, match="nosuch://bucket: no URL that fsspec opens"):
        Store("nosuch://bucket").read("a")
