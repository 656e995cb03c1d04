"""The Common Voice recipe: from a release in the official layout to data dirs."""

import os
import re
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr.kaldi.tables import read_table

ROOT = Path(__file__).resolve().parents[2]
HEADER = "client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tvariant\tlocale\tsegment\n"
SAMPLE = Path(os.environ.get("JSTASR_CORPORA", "/nowhere")) / "cv-corpus-6.1-sample"


@pytest.fixture
def recipe(tmp_path):
    """A function that runs local/data.sh in a folder of the test's own."""
    for link in ("local", "utils", "path.sh", "cmd.sh", "db.sh", "asr.sh"):
        (tmp_path / link).symlink_to(ROOT / "egs/commonvoice/asr1" / link)

    def run(*options, **environment):
        inherited = {k: v for k, v in os.environ.items() if k not in ("JSTASR_CORPORA", "COMMONVOICE")}
        command = [tmp_path / "local/data.sh", *map(str, options)]
        return subprocess.run(command, env=inherited | environment, capture_output=True, text=True)

    return run


def table(folder, part, name):
    return read_table(folder / "data" / part / name)


@pytest.fixture
def release(tmp_path):
    """Two languages of 30 clips by 15 speakers, one of whom speaks both; half a second each."""
    folder = tmp_path / "cv-corpus-99.0"
    noise = np.random.default_rng(1).normal(0, 0.1, 8000)
    for lang in ("br", "en"):
        (folder / lang / "clips").mkdir(parents=True)
        rows = []
        for number in range(30):
            name = f"common_voice_{lang}_{number}.mp3"
            soundfile.write(folder / lang / "clips" / name, noise, 16000)
            speaker = "both" if number < 2 else f"{lang}{number // 2}"
            sentence = f"Frazenn {number // 2 if lang == 'br' else number}."
            rows.append(f"{speaker:x<128}\t{name}\t{sentence}\t2\t0\t\t\t\t\t{lang}\t\n")
        (folder / lang / "validated.tsv").write_text(HEADER + "".join(rows), encoding="utf-8")
    return folder


def test_speakers_and_sentences_are_in_one_set_only(recipe, release, tmp_path):
    done = recipe("--langs", "br,en", "--release", release)
    assert done.returncode == 0, done.stderr
    speakers = [set(table(tmp_path, part, "utt2spk").values()) for part in ("train", "dev", "test")]
    assert not speakers[0] & speakers[1] and not speakers[0] & speakers[2] and not speakers[1] & speakers[2]
    sentences = {
        part: set(zip(table(tmp_path, part, "utt2lang").values(), table(tmp_path, part, "text").values()))
        for part in ("train", "dev", "test", "train_text")
    }
    held = sentences["dev"] | sentences["test"]
    assert not held & sentences["train"] and not held & sentences["train_text"]
    assert not sentences["train"] & sentences["train_text"]
    assert {lang for lang, _ in sentences["train_text"]} == {lang for lang, _ in sentences["test"]} == {"br", "en"}
    for part in ("train", "dev", "test"):
        subprocess.run([ROOT / "utils/validate_data_dir.sh", "--no-feats", tmp_path / "data" / part], check=True)


def test_text_of_ones_own_and_of_the_release(recipe, release, tmp_path):
    (tmp_path / "my.txt").write_text("ur frazenn nevez\nFrazenn 3\n", encoding="utf-8")
    (release / "en" / "unpaired_sentences.txt").write_text("A new sentence.\n", encoding="utf-8")
    done = recipe("--langs", "br", "--release", release, "--text_files", f"br={tmp_path / 'my.txt'}")
    assert done.returncode == 0, done.stderr
    assert "ur frazenn nevez" in table(tmp_path, "train_text", "text").values()
    done = recipe("--langs", "en", "--release", release)
    assert done.returncode == 0, done.stderr
    assert list(table(tmp_path, "train_text", "text").values()) == ["A new sentence."]


def test_the_official_split_in_an_archive(recipe, release, tmp_path):
    rows = (release / "br/validated.tsv").read_text().splitlines(True)[1:]
    for part, chosen in (("train", rows[:20]), ("dev", rows[20:24]), ("test", rows[24:])):
        (release / f"br/{part}.tsv").write_text(HEADER + "".join(chosen))
    with tarfile.open(tmp_path / "cv-corpus-99.0-br.tar.gz", "w:gz") as tar:
        tar.add(release / "br", "cv-corpus-99.0/br")
    done = recipe("--langs", "br", "--release", tmp_path / "cv-corpus-99.0-br.tar.gz", "--held_out", "0")
    assert done.returncode == 0, done.stderr
    sizes = [len(table(tmp_path, part, "text")) for part in ("train", "dev", "test")]
    assert sizes == [20, 4, 6]
    assert str(tmp_path / "downloads") in next(iter(table(tmp_path, "test", "wav.scp").values()))


def test_a_missing_clip_is_left_out_and_listed(recipe, release, tmp_path):
    (release / "br/clips/common_voice_br_29.mp3").unlink()
    done = recipe("--langs", "br", "--release", release)
    assert done.returncode == 0, done.stderr
    assert "missing audio" in (tmp_path / "data/train/skipped").read_text()


def test_a_release_that_is_not_there_is_one_sentence(recipe):
    done = recipe("--langs", "br", COMMONVOICE="downloads/none")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "no Common Voice release at 'downloads/none'" in done.stderr


def test_a_release_that_is_asked_for_must_be_there(recipe, release):
    done = recipe("--langs", "br", "--release", f"{release},downloads/typo")
    assert done.returncode == 1 and "no Common Voice release at 'downloads/typo'" in done.stderr


def test_a_language_comes_from_every_release_that_has_it(recipe, release, tmp_path):
    delta = tmp_path / "cv-corpus-99.1-delta"
    (delta / "en/clips").mkdir(parents=True)
    clip = delta / "en/clips/common_voice_en_1000.mp3"
    clip.write_bytes((release / "en/clips/common_voice_en_0.mp3").read_bytes())
    (delta / "en/validated.tsv").write_text(f"{HEADER}{'new':x<128}\t{clip.name}\tAnother one.\t2\t0\t\t\t\t\ten\t\n")
    both = f"{release} downloads/none {delta}"
    for langs, count in (("br", 30), ("en", 31), ("br,en", 61)):
        done = recipe("--langs", langs, "--held_out", 0, "--n_train", 0, COMMONVOICE=both)
        assert done.returncode == 0, done.stderr
        left_out = sum(int(n) for n in re.findall(r"left out (\d+) utterances", done.stdout))
        assert sum(len(table(tmp_path, part, "text")) for part in ("train", "dev", "test")) + left_out == count


def test_a_language_that_no_release_has_is_named_with_those_there_are(recipe, release):
    done = recipe("--langs", "sw", COMMONVOICE=f"downloads/none {release}")
    assert done.returncode != 0 and "sw" in done.stderr and "br en" in done.stderr


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="JSTASR_CORPORA names no store of corpora")
@pytest.mark.slow
def test_every_language_of_the_sample_makes_three_sets(recipe, tmp_path):
    langs = sorted(path.name for path in SAMPLE.iterdir())
    done = recipe("--langs", ",".join(langs), COMMONVOICE=str(SAMPLE))
    assert done.returncode == 0, done.stderr
    for part in ("train", "dev", "test", "train_text"):
        assert set(table(tmp_path, part, "utt2lang").values()) == set(langs)
