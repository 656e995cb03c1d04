"""One writer at a time, told by real processes: the second is refused, the lock of a dead one is taken over."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jstasr.cli import main
from jstasr.errors import JstasrError
from jstasr.kaldi import locks
from jstasr.kaldi.locks import LOCK, RUN, Holder, Lock, locked, locked_file, locked_part

HOLD = """
import sys, time
from jstasr.kaldi.locks import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def quick(monkeypatch):
    """Seconds that a test can wait."""
    monkeypatch.setattr(locks, "HEARTBEAT", 0.05)
    monkeypatch.setattr(locks, "STALE", 0.6)
    monkeypatch.setattr(locks, "POLL", 0.02)


@pytest.fixture
def holders():
    """Starts processes that hold the lock of a folder; they are killed at the end."""
    started = []

    def start(folder, program=HOLD, **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def write_lock(path: Path, old: float = 0.0, **changes) -> Holder:
    """The lock of a process of another machine, touched `old` seconds ago."""
    holder = dataclasses.replace(Holder.this_process(), host="far", machine="other boot")
    holder = dataclasses.replace(holder, **changes)
    path.write_text(json.dumps(dataclasses.asdict(holder)))
    os.utime(path, (time.time() - old,) * 2)
    return holder


def take(folder) -> list[str]:
    """Hold the lock of a folder for a moment; returns what was reported."""
    lines = []
    with locked(folder, lines.append):
        assert (Path(folder) / LOCK).exists()
    return lines


def test_a_second_process_is_refused_with_the_name_of_the_first(tmp_path, holders):
    first = holders(tmp_path)
    with pytest.raises(JstasrError) as raised:
        take(tmp_path)
    said = str(raised.value)
    assert f"process {first.pid} on {os.uname().nodename} since 20" in said and f"kill {first.pid}" in said
    assert said.startswith(f"{tmp_path} is in use by ") and "-c" in said
    assert first.poll() is None and [path.name for path in tmp_path.iterdir()] == [LOCK]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, holders, number):
    first = holders(tmp_path)
    first.send_signal(number)
    time.sleep(0.2)  # nobody has waited for it yet: it is a zombie, as under a container's first process
    (line,) = take(tmp_path)
    assert f"process {first.pid}" in line and "taken over" in line
    assert list(tmp_path.iterdir()) == []


def test_a_process_id_that_is_used_again_is_no_holder(tmp_path):
    own = Holder.this_process()
    write_lock(tmp_path / LOCK, machine=own.machine, started=own.started + 1)
    assert "taken over" in take(tmp_path)[0]


def test_a_released_lock_leaves_nothing_behind(tmp_path):
    assert take(tmp_path / "exp/new") == []
    assert not (tmp_path / "exp/new").exists()
    assert take(tmp_path / "exp/new") == []


def test_of_many_that_take_over_at_once_one_holds(tmp_path):
    """Each writes its number when it enters and when it leaves: no two are inside at once."""
    write_lock(tmp_path / LOCK, machine=Holder.this_process().machine, pid=2**22 + 1)
    program = """
import sys, time
from jstasr.errors import JstasrError
from jstasr.kaldi.locks import locked
while True:
    try:
        with locked(sys.argv[1]):
            for word in ("in", "out"):
                with open(sys.argv[1] + "/journal", "a") as file:
                    file.write(f"{sys.argv[2]} {word}\\n")
                time.sleep(0.01)
        break
    except JstasrError:
        time.sleep(0.005)
"""
    words = [sys.executable, "-c", program, str(tmp_path)]
    processes = [subprocess.Popen([*words, str(number)]) for number in range(8)]
    assert [process.wait(60) for process in processes] == [0] * 8
    journal = (tmp_path / "journal").read_text().split("\n")[:-1]
    assert len(journal) == 16
    assert all(one.replace("in", "out") == two for one, two in zip(journal[::2], journal[1::2]))


def test_a_holder_on_another_machine_lives_while_it_touches_its_lock(tmp_path, quick, holders):
    program = """
import os, sys, time
print("held", flush=True)
while True:
    os.utime(sys.argv[1] + "/.lock")
    time.sleep(0.1)
"""
    write_lock(tmp_path / LOCK)
    holders(tmp_path, program)
    with pytest.raises(JstasrError, match="on far since .*on far. Should that machine be down"):
        take(tmp_path)
    assert read(tmp_path).host == "far"


def read(folder) -> Holder:
    return Holder.parse((folder / LOCK).read_text())


@pytest.mark.parametrize("old", [0.0, 3600.0])
def test_a_holder_on_another_machine_that_is_silent_is_replaced(tmp_path, quick, old):
    write_lock(tmp_path / LOCK, old)
    began = time.monotonic()
    lines = take(tmp_path)
    assert ("waiting up to" in lines[0]) == (old == 0) and "taken over" in lines[-1]
    assert (time.monotonic() - began >= 0.5) == (old == 0)


def test_clocks_that_differ_do_not_make_a_lock_old(tmp_path, quick, monkeypatch):
    """The clock of this machine runs ahead by a day: what counts is the clock of the file server."""
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 86400)
    path = tmp_path / LOCK
    write_lock(path)
    os.utime(path)
    assert "waiting up to" in take(tmp_path)[0]


def test_a_job_that_is_queued_again_follows_its_own_dead_predecessor_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    write_lock(tmp_path / LOCK, job="slurm 42", restarts=0)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    (line,) = take(tmp_path)
    assert "taken over" in line


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"token": 3}'])
def test_a_damaged_lock_counts_as_one_of_an_unknown_holder(tmp_path, quick, content):
    (tmp_path / LOCK).write_bytes(content)
    assert "the lock is damaged" in take(tmp_path)[0]
    assert not list(tmp_path.iterdir())


def test_a_holder_notices_that_its_lock_was_taken_or_its_folder_removed(tmp_path, quick):
    folder = tmp_path / "exp"
    with locked(folder) as lock:
        lock.check()
        (folder / LOCK).unlink()
        with pytest.raises(JstasrError, match="has lost its .lock"):
            lock.check()
        other = write_lock(folder / LOCK)
        with pytest.raises(JstasrError, match="taken over by process .* on far"):
            lock.check()
        assert read(folder) == other
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(JstasrError, match="was removed or moved"):
            lock.check()
    assert (tmp_path / "elsewhere" / LOCK).exists()  # that of the other


def test_parts_go_side_by_side_and_the_whole_waits_for_all(tmp_path):
    with locked_part(tmp_path, 1), locked_part(tmp_path, 2):
        for attempt in (lambda: take(tmp_path), lambda: enter(locked_part(tmp_path, 2))):
            with pytest.raises(JstasrError, match="is in use by"):
                attempt()
    with locked(tmp_path), pytest.raises(JstasrError, match="is in use by"):
        enter(locked_part(tmp_path, 1))
    assert list(tmp_path.iterdir()) == []


def enter(context):
    with context:
        pass


def test_the_jobs_of_one_run_share_what_it_holds(tmp_path, monkeypatch):
    monkeypatch.setenv(RUN, "mill.1")
    with locked(tmp_path, own=Holder.this_process(shared=True)):
        enter(locked_part(tmp_path, 1))
        enter(locked(tmp_path))
        monkeypatch.setenv(RUN, "mill.2")
        for attempt in (
            locked_part(tmp_path, 1),
            locked(tmp_path),
            locked(tmp_path, own=Holder.this_process(shared=True)),
        ):
            with pytest.raises(JstasrError, match="is in use by"):
                enter(attempt)
    enter(locked(tmp_path))


def test_a_file_is_locked_beside_it(tmp_path):
    with locked_file(tmp_path / "a"):
        enter(locked_file(tmp_path / "b"))
        with pytest.raises(JstasrError, match=r"/a is in use by"):
            enter(locked_file(tmp_path / "a"))


def test_without_links_the_lock_is_created_exclusively(tmp_path, monkeypatch, holders):
    def none(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", none)
    assert take(tmp_path) == []
    first = holders(tmp_path)
    with pytest.raises(JstasrError, match=f"process {first.pid}"):
        take(tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for folder, reason in ((tmp_path / "file", "File exists"), (tmp_path / "file/exp", "Not a directory")):
        with pytest.raises(JstasrError, match=re.escape(f"{folder}: cannot be written ({reason}). ")):
            take(folder)


def test_the_lock_command_ends_with_its_input(tmp_path):
    words = [sys.executable, "-m", "jstasr", "lock", str(tmp_path / "a"), str(tmp_path / "b"), "--command", "stage 5"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    assert read(tmp_path / "b").command == "stage 5"
    assert main(["lock", str(tmp_path / "b")]) == 1
    process.stdin.close()
    assert process.wait(30) == 0 and list(tmp_path.iterdir()) == []


def test_only_the_process_that_took_a_lock_releases_it(tmp_path):
    lock = Lock(tmp_path / LOCK, "exp", print)
    lock.acquire()
    if (child := os.fork()) == 0:
        lock.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert read(tmp_path) == lock.own
    lock.release()


def test_a_link_to_a_place_that_is_gone_is_named_as_such(tmp_path):
    (tmp_path / "data").symlink_to(tmp_path / "disk/data")
    with pytest.raises(JstasrError, match=r"data: is a link to .*disk/data, which is not there; make that folder"):
        with locked(tmp_path / "data"):
            pass
    (tmp_path / "disk/data").mkdir(parents=True)  # the remedy
    with locked(tmp_path / "data"):
        pass
