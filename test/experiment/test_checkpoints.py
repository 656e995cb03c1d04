"""Checkpoints: whole or not at all, the right ones kept, their mean."""

import errno
import io
import json

import pytest
import torch

from jstasr.errors import JstasrError
from jstasr.experiment.checkpoints import CheckpointFolder, average_checkpoints, load_checkpoint, save_atomically


def state(value=0.0, size=10):
    return {"model": {"weight": torch.full((size,), float(value)), "count": torch.tensor(int(value))}}


@pytest.fixture
def folder(tmp_path):
    return CheckpointFolder(tmp_path / "checkpoints", keep_best=2, keep_last=2)


def save_all(folder, scores):
    for step, score in scores.items():
        folder.save(state(step), step, score)


def test_the_best_and_the_last_are_kept(folder):
    save_all(folder, {1: 50.0, 2: 20.0, 3: 40.0, 4: 30.0, 5: 60.0, 6: 70.0})
    assert folder.steps() == [2, 4, 5, 6]
    assert folder.best(2) == [2, 4]
    assert folder.best(9) == [2, 4, 5, 6]
    assert sorted(path.name for path in folder.folder.iterdir()) == sorted(
        ["scores.json", *(f"step{step}.pth" for step in (2, 4, 5, 6))]
    )


def test_the_later_of_equal_scores_is_the_better(folder):
    save_all(folder, {1: 20.0, 2: 20.0, 3: 20.0})
    assert folder.best(2) == [3, 2]


def test_at_least_the_last_is_kept(tmp_path):
    folder = CheckpointFolder(tmp_path, keep_best=0, keep_last=0)
    save_all(folder, {1: 5.0, 2: 9.0, 3: 7.0})
    assert folder.steps() == [3]


def test_the_newest_is_loaded(folder):
    assert folder.load_last() is None
    save_all(folder, {10: 1.0, 9: 2.0, 200: 3.0})
    step, loaded = folder.load_last()
    assert step == 200 and loaded["model"]["weight"].eq(200).all()


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "other"])
def test_a_damaged_newest_is_passed_over_with_a_warning(folder, damage):
    save_all(folder, {1: 1.0, 2: 2.0})
    path = folder.path(2)
    whole = path.read_bytes()
    if damage == "other":
        torch.save([1, 2], path)
    else:
        path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "garbage": b"x" * 500}[damage])
    with pytest.warns(UserWarning, match=r"step2\.pth: (damaged|not a jstasr).*using the one before it"):
        step, loaded = folder.load_last()
    assert step == 1 and loaded["model"]["count"] == 1


def test_a_flipped_bit_in_the_weights_is_noticed(tmp_path):
    save_atomically(state(1, size=100_000), tmp_path / "a.pth")
    content = bytearray((tmp_path / "a.pth").read_bytes())
    content[len(content) // 2] ^= 0x10
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(JstasrError, match=r"a\.pth: damaged"):
        load_checkpoint(tmp_path / "a.pth")


def test_after_a_damaged_one_the_run_writes_its_own_future(folder):
    """Step 3 is damaged and the run goes on from 2 with another interval: 3 must not push out what is good."""
    folder.keep_last, folder.keep_best = 1, 1
    save_all(folder, {1: 10.0, 2: 20.0})
    folder.path(4).write_bytes(b"")
    folder.save(state(3), 3, 30.0)
    assert folder.steps() == [1, 3]
    assert folder.load_last()[0] == 3


class FullDisk(io.FileIO):
    """A file on a disk with room for 4 kB."""

    def write(self, data):
        if self.tell() + len(data) > 4096:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_full_disk_leaves_the_earlier_checkpoint(folder, monkeypatch):
    save_all(folder, {1: 10.0})
    before = folder.path(1).read_bytes()
    monkeypatch.setattr("builtins.open", lambda path, mode="r", **_: FullDisk(path, mode.replace("b", "")))
    for step in (1, 2):  # over an older file of that name, and beside it
        with pytest.raises(JstasrError, match=r"written \(No space left on device\)\. Earlier checkpoints are intact"):
            folder.save(state(9, size=100_000), step, 5.0)
    monkeypatch.undo()
    assert sorted(path.name for path in folder.folder.iterdir()) == ["scores.json", "step1.pth"]
    assert folder.path(1).read_bytes() == before and folder.scores() == {1: 10.0}


def test_damaged_scores_are_named(folder):
    save_all(folder, {1: 10.0})
    (folder.folder / "scores.json").write_text("{")
    with pytest.raises(JstasrError, match=r"scores\.json: damaged"):
        folder.best(1)
    (folder.folder / "scores.json").write_text(json.dumps([1]))
    with pytest.raises(JstasrError, match=r"scores\.json: damaged"):
        folder.scores()


def test_the_average_is_the_float64_mean(tmp_path):
    generator = torch.Generator().manual_seed(0)
    weights = [torch.randn(1000, generator=generator) * 10 ** (i - 2) for i in range(5)]
    paths = []
    for index, weight in enumerate(weights):
        paths.append(tmp_path / f"step{index}.pth")
        save_atomically({"model": {"weight": weight, "half": weight.half(), "count": torch.tensor(index)}}, paths[-1])
    mean = average_checkpoints(paths)
    expected = torch.from_numpy(sum(weight.double().numpy() for weight in weights) / 5)
    assert mean["weight"].dtype == torch.float32 and torch.equal(mean["weight"], expected.float())
    assert mean["half"].dtype == torch.float16 and mean["count"] == 0


def test_checkpoints_of_different_models_have_no_average(tmp_path):
    for name, size in (("a", 3), ("b", 4)):
        save_atomically(state(1, size), tmp_path / f"{name}.pth")
    with pytest.raises(JstasrError, match="b.pth: is of another model"):
        average_checkpoints([tmp_path / "a.pth", tmp_path / "b.pth"])


def test_a_missing_checkpoint_says_how_to_get_one(tmp_path):
    with pytest.raises(JstasrError, match="no such checkpoint. Train first"):
        load_checkpoint(tmp_path / "none.pth")
