"""The commands and programs of docs/guide/serve.md, run as they are written, on free ports."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr.features.fbank import Fbank
from jstasr.features.settings import KALDI

RATE = 16000
WAIT = 60  # seconds

pytestmark = pytest.mark.slow


@pytest.fixture
def page(root):
    return (root / "docs/guide/serve.md").read_text("utf-8")


@pytest.fixture
def lines(page):
    """The command lines, in their order."""
    without_programs = re.sub(r"^```python\n.*?^```", "", page, flags=re.MULTILINE | re.DOTALL)
    return [line.strip() for line in re.findall(r"^    .*$", without_programs, re.MULTILINE)]


def speech():
    time = np.arange(2 * RATE) / RATE
    colour = 900 + 600 * np.sin(2 * np.pi * 1.7 * time)
    parts = [(150 * n, np.sin(2 * np.pi * 150 * n * time + n * n)) for n in range(1, 20)]
    voice = sum(part / (1 + ((frequency - colour) / 300) ** 2) for frequency, part in parts)
    noise = 0.01 * np.random.default_rng(0).normal(size=len(time))
    return (0.1 * voice * (1.2 + np.sin(9 * time)) + noise).astype(np.float32)


@pytest.fixture
def folder(make_experiment, toy, tmp_path):
    """A folder with exp/toy and hello.wav."""
    expdir = make_experiment(Fbank(RATE, toy.dim, KALDI)(speech()))
    work = tmp_path / "work"
    (work / "exp").mkdir(parents=True)
    shutil.copytree(expdir, work / "exp" / "toy")
    quiet = np.zeros(RATE, np.float32)
    soundfile.write(work / "hello.wav", np.concatenate([quiet, speech(), quiet]), RATE, subtype="PCM_16")
    return work


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def shell(folder):
    """shell(line): the output of a command line in the folder."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment["OMP_NUM_THREADS"] = "1"

    def run(line):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=WAIT,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def service(line):
        """The service of a line, until it has said where it listens; the tones of the test are speech to energy."""
        with open(folder / "serve.log", "w+") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {line} --vad energy"], cwd=folder, env=environment, stderr=log
            )
            try:
                deadline = time.monotonic() + WAIT
                while "://" not in (folder / "serve.log").read_text() and time.monotonic() < deadline:
                    assert process.poll() is None, (folder / "serve.log").read_text()
                    time.sleep(0.05)
                yield
            finally:
                process.terminate()
                process.wait(WAIT)

    run.service = service
    return run


def test_the_commands_run_as_written(page, lines, shell, folder):
    ports = {"8000": str(free_port()), "8443": str(free_port())}

    def here(text):
        return re.sub(r"\b(8000|8443)\b", lambda found: ports[found[0]], text).replace("<tag>", "toy")

    open_service, closed_service = (here(line) for line in lines if line.startswith("jstasr serve"))
    others = [line for line in lines if not line.startswith("jstasr serve")]
    plain = [here(line) for line in others if "8000" in line]
    tools = [line for line in others if not re.search("8000|8443", line)]
    secure = [here(line) for line in others if "8443" in line]
    assert len(plain) == 6 and len(tools) == 2 and len(secure) == 1
    programs = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(programs) == 2

    with shell.service(open_service):
        answers = [shell(line) for line in plain]
        text = json.loads(answers[0])["text"]
        assert text
        assert answers[1].startswith("1\n00:00:0")
        assert [word["word"] for word in json.loads(answers[2])["words"]] == text.split()
        assert answers[3].startswith("data: ") and "transcript.text.done" in answers[3]
        assert json.loads(answers[4])["status"] == "ok"
        assert 'jstasr_requests_total{status="200"} 4' in answers[5]
        for name, program in zip(("client.py", "live.py"), programs):
            (folder / name).write_text(here(program))
        assert [line.split()[2] for line in shell("python client.py").splitlines()] == text.split()
        last = json.loads(shell("python live.py").splitlines()[-1])
        assert last["type"] == "done" and last["text"]
    for line in tools:
        shell(line)
    with shell.service(closed_service):
        assert json.loads(shell(secure[0]))["text"] == text
        assert "invalid_api_key" in shell(re.sub(r' -H ".*?"', "", secure[0]))


def test_the_defaults_are_those_of_the_command(page):
    from jstasr.bin.serve import add_arguments
    from jstasr.cli import Parser

    parser = Parser(prog="serve")
    add_arguments(parser)
    for option, default in re.findall(r"^\| `--(\w+)` \| (\d+) \|", page, re.MULTILINE):
        assert parser.get_default(option) == float(default)
