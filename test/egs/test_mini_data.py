"""egs/mini/asr1/local/data.sh: data dirs that Kaldi's tools accept, made once."""

import subprocess
import time

import pytest

from jstasr.kaldi.tables import read_table

SMALL = ("--n_paired", 12, "--n_text", 30, "--n_dev", 4, "--n_test", 3)


def make(mini, *options):
    result = mini.run("local/data.sh", *SMALL, *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_makes_valid_data_dirs_of_the_sizes_asked_for(mini):
    make(mini)
    for part, size in {"train": 12, "dev": 4, "test": 3, "test_rare": 3}.items():
        result = mini.run("utils/validate_data_dir.sh", "--no-feats", mini.folder / "data" / part)
        assert result.returncode == 0, result.stderr
        assert len(read_table(mini.folder / "data" / part / "wav.scp")) == size
        assert set(read_table(mini.folder / "data" / part / "utt2lang").values()) == {"en"}
        assert len(list((mini.folder / "data/audio" / part).iterdir())) == size
    assert len(read_table(mini.folder / "data/train_text/text")) == 30
    assert not (mini.folder / "data/.local").exists()


def test_does_nothing_the_second_time_and_makes_anew_for_other_options(mini):
    make(mini)
    first = (mini.folder / "data/train/text").stat().st_mtime_ns
    assert "nothing to do" in make(mini)
    assert (mini.folder / "data/train/text").stat().st_mtime_ns == first
    make(mini, "--n_paired", 5)
    assert len(read_table(mini.folder / "data/train/wav.scp")) == 5
    assert len(list((mini.folder / "data/audio/train").iterdir())) == 5


def test_what_a_killed_run_left_is_made_anew(mini):
    make(mini)
    (mini.folder / "data/.made_with").unlink()
    (mini.folder / "data/train/text").unlink()
    make(mini)
    assert len(read_table(mini.folder / "data/train/text")) == 12


def test_speaks_all_eleven_languages(mini):
    langs = ["de", "en", "es", "fr", "it", "nl", "pl", "pt", "ru", "sv", "tr"]
    make(mini, "--langs", ",".join(langs), "--n_paired", 11, "--n_text", 22, "--n_dev", 11, "--n_test", 11)
    for part in ("train", "dev", "test", "test_rare"):
        assert sorted(read_table(mini.folder / "data" / part / "utt2lang").values()) == langs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--langs", "en,xx"), "unknown: xx; there are en es fr"),
        (("--langs", "en,es", "--n_dev", 1), "dev: 1 sentences for 2 languages"),
        (("--n_pared", 5), "--n_pared"),
        (("extra",), "unexpected argument 'extra'"),
    ],
)
def test_bad_options_are_refused_with_the_reason_and_leave_no_data(mini, options, message):
    result = mini.run("local/data.sh", *options)
    assert result.returncode != 0
    assert message in result.stderr
    assert not (mini.folder / "data/train").exists()


def test_a_run_that_is_told_to_stop_stops_its_jobs_and_leaves_no_data(mini):
    process = subprocess.Popen([mini.folder / "local/data.sh", "--n_paired", "3000"], stderr=subprocess.PIPE, text=True)
    audio = mini.folder / "data/.local/audio/train"
    wait_until(lambda: audio.exists() and any(audio.iterdir()))
    process.terminate()
    process.communicate(timeout=30)  # until stderr is closed: by the last process that holds it
    assert process.returncode == 130
    assert list((mini.folder / "data").iterdir()) == []


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
