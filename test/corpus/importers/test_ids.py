"""The ids that an import gives are valid in Kaldi's tables, whatever speakers and files are called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jstasr.corpus.importers.entries import Entry
from jstasr.corpus.importers.ids import assign_ids
from jstasr.kaldi.tables import read_table

VALIDATE = Path(__file__).parents[3] / "utils" / "validate_data_dir.sh"
# What sorts before, at and after the separator, white space, what decoders reserve, and several scripts.
LETTERS = "aAzZ09!#$%&'()+,-.=@_~ \t\u00a0<s>\u0007\u200bé日ａ🙂|:;*?\"\\"
names = st.text(LETTERS, min_size=1, max_size=6).filter(lambda name: not name.startswith("."))
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def validate(data):
    done = subprocess.run([VALIDATE, "--no-feats", data], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def entry(path, speaker="", id="", start=None, end=None, keep_id=False):
    return Entry("m.tsv:1", path, "words", id=id, speaker=speaker, start=start, end=end, recording="", keep_id=keep_id)


@FEW
@given(st.sets(st.tuples(names, names), min_size=2, max_size=8), st.sets(names, max_size=2))
def test_an_import_of_any_speakers_and_files_passes_the_validator(speak, folder, run_import, recordings, alone):
    speak("one.wav")
    shutil.rmtree("rec", ignore_errors=True)
    for place in [Path("rec") / speaker / name for speaker, name in recordings] + [
        Path("rec") / name for name in alone
    ]:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("one.wav", f"{place}.wav")
        Path(f"{place}.txt").write_text("some words")
    status, _, err = run_import("--format", "folder", "rec", "data")
    assert status == 0, err
    validate("data")
    files = {str(path.absolute()) for path in Path("rec").rglob("*.wav")}
    assert set(read_table("data/wav.scp").values()) == files
    speaker_of = read_table("data/utt2spk")
    by_folder = {}
    for utterance, path in read_table("data/wav.scp").items():
        parts = Path(path).relative_to(Path("rec").absolute()).parts
        by_folder.setdefault(parts[0] if len(parts) > 1 else path, set()).add(speaker_of[utterance])
    assert all(len(speakers) == 1 for speakers in by_folder.values())
    assert len(set.union(*by_folder.values())) == len(by_folder)


rows = st.tuples(
    st.sampled_from(["a/b/c.wav", "b/c.wav", "a/b/c.flac", "a_b/c.wav", "a/b_c.wav", "x/a/b/c.wav", "c.wav"]),
    st.sampled_from(["", "a", "a-", "a-b", "a_b", "a b", "a!", "a-b-c", "c"]),
    st.sampled_from(["", "c", "a-c", "a-b-c", "b-c", "a"]),
    st.sampled_from([None, 0.001, 0.002, 1.0]),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(rows, min_size=1, max_size=12, unique=True), st.booleans())
@example([("a/b/c.wav", "", "", None), ("a/b/c.wav", "c", "", None), ("a/b/c.wav", "c", "c", None)], False)
def test_ids_differ_where_anything_differs_and_sort_by_speaker(found, keep_id):
    entries = [entry(path, speaker, id, start, keep_id=keep_id) for path, speaker, id, start in found]
    assign_ids(entries)
    order = [one.speaker for one in sorted(entries, key=lambda one: one.id.encode())]
    assert order == sorted(order, key=str.encode)
    origins, speakers, audio = {}, {}, {}
    for one, (path, speaker, id, start) in zip(entries, found, strict=True):
        # A source's own id twice for one speaker is a fault of the source, which is found later.
        kept = (id, speaker) if id else (path, speaker, start)
        assert origins.setdefault(one.id, kept) == kept
        assert speakers.setdefault(one.speaker, speaker or one.id) == (speaker or one.id)
        if start is not None:
            assert audio.setdefault(one.recording, path) == path


@pytest.mark.parametrize(
    "first, second", [("ann", "ann-marie"), ("a", "a b"), ("a b", "a_b"), ("a", "a!b"), ("é", "é-")]
)
def test_speakers_of_whom_one_begins_the_other(speak, lines, run_import, first, second):
    speak("1.wav", "2.wav", "3.wav")
    lines("m.tsv", "audio\ttext\tspeaker", f"1.wav\tx\t{first}", f"2.wav\tx\t{second}", f"3.wav\tx\t{first}")
    assert run_import("m.tsv", "data")[0] == 0
    validate("data")
    assert len(read_table("data/spk2utt")) == 2


def test_names_stay_where_their_order_is_kaldis():
    entries = [entry("x/1.wav", "ann-marie"), entry("x/2.wav", "bob"), entry("x/3.wav", "bob", id="bob-3")]
    assign_ids(entries)
    assert [(one.id, one.speaker) for one in entries] == [
        ("ann-marie-1", "ann-marie"), ("bob-2", "bob"), ("bob-3", "bob"),
    ]  # fmt: skip


@pytest.mark.parametrize("text, said", [("bell \a", "U+0007"), ("song #0", "holds #0"), ("a <s>", "holds <s>")])
def test_transcripts_that_the_validator_would_refuse_are_faults(speak, lines, run_import, text, said):
    speak("a.wav")
    lines("m.tsv", "audio\ttext", f"a.wav\t{text}")
    status, _, err = run_import("m.tsv", "data")
    assert status == 1 and "m.tsv:2: the transcript" in err and said in err


def test_a_file_name_that_no_table_can_hold_is_a_fault(speak, folder, run_import):
    speak("rec/a.wav")
    for name in (b"caf\xe9", b"two\nlines"):
        shutil.copy("rec/a.wav", Path("rec") / os.fsdecode(name + b".wav"))
        Path("rec").joinpath(os.fsdecode(name + b".txt")).write_text("words")
    Path("rec/a.txt").write_text("words")
    status, _, err = run_import("rec", "data")
    assert status == 1 and "2 fault(s)" in err and err.count("is not one line of UTF-8") == 2
