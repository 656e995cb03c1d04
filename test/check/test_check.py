"""Stage 0: what is looked for, and how the user learns what is missing."""

import os
import shutil
import stat
import subprocess
import sys

import pytest

from jstasr.check import probes
from jstasr.check.items import ALL, Item, Recipe, all_items
from jstasr.check.report import blocking, parse_stages, probe_all, spell_stages, table
from jstasr.errors import JstasrError
from jstasr.text.g2p import G2p


def names(stages, **recipe):
    return {item.name for item in all_items(Recipe(**recipe)) if set(item.stages) & set(stages)}


def fail(message):
    def probe():
        raise probes.Missing(message)

    return probe


@pytest.fixture
def program_folder(tmp_path, monkeypatch):
    """A PATH of one folder, and a function that puts scripts there."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name, body):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return put


def test_every_stage_is_needed_by_something_and_no_item_is_stageless():
    items = all_items(Recipe(ngpu=1))
    assert all(item.stages and set(item.stages) <= set(ALL) for item in items)
    assert all(item.remedy for item in items)


def test_scoring_alone_needs_neither_torch_nor_espeak():
    assert not {"torch", "phonemes: en"} & names([9])
    assert {"numpy", "extensions", "disk"} <= names([9])


def test_each_language_is_tried():
    assert {"phonemes: en", "phonemes: es", "numbers: es"} <= names([3], languages=("en", "es"))


def test_a_gpu_is_asked_for_only_by_training_with_one():
    assert "GPU" in names([6], ngpu=1)
    assert "GPU" not in names([6], ngpu=0) | names([5], ngpu=1)


def test_sentencepiece_is_for_bpe():
    assert "sentencepiece" in names([4], token_type="bpe")
    assert "sentencepiece" not in names([4], token_type="char")


def test_a_cluster_needs_its_programs():
    assert {"sbatch", "squeue"} <= names([1], job_command="slurm.pl --partition x")
    assert "srun" in names([6], num_nodes=2)
    assert not {"sbatch", "qsub"} & names([1], job_command="run.pl")


@pytest.mark.parametrize(("speed", "stops"), [(True, True), (False, False)])
def test_sox_is_required_only_by_speed_perturbation(speed, stops, program_folder):
    item = next(item for item in all_items(Recipe(speed_perturb=speed)) if item.name == "sox")
    finding = probe_all([item], ALL)[0]
    assert finding.missing == "not found" and finding.stops is stops


def test_a_program_that_fails_counts_as_missing(program_folder):
    program_folder("sox", "echo no memory >&2; exit 3")
    with pytest.raises(probes.Missing, match="no memory"):
        probes.sox()


def test_the_version_of_a_program_is_what_it_prints(program_folder):
    program_folder("tool", "echo tool release 12.3.4. >&2")
    assert probes.program("tool", "--version") == "12.3.4"


def test_sox_runs_here():
    assert probes.sox()


def test_missing_and_broken_modules_are_distinguished(tmp_path, monkeypatch):
    (tmp_path / "brokenmodule.py").write_text("raise ImportError('libx.so is missing')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(probes.Missing, match="not installed"):
        probes.module("no_such_module", "numpy")
    with pytest.raises(probes.Missing, match="libx.so is missing"):
        probes.module("brokenmodule", "numpy")


def test_the_transducer_loss_works():
    assert probes.rnnt_loss() == "works"


def test_the_extensions_are_built():
    assert int(probes.extensions().split()[0]) >= 1


def test_each_language_names_its_phonemizer_and_why(tmp_path):
    assert probes.phonemes("en", G2p()) == "espeak: voice en-us"
    assert probes.phonemes("br", G2p()) == "grapheme: letters: espeak has no voice for br"
    assert probes.phonemes("en", G2p("grapheme")).startswith("grapheme: ")
    for code in ("cv", "he"):  # their voices have no words for numbers
        assert probes.phonemes(code, G2p()) == f"espeak: voice {code}"
    (tmp_path / "lexicon.txt").write_text("one w ah n\ntwo t uw\n")
    assert probes.phonemes("br", G2p("lexicon", str(tmp_path / "lexicon.txt"))).endswith("lexicon.txt, 2 words")


@pytest.mark.parametrize("g2p", [G2p("espeak"), G2p("lexicon", "nowhere.txt")])
def test_phonemes_that_cannot_be_generated_are_missing(g2p):
    with pytest.raises(probes.Missing, match="br|nowhere.txt"):
        probes.phonemes("br", g2p)


def test_numbers_that_stay_digits_are_reported_but_stop_nothing():
    assert probes.numbers("de") == "12 is zwölf"
    item = next(item for item in all_items(Recipe(languages=("br",))) if item.name == "numbers: br")
    finding = probe_all([item], ALL)[0]
    assert "digits stay digits" in finding.missing and not finding.stops


@pytest.mark.parametrize("probe", [probes.disk, probes.memory])
def test_too_little_space_is_reported_with_both_numbers(probe):
    with pytest.raises(probes.Missing, match=r"[\d.]+ GB free, 1e\+09 GB needed"):
        probe(1e9)
    assert "GB free" in probe(0.001)


def test_folders_of_a_recipe_must_be_writable(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "there").mkdir()
    (tmp_path / "gone").symlink_to("nowhere")
    assert probes.writable("there") == "can be written" and probes.writable("new/deep") == "can be made"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["file", "gone", "there"]
    with pytest.raises(probes.Missing, match="gone is a link to nowhere, which is not there"):
        probes.writable("gone/dump")
    with pytest.raises(probes.Missing, match=r"file: cannot be written \(Not a directory\)"):
        probes.writable("file/dump")
    items = {item.name: item.stages for item in all_items(Recipe(dumpdir="a b", expdir="e"))}
    assert items["folder data"] == (1, 2, 3, 4) and 5 in items["folder a b"] and 6 in items["folder e"]
    options = ["--stages", "6", "--dumpdir", "there", "--expdir", "file/exp"]
    done = subprocess.run([sys.executable, "-m", "jstasr", "check", *options], capture_output=True, text=True)
    assert done.returncode == 1 and "folder file/exp: file: cannot be written" in done.stderr
    assert "folder data" not in done.stdout and "--expdir names another folder" in done.stderr


def test_only_items_of_the_wanted_stages_are_probed():
    items = [Item("a", fail("must not run"), (5,), "r"), Item("b", lambda: "1.0", (6,), "r")]
    assert [finding.found for finding in probe_all(items, (6,))] == ["1.0"]


def test_the_table_names_state_stages_and_remedy():
    items = [
        Item("good", lambda: "1.2", (2, 3, 4, 9), "unused"),
        Item("bad", fail("not found"), (6,), "install it"),
        Item("extra", fail("not found"), (2,), "maybe", required=False),
    ]
    findings = probe_all(items, ALL)
    rows = {line.split()[0]: line for line in table(findings).splitlines()[2:]}
    assert "yes" in rows["good"] and "2-4 9" in rows["good"] and "1.2" in rows["good"]
    assert "unused" not in rows["good"]
    assert "NO" in rows["bad"] and "install it" in rows["bad"]
    assert "no, optional" in rows["extra"]
    assert blocking(findings) == ["bad: not found; install it"]


def test_stages_are_spelled_short():
    assert spell_stages((0,)) == "0"
    assert spell_stages((2, 3, 4, 6, 10, 11)) == "2-4 6 10-11"
    assert spell_stages(ALL) == "all"


def test_a_stage_that_is_no_number_is_refused():
    assert parse_stages("0 3") == (0, 3)
    with pytest.raises(JstasrError, match="three"):
        parse_stages("0 three")


def test_the_command_lists_all_that_is_missing_and_fails():
    options = ["--stages", "2 3", "--langs", "en cnh", "--g2p", "espeak", "--disk-gb", "1e6"]
    done = subprocess.run([sys.executable, "-m", "jstasr", "check", *options], capture_output=True, text=True)
    assert done.returncode == 1
    assert "2 of " in done.stderr and "phonemes: cnh" in done.stderr and "disk: " in done.stderr
    assert "phonemes: en" in done.stdout


def test_sox_is_tried_on_what_to_wav_makes_of_a_format_that_it_may_not_read(tmp_path, monkeypatch):
    script = (
        'case $3 in *.wav) exec {} "$@" ;; esac; [ "$1" = --version ] && echo 14.4.2 || cat\n'  # pipes at the old speed
    )
    (tmp_path / "sox").write_text("#!/bin/bash\n" + script.format(shutil.which("sox")))
    (tmp_path / "sox").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(probes.Missing, match="mp3 is not played at the speed asked for"):
        probes.sox()


def test_audio_formats_are_written_and_read(monkeypatch):
    assert probes.audio_formats() == "wav flac ogg opus mp3"

    def without_mp3(path):
        if path.suffix == ".mp3":
            raise ValueError("Unknown format: 'MP3'")
        write_tone(path)

    write_tone = probes.write_tone
    monkeypatch.setattr(probes, "write_tone", without_mp3)
    with pytest.raises(probes.Missing, match="mp3: Unknown format"):
        probes.audio_formats()


def test_number_words_of_indian_languages_are_needed_where_the_recipe_has_one():
    needed = [
        {item.name for item in all_items(Recipe(languages=languages))} for languages in (("en",), ("en", "mr-IN"))
    ]
    assert needed[1] - needed[0] >= {"indic_numtowords"}
