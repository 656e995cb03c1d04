"""Formatting a data directory: the command, its tables and its complaints."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr.cli import main
from jstasr.kaldi.audio import read_audio
from jstasr.kaldi.tables import read_table


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def noise(seconds, rate=16000, seed=0):
    return (np.random.default_rng(seed).normal(size=round(seconds * rate)) * 0.1).astype(np.float32)


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A recipe's folder with a data directory of four utterances a b c d, at 16 kHz, 1 to 4 s."""
    monkeypatch.chdir(tmp_path)
    Path("wav").mkdir()
    for seconds, name in enumerate("abcd", 1):
        soundfile.write(f"wav/{name}.wav", noise(seconds, seed=seconds), 16000)
    data = tmp_path / "data" / "set"
    write_lines(data / "wav.scp", [f"{name} wav/{name}.wav" for name in "abcd"])
    write_lines(data / "text", [f"{name} Hello, {name}!" for name in "abcd"])
    write_lines(data / "utt2spk", [f"{name} s{name in 'ab':d}" for name in "abcd"])
    return data


def format_audio(*options):
    return main(["format-audio", "--data-dir", "data/set", "--outdir", "dump/set", *options])


def test_files_already_in_form_are_referenced_not_copied(recipe):
    assert format_audio() == 0
    assert read_table("dump/set/wav.scp") == read_table("data/set/wav.scp")
    assert not Path("dump/set/audio").exists()
    assert read_table("dump/set/utt2num_samples") == {n: str(16000 * k) for k, n in enumerate("abcd", 1)}
    assert read_table("dump/set/spk2utt") == {"s0": "c d", "s1": "a b"}
    assert read_table("dump/set/text")["a"] == "Hello, a!"


@pytest.mark.parametrize("nj", ["1", "2"])
def test_another_rate_is_written_as_16_bit_wav(recipe, nj):
    assert format_audio("--fs", "8k", "--nj", nj) == 0
    path = read_table("dump/set/wav.scp")["b"]
    assert path == "dump/set/audio/b.wav"
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (8000, 1, "PCM_16", 16000)


def test_pipes_become_files(recipe):
    write_lines(recipe / "wav.scp", [f"{n} sox wav/{n}.wav -t wav - speed 2.0 rate 16k |" for n in "abcd"])
    assert format_audio() == 0
    assert read_table("dump/set/utt2num_samples")["d"] == "32000"
    assert read_table("dump/set/wav.scp")["d"] == "dump/set/audio/d.wav"


@pytest.mark.parametrize("source", ["wav/d.wav", "cat wav/d.wav |"])
def test_segments_are_cut_to_the_sample(recipe, source):
    write_lines(recipe / "wav.scp", [f"r {source}"])
    write_lines(recipe / "segments", ["a r 0 1", "b r 0.5 1.25", "c r 2 -1", "d r 3 4.05"])
    assert format_audio() == 0
    whole, _ = read_audio("wav/d.wav")
    for utterance, part in [("a", whole[:16000]), ("b", whole[8000:20000]), ("c", whole[32000:])]:
        samples, _ = read_audio(read_table("dump/set/wav.scp")[utterance])
        np.testing.assert_allclose(samples, part, atol=1e-4)
    assert read_table("dump/set/utt2num_samples")["d"] == "16000"  # 50 ms past the end: rounded times


@pytest.mark.parametrize("rate", ["16k", "8k"])
@pytest.mark.parametrize("samples", [np.round(noise(1) * 1e5), np.full(16000, np.nan)], ids=["integers", "NaN"])
def test_floating_point_files_are_looked_at_even_where_they_are_in_form(recipe, capsys, rate, samples):
    soundfile.write("wav/b.wav", samples, 16000, subtype="FLOAT")
    assert format_audio("--fs", rate) == 1
    assert "b: wav/b.wav: " in capsys.readouterr().err


@pytest.mark.parametrize("letter", ["あ", "x", "%", "🙂"])
def test_utterances_with_the_longest_names_have_short_files(recipe, letter):
    names = [letter * (240 // len(letter.encode())) + end for end in "ab"]
    for table, of in (("wav.scp", "wav/a.wav"), ("text", "words"), ("utt2spk", "s")):
        write_lines(recipe / table, [f"{name} {of}" for name in names])
    assert format_audio("--fs", "8k") == 0
    paths = read_table("dump/set/wav.scp")
    assert set(paths) == set(names) and len(set(paths.values())) == 2
    assert all(len(Path(path).name) < 130 and Path(path).is_file() for path in paths.values())


def test_a_file_that_cannot_be_written_is_a_fault_of_its_utterance(recipe, capsys):
    write_lines(Path("dump/set/audio"), ["in the place of a folder"])
    assert format_audio("--fs", "8k") == 1
    said = capsys.readouterr().err
    assert "4 of 4 utterances" in said and "a: dump/set/audio/a.wav: cannot make its folder" in said


def test_short_and_long_utterances_are_left_out_and_listed(recipe, capsys):
    assert format_audio("--min-seconds", "1.5", "--max-seconds", "3.5") == 0
    for name in ("wav.scp", "text", "utt2spk", "utt2num_samples"):
        assert list(read_table(f"dump/set/{name}")) == ["b", "c"]
    assert read_table("dump/set/dropped") == {"a": "1.000", "d": "4.000"}
    assert "left out 2" in capsys.readouterr().out


def test_limits_that_leave_nothing_are_refused(recipe, capsys):
    assert format_audio("--min-seconds", "10") == 1
    assert "no utterance lasts" in capsys.readouterr().err


def test_jobs_and_their_merge_make_what_one_run_makes(recipe):
    assert format_audio("--fs", "8k") == 0
    names = ["wav.scp", "text", "utt2spk", "spk2utt", "utt2num_samples"]
    alone = {name: Path("dump/set", name).read_bytes() for name in names}
    for job in "123":
        assert format_audio("--fs", "8k", "--job", job, "--num-jobs", "3") == 0
    assert format_audio("--fs", "8k", "--merge", "--num-jobs", "3") == 0
    assert {name: Path("dump/set", name).read_bytes() for name in names} == alone


def test_a_missing_part_is_noticed(recipe, capsys):
    assert format_audio("--job", "1", "--num-jobs", "2") == 0
    assert format_audio("--merge", "--num-jobs", "2") == 1
    assert "formatted.2: no such file" in capsys.readouterr().err
    assert format_audio("--merge", "--num-jobs", "1") == 1
    assert "do not make data/set" in capsys.readouterr().err


def test_all_unusable_audio_is_told_at_once(recipe, capsys):
    os.remove("wav/a.wav")
    Path("wav/b.wav").write_text("no audio")
    soundfile.write("wav/c.wav", np.zeros((100, 2)), 16000)
    soundfile.write("wav/d.wav", np.zeros(0), 16000)
    assert format_audio("--nj", "2") == 1
    message = capsys.readouterr().err
    assert "unusable audio in 4 of 4" in message
    for words in (
        "a: wav/a.wav: no such",
        "b: wav/b.wav: cannot read",
        "c: wav/c.wav: 2 channels",
        "d: wav/d.wav: no",
    ):
        assert words in message
    assert not Path("dump/set/wav.scp").exists()


def test_segments_beyond_the_recording_are_told_by_utterance(recipe, capsys):
    write_lines(recipe / "wav.scp", ["r wav/a.wav"])
    write_lines(recipe / "segments", ["a r 0 1", "b r 0.5 1.6", "c r 2 3", "d r 0 0.5"])
    assert format_audio() == 1
    message = capsys.readouterr().err
    assert "b: segment 0.5 to 1.6 s lies outside wav/a.wav of 1.000 s" in message and "c: segment" in message
    assert "2 of 4" in message


def test_a_channel_can_be_chosen(recipe):
    for name in "abcd":
        soundfile.write(f"wav/{name}.wav", np.stack([noise(1), np.zeros(16000)], axis=1), 16000)
    assert format_audio("--channel", "2") == 0
    assert not read_audio("dump/set/audio/a.wav")[0].any()


def test_ids_with_slashes_stay_inside_the_folder(recipe):
    for name in ("wav.scp", "text", "utt2spk"):
        table = (recipe / name).read_text().replace("\na ", "\n../a ").replace("a ", "../a ", 1)
        write_lines(recipe / name, sorted(table.splitlines()))
    assert format_audio("--fs", "8k") == 0
    assert sorted(os.listdir("dump/set/audio"))[0] == "..%2Fa.wav"


def test_empty_transcripts_are_refused_unless_allowed(recipe, capsys):
    write_lines(recipe / "text", ["a", "b x", "c y", "d z"])
    assert format_audio() == 1
    assert "data/set/text:1: nothing after a" in capsys.readouterr().err
    assert format_audio("--allow-empty-text") == 0
    write_lines(recipe / "text", ["a ...", "b x", "c y", "d z"])
    assert format_audio("--cleaner", "basic") == 1
    assert "1 transcript(s) empty after cleaner 'basic': a" in capsys.readouterr().err


def test_the_cleaner_spells_the_transcripts(recipe):
    assert format_audio("--cleaner", "basic") == 0
    assert read_table("dump/set/text")["a"] == "hello a"


@pytest.mark.parametrize(
    "options, words",
    [
        (["--job", "3", "--num-jobs", "2"], "--job must be in 1..2"),
        (["--job", "1", "--merge"], "give one of the two"),
        (["--fs", "16"], "16k or 16000"),
        (["--cleaner", "nice"], "no cleaner 'nice'"),
    ],
)
def test_bad_options_are_explained(recipe, capsys, options, words):
    assert format_audio(*options) == 1
    assert words in capsys.readouterr().err


def test_real_opus_of_common_voice_is_formatted(tmp_path, monkeypatch):
    corpora = os.environ.get("JSTASR_CORPORA")
    if not corpora:
        pytest.skip("JSTASR_CORPORA names no store of corpora")
    clips = sorted(Path(corpora).resolve().glob("cv-corpus-6.1-sample/tr/clips/*.opus"))[:5]
    assert clips
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data" / "set"
    write_lines(data / "wav.scp", [f"{clip.stem} {clip}" for clip in clips])
    write_lines(data / "text", [f"{clip.stem} x" for clip in clips])
    write_lines(data / "utt2spk", [f"{clip.stem} s" for clip in clips])
    assert format_audio("--fs", "8k") == 0
    for clip in clips:
        seconds = soundfile.info(str(clip)).duration
        assert int(read_table("dump/set/utt2num_samples")[clip.stem]) == pytest.approx(8000 * seconds, abs=2)


def test_transcripts_that_nobody_can_say_in_the_time_are_left_out(recipe):
    lines = [f"{name} Hello, {name}!" for name in "bcd"]
    write_lines(recipe / "text", ["a " + "x" * 25, *lines])  # a lasts a second
    assert format_audio("--max-rate", "24") == 0
    assert list(read_table("dump/set/text")) == list("bcd")
    assert read_table("dump/set/dropped") == {"a": "1.000"}
    assert format_audio("--max-rate", "25") == 0
    assert list(read_table("dump/set/text")) == list("abcd")


def test_several_channels_become_their_mean_when_asked(recipe):
    left = noise(1)
    soundfile.write("wav/a.wav", np.stack([left, -0.5 * left], 1), 16000, subtype="FLOAT")
    assert format_audio() == 1
    assert format_audio("--channel", "mix") == 0
    tables = read_table("dump/set/wav.scp")
    assert tables["b"] == "wav/b.wav"
    np.testing.assert_allclose(read_audio(tables["a"])[0], 0.25 * left, atol=1 / 32768)


def test_files_are_written_as_flac_when_asked(recipe):
    assert format_audio("--fs", "8k", "--audio-format", "flac") == 0
    path = read_table("dump/set/wav.scp")["b"]
    assert path == "dump/set/audio/b.flac"
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.samplerate, info.frames) == ("FLAC", "PCM_16", 8000, 16000)


def test_non_linguistic_symbols_are_taken_out_and_utterances_without_a_word_left_out(recipe, capsys):
    write_lines(recipe / "text", ["a one <noise> two", "b <noise>", "c [laugh]three", "d four"])
    write_lines(Path("symbols"), ["<noise>"])
    assert format_audio("--cleaner", "basic", "--nlsyms", "symbols", "[laugh],[x]") == 0
    assert read_table("dump/set/text") == {"a": "one two", "c": "three", "d": "four"}
    assert "left out 1 without a word beside non-linguistic symbols" in capsys.readouterr().out
    assert format_audio("--cleaner", "basic", "--nlsyms", "symbols", "[laugh],[x]", "--allow-empty-text") == 0
    assert read_table("dump/set/text", allow_empty=True)["b"] == ""


def test_a_set_without_utterances_is_an_error_without_a_vain_remedy(recipe, capsys):
    for name in ("wav.scp", "text", "utt2spk"):
        write_lines(recipe / name, [])
    assert format_audio() == 1
    err = capsys.readouterr().err
    assert "data/set: no utterances; make this set again" in err and "fix_data_dir" not in err


def test_sexes_of_the_speakers_that_are_kept_follow_into_the_features(recipe):
    write_lines(recipe / "spk2gender", ["s0 m", "s1 f"])
    assert format_audio("--min-seconds", "2.5") == 0  # c and d, of s0
    assert read_table("dump/set/spk2gender") == {"s0": "m"}
    assert main(["extract", "--data-dir", "dump/set", "--outdir", "dump/fbank"]) == 0
    assert read_table("dump/fbank/spk2gender") == {"s0": "m"}
