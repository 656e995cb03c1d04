"""Many processes train as one: the same gradients, the same end, the same faults."""

import os
import signal
import socket
from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from jstasr.data.batch import Batch
from jstasr.experiment.config import TrainConfig
from jstasr.train.faults import Faults
from jstasr.train.log import Meter
from jstasr.train.loop import train_step
from jstasr.train.signals import StopRequest

pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*")

TORCHRUN = ["torch.distributed.run", "--standalone", "--max-restarts=3", "--nproc-per-node=2", "-m", "jstasr"]


class Quadratic(torch.nn.Module):
    """A module with the interface of StepLosses in float64: every loss a mean over its own unit, as there."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.weights = torch.nn.ParameterDict(
            {
                name: torch.nn.Parameter(torch.randn(4, generator=generator, dtype=torch.float64))
                for name in (
                    "streaming",
                    "full",
                    "ctc_label",
                    "ctc_phone",
                    "text_streaming",
                    "text_full",
                    "consistency",
                )
            }
        )

    def forward(self, batch, weights):
        one = ((batch.speech.double() @ self.weights["streaming"]) ** 2).sum(1)  # (N,)
        labels, phones, text = batch.label_lengths.sum(), batch.phone_lengths.sum(), batch.text_label_lengths.sum()
        texts = batch.text_labels.double().sum(1)
        return {
            "streaming": one.sum() / labels,
            "full": (one * self.weights["full"].sum()).tanh().sum() / labels,
            "ctc_label": (one * self.weights["ctc_label"].sum()).sin().sum() / labels,
            "ctc_phone": (one * self.weights["ctc_phone"].sum()).cos().sum() / phones,
            "text_streaming": (texts * self.weights["text_streaming"].sum()).sin().sum() / text,
            "text_full": (texts * self.weights["text_full"].sum()).cos().sum() / text,
            "consistency": (one * self.weights["consistency"].sum()).sin().mean(),
        }


def batch_of(indexes):
    """Utterances and texts of different sizes, made from their numbers; padded to the same width everywhere."""
    generators = [torch.Generator().manual_seed(index) for index in indexes]
    lengths = torch.tensor([3 + index for index in indexes])
    speech = torch.stack(
        [torch.randn(9, 4, generator=g) * (torch.arange(9) < n)[:, None] for g, n in zip(generators, lengths)]
    )
    labels = torch.stack([torch.randint(1, 9, (7,), generator=g) for g in generators])
    sizes = torch.tensor([1 + index for index in indexes])
    names = [f"u{index}" for index in indexes]
    return Batch(names, speech, lengths, labels, sizes, labels, sizes + 2, names, labels, sizes + 1, labels, sizes)


def step_config(accumulate):
    config = TrainConfig()
    config.specaug.freq_masks = config.specaug.time_masks = 0
    config.losses.consistency.weight, config.losses.consistency.alignment = 0.7, "best"
    config.optim.accumulate, config.optim.clip_norm = accumulate, 1e9
    return config


def gradients(fabric, parts, folder, broken=()):
    """Gradients of one step over the parts of this process, as the loop makes them, just before the update.

    broken: utterances whose features are NaN. Returns the gradients, and what the step says that it skipped.
    """
    config, plain = step_config(len(parts)), Quadratic()
    model, optimiser = fabric.setup(plain, torch.optim.SGD(plain.parameters(), lr=0.0))
    kept = {}
    optimiser.register_step_pre_hook(
        lambda *_: kept.update({name: value.grad.clone() for name, value in plain.weights.items()})
    )
    batches = [batch_of(part) for part in parts]
    for batch in batches:
        for row, name in zip(batch.speech, batch.utt_ids):
            row += float("nan") if name in broken else 0.0
    stream, faults, stop = iter([(0, {}, batch) for batch in batches]), Faults(folder, fabric, 9), StopRequest()
    _, fault, _, _ = train_step(config, model, None, optimiser, fabric, stream, 5, Meter(), faults, stop)
    return kept, fault


def one_of_two(rank, port, parts, folder, broken=()):
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "LOCAL_RANK": str(rank), "NODE_RANK": "0"}
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "1"}
    torch.set_num_threads(1)
    fabric = Fabric(accelerator="cpu", devices=2, strategy=DDPStrategy())
    fabric.launch()
    torch.save(gradients(fabric, parts[rank], Path(folder), broken), f"{folder}/rank{rank}.pth")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def in_two_processes(parts, folder, broken=()):
    arguments = (free_port(), parts, str(folder), broken)
    torch.multiprocessing.start_processes(one_of_two, arguments, 2, start_method="fork")
    return [torch.load(folder / f"rank{rank}.pth") for rank in (0, 1)]


def largest_difference(one, two):
    return max(float((one[name] - two[name]).abs().max()) for name in one)


def test_a_step_has_the_same_gradient_however_it_is_cut(tmp_path):
    """Six utterances of different lengths: at once, in uneven parts, in two processes, and both; float64."""
    single = Fabric(accelerator="cpu", devices=1)
    whole, _ = gradients(single, [[0, 1, 2, 3, 4, 5]], tmp_path)
    assert len(whole) == 7 and all(value.abs().max() > 1e-6 for value in whole.values())
    assert largest_difference(whole, gradients(single, [[0, 1, 2, 3], [4, 5]], tmp_path)[0]) < 1e-12
    for parts in ([[[0, 1, 2, 3, 4]], [[5]]], [[[0], [1, 2]], [[3, 4], [5]]]):
        for found, fault in in_two_processes(parts, tmp_path):
            assert not fault and largest_difference(whole, found) < 1e-12


def test_a_fault_is_named_with_the_utterances_of_the_process_where_it_happened(tmp_path):
    for kept, fault in in_two_processes([[[0, 1]], [[2, 3]]], tmp_path, broken=("u3",)):
        assert kept == {}  # no process took the step
        assert fault.startswith("process 1: streaming loss is nan") and fault.endswith("in utterances u2 u3")


@pytest.mark.slow
def test_two_processes_train_one_model(training):
    """The consistency loss is off at first: nothing may wait for gradients that do not come. Three batches of speech
    an epoch cannot be shared evenly, and nothing may wait for a fourth."""
    config = training.config(steps=8, interval=4)
    config.losses.consistency.start_step = 4
    done = training.finish(training.words(config, "exp", "--num-procs", "2"))
    assert done.returncode == 0, done.stderr[-3000:]
    log = training.log("exp")
    assert "on 2 x cpu" in log and "step 8/8" in log and log.count("dev after step") == 2
    names = sorted(path.name for path in (training.folder / "exp/checkpoints").glob("*.pth"))
    assert names == ["step4.pth", "step8.pth"]


def workers_of(pid):
    """Process ids of the training processes that a torchrun started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
def test_torchrun_starts_a_killed_worker_again_from_the_checkpoint(training):
    config = training.config(steps=40, interval=40)
    config.valid.save_interval = 5
    # parameters without a gradient until then
    config.losses.warmup = {name: [8, 0] for name in ("streaming", "full", "text_streaming", "text_full")}
    words = training.words(config, "exp", launcher=TORCHRUN)
    process = training.start(words)
    training.wait_for(process, "exp", "step 12/40")
    os.kill(workers_of(process.pid)[1], signal.SIGKILL)
    assert process.wait(timeout=240) == 0, (training.folder / "output").read_text()[-3000:]
    assert "continuing after step" in training.log("exp") and max(training.losses("exp")) == 40


@pytest.mark.slow
def test_an_error_is_named_and_not_tried_again(training):
    """NaN in features that no check at the start looked at."""
    config = training.config(steps=40, interval=40)
    config.data.check_features, config.data.max_skipped = 0, 0
    archive = training.toy.folder / "fbank/train/feats.ark"
    content = bytearray(archive.read_bytes())
    content[-8:] = b"\0\0\xc0\x7f\0\0\xc0\x7f"  # the last utterance ends in NaN
    words = training.words(config, "exp", launcher=TORCHRUN)
    archive.write_bytes(content)
    done = training.finish(words)
    assert done.returncode != 0
    assert "train-007: NaN or infinity in its features" in done.stderr
    assert "not restarted after: 1 utterances have unusable features" in done.stderr
    assert training.log("exp").count("2 x cpu") == 1


@pytest.mark.slow
def test_a_signal_to_one_process_stops_both_with_a_checkpoint(training):
    config = training.config(steps=400, interval=400)
    words = training.words(config, "exp", launcher=TORCHRUN)
    process = training.start(words)
    training.wait_for(process, "exp", "step 5/400")
    os.kill(workers_of(process.pid)[1], signal.SIGUSR1)
    assert process.wait(timeout=120) != 0
    last = max(training.losses("exp"))
    assert f"a signal to another process: stopped after step {last}, checkpoint saved" in training.log("exp")
    assert (training.folder / "exp/requeue").exists()
    assert training.log("exp").count("2 x cpu") == 1
