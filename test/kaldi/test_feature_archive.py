"""Features by random access."""

import os
import pickle
from multiprocessing import get_context

import kaldiio
import numpy as np
import pytest

from jstasr.errors import JstasrError
from jstasr.kaldi.feature_archive import ArchivedFeatures


@pytest.fixture
def matrices():
    rng = np.random.default_rng(0)
    return {f"u{n}": rng.normal(size=(5 + n, 4)).astype(np.float32) for n in range(20)}


@pytest.fixture
def scp(tmp_path, monkeypatch, matrices):
    monkeypatch.chdir(tmp_path)
    kaldiio.save_ark("f.ark", matrices, scp="f.scp")
    return "f.scp"


def test_matrices_come_back_in_any_order(scp, matrices):
    reader = ArchivedFeatures(scp)
    assert len(reader) == 20 and "u3" in reader and list(reader) == list(matrices)
    for utterance in reversed(list(matrices)):
        np.testing.assert_array_equal(reader[utterance], matrices[utterance])


def test_a_pickled_reader_reads(scp, matrices):
    reader = ArchivedFeatures(scp)
    _ = reader["u0"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader))["u5"], matrices["u5"])


def _read_often(reader, expected, queue):
    queue.put(all(np.array_equal(reader[u], m) for _ in range(50) for u, m in expected.items()))


def test_forked_processes_do_not_share_file_positions(scp, matrices):
    reader, context = ArchivedFeatures(scp), get_context("fork")
    _ = reader["u0"]  # the parent's handle is open before the fork
    queue = context.Queue()
    workers = [context.Process(target=_read_often, args=(reader, matrices, queue)) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert all(queue.get(timeout=30) for _ in workers)
    for worker in workers:
        worker.join()


def test_faults_name_the_utterance(scp, matrices):
    bad = {"nan": np.full((3, 4), np.nan), "zero": np.zeros((3, 4)), "vector": np.ones(3)}
    kaldiio.save_ark("bad.ark", {k: v.astype(np.float32) for k, v in bad.items()}, scp="bad.scp")
    reader = ArchivedFeatures("bad.scp")
    words_of = {"nan": "NaN", "zero": "all zero", "vector": r"\(T, D\)", "none": "no features"}
    for utterance, words in words_of.items():
        with pytest.raises(JstasrError, match=words) as error:
            _ = reader[utterance]
        assert utterance in str(error.value)


@pytest.mark.parametrize("keep", [0.5, 0.9, 0.999])
def test_an_archive_cut_short_is_detected(scp, matrices, keep):
    os.truncate("f.ark", int(os.path.getsize("f.ark") * keep))
    with pytest.raises(JstasrError, match="u19.*cut short or damaged"):
        _ = ArchivedFeatures(scp)["u19"]


def test_a_missing_archive_says_from_where_it_was_sought(scp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(JstasrError, match="u1: no archive f.ark.*recipe's folder"):
        _ = ArchivedFeatures(tmp_path / scp)["u1"]
