"""What users do between a stop and the next start, and what happens to a run: each is one true sentence."""

import os
import resource
import shutil
import signal
import subprocess
import time

import kaldiio
import numpy as np
import pytest
import torch

from jstasr.cli import main
from jstasr.experiment.checkpoints import load_checkpoint, save_atomically
from jstasr.train.signals import REQUEUE_CODE

pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*")


def argv(training, *options, name="exp", steps=4, **config):
    made = training.config(steps=steps, interval=2)
    for key, value in config.items():
        setattr(made.data, key, value)
    return training.words(made, name, *map(str, options))[3:]


@pytest.fixture
def stopped(training, capsys):
    """A training with checkpoints of steps 2 and 4."""
    assert main(argv(training)) == 0
    capsys.readouterr()
    return training


def refused(training, capsys, *options, **config) -> str:
    """The message of a start that is refused."""
    assert main(argv(training, *options, **config)) == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return said


def rewrite_features(training, change, name="train"):
    folder = training.toy.folder / "fbank" / name
    matrices = {utt: change(utt, matrix) for utt, matrix in kaldiio.load_scp(str(folder / "feats.scp")).items()}
    kaldiio.save_ark(str(folder / "feats.ark"), matrices, scp=str(folder / "feats.scp"))


def poison(training, *ids):
    argv(training)  # the statistics of the features as they were
    rewrite_features(training, lambda utt, matrix: matrix * (np.float32("nan") if utt in ids else 1))


def dev_copy(training, name="dev"):
    """A dev set of its own, as options."""
    shutil.copytree(training.toy.folder / "fbank/train", training.toy.folder / "fbank" / name)
    return "--valid-dir", training.toy.folder / "fbank" / name


def test_a_restart_with_the_same_data_is_no_other_one(stopped):
    rewrite_features(stopped, lambda utt, matrix: matrix * np.float32(1 + 1e-6))  # the arithmetic of another machine
    assert main(argv(stopped)) == 0


def test_scaled_features_are_noticed(stopped, capsys):
    rewrite_features(stopped, lambda utt, matrix: matrix * 1.02)
    said = refused(stopped, capsys)
    assert "paired speech (other features (" in said and "deviation" in said and "--asr_tag" in said


def test_features_of_other_utterances_are_noticed(stopped, capsys):
    folder = stopped.toy.folder / "fbank/train"
    found = dict(kaldiio.load_scp(str(folder / "feats.scp")))
    lengths = sorted(len(matrix) for matrix in found.values())
    last = list(found)[-1]
    found[last] = np.ascontiguousarray(found[last][::-1, ::-1])  # same mean, same deviation, same length
    kaldiio.save_ark(str(folder / "feats.ark"), found, scp=str(folder / "feats.scp"))
    assert lengths == sorted(len(matrix) for matrix in found.values())
    assert "other features (projection" in refused(stopped, capsys)


def test_other_transcripts_are_called_so(stopped, capsys):
    path = stopped.toy.folder / "fbank/train/text"
    lines = path.read_text().splitlines()
    key, text = lines[0].split(" ", 1)
    path.write_text("\n".join([f"{key} {text[::-1]}", *lines[1:]]) + "\n")
    assert "paired speech (other transcripts)" in refused(stopped, capsys)


def test_another_dev_set_has_no_scores_in_common(training, capsys):
    first, second = dev_copy(training), dev_copy(training, "other")
    assert main(argv(training, *first)) == 0
    rewrite_features(training, lambda utt, matrix: matrix + 1, "other")
    said = refused(training, capsys, *second)
    assert "scores of another dev set: dev set (other features" in said and "scores.json" in said
    (training.folder / "exp/checkpoints/scores.json").unlink()
    assert main(argv(training, *second)) == 0


def test_other_dev_utterances_are_another_dev_set(stopped, capsys):
    assert "dev set: valid.utterances (0 -> 3)" in refused(stopped, capsys, "--set", "valid.utterances=3")


@pytest.mark.parametrize(("content", "reason"), [("", "it is empty"), ("- a\n", "it holds no settings")])
def test_an_empty_configuration_is_called_so(stopped, capsys, content, reason):
    (stopped.folder / "exp/config.yaml").write_text(content)
    said = refused(stopped, capsys)
    assert f"config.yaml: cannot be read ({reason})" in said and "None" not in said and len(said) < 500


def test_settings_that_an_older_version_did_not_know_have_their_default(stopped, capsys):
    path = stopped.folder / "exp/config.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "tempo" not in line and "final_share" not in line))
    assert main(argv(stopped)) == 0
    path.write_text("".join(line for line in lines if "final_share" not in line))
    assert "optim.final_share (0.0 -> 0.5)" in refused(stopped, capsys, "--set", "optim.final_share=0.5")


def test_a_newest_checkpoint_of_nan_is_passed_over(stopped):
    path = stopped.folder / "exp/checkpoints/step4.pth"
    state = load_checkpoint(path)
    whole = stopped.weights("exp")
    name = next(iter(state["model"]))
    broken = {**state, "model": {**state["model"], name: torch.full_like(state["model"][name], float("nan"))}}
    save_atomically(broken, path)
    assert main(argv(stopped)) == 0
    assert f"step4.pth: NaN or infinity in model.{name}; using the one before it" in stopped.log("exp")
    assert all(torch.equal(value, whole[key]) for key, value in stopped.weights("exp").items())


def test_an_average_holds_no_nan(stopped, capsys):
    path = stopped.folder / "exp/checkpoints/step4.pth"
    state = load_checkpoint(path)
    next(iter(state["model"].values())).fill_(float("inf"))
    save_atomically(state, path)
    assert main(["average", "--expdir", str(stopped.folder / "exp")]) == 1
    assert "step4.pth: NaN or infinity in" in capsys.readouterr().err


def test_a_checkpoint_of_another_configuration_is_called_so(stopped, capsys):
    assert main(argv(stopped, "--set", "model.dim=64", name="other")) == 0
    source = stopped.folder / "other/checkpoints/step4.pth"
    shutil.copy(source, stopped.folder / "exp/checkpoints/step9.pth")
    assert "step9.pth: was written with other settings: model.dim (64 -> 32)" in refused(stopped, capsys)


def test_weights_without_a_state_of_training_are_called_so(stopped, capsys):
    path = stopped.folder / "exp/checkpoints/step9.pth"
    save_atomically({"model": load_checkpoint(path.with_name("step4.pth"))["model"]}, path)
    assert "step9.pth: holds weights only" in refused(stopped, capsys)


def test_a_deleted_dump_is_named(stopped, capsys):
    shutil.rmtree(stopped.toy.folder / "fbank/train")
    assert "fbank/train/utt2num_frames: no such file" in refused(stopped, capsys)


def test_misplaced_experiments_are_refused(training, capsys):
    (training.folder / "file").write_text("")
    (training.folder / "exps/one").mkdir(parents=True)
    (training.folder / "exps/one/config.yaml").write_text("")
    for name, reason in {
        "file": "file: cannot be written (File exists)",
        "file/exp": "file/exp: cannot be written (Not a directory)",
        "exps": "exps: holds experiments, such as one: give",
        "toy/fbank/train": "is a data directory",
    }.items():
        if name.startswith("toy"):
            training.folder, folder = training.toy.folder, training.folder
            name = "fbank/train"
            assert reason in refused(training, capsys, name=name)
            training.folder = folder
        else:
            assert reason in refused(training, capsys, name=name)
    assert "--expdir is empty" in refused(training, capsys, "--expdir", "")


def test_a_folder_that_may_not_be_written_says_so_and_speaks_of_no_space(training, capsys, monkeypatch):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    words = argv(training)
    monkeypatch.setattr("pathlib.Path.write_text", read_only)
    assert main(words) == 1
    said = capsys.readouterr().err
    assert "exp: cannot be written (Read-only file system)" in said and "space" not in said


def test_an_unusable_utterance_found_late_is_left_out_and_named_once(training):
    poison(training, "train-003")
    rewrite_features(training, lambda utt, matrix: matrix * (0 if utt == "train-005" else 1))
    words = argv(training, *dev_of_good(training), steps=12, check_features=0)
    assert main(words) == 0
    log = training.log("exp")
    assert log.count("skipped utterance") == 2 and log.count("train-003: NaN or infinity in its features") == 1
    assert "skipped utterance 2 (of at most 100): " in log and "train-005: its features" in log
    assert "step 12/12" in log and "nan" not in "".join(training.losses("exp").values())


def dev_of_good(training):
    texts = training.toy.texts(3)
    return "--valid-dir", training.toy.speech_set("good", texts)


def test_skipping_changes_nothing_for_a_resumed_run(training):
    poison(training, "train-003")
    options = dev_of_good(training)
    assert main(argv(training, *options, name="whole", steps=8, check_features=0)) == 0
    assert main(argv(training, *options, name="exp", steps=8, check_features=0)) == 0
    for path in (training.folder / "exp/checkpoints").glob("step[468].pth"):
        path.unlink()
    assert main(argv(training, *options, name="exp", steps=8, check_features=0)) == 0
    assert "continuing after step 2" in training.log("exp")
    whole = training.weights("whole")
    assert all(torch.equal(value, whole[key]) for key, value in training.weights("exp").items())


def test_too_many_unusable_utterances_end_the_run(training, capsys):
    poison(training, *(f"train-00{number}" for number in range(4)))
    options = dev_of_good(training)
    said = refused(training, capsys, *options, steps=12, check_features=0, max_skipped=2)
    assert "utterances have unusable features, more than data.max_skipped (2)" in said and "num_mel_bins" not in said


def test_the_remedy_for_nan_features_is_not_another_number_of_bins(training, capsys):
    poison(training, "train-003")
    said = refused(training, capsys)
    assert "NaN or infinity in the features (2): train-003" in said and "num_mel_bins" not in said


def test_a_disk_that_fills_in_the_middle_of_a_checkpoint_leaves_the_earlier_one(stopped):
    """A limit on the size of files ends the writing as a full disk does; the checkpoint before is complete."""
    before = (stopped.folder / "exp/checkpoints/step4.pth").read_bytes()
    (stopped.folder / "exp/checkpoints/step2.pth").unlink(missing_ok=True)
    words = stopped.words(stopped.config(steps=4, interval=2), "exp")
    shutil.copytree(stopped.folder / "exp", stopped.folder / "small")
    (stopped.folder / "small/checkpoints/step4.pth").unlink()
    small = [word.replace(f"{stopped.folder}/exp", f"{stopped.folder}/small") for word in words]
    limit = len(before) // 2

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(small, capture_output=True, text=True, preexec_fn=limited)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "step2.pth: cannot be written (File too large). Earlier checkpoints are intact. " in done.stderr
    assert "free some space" not in done.stderr.lower()
    left = [path.name for path in (stopped.folder / "small/checkpoints").iterdir()]
    assert not [name for name in left if name.endswith((".pth", ".tmp"))]
    assert stopped.finish(small).returncode == 0
    assert (stopped.folder / "exp/checkpoints/step4.pth").read_bytes() == before


def started(training, *options, steps=3000, **config):
    words = training.words(training.config(steps=steps, interval=steps), "exp", *options)
    process = training.start(words)
    training.wait_for(process, "exp", f"step 3/{steps}")
    return words, process


def test_two_trainings_in_one_folder_do_not_mix(training):
    words, process = started(training)
    second = training.finish([*words, "--set", "seed=7"])
    assert second.returncode == 1 and f"exp is in use by process {process.pid} on" in second.stderr
    assert main(["average", "--expdir", str(training.folder / "exp")]) == 1
    assert process.poll() is None and not (training.folder / "exp/requeue").exists()
    training.kill_all(process)
    process = training.start(words)
    training.wait_for(process, "exp", "taken over: that process has ended")
    training.kill_all(process)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGXCPU])
def test_a_closed_terminal_and_a_time_limit_leave_a_checkpoint(training, number):
    _, process = started(training)
    process.send_signal(number)
    assert process.wait(60) == REQUEUE_CODE
    assert f"{number.name}: stopped after step" in training.log("exp") and (training.folder / "exp/requeue").exists()
    assert len(list((training.folder / "exp/checkpoints").glob("step*.pth"))) == 1
    assert not (training.folder / "exp/.lock").exists()


def test_under_nohup_a_closed_terminal_is_nothing(training):
    words = training.words(training.config(steps=3000, interval=3000), "exp")
    process = training.start(["nohup", *words])
    training.wait_for(process, "exp", "step 3/3000")
    process.send_signal(signal.SIGHUP)
    last = max(training.losses("exp"))
    training.wait_for(process, "exp", f"step {last + 3}/3000")
    training.kill_all(process)


def test_ctrl_c_saves_a_checkpoint_and_a_second_one_ends_at_once(training):
    _, process = started(training)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "SIGINT: stopped after step" in training.log("exp") and not (training.folder / "exp/requeue").exists()
    assert len(list((training.folder / "exp/checkpoints").glob("step*.pth"))) == 1
    assert "Ctrl-C: ends after this step" in (training.folder / "output").read_text()


@pytest.mark.parametrize("delay", [0.5, 2.0])
def test_a_signal_during_the_start_asks_to_be_queued_again(training, delay):
    process = training.start(training.words(training.config(steps=4, interval=2), "exp"))
    end = time.monotonic() + 60
    while not (training.folder / "exp/.lock").exists():
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    time.sleep(delay / 10)
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == REQUEUE_CODE
    assert (training.folder / "exp/requeue").exists() and not (training.folder / "exp/.lock").exists()
    assert "Traceback" not in (training.folder / "output").read_text()


def test_a_removed_experiment_does_not_come_back(training):
    words = training.words(training.config(steps=3000, interval=40), "exp")
    process = training.start(words)
    training.wait_for(process, "exp", "step 3/3000")
    (training.folder / "exp").rename(training.folder / "moved")
    assert process.wait(120) == 1
    said = (training.folder / "output").read_text()
    assert "was removed or moved" in said and "Traceback" not in said
    assert not (training.folder / "exp/checkpoints").exists()
