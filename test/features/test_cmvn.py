"""Mean and variance statistics."""

import kaldiio
import numpy as np
import pytest

from jstasr.errors import JstasrError
from jstasr.features.cmvn import MIN_STD, CmvnStats, load_cmvn


def test_statistics_are_those_of_numpy_whatever_the_parts(tmp_path):
    rng = np.random.default_rng(0)
    utterances = [rng.normal(5, 3, size=(length, 7)).astype(np.float32) for length in (3, 50, 20)]
    first, second = CmvnStats(7), CmvnStats(7)
    first.add(utterances[0])
    first.add(utterances[1])
    second.add(utterances[2])
    first.merge(second)
    first.save(tmp_path / "cmvn.ark")
    mean, std = load_cmvn(tmp_path / "cmvn.ark")
    frames = np.concatenate(utterances).astype(np.float64)
    np.testing.assert_allclose(mean, frames.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(std, frames.std(axis=0), rtol=1e-6)
    assert mean.dtype == std.dtype == np.float32 and first.count == 73


def test_the_file_is_kaldis(tmp_path):
    stats = CmvnStats(2)
    stats.add(np.array([[1, 2], [3, 4]], np.float32))
    stats.save(tmp_path / "cmvn.ark")
    np.testing.assert_array_equal(kaldiio.load_mat(str(tmp_path / "cmvn.ark")), [[4, 6, 2], [10, 20, 0]])


def test_a_constant_dimension_does_not_blow_up():
    stats = CmvnStats(1)
    stats.add(np.full((1000, 1), -15.9, np.float32))
    assert stats.mean_std()[1] >= np.float32(MIN_STD)


def test_damaged_statistics_are_refused(tmp_path):
    path = tmp_path / "cmvn.ark"
    with pytest.raises(JstasrError, match="no such file"):
        load_cmvn(path)
    path.write_bytes(b"\0BDM ")
    with pytest.raises(JstasrError, match="cmvn.ark: not a Kaldi matrix"):
        load_cmvn(path)
    CmvnStats(3).save(path)
    with pytest.raises(JstasrError, match="no frames"):
        load_cmvn(path)
    kaldiio.save_mat(str(path), np.ones((3, 4)))
    with pytest.raises(JstasrError, match="expected CMVN statistics"):
        load_cmvn(path)
