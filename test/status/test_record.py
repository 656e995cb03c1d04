"""The figures of an experiment, and what happens to them where files are missing, damaged or of an older version."""

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jstasr.status import record
from jstasr.status.find import Found
from jstasr.status.record import read_status
from jstasr.train.read_log import read_log

from .conftest import HEAD, dev, step


def test_the_figures_of_the_last_line(make, status):
    one = status(make().log(HEAD, step(50), step(100, left="12:04:12", wait="2.5")))
    assert (one["step"], one["max_steps"], one["left_s"]) == (100, 3000, 12 * 3600 + 4 * 60 + 12)
    assert (one["audio_s_per_s"], one["wait_percent"]) == (65, 2.5)
    assert 3600 <= one["log_age_s"] < 3660 and one["log_time"] == "2026-03-01T10:02:00"


def test_the_best_validation_is_that_of_the_scores(make, status):
    """Equal rates of the log differ in the scores, by CER."""
    made = make().log(HEAD, dev(500, 30.0, 20.0), dev(1000, 20.0, 30.0), dev(1500, 40.0, 30.0))
    one = status(made.checkpoints(500, 1000, 1500, step500=25.009, step1000=25.008, step1500=35.1))
    assert (one["best_step"], one["best_wer_streaming"], one["best_wer_full"]) == (1000, 20.0, 30.0)


def test_the_later_of_equal_validations_is_the_best(make, status):
    made = make().log(HEAD, dev(500, 30.0, 20.0), dev(1000, 20.0, 30.0))
    assert status(made)["best_step"] == 1000
    assert status(made.checkpoints(step500=25.0, step1000=25.0))["best_step"] == 1000


def test_without_scores_rates_above_100_count_as_100(make, status):
    assert status(make().log(HEAD, dev(500, 100.0, 90.0), dev(1000, 300.0, 80.0)))["best_step"] == 1000


def test_a_validation_that_was_repeated_counts_once(make, status):
    one = status(make().log(HEAD, dev(500, 30.0, 20.0), "continuing after step 400", HEAD, dev(500, 31.0, 21.0)))
    assert one["best_wer_streaming"] == 31.0


def test_without_a_log_the_scores_tell_the_mean(make, status):
    one = status(make().checkpoints(500, step500=25.0))
    assert (one["best_step"], one["best_score"], one["best_wer_full"], one["step"]) == (500, 25.0, None, 500)
    assert "no train.log" in one["notes"]


@pytest.mark.parametrize(
    "line",
    [
        "step 60: skipped, full loss is nan in utterances a b",
        "skipped utterance 3 (of at most 100): a: features are NaN",
        "skipped shard 1 (of at most 3): s3://b/shard-000000.tar: no such shard",
        "exp/checkpoints/step50.pth: damaged or not a checkpoint (BadZipFile); using the one before it",
        "error: 3 steps in a row were skipped",
    ],
)
def test_the_last_fault(make, status, line):
    one = status(make().log(HEAD, "step 9: skipped, early", line, step(100), dev(100, 30.0, 20.0)))
    assert (one["fault"], one["fault_time"]) == (line.removeprefix("error: "), "2026-03-01T10:02:00")


def test_a_log_of_the_first_version(make, status):
    """The time left at the end, no CER, no lock, and no line that says that all steps are done."""
    shown = "loss 4.166 streaming 3.051 lr 6.00e-04 grad 0.64 audio-s/s 65 pad 3.1% wait 1.3% left"
    made = make().log(HEAD, f"step 2900/3000 epoch 3 {shown} 4:12", old=30)
    assert (status(made)["state"], status(made)["notes"]) == ("running", ["without a lock"])
    assert (status(made)["left_s"], status(made)["audio_s_per_s"]) == (252, 65)
    assert status(made.log(f"step 2950/3000 epoch 3 {shown} 2:06"))["state"] == "stopped"
    made.log(
        f"step 3000/3000 epoch 3 {shown} 0:00", "dev after step 3000: WER% streaming 9.5 full 8.5 | loss full 1 | 1.0 s"
    )
    one = status(made.log("  layer 0: distance 1.458 best_to_framewise 0.89"))
    assert (one["state"], one["best_step"], one["best_wer_full"]) == ("finished", 3000, 8.5)


def test_a_line_that_is_being_written_waits(make, status):
    made = make().log(HEAD, step(50))
    whole = "".join(made.lines)
    assert status(made.text(f"{whole}2026-03-01T10:02:00 (train) step 1000/3000 epo"))["step"] == 50


def test_every_beginning_of_a_log_can_be_read(make):
    text = "".join(make().log("continuing after step 10", HEAD, step(50), dev(50, 30.0, 20.0), "error: x").lines)
    steps = [read_log(text[:end]).step for end in range(len(text) + 1)]
    assert steps == sorted(steps) and {*steps} == {0, 10, 50}


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("config.yaml", None, "no config.yaml"),
        ("config.yaml", "{", "config.yaml: damaged"),
        ("config.yaml", "- a", "config.yaml: damaged"),
        ("config.yaml", "", "config.yaml: damaged"),
        ("config.yaml", "optim:\n  max_steps: soon\n", "config.yaml: damaged"),
        ("config.yaml", "losses:\n  max_steps: 3\n", "config.yaml: damaged"),
        ("checkpoints/scores.json", '{"500": 25', "scores.json: damaged"),
        ("checkpoints/scores.json", "[500]", "scores.json: damaged"),
        ("checkpoints/scores.json", '{"500": null}', "scores.json: damaged"),
        ("checkpoints/scores.json", '{"500": NaN}', ""),
        ("train.log", "epoch 1: loss 3.2\n", "train.log: damaged"),
    ],
)
def test_a_damaged_file_is_a_word_in_the_line(make, status, name, content, note):
    made = make().checkpoints(500)
    path = made.folder / name
    path.write_text(content) if content is not None else path.unlink()
    one = status(made)
    assert one["step"] == 500 and one["state"] in ("stopped", "waiting") and (not note or note in one["notes"])


@pytest.mark.parametrize("name", ["train.log", "config.yaml", "checkpoints/scores.json", "error", "logdir/train.log"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_is_no_file_is_not_read(make, status, name, kind):
    """Reading /dev/zero would never end, opening a pipe would wait for its writer."""
    made = make().checkpoints(500)
    path = made.folder / name
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    {"folder": path.mkdir, "pipe": lambda: os.mkfifo(path), "device": lambda: path.symlink_to("/dev/zero")}[kind]()
    one = status(made)
    if name not in ("error", "logdir/train.log"):
        assert f"{path.name}: {'Is a directory' if kind == 'folder' else 'not a file'}" in one["notes"]


def test_checkpoints_that_are_a_file(make, status):
    made = make().log(HEAD, step(50))
    (made.folder / "checkpoints").rmdir()
    (made.folder / "checkpoints").touch()
    assert "checkpoints: Not a directory" in status(made)["notes"]


def test_a_file_that_may_not_be_read_is_named(make, status, monkeypatch):
    def refuse(path, last=None):
        raise PermissionError(13, "Permission denied", str(path))

    made = make().log(HEAD, step(50)).checkpoints(500, step500=25.0)
    monkeypatch.setattr(record, "read_regular", refuse)
    assert status(made)["notes"][-3:] == [
        f"{name}: Permission denied" for name in ("train.log", "scores.json", "config.yaml")
    ]


def test_a_disk_that_fails_is_an_unreadable_experiment(make, status, monkeypatch):
    def fail(expdir):
        raise OSError(5, "Input/output error")

    made = make().log(HEAD, step(50))
    monkeypatch.setattr(record, "look", fail)
    assert (status(made)["state"], status(made)["notes"]) == ("unreadable", ["Input/output error"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(
                [HEAD, step(50), dev(50, 3, 2), "continuing after step 9", "error: x", "step " + "9" * 5000 + "/3 "]
            ),
        ),
        max_size=6,
    ),
    others=st.tuples(
        *[
            st.one_of(
                st.none(),
                st.binary(max_size=30),
                st.sampled_from([b"[" * 9999, b'{"1": 1e999}', b'{"1": 1' + b"0" * 999 + b"}"]),
            )
        ]
        * 4
    ),
)
def test_rubbish_is_never_an_exception(tmp_path, lines, others):
    folder = tmp_path / "exp"
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    text = "".join(f"2026-03-01T10:00:00 (train) {line}\n" for line in lines)
    (folder / "train.log").write_text(text, "utf-8", "replace")
    for name, content in zip((".lock", "config.yaml", "checkpoints/scores.json", "error"), others):
        (folder / name).unlink(missing_ok=True)
        if content is not None:
            (folder / name).write_bytes(content)
    one = read_status(Found(str(folder)))
    assert one.state
    json.dumps(vars(one), allow_nan=False)
