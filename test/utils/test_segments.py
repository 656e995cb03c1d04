"""One rule for segments: validate_data_dir.sh, fix_data_dir.sh, format-audio and import judge the same data alike."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr.cli import main
from jstasr.kaldi.tables import read_table

UTILS = Path(__file__).parents[2] / "utils"
RATE, SECONDS = 8000, 1.6595
# start, end, seconds of the utterance; None: refused
CASES = [
    ("0", "1", 1.0),
    ("0.64", "1.6595", 1.0195),
    ("0.64", "1.66", 1.0195),  # rounded
    ("0.64", "1.75", 1.0195),
    ("0.64", "2.1", 1.0195),  # cut: within half a second
    ("0.64", "2.1595", 1.0195),
    ("0.64", "2.16", None),
    ("0.64", "99", None),
    ("1.6", "2.1", 0.0595),
    ("1.6594", "2.1", None),  # nothing is left
    ("1.66", "2.1", None),
    ("1.7", "1.8", None),
    ("1", "-1", 0.6595),
    ("1", "-1.0", 0.6595),
    ("1.7", "-1", None),
    ("-1", "1", None),
    ("-0.1", "1", None),
    ("1", "1", None),
    ("1", "0.5", None),
    ("1", "1.0001", None),
    ("1e-1", "1.1e0", 1.0),
    ("nan", "1", None),
    ("0", "inf", None),
    ("0", "1e999", None),
    ("0", "1_0", None),
    ("0x0", "1", None),
    ("+0.5", "1.", 0.5),
]


def make(folder, segments):
    """A data directory of one recording with these segments, by utterance."""
    folder.mkdir(parents=True)
    tables = {
        "wav.scp": ["r rec.wav"],
        "text": [f"{utterance} words" for utterance in segments],
        "utt2spk": [f"{utterance} s" for utterance in segments],
        "spk2utt": ["s " + " ".join(segments)],
        "segments": [f"{utterance} r {start} {end}" for utterance, (start, end, _) in segments.items()],
    }
    for name, lines in tables.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))


def run(tool, *words):
    return subprocess.run([UTILS / tool, *words], capture_output=True, text=True, check=False)


@pytest.fixture
def recording(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(1).normal(0, 0.1, round(SECONDS * RATE))
    soundfile.write("rec.wav", noise, RATE)


@pytest.mark.parametrize("start, end, seconds", CASES)
def test_all_tools_judge_a_segment_alike(recording, start, end, seconds):
    make(Path("data"), {"s-1": (start, end, seconds)})
    good = seconds is not None
    validated = run("validate_data_dir.sh", "--no-feats", "data")
    assert (validated.returncode == 0) == good, validated.stderr
    assert (main(["format-audio", "--data-dir", "data", "--outdir", "dump"]) == 0) == good
    assert (main(["import", "data", "imported"]) == 0) == good
    if good:
        assert int(read_table("dump/utt2num_samples")["s-1"]) == pytest.approx(2 * seconds * RATE, abs=2)
        assert run("validate_data_dir.sh", "--no-feats", "imported").returncode == 0


def test_fix_data_dir_keeps_what_the_others_accept(recording):
    segments = {f"s-{number:02d}": case for number, case in enumerate(CASES)}
    make(Path("data"), segments)
    fixed = run("fix_data_dir.sh", "data")
    assert fixed.returncode == 0, fixed.stderr
    kept = [utterance for utterance, (_, _, seconds) in segments.items() if seconds is not None]
    assert list(read_table("data/segments")) == kept
    assert fixed.stdout.count("dropped '") == len(segments) - len(kept)
    assert run("validate_data_dir.sh", "--no-feats", "data").returncode == 0
    assert main(["format-audio", "--data-dir", "data", "--outdir", "dump"]) == 0


def test_durations_and_speed_know_the_end_of_the_recording(recording):
    make(Path("data"), {"s-1": ("0", "1", 1.0), "s-2": ("1", "-1", 0.6595)})
    assert run("data/perturb_data_dir_speed.sh", "0.5", "data", "slow").returncode == 0
    assert float(read_table("data/utt2dur")["s-2"]) == pytest.approx(0.6595, abs=1e-4)
    assert read_table("slow/segments")["sp0.5-s-2"] == "sp0.5-r 2.00 -1"
    assert main(["format-audio", "--data-dir", "slow", "--outdir", "dump", "--fs", "8k"]) == 0
    assert int(read_table("dump/utt2num_samples")["sp0.5-s-2"]) == pytest.approx(2 * 0.6595 * RATE, abs=2)
