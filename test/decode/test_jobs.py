"""`jstasr transcribe` on many recordings: a folder of results that is continued, several at a time, faults named."""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr import Transcriber
from jstasr.decode.jobs import Progress
from jstasr.decode.sources import Source
from jstasr.experiment.files import AVERAGED
from jstasr.experiment.pack import pack
from jstasr.features.fbank import Fbank
from jstasr.features.settings import KALDI

RATE = 16000


def speech(seconds=2.0, seed=0):
    """Something with changing spectrum and level, (N,) float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    colour = 900 + 600 * np.sin(2 * np.pi * 1.7 * time)
    parts = [(150 * n, np.sin(2 * np.pi * 150 * n * time + n * n)) for n in range(1, 20)]
    voice = sum(part / (1 + ((frequency - colour) / 300) ** 2) for frequency, part in parts)
    return (0.1 * voice * (1.2 + np.sin(9 * time)) + 0.01 * rng.normal(size=len(time))).astype(np.float32)


@pytest.fixture
def model(make_experiment, toy):
    return make_experiment(Fbank(RATE, toy.dim, KALDI)(speech()), KALDI)


@pytest.fixture
def calls(tmp_path):
    """Four recordings, the second of them broken, the last silent."""
    folder = tmp_path / "calls"
    (folder / "deep").mkdir(parents=True)
    soundfile.write(folder / "a.wav", speech(2.0), RATE, subtype="FLOAT")
    (folder / "b.wav").write_text("text\n")
    soundfile.write(folder / "c.flac", speech(1.0, 1), RATE)
    soundfile.write(folder / "deep" / "d.wav", np.zeros(RATE), RATE)
    return folder


@pytest.fixture
def transcribe(jstasr, model):
    def run(*arguments, vad="energy"):
        return jstasr("transcribe", model, *arguments, "--vad", vad)

    return run


def test_a_folder_is_printed_in_order_and_what_is_broken_is_named(transcribe, calls, model):
    done = transcribe(calls)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "b.wav: cannot read as audio" in done.stderr
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [f"{calls}/a.wav", f"{calls}/c.flac", f"{calls}/deep/d.wav"]
    expected = Transcriber.from_pretrained(model).transcribe(calls / "a.wav", vad="energy").text
    assert expected and done.stdout.splitlines()[0] == f"{calls}/a.wav {expected}"


def test_a_folder_of_results_is_continued(transcribe, calls, tmp_path):
    output = tmp_path / "out"
    first = transcribe(calls, "--format", "txt,srt,json", "--output", output)
    assert first.returncode == 1 and first.stdout == ""
    written = sorted(str(path.relative_to(output)) for path in output.rglob("*.*") if path.name[0] != ".")
    stems = ["a", "c", "deep/d"]
    assert written == sorted(f"{stem}.{name}" for stem in stems for name in ("json", "srt", "txt"))
    assert json.loads((output / "a.json").read_text())["segments"][0]["words"]

    (output / "c.srt").unlink()
    (output / "a.txt").write_text("mine\n")
    soundfile.write(calls / "b.wav", speech(1.5, 2), RATE)
    again = transcribe(calls, "--format", "txt,srt,json", "--output", output)
    assert again.returncode == 0 and "2 of 4 recordings are done already" in again.stderr
    assert (output / "c.srt").exists() and (output / "b.txt").exists() and (output / "a.txt").read_text() == "mine\n"

    transcribe(calls, "--format", "txt,srt,json", "--output", output, "--overwrite")
    assert (output / "a.txt").read_text() != "mine\n"


def test_results_of_other_settings_are_not_mixed(transcribe, calls, tmp_path):
    transcribe(calls / "a.wav", "--output", tmp_path / "out")
    other = transcribe(calls / "a.wav", "--output", tmp_path / "out", "--mode", "streaming")
    assert other.returncode == 1 and "holds results of other settings" in other.stderr
    assert transcribe(calls / "c.flac", "--output", tmp_path / "out").returncode == 0


def test_several_processes_give_what_one_gives(model, calls):
    command = [sys.executable, "-m", "jstasr", "transcribe", model, calls, "--json", "--vad", "energy"]
    one = subprocess.run(command, capture_output=True, text=True)
    two = subprocess.run([*command, "--nj", "3"], capture_output=True, text=True)
    assert one.stdout.count("\n") == 3 and two.stdout == one.stdout
    assert two.returncode == 1 and one.stderr.strip() in two.stderr  # beside lines of progress


def test_standard_input_is_a_recording(transcribe, calls, monkeypatch):
    def feed(content):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        return transcribe("-")

    name, text = feed((calls / "a.wav").read_bytes()).stdout.split(maxsplit=1)
    assert name == "stdin" and text == transcribe(calls / "a.wav").stdout.split(maxsplit=1)[1]
    assert "standard input: is empty" in feed(b"").stderr
    assert feed(b"text\n").stderr.startswith("jstasr transcribe: standard input: cannot read as audio")


def test_wav_scp_with_a_command(transcribe, calls, tmp_path):
    (tmp_path / "wav.scp").write_text(f"utt-1 cat {calls}/a.wav |\nutt-2 false |\nutt-3 {calls}/c.flac\n")
    done = transcribe(tmp_path / "wav.scp", "--format", "ctm")
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"utt-1", "utt-3"}
    assert done.returncode == 1 and "`false` failed" in done.stderr


@pytest.mark.slow
def test_the_commands_of_the_page_run_as_they_stand(model, calls, tmp_path):
    page = (Path(__file__).parents[2] / "docs/guide/transcribe.md").read_text("utf-8")
    commands = re.findall(r"^    (.*jstasr transcribe .*?)(?:  +#.*)?$", page, re.MULTILINE)
    assert len(commands) == 5
    for name in ("hello.wav", "meeting.wav"):
        soundfile.write(tmp_path / name, speech(), RATE)
    (calls / "b.wav").unlink()
    pack(model, model / AVERAGED, tmp_path / "exp" / "toy" / "toy.zip")
    shutil.copytree(model, tmp_path / "exp" / "toy", dirs_exist_ok=True)
    for command in commands:
        line = command.replace("<tag>", "toy").replace("jstasr transcribe", f"{sys.executable} -m jstasr transcribe")
        done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout or "--output" in line or "srt" in line


@pytest.mark.parametrize(
    "options, message",
    [
        (["--format", "docx"], "--format docx: must be one or more of txt,json"),
        (["--format", "srt"], "several files would be printed. Give --output DIR"),
        (["--nj", "0"], "--nj 0: must be 1 or more"),
        (["--max_segment", "1"], "max_segment 1.0: must be 2 seconds or more"),
        (["--channel", "left"], "--channel must be a number from 1, or mix"),
        (["--lang", "xx"], "no token of language 'xx'"),
    ],
)
def test_wrong_options_end_the_command_at_once(transcribe, calls, options, message):
    done = transcribe(calls, *options)
    assert done.returncode == 1 and message in done.stderr and done.stdout == "" and "b.wav" not in done.stderr


def test_progress_has_the_time_left(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    sources = [Source(name, name, name) for name in "ab"]
    monkeypatch.setattr(Source, "size", property(lambda self: {"a": 100, "b": 300}[self.name]))
    progress = Progress(sources)
    now[0] = 2.0
    progress.inside(sources[0], 60.0, 120.0)  # too early for a line
    now[0] = 10.0
    progress.inside(sources[0], 60.0, 120.0)
    assert capsys.readouterr().err == "jstasr transcribe: 0 of 2 recordings, 1.0 min of a, 70 s left\n"
    now[0] = 20.0
    progress.finish(sources[0])
    assert capsys.readouterr().err == "jstasr transcribe: 1 of 2 recordings, 60 s left\n"
