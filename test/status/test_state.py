"""The state of an experiment: from its lock, its log, its marks and the log of its job."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import HEAD, dev, step

FAR = dict(host="far", machine="another boot", pid=77)
RUN_PL = Path(__file__).parents[2] / "utils/run.pl"


def test_a_living_process_of_this_machine_runs(make, status):
    one = status(make().log(HEAD, step(50), old=5).lock())
    assert (one["state"], one["pid"], one["notes"]) == ("running", os.getpid(), [])


def test_a_process_that_is_gone_is_dead(make, status):
    one = status(make().log(HEAD, step(50)).lock(pid=2**22 + 1))
    assert one["state"] == "dead" and one["notes"] == [f"process {2**22 + 1} is gone", "no checkpoint"]
    assert one["left_s"] == 252


def test_a_process_id_that_is_used_again_is_another_process(make, status):
    assert status(make().log(HEAD, step(50)).lock(started=1))["state"] == "dead"


def test_a_dead_training_tells_its_newest_checkpoint(make, status):
    one = status(make().log(HEAD, step(850)).lock(pid=2**22 + 1).checkpoints(500, 800))
    assert one["checkpoint_step"] == 800 and "newest checkpoint: step 800" in one["notes"]


def test_a_process_of_another_machine_lives_while_it_touches_its_lock(make, status):
    one = status(make().log(HEAD, step(50), old=5).lock(old=30, **FAR))
    assert (one["state"], one["host"], one["notes"]) == ("running", "far", [])


def test_a_process_of_another_machine_that_is_silent_is_called_so(make, status):
    one = status(make().log(HEAD, step(50), old=7300).lock(old=7265, **FAR))
    assert one["state"] == "silent" and one["notes"][0].startswith("no sign of life from far for 2:01:0")


def test_a_training_that_hangs_touches_its_lock_and_writes_no_line(make, status):
    one = status(make().log(HEAD, step(50), step(100), old=1500).lock(**FAR))
    assert one["state"] == "running" and one["notes"] == ["no line for 25:00"]


def test_lines_that_are_far_apart_are_waited_for(make, status):
    """One in 10 minutes: 25 minutes are no more than a long validation."""
    made = make().log(HEAD, step(50))
    made.minute += 9
    assert status(made.log(step(100), old=1500).lock())["notes"] == []


def test_waiting_for_data_is_remarked_on(make, status):
    one = status(make().log(HEAD, step(50, wait="41.6"), old=5).lock())
    assert one["wait_percent"] == 41.6 and one["notes"] == ["waits for data 42% of the time"]


def test_before_its_first_line_a_training_starts(make, status):
    one = status(make().lock())
    assert (one["state"], one["step"], one["max_steps"]) == ("starting", None, 3000)
    assert status(make("two").log(HEAD, old=5).lock())["state"] == "starting"


def test_lines_of_an_earlier_start_are_not_those_of_this_one(make, status):
    made = make().log(HEAD, step(50), step(100), "SIGTERM: stopped after step 120, checkpoint saved")
    one = status(made.lock(since="2026-03-01 11:00:00"))
    assert (one["state"], one["step"]) == ("starting", 120)


def test_a_restart_goes_back_to_its_checkpoint(make, status):
    made = make().log(HEAD, step(850), "continuing after step 800", HEAD, old=5).lock(since="2026-03-01 10:02:00")
    assert (status(made)["state"], status(made)["step"]) == ("starting", 800)
    one = status(made.log(step(850), old=5))
    assert (one["state"], one["step"]) == ("running", 850)


def test_without_a_checkpoint_a_restart_begins_at_the_first_step(make, status):
    assert status(make().log(HEAD, step(100), HEAD, old=5).lock())["step"] == 0


@pytest.mark.parametrize("last", ["all 3000 steps are done", "nothing to do: 3000 steps are done"])
def test_all_steps_are_done(make, status, last):
    one = status(make().log(HEAD, step(3000), dev(3000, 9, 8), "  layer 0: distance 1", last))
    assert (one["state"], one["step"], one["left_s"], one["notes"]) == ("finished", 3000, None, [])


def test_a_process_that_is_gone_after_the_last_step_has_finished(make, status):
    assert status(make().log(HEAD, step(3000), "all 3000 steps are done").lock(pid=2**22 + 1))["state"] == "finished"


def test_the_stages_after_training_are_told_by_their_files(make, status):
    made = make().log(HEAD, step(3000), "all 3000 steps are done")
    assert status(made)["stage"] is None
    (made.folder / "valid.wer.ave.pth").touch()
    assert status(made)["stage"] == "averaged"
    decoded = made.folder / "decode_greedy/test/full"
    decoded.mkdir(parents=True)
    (decoded / "text").touch()
    assert status(made)["stage"] == "decoded"
    (decoded / "score_wer").mkdir()
    (decoded / "score_wer/result.txt").touch()
    assert status(made)["stage"] == "scored"


def test_a_model_without_a_log_was_trained(make, status):
    made = make()
    (made.folder / "checkpoints").rmdir()
    (made.folder / "valid.wer.ave.pth").touch()
    assert status(made)["state"] == "finished"


def test_a_signal_is_a_stop_with_its_name(make, status):
    one = status(make().log(HEAD, step(100), "SIGUSR1: stopped after step 120, checkpoint saved"))
    assert (one["state"], one["step"], one["notes"]) == ("stopped", 120, ["SIGUSR1"])


def test_a_signal_before_the_first_step_is_a_stop(make, status):
    made = make()
    (made.folder / "requeue").touch()
    assert status(made)["state"] == "stopped"


def test_a_signal_between_the_first_line_and_the_first_step_is_a_stop(make, status):
    made = make().log(HEAD, old=5)
    (made.folder / "requeue").touch()
    assert (status(made)["state"], status(made)["notes"]) == ("stopped", ["by a signal"])


def test_another_command_in_the_folder_is_named(make, status):
    made = make().log(HEAD, step(3000), "all 3000 steps are done").lock(command="jstasr average --expdir x")
    assert (status(made)["state"], status(made)["notes"]) == ("finished", ["in use: jstasr average --expdir x"])


def test_a_folder_in_which_nothing_was_trained_waits(make, status):
    assert status(make())["state"] == "waiting"


def test_what_torchrun_left_is_the_error(make, status):
    made = make().log(HEAD, step(50))
    (made.folder / "error").write_text("step 51: out of memory\n  with 3 utterances")
    one = status(made)
    assert (one["state"], one["fault"]) == ("failed", "step 51: out of memory with 3 utterances")


def job(made, script: str) -> None:
    """Run a script as the job of stage 6."""
    subprocess.run([RUN_PL, made.folder / "logdir/train.log", "bash", "-c", script], stderr=subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("echo 'jstasr train: error: exp has no dev set' >&2; exit 1", "exp has no dev set"),
        ("python3 -c 'import no_such_module'", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("echo 'srun: job 5 queued and waiting for resources'; exit 7", None),
    ],
)
def test_a_job_that_failed_before_the_first_line_tells_why(make, status, script, fault):
    made = make()
    job(made, script)
    one = status(made)
    assert (one["state"], one["fault"]) == ("failed", fault)
    assert "its job ended with code" in one["notes"][0]


def test_a_failed_start_after_a_stop_is_a_failure(make, status):
    made = make().log(HEAD, step(50), "SIGTERM: stopped after step 60, checkpoint saved")
    job(made, "echo 'jstasr train: error: exp was trained with other settings' >&2; exit 1")
    assert status(made)["state"] == "failed"


def test_a_failed_job_of_an_earlier_run_says_nothing(make, status):
    made = make()
    job(made, "exit 1")
    os.utime(made.folder / "logdir/train.log", (time.time() - 9000,) * 2)
    assert status(made.log(HEAD, step(50), "SIGTERM: stopped after step 60, checkpoint saved"))["state"] == "stopped"


def test_a_job_in_the_queue_waits(make, status):
    """asr.sh touches the log, slurm.pl and queue.pl write q/train.sh; the job itself begins with the log."""
    made = make().log(HEAD, step(50), "SIGUSR1: stopped after step 60, checkpoint saved")
    (made.folder / "logdir/q").mkdir(parents=True)
    log, script = made.folder / "logdir/train.log", made.folder / "logdir/q/train.sh"
    log.touch()
    script.touch()
    os.utime(log, (time.time() - 601,) * 2)
    os.utime(script, (time.time() - 600,) * 2)
    one = status(made)
    assert one["state"] == "waiting" and one["notes"] == ["submitted 10:00 ago"]
    job(made, "echo 'slurmstepd: error: Detected 1 oom_kill event' >&2; exit 137")
    assert (status(made)["state"], status(made)["fault"]) == ("failed", "Detected 1 oom_kill event")


def test_what_the_queue_said_of_a_dead_training(make, status):
    made = make().log(HEAD, step(50), old=300).lock(old=300, **FAR)
    job(made, "true")
    (made.folder / "logdir/q").mkdir()
    (made.folder / "logdir/q/train.out").write_text(
        "slurmstepd: error: *** JOB 5 ON far CANCELLED DUE TO TIME LIMIT ***\n"
    )
    one = status(made)
    assert (one["state"], one["fault"]) == ("silent", "*** JOB 5 ON far CANCELLED DUE TO TIME LIMIT ***")


def test_a_job_that_was_killed_tells_the_signal(make, status):
    """137 is 128 and SIGKILL, as a shell has it; run.pl writes `code 0; signal 9`."""
    made = make().log(HEAD, step(50), old=5).lock(pid=2**22 + 1)
    job(made, "kill -9 $$")
    assert status(made)["state"] == "dead" and "its job ended with code 137" in status(made)["notes"]


def test_a_damaged_lock_is_called_so(make, status):
    made = make().log(HEAD, step(50), old=5)
    (made.folder / ".lock").write_text("{")
    assert (status(made)["state"], status(made)["notes"]) == ("running", ["the lock is damaged"])
