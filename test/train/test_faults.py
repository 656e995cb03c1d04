"""What goes wrong inside a step is named, kept, and ends the run only when it must."""

import copy
import json

import numpy as np
import pytest
import torch

from jstasr.errors import JstasrError
from jstasr.losses.step import StepLosses
from jstasr.train.find_batch import find_batch, heaviest_batch, largest_fitting, longest_first
from jstasr.train.loader import step_sampler

pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*")


def poisoned(speech, ids):
    """The same set with features that make every loss of some utterances NaN."""
    changed, read = copy.copy(speech), speech.features

    def features(index):
        found = read(index)
        return np.full_like(found, np.nan) if changed.ids[index] in ids else found

    changed.features = features
    return changed


def test_a_step_that_is_not_finite_is_named_and_skipped(training):
    config = training.config(steps=12, interval=12)
    weights = training.run(config, "exp", speech=poisoned(training.speech, {"train-003"}))
    skipped = [line for line in training.log("exp").splitlines() if "skipped" in line]
    assert skipped and all("train-003" in line and "nan" in line for line in skipped)
    assert all(value.isfinite().all() for value in weights.values())
    assert "nan" not in "".join(training.losses("exp").values()).replace("grad nan", "")


def test_steps_that_stay_non_finite_end_the_run_with_the_batch_saved(training):
    config = training.config(steps=30, interval=30)
    config.optim.max_skipped = 3
    with pytest.raises(JstasrError, match="3 steps in a row were skipped; the last, step 3: .*train-00.*faults"):
        training.run(config, "exp", speech=poisoned(training.speech, set(training.speech.ids)))
    (saved,) = torch.load(training.folder / "exp/faults/step3.process0.pth")
    assert set(saved["utt_ids"]) <= set(training.speech.ids) and saved["speech"].isnan().any()


def test_a_gradient_that_is_not_finite_is_named(training, monkeypatch):
    """The losses are finite: only the gradient is not."""
    forward = StepLosses.forward

    def broken(self, batch, *rest):
        values = forward(self, batch, *rest)
        if "train-003" in batch.utt_ids:
            values["full"] = values["full"] + torch.sqrt(0 * values["full"])  # 0, with an infinite slope
        return values

    monkeypatch.setattr(StepLosses, "forward", broken)
    training.run(training.config(steps=6, interval=6), "exp")
    skipped = [line for line in training.log("exp").splitlines() if "skipped" in line]
    assert skipped and all("the gradient norm is nan in a step with utterances" in line for line in skipped)
    assert all("train-003" in line for line in skipped)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        MemoryError(),
    ],
    ids=["gpu", "cpu", "python"],
)
def test_lack_of_memory_names_the_batch_and_what_would_fit(training, monkeypatch, error):
    forward, done = StepLosses.forward, []

    def broken(self, batch, *rest):
        if len(done) == 2:
            raise error
        done.append(batch.speech.shape[0] * batch.speech.shape[1])
        return forward(self, batch, *rest)

    monkeypatch.setattr(StepLosses, "forward", broken)
    config = training.config(steps=6, interval=6)
    config.data.batch_frames = 300
    with pytest.raises(JstasrError) as raised:
        training.run(config, "exp")
    found = json.loads((training.folder / "exp/faults/out_of_memory.step3.process0.json").read_text())
    count, frames, _ = found["shapes"]["speech"]
    assert len(found["utt_ids"]) == count and set(found["utt_ids"]) <= set(training.speech.ids)
    assert f"step 3: out of memory with {count} utterances of up to {frames} frames" in str(raised.value)
    fitted = max(done) < count * frames
    assert (f"set data.batch_frames={int(0.9 * max(done))}" in str(raised.value)) == fitted
    assert "--find-batch" in str(raised.value)


def test_other_errors_stay_what_they_are(training, monkeypatch):
    def broken(*_):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(StepLosses, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        training.run(training.config(steps=2, interval=2), "exp")


@pytest.mark.parametrize("workers", [0, 1])
def test_features_lost_in_the_middle_are_named_without_a_traceback(training, workers):
    config = training.config(steps=6, interval=6)
    config.data.num_workers = workers
    archive = training.toy.folder / "fbank/train/feats.ark"
    stats = training.cmvn(training.speech)
    training.cmvn = lambda _: stats
    archive.write_bytes(archive.read_bytes()[:100])
    training.speech.reader.close()
    with pytest.raises(JstasrError, match=r"^train-00\d: .*cut short or damaged") as raised:
        training.run(config, "exp")
    assert "Traceback" not in str(raised.value)


def test_the_longest_utterances_make_the_heaviest_batch():
    lengths = np.asarray([5, 50, 20, 40, 50])
    assert longest_first(lengths, 120).tolist() == [1, 4]
    assert longest_first(lengths, 10).tolist() == [1]
    assert largest_fitting([100, 200], [10, 20], 35) == 350
    assert largest_fitting([100, 200], [10, 10], 35) >= 300  # no growth to be seen: the next size can be tried


def test_joined_utterances_make_the_heaviest_batch(training):
    """Lattices grow with the square of the length: the search for a batch size must try joined utterances."""
    config = training.config(steps=6, interval=6)
    config.data.join.share = 1.0
    sampler = step_sampler(config, training.speech, training.text, None)
    rows, _ = sampler.epoch_rows(0)
    batch = heaviest_batch(config, training.speech, training.text, rows, sampler.joining, 500)
    assert all("+" in utt for utt in batch.utt_ids) and max(batch.speech_lengths) == rows.lengths.max()
    assert any("+" in text for text in batch.text_ids)


def test_the_largest_batch_is_found_before_the_training(training, capsys):
    config = training.config(steps=6, interval=6)
    config.data.join.share = 0.0
    arguments = (training.speech, training.text, training.cmvn(training.speech))
    found = find_batch(config, *arguments, training.fabric(), memory_gb=64)
    longest = int(training.speech.num_frames.max())
    assert found == longest * 8  # 64 GB hold all eight
    assert f"data.batch_frames={found}" in capsys.readouterr().out
    with pytest.raises(JstasrError, match=r"the longest utterance alone \(\d+ frames\) does not fit"):
        find_batch(config, *arguments, training.fabric(), memory_gb=0.01)
