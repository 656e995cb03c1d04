"""A training step on a GPU that is only pretended: no operation takes tensors of two devices, and few wait for the GPU.

The tensors say that they are on a GPU and are computed on the CPU. Where a GPU is, test_cuda.py has the real one.
"""

import functools
import os
import sys
import traceback
from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch.utils import _pytree as tree
from torch.utils._python_dispatch import TorchDispatchMode

from jstasr.align import consistency_loss
from jstasr.data.splice import SpliceConfig
from jstasr.decode.beam import beam_search
from jstasr.decode.greedy import greedy_search
from jstasr.experiment.search import SearchConfig
from jstasr.features.augment import AugmentConfig, augment
from jstasr.features.specaug import SpecAugmentConfig
from jstasr.kernels import alignment, device
from jstasr.losses.config import LossConfig, loss_weights
from jstasr.losses.consistency import ConsistencyConfig
from jstasr.losses.step import StepLosses
from jstasr.model.joint import JointModel
from jstasr.train.validate import layer_distances

pytestmark = pytest.mark.filterwarnings("ignore:User provided device_type of 'cuda'", "ignore:.*autocast.*")

GPU = torch.device("cuda", 0)
# operations that take tensors of the CPU beside those of a GPU
MIXED = ("copy_", "_to_copy", "index", "index_put_", "_index_put_impl_", "ctc_loss", "_ctc_loss")
# operations whose result, or its shape, the CPU waits for
WAITING = (
    "_local_scalar_dense",
    "is_nonzero",
    "nonzero",
    "masked_select",
    "equal",
    "repeat_interleave",
    "_unique2",
    "unique_dim",
)


class OnGpu(torch.Tensor):
    """A tensor that says it is on a GPU; `inner`: its values."""

    @staticmethod
    def __new__(cls, inner):
        layout = dict(
            strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype, requires_grad=False
        )
        made = torch.Tensor._make_wrapper_subclass(cls, inner.shape, device=GPU, **layout)
        made.inner = inner
        return made

    def __repr__(self, *, tensor_contents=None):
        return f"OnGpu({self.inner})"

    def tolist(self):
        PretendedGpu.running.wait()
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return PretendedGpu.running.run(function, args, kwargs or {})


class PretendedGpu(TorchDispatchMode):
    """Runs operations on tensors that are made or moved "there"; `waits`: by line, how often the CPU waits for it."""

    running: "PretendedGpu"

    def __init__(self):
        super().__init__()
        self.waits: Counter[str] = Counter()
        PretendedGpu.running = self

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return self.run(function, args, kwargs or {})

    @staticmethod
    def line() -> str:
        """The line of jstasr that runs."""
        frames = [f for f in traceback.extract_stack() if "/jstasr/" in f.filename and "/test/" not in f.filename]
        return "/".join(frames[-1].filename.split("/")[-2:]) + f":{frames[-1].lineno}" if frames else "a test"

    def wait(self) -> None:
        self.waits[self.line()] += 1

    def run(self, function, args, kwargs):
        name, given = function._schema.name.removeprefix("aten::"), tree.tree_leaves((args, kwargs))
        if name.startswith("_use_"):  # of cuDNN or MIOpen
            return False
        there = [x for x in given if isinstance(x, OnGpu)]
        here = [x for x in given if isinstance(x, torch.Tensor) and not isinstance(x, OnGpu) and x.dim() > 0]
        assert not (there and here) or name in MIXED, f"{function} takes tensors of two devices at {self.line()}"
        wanted = kwargs.get("device")
        onto = bool(there) if wanted is None else torch.device(wanted).type == "cuda"
        if name == "copy_":
            onto = isinstance(args[0], OnGpu)
        by_mask = name == "index" and any(x.dtype == torch.bool for x in args[1] if x is not None)
        if there and (name in WAITING or by_mask or not onto):
            self.wait()
        if onto and wanted is not None:
            kwargs = kwargs | {"device": torch.device("cpu")}
        inner = tree.tree_map(lambda x: x.inner if isinstance(x, OnGpu) else x, (args, kwargs))
        result = function(*inner[0], **inner[1])
        known = {id(x.inner): x for x in there}  # an operation in place returns what it was given

        def moved(x):
            if not onto or not isinstance(x, torch.Tensor):
                return x
            return known[id(x)] if id(x) in known else OnGpu(x)

        return tree.tree_map(moved, result)


def attention(query, key, value, attn_mask=None, dropout_p=0.0):
    """By its formula: torch would ask the GPU which kernels it has."""
    scores = query @ key.mT * query.shape[-1] ** -0.5
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, float("-inf"))
    return F.dropout(scores.softmax(-1), dropout_p) @ value


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: None)
    monkeypatch.setattr(F, "scaled_dot_product_attention", attention)
    monkeypatch.setattr(alignment, "on_host", lambda costs: (cost.cpu() for cost in costs))  # through streams of CUDA
    monkeypatch.setattr(alignment, "to_host", lambda cost: cost.cpu())
    monkeypatch.setattr(device, "unavailable", lambda _: "no Triton here")
    return PretendedGpu()


@pytest.fixture
def kernels(monkeypatch, gpu):
    """Alignments that stay on the GPU; the CPU's kernels stand for its own."""

    def aligned(cost, speech_lengths, text_lengths, topology):
        assert isinstance(cost, OnGpu)
        found, total = alignment.align_on_host(cost.inner, speech_lengths, text_lengths, topology)
        path, finite = torch.from_numpy(found.path), torch.ones(len(total), dtype=torch.bool)
        found = device.PathOnDevice(OnGpu(path), OnGpu(finite), speech_lengths, cost.shape[2])
        return found, OnGpu(total)

    monkeypatch.setattr(device, "unavailable", lambda _: None)
    monkeypatch.setattr(device, "align_costs", aligned)


def in_a_child(test):
    """Run a test in a fork of this process: autograd that has seen a GPU, even a pretended one, never forks again."""

    @functools.wraps(test)
    def run(**fixtures):
        child = os.fork()
        if not child:
            status = 1
            try:
                torch.set_num_threads(1)
                torch._C._ensureCUDADeviceGuardSet()
                test(**fixtures)
                status = 0
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0, "it failed in the child: see its standard error"

    return run


def moved(module):
    """The module with its weights and buffers on the GPU; Module.to would need a real one."""
    for part in module.modules():
        for table, made in (
            (part._parameters, lambda p: torch.nn.Parameter(OnGpu(p.detach()))),
            (part._buffers, OnGpu),
        ):
            table.update({name: made(value) for name, value in table.items() if value is not None})
    return module


@pytest.fixture
def config(small_config):
    """Every part of the front end and of the text input."""
    small_config.online_cmn, small_config.online_variance, small_config.cepstra = 30, True, 10
    small_config.dropout, small_config.text.repeat_min, small_config.text.repeat_max = 0.1, 1, 2
    return small_config


def step(config, batch, gpu, augmentation=AugmentConfig(), **consistency):  # noqa: B008, not changed
    """The losses of a training step on the GPU."""
    losses = LossConfig(consistency=ConsistencyConfig(weight=0.5, **consistency))
    module = moved(StepLosses(JointModel(config).train(), losses, SpecAugmentConfig()))
    with gpu:
        there = batch.to(GPU)
        there.speech, there.speech_lengths = augment(there.speech, there.speech_lengths, augmentation)
        return module(there, loss_weights(0, losses))


KINDS = {
    "best path": dict(topology="skip"),
    "noskip": dict(topology="noskip", layers=[0]),
    "dtw": dict(topology="dtw", distance="euclidean"),
    "forced": dict(alignment="forced"),
    "framewise": dict(alignment="framewise"),
    "random": dict(alignment="random"),
    "soft": dict(alignment="soft_dtw"),
    "transport": dict(alignment="sinkhorn"),
    "contrastive": dict(topology="noskip", contrast=0.1, splice=SpliceConfig(share=0.5)),
    "contrastive, forced": dict(alignment="forced", contrast=0.1),
    "contrastive, cosine": dict(distance="cosine", contrast=0.1, stop_gradient="speech"),
}


@pytest.mark.parametrize("kind", KINDS)
@in_a_child
def test_no_operation_of_a_step_takes_tensors_of_two_devices(kind, config, batch, gpu):
    everything = AugmentConfig(0.1, 3, 0.1, 3.0, 3.0, 0.5)
    values = step(config, batch, gpu, everything, **KINDS[kind])
    assert len(values) == 7 and all(value.device == GPU and value.inner.isfinite() for value in values.values())


ON_GPU = ["best path", "noskip", "contrastive", "contrastive, cosine"]


@pytest.mark.parametrize("kind", ON_GPU)
@in_a_child
def test_nor_where_the_gpu_aligns(kind, config, batch, gpu, kernels):
    values = step(config, batch, gpu, **KINDS[kind])
    assert len(values) == 7 and all(value.device == GPU and value.inner.isfinite() for value in values.values())


@pytest.mark.parametrize("topology", ["skip", "noskip"])
@in_a_child
def test_the_consistency_loss_waits_for_the_gpu_nowhere_where_it_aligns(topology, gpu, kernels):
    speech, text = torch.randn(3, 20, 8), torch.randn(3, 12, 8)
    lengths = torch.tensor([20, 15, 18]), torch.tensor([12, 12, 3])
    with gpu:
        loss = consistency_loss(OnGpu(speech), OnGpu(text), *lengths, topology=topology)
    assert loss.device == GPU and not gpu.waits, gpu.waits
    torch.testing.assert_close(loss.inner, consistency_loss(speech, text, *lengths, topology=topology))


@in_a_child
def test_nor_does_one_of_validation_or_of_a_search(config, batch, gpu):
    model = moved(JointModel(config).eval())
    with gpu, torch.no_grad():
        there = batch.to(GPU)
        speech = model.encode_speech(there.speech, there.speech_lengths)
        text = model.encode_text(there.phones, there.phone_lengths)
        assert len(layer_distances(speech, text)) == config.num_consistency_layers
        # without their decorator: tensors of a class of ours cannot be made in inference mode
        given, settings = (model.decoder("full"), speech.full, speech.lengths), SearchConfig(beam_size=3)
        assert len(greedy_search.__wrapped__(*given, settings.max_symbols)) == 3
        settings.internal_lm_weight = 0.1
        assert len(beam_search.__wrapped__(*given, settings)) == 3


@in_a_child
def test_a_step_waits_for_the_gpu_a_few_times_only(config, batch, gpu):
    """Four transducer and two CTC losses, the lengths of the texts, one alignment."""
    step(config, batch, gpu, layers=[-1])
    assert sum(gpu.waits.values()) <= 14, gpu.waits
