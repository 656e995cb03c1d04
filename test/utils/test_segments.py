"""One rule for segments: validate_data_dir.sh, fix_data_dir.sh, format-audio and import judge the same data alike."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jstasr.cli import main
from jstasr.kaldi.data_dir import MAX_OVERSHOOT, SHORTEST, is_outside, is_segment, parse_seconds
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
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # some tools call python3
    return subprocess.run([UTILS / tool, *words], capture_output=True, text=True, check=False, env={"PATH": path})


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
    extracted = run("data/extract_wav_segments_data_dir.sh", "data", "cut")
    assert extracted.returncode == 0, extracted.stderr
    assert run("data/get_utt2dur.sh", "cut").returncode == 0
    for utterance, seconds in read_table("cut/utt2dur").items():
        assert float(seconds) == pytest.approx(segments[utterance][2], abs=2 / RATE)


def put(kind):
    """Write a recording of a second, or what is left of it; its entry of wav.scp."""
    noise = np.random.default_rng(1).normal(0, 0.1, RATE)
    name = "rec.flac" if kind == "flac" else "rec.wav"
    subtype = {"float": "FLOAT", "double": "DOUBLE"}.get(kind)
    soundfile.write(name, noise[:0] if kind == "empty" else noise, RATE, subtype=subtype)
    content = bytearray(Path(name).read_bytes())
    if kind == "cut off":
        content = content[: len(content) * 3 // 4]
    elif kind == "length not known":  # as programs write to a pipe
        content[4:8] = content[40:44] = b"\xff" * 4
    elif kind == "byte behind":
        content += b"\0"
    elif kind == "other chunk":
        content[12:12] = b"LIST" + (400).to_bytes(4, "little") + bytes(400)
        content[4:8] = (len(content) - 8).to_bytes(4, "little")
    Path(name).write_bytes(content)
    return f"cat {name} |" if kind == "pipe" else name


@pytest.mark.parametrize(
    "kind", ["float", "double", "flac", "length not known", "byte behind", "other chunk", "pipe", "cut off", "empty"]
)
def test_all_tools_judge_the_segments_of_every_shape_of_recording_alike(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    entry = put(kind)
    whole = kind not in ("cut off", "empty")
    for number, (start, end, samples) in enumerate([("0", "0.7", 5600), ("0.5", "1.4", 4000), ("0", "1.6", None)]):
        if kind == "pipe" and samples is None:
            continue  # how long its sound is shows when it is read
        data = f"data{number}"
        make(Path(data), {"s-1": (start, end, None)})
        Path(data, "wav.scp").write_text(f"r {entry}\n")
        good = whole and samples is not None
        validated = run("validate_data_dir.sh", "--no-feats", data)
        assert (validated.returncode == 0) == good, validated.stderr
        assert (main(["format-audio", "--data-dir", data, "--outdir", f"dump{number}", "--fs", "8k"]) == 0) == good
        assert (main(["import", data, f"imported{number}"]) == 0) == good
        assert (run("fix_data_dir.sh", data).returncode == 0) == good
        if good:
            assert read_table(f"dump{number}/utt2num_samples") == {"s-1": str(samples)}
            assert run("data/extract_wav_segments_data_dir.sh", data, f"cut{number}").returncode == 0


def test_a_recording_that_is_cut_off_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put("cut off")
    make(Path("data"), {"s-1": ("0", "0.2", None)})
    missing = "cut off or damaged: 0.25 s of what its header promises are missing"
    assert missing in run("validate_data_dir.sh", "--no-feats", "data").stderr
    assert "is of recording 'r', which is cut off" in run("fix_data_dir.sh", "data").stdout


@pytest.mark.parametrize("channel", ["0", "1", "-1"])
def test_a_channel_behind_the_times_is_refused_and_taken_off_aloud(recording, channel):
    make(Path("data"), {"s-1": ("0", f"1 {channel}", None)})
    assert run("validate_data_dir.sh", "--no-feats", "data").returncode != 0
    assert main(["format-audio", "--data-dir", "data", "--outdir", "dump"]) != 0
    assert main(["import", "data", "imported"]) != 0
    fixed = run("fix_data_dir.sh", "data")
    assert fixed.returncode == 0 and f"took the fifth field, '{channel}'" in fixed.stdout
    assert Path("data/segments").read_text() == "s-1 r 0 1\n"


@pytest.mark.parametrize("start, end", [(start, end) for start, end, seconds in CASES if seconds is None][::3])
def test_sound_of_a_refused_segment_is_not_extracted(recording, start, end):
    make(Path("data"), {"s-1": ("0", "1", 1.0), "s-2": (start, end, None)})
    extracted = run("data/extract_wav_segments_data_dir.sh", "data", "cut")
    assert extracted.returncode == 1
    assert "s-2" in extracted.stderr and "Traceback" not in extracted.stderr
    assert not any(Path("cut").iterdir())


def test_durations_and_speed_know_the_end_of_the_recording(recording):
    make(Path("data"), {"s-1": ("0", "1", 1.0), "s-2": ("1", "-1", 0.6595)})
    assert run("data/perturb_data_dir_speed.sh", "0.5", "data", "slow").returncode == 0
    assert float(read_table("data/utt2dur")["s-2"]) == pytest.approx(0.6595, abs=1e-4)
    assert read_table("slow/segments")["sp0.5-s-2"] == "sp0.5-r 2.00 -1"
    assert main(["format-audio", "--data-dir", "slow", "--outdir", "dump", "--fs", "8k"]) == 0
    assert int(read_table("dump/utt2num_samples")["sp0.5-s-2"]) == pytest.approx(2 * 0.6595 * RATE, abs=2)


# Times at which one rule would part from the other first: near the limits, and in every notation.
LIMITS = [0.0, SECONDS, SECONDS + MAX_OVERSHOOT, SHORTEST, SECONDS - SHORTEST, -1.0, 1.0, 1.0 + SHORTEST]
SMALL = [0.0, 1e-9, 1e-6, SHORTEST, 2 * SHORTEST, 0.001, 0.01]
NO_TIMES = [
    "",
    "-",
    ".",
    "1.2.3",
    "1e",
    "e5",
    "1_0",
    "0x1p3",
    "nan",
    "-inf",
    "1e999",
    "١",
    "½",
    "1,5",
    "--1",
    "+-1",
    "1e+-2",
]


def notations(value):
    """A number as people and programs write it."""
    return st.sampled_from(
        [repr(value), f"{value:.2f}", f"{value:.6f}", f"{value:.17g}", f"{value:e}", f"{value:+.3f}", f"{value:08.3f}"]
        + [f"{value:.0f}.", f"{value:E}", f"{value:.20f}", f"{value:.4f}".lstrip("0") or "0"]
    )


TIMES = st.one_of(
    st.floats(-2, 5).flatmap(notations),
    st.builds(lambda limit, small, sign: limit + sign * small, *map(st.sampled_from, (LIMITS, SMALL, [1, -1]))).flatmap(
        notations
    ),
    st.sampled_from(NO_TIMES),
    st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), max_size=4),
)


def python_rule(start, end, seconds):
    """How the Python tools judge a segment of a recording of so many seconds: "no segment", "outside" or "good"."""
    try:
        start, end = parse_seconds(start), parse_seconds(end)
    except ValueError:
        return "no segment"
    if not is_segment(start, end):
        return "no segment"
    return "outside" if is_outside(start, end, seconds) else "good"


PERL_RULE = r"""
while (my $line = <STDIN>) {
  chomp $line;
  my ($start, $end, $seconds) = split /\t/, $line, -1;
  my $rule = !Segments::is_segment($start, $end) ? 'no segment'
    : Segments::segment_fit($start, $end, $seconds) eq 'outside' ? 'outside' : 'good';
  print "$rule\n";
}
"""


def perl_rule(rows):
    """The same of the Perl tools, for many (start, end, seconds)."""
    done = subprocess.run(
        ["perl", "-w", "-I", UTILS / "internal", "-MSegments", "-e", PERL_RULE],
        input="".join(f"{start}\t{end}\t{seconds!r}\n" for start, end, seconds in rows),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return done.stdout.splitlines()


DURATIONS = st.one_of(st.just(SECONDS), st.floats(0.001, 100_000), st.integers(1, 10**8).map(lambda n: n / 16000))


def test_the_rules_of_perl_and_python_are_one_at_their_limits():
    times = [repr(limit + sign * small) for limit in LIMITS for small in SMALL for sign in (1, -1)]
    rows = [(start, end, seconds) for seconds in (SECONDS, SHORTEST) for start in times for end in times]
    rules = [python_rule(*row) for row in rows]
    assert set(rules) == {"no segment", "outside", "good"}
    assert perl_rule(rows) == rules


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.tuples(TIMES, TIMES, DURATIONS), min_size=100, max_size=300))
def test_the_rules_of_perl_and_python_are_one_for_random_times(rows):
    assert perl_rule(rows) == [python_rule(*row) for row in rows]


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(times=st.lists(st.tuples(TIMES, TIMES).filter(all), min_size=1, max_size=40))
def test_the_tools_accept_the_same_random_segments(recording, times):
    seconds = soundfile.info("rec.wav").duration
    good = [python_rule(start, end, seconds) == "good" for start, end in times]
    segments = {f"s-{number:02d}": (start, end, None) for number, (start, end) in enumerate(times)}
    with TemporaryDirectory(dir=".") as folder:
        make(Path(folder, "data"), segments)
        validated = run("validate_data_dir.sh", "--no-feats", f"{folder}/data")
        assert (validated.returncode == 0) == all(good), validated.stderr
        formatted = main(["format-audio", "--data-dir", f"{folder}/data", "--outdir", f"{folder}/dump"])
        assert (formatted == 0) == all(good)
        fixed = run("fix_data_dir.sh", f"{folder}/data")
        assert (fixed.returncode == 0) == any(good), fixed.stderr
        if any(good):
            kept = list(read_table(f"{folder}/data/segments"))
            assert kept == [utterance for utterance, is_good in zip(segments, good) if is_good]
            assert main(["format-audio", "--data-dir", f"{folder}/data", "--outdir", f"{folder}/dump"]) == 0
