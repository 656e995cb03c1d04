"""Commands of wav.scp that never end, or write what is no sound: one sentence, in bounded time and memory."""

import os
import re
import resource
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi import audio_commands
from jstasr.kaldi.audio import read_audio

RATE = 16000
ENDLESS_SOUND = f"sox -n -r {RATE} -b 16 -t wav - synth 9999999 sine 440"


def is_running(mark):
    """Does a process run whose command line holds the mark?"""
    return subprocess.run(["pgrep", "-f", mark], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("command", ["yes", "cat /dev/zero", "yes | tr y x", "(cat /dev/zero | cat)"])
def test_what_goes_on_without_being_sound_is_stopped(command):
    start, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(JstasrError, match=re.escape(command) + "`.* cannot be read as audio, and was stopped"):
        read_audio(f"{command} |")
    assert time.monotonic() - start < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200_000  # KiB


def test_sound_without_end_is_stopped_at_the_limit(monkeypatch):
    monkeypatch.setattr(audio_commands, "MAX_BYTES", 40 << 20)
    with pytest.raises(JstasrError, match="GiB and not ended.*writes less"):
        read_audio(f"{ENDLESS_SOUND} |")


@pytest.mark.parametrize(
    "command",
    ["sleep 71.5", "yes oops >&2", "cat ok.wav; sleep 71.5", "exec >&-; sleep 71.5", "sleep 71.5 &"],
)
def test_a_command_that_does_not_end_is_stopped_with_all_that_it_started(tmp_path, monkeypatch, command):
    monkeypatch.setattr(audio_commands, "MAX_SECONDS", 1.5)
    soundfile.write(tmp_path / "ok.wav", np.zeros(RATE), RATE)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(JstasrError, match="not ended after 0.025 minutes, and was stopped; give a command that ends"):
        read_audio(f"cd '{tmp_path}'; {command} |")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100_000
    assert not is_running("sleep 71.5")


@pytest.mark.parametrize("form", ["WAV", "AIFF", "AU", "CAF", "W64", "RF64", "FLAC", "OGG", "MP3"])
def test_long_sound_of_any_format_is_no_endless_one(tmp_path, monkeypatch, form):
    """Its beginning alone opens as sound."""
    monkeypatch.setattr(audio_commands, "BEGINNING", 1 << 15)
    path = tmp_path / "a"
    samples = np.random.default_rng(0).normal(size=60 * RATE) * 0.1
    soundfile.write(path, samples, RATE, format=form)
    assert path.stat().st_size > 1 << 16
    assert len(read_audio(f"cat '{path}' |")[0]) == len(read_audio(path)[0])


def test_much_on_stderr_is_kept_to_its_end():
    with pytest.raises(JstasrError, match="exit code 3: (y\n)+the reason$") as caught:
        read_audio("yes | head -c 3000000 >&2; echo the reason >&2; exit 3 |")
    assert len(str(caught.value)) < 1000


def test_a_file_read_for_sox_is_fed_whole_or_to_a_program_that_has_enough(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(60 * RATE), RATE)
    assert len(read_audio(f"jstasr to-wav {tmp_path}/a.wav | sox -t wav - -t wav - trim 0 1 |")[0]) == RATE


def test_the_limit_leaves_half_of_the_memory():
    assert audio_commands.MAX_BYTES <= 4 * 2**30
    assert audio_commands.MAX_BYTES <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2
    assert sys.maxsize > audio_commands.MAX_BYTES > 2**20
