"""Training end to end on made-up features: it learns, in every precision and with every schedule, and is seen."""

import math
import re
import time

import pytest
import torch

from jstasr.errors import JstasrError
from jstasr.experiment.config import OptimConfig, load_config
from jstasr.losses.config import loss_weights
from jstasr.model.joint import JointModel
from jstasr.train.limiter import TimeLimiter
from jstasr.train.schedule import learning_rate
from jstasr.train.validate import validate

# Fabric only says that srun is there
pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_model_overfits_eight_utterances_with_both_decoders(training, precision):
    config = training.config(steps=600, interval=600)
    config.data.batch_frames, config.log_interval, config.precision = 2000, 100, precision
    config.specaug.freq_masks = config.specaug.time_masks = 0
    model = JointModel(config.model)
    model.load_state_dict(training.run(config, "exp", precision=precision))
    tokenizer = training.toy.lists()[0]
    found = validate(model, training.speech, tokenizer, config.losses, config.valid, torch.device("cpu"))
    assert found.wer["streaming"] == 0.0 and found.wer["full"] == 0.0


def test_a_progress_line_says_it_all(training):
    training.run(training.config(steps=3, interval=3), "exp")
    line = [line for line in training.log("exp").splitlines() if "step 2/3" in line][0]
    number = r"-?\d+(\.\d+)?(e-\d+)?"
    losses = "loss streaming full ctc_label ctc_phone text_streaming text_full consistency".split()
    shown = " ".join(f"{name} {number}" for name in losses)
    rates = rf"lr {number} grad {number} audio-s/s {number} pad {number}% wait {number}% text {number}x"
    assert re.search(rf"step 2/3 epoch 1 left \d+:\d\d \| {shown} \| {rates}$", line)


def test_a_decoder_without_a_loss_is_not_validated(training):
    config = training.config(steps=2, interval=2)
    config.losses.streaming = 0.0
    training.run(config, "exp")
    rate = r"\d+\.\d"
    assert re.search(
        rf"dev after step 2: WER% full {rate} text_full {rate} \| CER% full {rate} \|", training.log("exp")
    )


def test_error_rates_of_greedy_decoding_on_dev_are_in_the_log(training):
    training.run(training.config(steps=2, interval=2), "exp")
    line = [line for line in training.log("exp").splitlines() if "dev after step 2" in line][0]
    number = r"\d+\.\d"
    wer = " ".join(f"{name} {number}" for name in ("streaming", "full", "text_streaming", "text_full"))
    assert re.search(rf"WER% {wer} \| CER% streaming {number} full {number} \| loss streaming ", line)


def test_pictures_are_drawn_after_every_epoch_and_validation(training):
    drawn = []
    config = training.config(steps=10, interval=5)
    training.run(config, "exp", after=lambda model, step: drawn.append(step))
    epochs = {step: int(line.split("epoch ")[1].split()[0]) for step, line in lines(training.log("exp")).items()}
    ends = {step for step in range(1, 10) if epochs[step + 1] > epochs[step]}
    assert ends - {5, 6} and {5, 10} <= set(drawn)
    for end in ends:  # known when the next epoch's first step is done
        assert {end, end + 1} & set(drawn)


def lines(log):
    """Step -> its progress line."""
    found = [line for line in log.splitlines() if "(train) step " in line and " | " in line]
    return {int(line.split("(train) step ")[1].split("/")[0]): line for line in found}


def test_pictures_never_take_much_of_the_time():
    limiter = TimeLimiter(0.05)
    assert limiter.due()  # nothing is known yet
    with limiter.timed():
        time.sleep(0.05)
    assert not limiter.due()
    limiter.ended -= 20 * limiter.took
    assert limiter.due()


def test_the_curves_hold_what_the_lines_say(training):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    training.run(training.config(steps=3, interval=3), "exp")
    events = EventAccumulator(str(training.folder / "exp/tensorboard"))
    events.Reload()
    curves = {f"train/{name}" for name in ("loss", "consistency", "learning_rate", "gradient_norm", "epoch")}
    curves |= {f"train/{name}" for name in ("audio_s_per_s", "padding", "wait", "text_ratio")}
    assert curves | {"dev_wer/full", "dev_cer/full"} <= set(events.Tags()["scalars"])
    line = training.losses("exp")[2]
    assert f"consistency {events.Scalars('train/consistency')[1].value:.3f}" in line
    assert f"grad {events.Scalars('train/gradient_norm')[1].value:.2f}" in line


@pytest.mark.parametrize(
    "schedule, at_end", [("cosine", 0.0), ("linear", 0.0), ("constant", 1.0), ("inverse_sqrt", 0.1)]
)
def test_every_schedule_warms_up_and_decays(schedule, at_end):
    config = OptimConfig(learning_rate=2.0, schedule=schedule, warmup_steps=10, max_steps=1000)
    assert [learning_rate(step, config) for step in range(10)] == pytest.approx([0.2 * (i + 1) for i in range(10)])
    rates = [learning_rate(step, config) for step in range(10, 1001)]
    assert rates[0] == pytest.approx(2.0) and all(a >= b for a, b in zip(rates, rates[1:]))
    assert rates[-1] == pytest.approx(2.0 * at_end, abs=1e-9)
    config.final_share = 0.25
    assert learning_rate(1000, config) == pytest.approx(2.0 * (0.25 + 0.75 * at_end))


def test_losses_start_at_their_first_step(toy):
    losses = toy.config().losses
    losses.warmup = {"text_full": [10, 4], "ctc_label": [0, 2]}
    losses.consistency.weight, losses.consistency.start_step, losses.consistency.warmup_steps = 0.4, 3, 2
    assert [loss_weights(step, losses)["text_full"] for step in (9, 10, 13, 99)] == pytest.approx(
        [0.0, 0.15 / 4, 0.15, 0.15]
    )
    assert [loss_weights(step, losses)["ctc_label"] for step in (0, 1)] == pytest.approx([0.05, 0.1])
    assert [loss_weights(step, losses)["consistency"] for step in (2, 3, 4)] == pytest.approx([0.0, 0.2, 0.4])


def test_a_loss_is_not_computed_before_it_begins(training):
    config = training.config(steps=3, interval=3)
    late = {"streaming", "full", "text_streaming", "text_full", "ctc_label"}
    config.losses.warmup = {name: [2, 0] for name in late}
    training.run(config, "exp")
    shown = {step: set(re.findall("[a-z_]+(?= )", line)) for step, line in training.losses("exp").items()}
    early = {"loss", "ctc_phone", "consistency", "lr", "grad"}
    assert shown == {1: early, 2: early, 3: early | late}


def test_the_average_of_the_weights_is_kept_beside_them(training):
    """Against the recursion, written out, over the weights of every step."""
    config = training.config(steps=5, interval=1)
    config.optim.ema, config.valid.keep_last = 0.3, 9
    training.run(config, "exp")
    name, mean = "audio_encoder.subsampling.first.weight", None
    folder = training.folder / "exp/checkpoints"
    states = [torch.load(folder / f"step{step}.pth") for step in range(1, 6)]
    for step, state in enumerate(states, 1):
        decay = min(0.3, (1 + step) / (10 + step))
        if mean is not None:
            mean = decay * mean + (1 - decay) * state["trained"][name]
            torch.testing.assert_close(state["model"][name], mean)
        mean = state["model"][name]
    assert not torch.equal(states[-1]["model"][name], states[-1]["trained"][name])


@pytest.mark.parametrize(
    "text, message",
    [
        ("optim:\n  learning_rat: 1", r"unknown key optim\.learning_rat \(did you mean optim\.learning_rate\?\)"),
        ("losses: {consistency: {text_share: 0.3}}", r"text_share is gone: .* set data\.text_batch_phones"),
        ("max_steps: 5", r"unknown key max_steps \(did you mean optim\.max_steps\?\)"),
        ("optim: 3", "optim"),
        ("model:\n  dim: wide", "dim|Integer"),
        ("a: [", "yaml"),
    ],
)
def test_a_wrong_configuration_names_the_key(tmp_path, text, message):
    (tmp_path / "train.yaml").write_text(text + "\n")
    with pytest.raises(JstasrError, match=message):
        load_config(tmp_path / "train.yaml")


@pytest.mark.parametrize(
    "override, message",
    [
        ("precision=16-mixed", "precision: 16-mixed is not one of auto 32-true bf16-mixed"),
        ("strategy=zero", "strategy: zero is not one of ddp fsdp"),
        ("optim.schedule=step", "optim.schedule: step is not one of"),
        ("optim.ema=1.0", "optim.ema: must lie in"),
        ("losses.warmup={consistenzy: [1, 2]}", "losses.warmup: consistenzy"),
        ("losses={ctc_phone: 0, ctc_label: 0, warmup: {streaming: [9, 0], full: [5, 0]}}", "nothing would be trained"),
        ("data.language_temperature=0.5", "must be 1 or more"),
    ],
)
def test_a_wrong_value_is_refused(override, message):
    with pytest.raises(JstasrError, match=message):
        load_config(None, [override])


def test_a_learning_rate_is_finite_everywhere():
    for schedule in ("cosine", "linear", "constant", "inverse_sqrt"):
        config = OptimConfig(schedule=schedule, warmup_steps=0, max_steps=1)
        assert all(math.isfinite(learning_rate(step, config)) for step in range(3))


def test_a_training_starts_from_the_weights_of_another_and_resumes_from_its_own(training):
    config = training.config(2, 2)
    config.optim.learning_rate = 1e-9  # the weights stay where they start
    training.run(config, "first")
    other = training.config(2, 2)
    other.optim.learning_rate, other.seed = 1e-9, config.seed + 1
    source = max((training.folder / "first/checkpoints").glob("step*.pth"))
    done = training.finish(training.words(other, "second", "--init", str(source)))
    assert done.returncode == 0, done.stderr
    log = training.log("second")
    assert "starting from " in log and str(source) in log
    first, second = training.weights("first"), training.weights("second")
    assert max(float((first[name] - second[name]).abs().max()) for name in first if "front_end" not in name) < 1e-4
    done = training.finish(training.words(other, "second", "--init", "none.pth"))
    assert done.returncode == 0 and "nothing to do" in training.log("second")
