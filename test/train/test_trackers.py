"""Weights & Biases and MLflow: what their own readers find after a training, with neither network nor server."""

import json
import os
import signal
import struct
from pathlib import Path

import pytest
from mlflow import MlflowClient
from wandb.proto import wandb_internal_pb2 as records

from jstasr.cli import main
from jstasr.errors import JstasrError
from jstasr.experiment.config import load_config
from jstasr.train import trackers
from jstasr.train.signals import REQUEUE_CODE
from jstasr.train.trackers import Tracker

pytestmark = pytest.mark.filterwarnings("ignore:.*srun.*")

BOTH = ["wandb", "mlflow"]


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("WANDB_", "MLFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{tmp_path}/mlruns")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")


def both(training, steps, interval=2):
    config = training.config(steps, interval)
    config.log_to = BOTH
    return config


def wandb_records(path: Path) -> list[records.Record]:
    """All records of a file of wandb: LevelDB's log format behind a header of 7 bytes."""
    content, at, found, whole = path.read_bytes(), 7, [], b""
    while at < len(content):
        if 32768 - at % 32768 < 7:  # the rest of a block that holds no header
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack_from("<HB", content, at + 4)  # after a checksum; kind: full, first, middle, last
        whole = (b"" if kind in (1, 2) else whole) + content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            found.append(records.Record.FromString(whole))
    return found


def wandb_runs(expdir: Path) -> list[tuple[records.RunRecord, list[dict], int]]:
    """Of each start: the record of the run, its points, the exit code."""
    found = []
    for path in sorted(expdir.glob("wandb/offline-run-*/*.wandb")):
        run, points, code = records.RunRecord(), [], -1
        for record in wandb_records(path):
            if record.WhichOneof("record_type") == "run":
                run = record.run
            elif record.history.item:
                point = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
                points.append(point)
            elif record.WhichOneof("record_type") == "exit":
                code = record.exit.exit_code
        found.append((run, points, code))
    return found


def mlflow_run(expdir: Path):
    return MlflowClient().get_run(json.loads((expdir / "trackers.json").read_text())["mlflow"])


def mlflow_curve(expdir: Path, name: str) -> list[tuple[int, float]]:
    run = mlflow_run(expdir).info.run_id
    return [(point.step, point.value) for point in MlflowClient().get_metric_history(run, name)]


def logged(training, name: str, step: int, loss: str) -> str:
    """What the progress line of a step says of a loss."""
    return training.losses(name)[step].split(f"{loss} ")[1].split()[0]


def test_both_hold_the_curves_the_name_and_the_configuration(training):
    training.run(both(training, 4), "tag")
    expdir = training.folder / "tag"
    [(run, points, code)] = wandb_runs(expdir)
    assert (run.display_name, run.project, code) == ("tag", "jstasr", 0)
    assert run.run_id == json.loads((expdir / "trackers.json").read_text())["wandb"]
    values = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert values["optim"]["max_steps"] == 4 and values["log_to"] == BOTH
    losses = {point["step"]: point["train/loss"] for point in points if "train/loss" in point}
    assert {step: f"{loss:.3f}" for step, loss in losses.items()} == {
        step: logged(training, "tag", step, "loss") for step in (1, 2, 3, 4)
    }
    assert [point["step"] for point in points if "dev_wer/full" in point] == [2, 4]

    found = mlflow_run(expdir)
    assert (found.info.run_name, found.info.status) == ("tag", "FINISHED")
    assert found.data.params["optim.max_steps"] == "4" and found.data.params["log_to"] == str(BOTH)
    assert MlflowClient().get_experiment(found.info.experiment_id).name == "jstasr"
    assert dict(mlflow_curve(expdir, "train/loss")) == losses
    assert [step for step, _ in mlflow_curve(expdir, "dev_wer/full")] == [2, 4]


def test_a_resumed_training_continues_its_runs(training):
    training.run(both(training, 4), "tag", stop=2)
    expdir = training.folder / "tag"
    assert mlflow_run(expdir).info.status == "KILLED"
    config = both(training, 4)
    config.log_interval = 2  # may change; a parameter of MLflow may not
    training.run(config, "tag")
    first, second = wandb_runs(expdir)
    assert first[0].run_id == second[0].run_id and (first[2], second[2]) == (1, 0)
    assert [point["step"] for point in second[1] if "train/loss" in point] == [4]
    found = mlflow_run(expdir)
    assert found.info.status == "FINISHED" and found.data.params["log_interval"] == "1"
    assert [step for step, _ in mlflow_curve(expdir, "train/loss")] == [1, 2, 4]
    assert len(MlflowClient().search_runs([found.info.experiment_id])) == 1


def test_nothing_is_sent_by_default(training):
    training.run(training.config(2, 2), "tag")
    assert not (training.folder / "tag/wandb").exists() and not (training.folder / "tag/trackers.json").exists()
    assert not (training.folder / "mlruns").exists()


def test_the_environment_names_project_and_experiment(training, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "speech")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "speech")
    training.run(both(training, 1, 1), "tag")
    [(run, _, _)] = wandb_runs(training.folder / "tag")
    experiment = MlflowClient().get_experiment(mlflow_run(training.folder / "tag").info.experiment_id)
    assert run.project == experiment.name == "speech"


@pytest.mark.slow
def test_the_first_of_two_processes_alone_sends(training):
    words = training.words(both(training, 4, 4), "tag", "--num-procs", "2")
    done = training.finish(words)
    assert done.returncode == 0, done.stderr[-3000:]
    [(_, points, _)] = wandb_runs(training.folder / "tag")
    assert [point["step"] for point in points if "train/loss" in point] == [1, 2, 3, 4]
    assert [step for step, _ in mlflow_curve(training.folder / "tag", "train/loss")] == [1, 2, 3, 4]


def test_a_signal_ends_the_runs_too(training):
    process = training.start(training.words(both(training, 3000, 3000), "tag"))
    training.wait_for(process, "tag", "step 3/3000")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == REQUEUE_CODE
    assert mlflow_run(training.folder / "tag").info.status == "KILLED"
    [(_, points, code)] = wandb_runs(training.folder / "tag")
    last = max(training.losses("tag"))
    assert code == 1 and points[-1]["step"] == last == mlflow_curve(training.folder / "tag", "train/loss")[-1][0]


def test_an_error_fails_the_runs(training, monkeypatch):
    def fails(*_):
        raise JstasrError("no more")

    monkeypatch.setattr("jstasr.train.loop.validate", fails)
    with pytest.raises(JstasrError, match="no more"):
        training.run(both(training, 4), "tag")
    assert mlflow_run(training.folder / "tag").info.status == "FAILED"
    assert wandb_runs(training.folder / "tag")[0][2] == 1


@pytest.mark.parametrize("given", ["[wnadb]", "[tensorboard]", "[wandb,wandb]"])
def test_an_unknown_name_is_refused(given):
    with pytest.raises(JstasrError, match="takes each of wandb mlflow once; TensorBoard is always written"):
        load_config(None, [f"log_to={given}"])


@pytest.mark.parametrize("name, package", [("wandb", "wandb"), ("mlflow", "mlflow-skinny")])
def test_a_package_that_is_not_installed_is_named_before_anything_else(training, capsys, monkeypatch, name, package):
    monkeypatch.setattr(trackers, "find_spec", lambda module: None)
    words = training.words(training.config(2, 2), "tag", "--set", f"log_to=[{name}]")
    assert main(words[words.index("train") :]) == 1
    assert f"log_to: {name}: its package is not installed: pip install {package}" in capsys.readouterr().err
    assert not (training.folder / "tag").exists()


def refused(training, name: str) -> str:
    """The error of a training, in a process of its own, that ends before its first step."""
    done = training.finish(training.words(training.config(2, 2), "tag", "--set", f"log_to=[{name}]"))
    assert done.returncode == 1 and "Traceback" not in done.stderr and not training.losses("tag")
    return done.stderr


@pytest.mark.slow
def test_a_user_who_is_not_logged_in_hears_of_both_ways(training, monkeypatch):
    monkeypatch.delenv("WANDB_MODE")
    said = refused(training, "wandb")
    assert "log_to: wandb: " in said and "wandb login" in said and "WANDB_MODE=offline" in said


@pytest.mark.slow
def test_a_server_that_is_not_there_is_named(training, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    said = refused(training, "mlflow")
    assert "log_to: mlflow: API request to http://127.0.0.1:9" in said and "MLFLOW_TRACKING_URI" in said


def test_a_run_that_is_gone_is_told_with_the_file_to_remove(tmp_path):
    path = tmp_path / "trackers.json"
    path.write_text(json.dumps({"mlflow": "0" * 32}))
    with pytest.raises(JstasrError, match=f"log_to: mlflow: Run .*0{{32}}.* not found.*remove {path} to begin another"):
        trackers.open_trackers(tmp_path, load_config(None, ["log_to=[mlflow]"]), print)


@pytest.mark.parametrize("content", ["{", "[]", '{"wandb": 3}', "\xff"])
def test_a_damaged_list_of_runs_is_named(tmp_path, content):
    (tmp_path / "trackers.json").write_text(content, "latin-1")
    with pytest.raises(JstasrError, match="trackers.json: cannot be read"):
        trackers.open_trackers(tmp_path, load_config(None, ["log_to=[mlflow]"]), print)


class Unsteady:
    """A run whose service is away at first."""

    def __init__(self):
        self.id, self.away, self.got, self.outcome = "one", True, [], ""

    def send(self, points):
        if self.away:
            raise ConnectionError("nobody answers\nat all")
        self.got += [(point.values["loss"], point.step) for point in points]

    def end(self, outcome):
        self.outcome = outcome


def test_what_a_service_misses_is_told_once_and_sent_when_it_is_back():
    lines, run = [], Unsteady()
    tracker = Tracker("mlflow", run, lines.append)  # type: ignore[arg-type]
    for step in range(3):
        tracker.limiter.took = 0.0  # time has passed
        tracker.add({"loss": step / 2}, step)
    assert lines == ["  mlflow: curves could not be sent, and wait: nobody answers"]
    run.away = False
    tracker.end("FINISHED")
    assert run.got == [(0.0, 0), (0.5, 1), (1.0, 2)] and run.outcome == "FINISHED"
