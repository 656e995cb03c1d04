"""`jstasr status` as it is seen: the table, JSON, --watch, Ctrl-C."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

from .conftest import HEAD, dev, step

COMMAND = [sys.executable, "-m", "jstasr", "status"]


@pytest.fixture
def two(make, tmp_path):
    """A running and a dead experiment; their folder."""
    make("running").log(HEAD, step(50), dev(50, 12.34, 10.1), step(100), old=20).lock()
    made = make("dead").log(HEAD, step(50), "step 60: skipped, full loss is nan in utterances " + "utterance-17 " * 20)
    made.lock(pid=2**22 + 1)
    return tmp_path / "exp"


def test_one_line_for_each(two, jstasr):
    head, dead, running = jstasr("status", two).stdout.splitlines()
    assert head.split() == "experiment state step dev WER % audio-s/s left last line remarks".split()
    assert running.split() == [f"{two}/running", "running", "100/3000", "12.3/10.1", "@50", "65", "4:12", "0:20"]
    assert dead.split()[:6] == [f"{two}/dead", "dead", "60/3000", "65", "4:12", "1:00:00"]
    assert "gone; no checkpoint; 03-01 10:02 step 60: skipped, full loss is nan" in dead and dead.endswith("…")


def test_json_is_an_array_with_the_same_keys_for_all(two, jstasr):
    done = jstasr("status", two, two / "nothing", "--json")
    dead, running, missing = json.loads(done.stdout)
    assert dead.keys() == running.keys() == missing.keys()
    assert len(dead["fault"]) > 250 and running["fault"] is None and missing["step"] is None
    assert done.stdout.count("\n") == 3


def test_control_characters_of_a_log_or_a_name_do_not_reach_the_terminal(make, jstasr, tmp_path):
    make("a\x1b[31m\nb").log(HEAD, "step 60: skipped, \x1b[2J\x07[red]", old=5)
    shown = jstasr("status", tmp_path / "exp").stdout
    assert len(shown.splitlines()) == 2 and not re.search(r"[^\n -~…]", shown)
    assert "/a?[31m?b" in shown and "?[2J?[red]" in shown


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_seconds_that_are_none_are_refused(two, jstasr, seconds):
    done = jstasr("status", two, f"--watch={seconds}")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "more than 0" in done.stderr


def test_watch_and_json_are_refused_together(two, jstasr):
    assert "give one of the two" in jstasr("status", two, "--watch", "1", "--json").stderr


def test_it_starts_without_torch_and_numpy(two):
    code = (
        "import sys; from jstasr import cli\n"
        f"assert cli.main(['status', {str(two)!r}]) == 0\n"
        "print('HEAVY', sorted({'torch', 'numpy', 'omegaconf', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []", done.stdout + done.stderr


def test_watch_ends_quietly_with_ctrl_c(two):
    process = subprocess.Popen(
        [*COMMAND, two, "--watch", "0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(8):  # two tables and the times above them
        assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130 and said == "jstasr: interrupted\n"


def read_until(terminal: int, enough) -> str:
    """What a terminal shows, until `enough` says so."""
    shown, end = "", time.monotonic() + 20
    while not enough(shown):
        assert time.monotonic() < end, shown
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 65536).decode()
    return shown


def test_on_a_terminal_watch_draws_in_place_and_sees_what_changes(two, make):
    terminal, child = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "160", "LINES": "30"}
    process = subprocess.Popen([*COMMAND, two, "--watch", "0.1"], stdout=child, stderr=child, env=environment)
    os.close(child)
    first = read_until(terminal, lambda shown: shown.count("\x1b[H\x1b[J") >= 2 and "running" in shown)
    assert "new" not in first and max(map(len, re.sub(r"\x1b\[[\d;]*[A-Za-z]", "", first).splitlines())) <= 160
    make("new").log(HEAD, step(50), "all 3000 steps are done")
    read_until(terminal, lambda shown: "finished" in shown)
    process.send_signal(signal.SIGINT)
    last = read_until(terminal, lambda shown: "interrupted" in shown)
    assert process.wait(20) == 130 and "Traceback" not in last
    os.close(terminal)


def test_a_low_terminal_shows_the_first_lines_and_counts_the_others(make, tmp_path):
    for number in range(9):
        make(f"exp{number}").log(HEAD, step(50))
    terminal, child = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200", "LINES": "8"}
    process = subprocess.Popen([*COMMAND, tmp_path, "--watch", "5"], stdout=child, env=environment)
    os.close(child)
    shown = read_until(terminal, lambda shown: "more)" in shown)
    process.kill()
    process.wait()
    os.close(terminal)
    assert "exp3" in shown and "exp4" not in shown and "(and 5 more)" in shown
