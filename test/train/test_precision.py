"""Mixed precision: what is computed in bfloat16, what never is, and how `auto` chooses."""

import gc
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from jstasr.data.batch import Batch
from jstasr.experiment.config import TrainConfig
from jstasr.train import precision
from jstasr.train.processes import parallel_fabric

pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*")

NEVER, ALWAYS = float("inf"), 0.0  # ratios of the times from which on bfloat16 is taken


class Probe(torch.nn.Module):
    """Keeps the batch that it is given, and computes a product."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(20, 2)

    def forward(self, batch):
        self.batch = batch
        self.product = self.linear(batch.speech)
        return self.product


@pytest.fixture
def trained(training, jstasr, monkeypatch):
    """Runs `jstasr train` in exp `name`; `faster`: the ratio of the times from which on bfloat16 is taken."""

    def run(name: str, chosen: str, faster: float = NEVER, steps=4):
        monkeypatch.setattr(precision, "FASTER", faster)
        config = training.config(steps=steps, interval=2)
        config.precision = chosen
        assert jstasr(*training.words(config, name)[3:]).returncode == 0
        return training.weights(name), training.losses(name)

    return run


def recorded(training, name: str) -> str:
    return yaml.safe_load((training.folder / name / "config.yaml").read_text())["precision"]


def lines(training, name: str) -> list[str]:
    return [line.split("(train) ")[1] for line in training.log(name).splitlines() if "precision: " in line]


def same(first: dict, second: dict) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first.keys() | second.keys())


def forbidden(*given):
    raise AssertionError("this is no time for a probe")


def test_raw_features_reach_the_model_unrounded_and_products_are_in_bfloat16(toy, batch: Batch):
    config = toy.config()
    config.precision = "bf16-mixed"
    probe = Probe()
    fabric = parallel_fabric(config, has_text=True, ngpu=0, num_procs=1, num_nodes=1)
    fabric.setup_module(probe)(batch)
    assert torch.equal(probe.batch.speech, batch.speech) and probe.batch.speech.dtype == torch.float32
    assert probe.product.dtype == torch.bfloat16


def test_auto_is_the_default():
    assert TrainConfig().precision == "auto"


def test_a_training_whose_probe_finds_float32_is_bitwise_the_one_configured_so(trained, training):
    weights, losses = trained("given", "32-true")
    probed, probed_losses = trained("probed", "auto", faster=NEVER)
    assert same(weights, probed) and losses == probed_losses and len(losses) == 4
    assert recorded(training, "probed") == "32-true" and not lines(training, "given")
    (line,) = lines(training, "probed")
    assert line.startswith("precision: 32-true, chosen by probing: a training step takes ")
    assert " ms in 32-true, " in line and line.endswith(" ms in bf16-mixed")


def test_a_training_whose_probe_finds_bfloat16_is_bitwise_the_one_configured_so(trained, training):
    weights, losses = trained("given", "bf16-mixed")
    probed, probed_losses = trained("probed", "auto", faster=ALWAYS)
    assert same(weights, probed) and losses == probed_losses
    assert not same(weights, trained("single", "32-true")[0])
    assert recorded(training, "probed") == "bf16-mixed"


def test_a_resumed_training_goes_on_with_what_it_began_with_and_probes_no_more(trained, training, monkeypatch):
    whole, _ = trained("whole", "bf16-mixed", steps=4)
    trained("exp", "auto", faster=ALWAYS, steps=4)
    for path in (training.folder / "exp" / "checkpoints").glob("step*4.pth"):
        path.unlink()
    monkeypatch.setattr(precision, "probe", forbidden)
    resumed, _ = trained("exp", "auto")
    assert same(whole, resumed) and recorded(training, "exp") == "bf16-mixed"
    assert lines(training, "exp")[1:] == ["precision: bf16-mixed, as this training began"]


def test_an_experiment_that_never_recorded_its_precision_goes_on_in_float32(trained, training, monkeypatch):
    trained("exp", "32-true")
    path = training.folder / "exp" / "config.yaml"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("precision")))
    monkeypatch.setattr(precision, "probe", forbidden)
    trained("exp", "auto")
    assert recorded(training, "exp") == "32-true"


def test_a_resumed_training_takes_the_precision_that_is_asked_for(trained, training):
    trained("exp", "auto", faster=ALWAYS)
    trained("exp", "32-true")
    assert recorded(training, "exp") == "32-true"


@pytest.mark.parametrize(
    "single, half, native, chosen",
    [
        (0.52, 0.23, None, "bf16-mixed"),
        (0.111, 0.100, None, "bf16-mixed"),
        (0.109, 0.100, None, "32-true"),
        (0.10, 0.20, None, "32-true"),
        (0.100, 0.109, True, "bf16-mixed"),
        (0.100, 0.111, True, "32-true"),
        (0.109, 0.100, False, "32-true"),
        (0.20, 0.10, False, "bf16-mixed"),
    ],
)
def test_bfloat16_must_be_a_tenth_faster_except_on_gpus_that_have_it(
    training, tmp_path, monkeypatch, single, half, native, chosen
):
    monkeypatch.setattr(precision, "probe", lambda *given: {"32-true": single, "bf16-mixed": half})
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    device = torch.device("cpu" if native is None else "cuda")
    found, line = precision.choose(training.config(1, 1), tmp_path, training.speech, training.text, device)
    assert found == chosen and f"{1e3 * single:.0f} ms in 32-true, {1e3 * half:.0f} ms in bf16-mixed" in line


def test_a_processor_without_bfloat16_is_not_probed(training, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "probe", forbidden)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    chosen, line = precision.choose(training.config(1, 1), tmp_path, training.speech, None, torch.device("cpu"))
    assert chosen == "32-true" and "no bfloat16" in line


@pytest.mark.parametrize(
    "message, unsupported",
    [
        ("\"addmm_impl_cpu_\" not implemented for 'BFloat16'", True),
        ("Current CUDA Device does not support bfloat16. Please switch dtype to float16.", True),
        ("mkldnn_matmul: mkldnn bf16 path needs the cpu support avx512bw, avx512vl and avx512dq", True),
        ("bf16 is not supported on this device", True),
        ("CUDA out of memory. Tried to allocate 2.00 GiB", False),
        ("expected scalar type Float but found BFloat16", False),
        ("operation not supported", False),
    ],
)
def test_only_the_lack_of_bfloat16_is_no_error_of_the_probe(message, unsupported):
    def step(name, utterances):
        if name == "bf16-mixed":
            raise RuntimeError(message)

    if not unsupported:
        with pytest.raises(RuntimeError, match=message[:20]):
            precision.interleaved(step, 4, torch.device("cpu"))
    else:
        assert precision.interleaved(step, 4, torch.device("cpu")).keys() == {"32-true"}


def test_the_lack_of_bfloat16_means_float32(training, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(precision, "probe", lambda *given: {"32-true": 0.1})
    chosen, line = precision.choose(training.config(1, 1), tmp_path, training.speech, None, torch.device("cpu"))
    assert chosen == "32-true" and "bf16-mixed is not supported here" in line


def test_a_step_that_is_slow_is_probed_on_fewer_utterances_and_within_the_time(monkeypatch):
    clock, sizes = [0.0], []

    def step(name, utterances):
        sizes.append(utterances)
        clock[0] += utterances * (0.05 if name == "32-true" else 0.02)

    monkeypatch.setattr(precision.time, "perf_counter", lambda: clock[0])
    times = precision.interleaved(step, 64, torch.device("cpu"))
    assert max(sizes) == 7 and clock[0] < 1.5 * precision.SECONDS
    assert times["32-true"] == pytest.approx(7 * 0.05) and times["bf16-mixed"] == pytest.approx(7 * 0.02)


def test_the_batch_of_a_probe_has_the_configured_size(training):
    config = training.config(1, 1)
    config.data.batch_frames, config.data.text_batch_phones = 2000, 300
    config.losses.consistency.weight = 0.0
    utterances = precision.full_batch(config, training.speech)
    batch = precision.synthetic_batch(config, training.speech, training.text, utterances)
    frames, phones = batch.speech.shape[0] * batch.speech.shape[1], batch.text_phones.numel()
    assert 2000 - batch.speech.shape[1] <= frames <= 2000
    assert abs(phones - 300) <= batch.text_phones.shape[1]
    assert precision.synthetic_batch(config, training.speech, None, utterances).text_phones.shape[0] == 0


@pytest.mark.parametrize("with_text", [True, False])
def test_a_probe_leaves_random_states_and_memory_as_they_were(training, with_text):
    def tensors() -> int:
        gc.collect()
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())  # asks no proxies

    def states() -> list[object]:
        name, keys, *rest = np.random.get_state()
        return [torch.get_rng_state().tolist(), random.getstate(), name, keys.tolist(), rest]

    def probed() -> dict[str, float]:
        text = training.text if with_text else None
        return precision.probe(training.config(1, 1, dropout=0.1), training.speech, text, torch.device("cpu"))

    before, held = states(), tensors()
    assert min(probed().values()) > 0
    assert states() == before and tensors() == held


def test_other_processes_take_the_choice_of_the_first(training, tmp_path, monkeypatch):
    monkeypatch.setattr(precision, "probe", forbidden)
    config = training.config(1, 1)
    config.precision = "auto"
    arithmetic = precision.RawInputPrecision("auto", "cpu")
    answers = iter(["", ("bf16-mixed", "the first says so")])  # no error, and the choice
    fabric = SimpleNamespace(
        is_global_zero=False,
        strategy=SimpleNamespace(precision=arithmetic),
        broadcast=lambda mine: next(answers),
        device=torch.device("cpu"),
    )
    precision.settle_precision(config, tmp_path, training.speech, None, fabric)
    assert config.precision == "bf16-mixed" and arithmetic.autocast


def test_two_processes_choose_once(training):
    config = training.config(steps=2, interval=2)
    config.precision = "auto"
    done = training.finish(training.words(config, "exp", "--num-procs", "2"))
    assert done.returncode == 0, done.stderr[-3000:]
    (line,) = lines(training, "exp")
    assert line.startswith(f"precision: {recorded(training, 'exp')}, chosen by probing")
