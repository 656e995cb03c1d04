"""Experiments below folders, and what is none."""

import json
import os

import pytest

from .conftest import HEAD, step


@pytest.fixture
def found(jstasr, tmp_path):
    """Path -> state of what `jstasr status` finds."""

    def find(*roots, code=0):
        done = jstasr("status", "--json", *roots)
        assert done.stderr == "" and done.returncode == code
        return {os.path.relpath(one["experiment"], tmp_path): one["state"] for one in json.loads(done.stdout)}

    return find


def test_experiments_are_found_below_a_folder_by_name(make, found, tmp_path):
    for tag in ("b", "a", "deep/below/c"):
        make(tag).log(HEAD, step(50))
    assert [*found(tmp_path)] == ["exp/a", "exp/b", "exp/deep/below/c"]


def test_an_experiment_and_the_folder_above_it_are_one_line(make, found, tmp_path):
    make("a").log(HEAD, step(50))
    assert [*found(tmp_path / "exp/a", tmp_path / "exp")] == ["exp/a"]


def test_other_folders_beside_experiments_are_left_out(make, found, tmp_path):
    make("a").log(HEAD, step(50))
    for name in ("lm_char", ".hidden/a/checkpoints", "a/decode_x/test"):
        (tmp_path / "exp" / name).mkdir(parents=True)
    (tmp_path / "exp/lm_char/lm.arpa.gz").touch()
    data = tmp_path / "data/train"
    (data / "checkpoints").mkdir(parents=True)
    (data / "wav.scp").touch()
    (tmp_path / "espnet").mkdir()
    (tmp_path / "espnet/train.log").write_text("[host] 2026-01-01 (trainer:1) INFO: 1/30epoch started\n")
    assert [*found(tmp_path)] == ["exp/a"]


def test_the_log_of_a_sweeps_job_is_no_experiment(make, found, tmp_path):
    make("cell").log(HEAD, step(50))
    own, job = tmp_path / "exp/cell/train.log", tmp_path / "jobs/cell/train.log"
    job.parent.mkdir(parents=True)
    job.write_text("2026-01-01T10:00:00 (asr.sh:378:main) Stage 6: training\n" + own.read_text())
    assert [*found(tmp_path)] == ["exp/cell"]


def test_what_remains_of_an_experiment_is_one(make, found, tmp_path):
    make("log").log(HEAD, step(50))
    make("weights").checkpoints(500)
    make("begun").lock()
    for tag in ("log", "weights", "begun"):
        for name in ("config.yaml", "tokens.txt"):
            (tmp_path / "exp" / tag / name).unlink()
    for tag in ("log", "begun"):
        (tmp_path / "exp" / tag / "checkpoints").rmdir()
    assert found(tmp_path) == {"exp/begun": "starting", "exp/log": "stopped", "exp/weights": "stopped"}


def test_a_log_above_experiments_hides_none_of_them(make, found, tmp_path):
    """`jstasr train ... 2>exp/train.log`"""
    make("a").log(HEAD, step(50))
    (tmp_path / "exp/train.log").write_bytes((tmp_path / "exp/a/train.log").read_bytes())
    assert [*found(tmp_path / "exp")] == ["exp/a"]


def test_links_are_followed_and_circles_end(make, found, tmp_path):
    make("a").log(HEAD, step(50))
    (tmp_path / "exp/0_latest").symlink_to("a")
    (tmp_path / "exp/circle").symlink_to("..")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/exp").symlink_to(tmp_path / "exp")
    assert [*found(tmp_path / "exp")] == ["exp/a"]
    assert [*found(tmp_path / "elsewhere")] == ["elsewhere/exp/a"]


def test_what_is_given_and_is_none_has_a_line_and_an_exit_code(make, found, tmp_path):
    make("a").log(HEAD, step(50))
    (tmp_path / "nothing").mkdir()
    (tmp_path / "model.zip").touch()
    names = {"nothing": "empty", "nowhere": "missing", "model.zip": "unreadable", "exp/a": "stopped"}
    assert found(*[tmp_path / name for name in names], code=1) == names


def test_a_folder_that_may_not_be_read_has_a_line_and_others_go_on(make, found, tmp_path, monkeypatch):
    make("a").log(HEAD, step(50))
    (tmp_path / "exp/secret").mkdir()
    scandir = os.scandir

    def guarded(folder):
        if str(folder).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    assert found(tmp_path / "exp", code=1) == {"exp/a": "stopped", "exp/secret": "unreadable"}


def test_the_default_is_exp(make, found, tmp_path, monkeypatch):
    make("a").log(HEAD, step(50))
    monkeypatch.chdir(tmp_path)
    assert [*found()] == ["exp/a"]
