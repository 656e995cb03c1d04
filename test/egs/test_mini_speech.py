"""The speech of egs/mini: the same bytes whatever is spoken before, beside or in how many jobs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import espeakng_loader
import make_speech
import numpy as np
import pytest
import soundfile
import voices
from espeak import FreshEspeak
from templates import LANGUAGES

from jstasr.errors import JstasrError
from jstasr.kaldi.tables import read_table, write_table

SAYINGS = [f"what time is it in {city}" for city in ("lisbon", "accra", "chicago", "bamako", "lima", "oslo")]
SPEAKERS = ["m1", "f2", "steph", "adam", "m8", "f5"]


def data_dir(folder, picked=range(6)):
    utterances = {f"{SPEAKERS[n]}-en-train-{n:06d}": n for n in picked}
    write_table(folder / "text", {utterance: SAYINGS[n] for utterance, n in utterances.items()})
    write_table(folder / "utt2spk", {utterance: SPEAKERS[n] for utterance, n in utterances.items()})
    write_table(folder / "utt2lang", dict.fromkeys(utterances, "en"))
    return folder


def run_program(*arguments, check=True):
    """Run make_speech.py; the last of an option that is given twice counts."""
    command = [sys.executable, make_speech.__file__, "--seed", "1", "--nj", "1", *map(str, arguments)]
    return subprocess.run(command, check=check, capture_output=True, text=True)


def speak(folder, *options):
    """Run make_speech.py on a data dir; returns dict utterance -> bytes of its file."""
    run_program("--audio-dir", folder / "audio", *options, folder)
    return {name: Path(path).read_bytes() for name, path in read_table(folder / "wav.scp").items()}


def test_the_number_of_jobs_changes_no_byte(tmp_path):
    one = speak(data_dir(tmp_path / "one"), "--nj", 1)
    two = speak(data_dir(tmp_path / "two"), "--nj", 2)
    assert len(one) == 6
    assert one == two


def test_an_utterance_alone_is_the_same_as_in_a_sequence(tmp_path):
    sequence = speak(data_dir(tmp_path / "sequence"), "--nj", 1)
    alone = speak(data_dir(tmp_path / "alone", picked=[4]), "--nj", 1)
    assert alone.items() <= sequence.items()


def test_another_seed_changes_every_utterance(tmp_path):
    one = speak(data_dir(tmp_path / "one"), "--seed", 1)
    two = speak(data_dir(tmp_path / "two"), "--seed", 2)
    assert all(one[name] != two[name] for name in one)


def test_files_are_16_khz_mono_16_bit_with_speech_that_is_not_clipped(tmp_path):
    speak(data_dir(tmp_path))
    for path in read_table(tmp_path / "wav.scp").values():
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert 0.8 < info.duration < 4
        samples = soundfile.read(path, dtype="float32")[0]
        assert 10 ** (-18.1 / 20) < np.abs(samples).max() < 10 ** (-2.9 / 20)
        assert samples.std() > 0.005


def test_phones_ctm_has_the_times_of_the_phonemes(tmp_path):
    data_dir(tmp_path)
    write_table(tmp_path / "text", {name: "see sue say so" for name in read_table(tmp_path / "text")})
    speak(tmp_path)
    lines = [line.split() for line in (tmp_path / "phones.ctm").read_text().splitlines()]
    assert [line[0] for line in lines] == sorted(line[0] for line in lines)
    for utterance, path in read_table(tmp_path / "wav.scp").items():
        phones = [(float(begin), float(length), phone) for name, _, begin, length, phone in lines if name == utterance]
        assert [phone for *_, phone in phones if phone == "s"] == ["s"] * 4
        samples, rate = soundfile.read(path)
        assert phones[-1][0] + phones[-1][1] == pytest.approx(len(samples) / rate, abs=0.2)
        powers = {True: [], False: []}  # of what lies above 4 kHz, where a fricative is louder than a vowel
        for begin, length, phone in phones:
            inside = samples[int(rate * (begin + 0.2 * length)) : int(rate * (begin + 0.8 * length))]
            spectrum = np.abs(np.fft.rfft(inside)) ** 2
            powers[phone == "s"].append(spectrum[len(spectrum) // 2 :].sum() / spectrum.sum())
        assert min(powers[True]) > max(powers[False]), (utterance, powers)


def test_wav_scp_can_name_another_folder(tmp_path):
    folder = data_dir(tmp_path / "train", picked=[0])
    run_program("--audio-dir", tmp_path / "audio", "--listed-as", "data/audio", folder)
    assert read_table(tmp_path / "train/wav.scp") == {"m1-en-train-000000": "data/audio/train/m1-en-train-000000.wav"}
    assert (tmp_path / "audio/train/m1-en-train-000000.wav").is_file()


def test_the_signal_to_noise_ratio_is_between_15_and_40_db():
    with FreshEspeak() as espeak:
        samples = make_speech.record(espeak, SAYINGS[0], "en", "m1", "seed")[0].astype(float)
    pause = samples[: int(make_speech.PAUSE[0] * make_speech.RATE)]
    assert 14 < 10 * np.log10(np.mean(samples**2) / np.mean(pause**2)) < 41


@pytest.mark.parametrize("tilt", [0.0, 1.0])
def test_noise_has_unit_power_and_the_tilt_asked_for(tilt):
    noise = make_speech.coloured_noise(160001, tilt, np.random.default_rng(1))
    assert len(noise) == 160001
    assert np.mean(noise**2) == pytest.approx(1)
    power = np.abs(np.fft.rfft(noise)) ** 2
    low, high = power[len(power) // 16 : len(power) // 8].mean(), power[len(power) // 2 :].mean()
    # The mean of 1/f over an octave from f is ln(2)/f.
    assert low / high == pytest.approx(8**tilt, rel=0.1)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_a_voice(lang):
    with FreshEspeak() as espeak:
        samples, rate, phonemes = espeak.speak(
            text="tokio lima oslo" if lang != "ru" else "токио лима осло",
            voice=LANGUAGES[lang].voice, variant="m3", rate=200, pitch=50, pitch_range=50, seed=1,
        )  # fmt: skip
    assert rate == 22050
    assert len(samples) / 2 / rate > 0.5
    begins, names = zip(*phonemes)
    assert list(begins) == sorted(begins) and begins[-1] <= len(samples) / 2
    assert sum(name in ("o", "ɔ", "oː", "ɔː", "u", "oʊ", "ʊ", "uː") for name in names) >= 1, names


def test_the_wheels_library_has_every_voice_and_speaks():
    program = """
import ctypes, espeakng_loader, espeak, voices
wheel = ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path().encode()
speaker = espeak.Espeak(wheel)
assert str(speaker.data) == espeakng_loader.get_data_path(), speaker.data
for variant in voices.TRAIN + voices.DEV_ONLY + voices.TEST_ONLY:
    assert len(speaker.speak("good morning", "en-us", variant, 200, 50, 50, 1)[0]) > 10000, variant
"""
    folder = Path(make_speech.__file__).parent
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)
    assert Path(espeakng_loader.get_data_path()).is_dir()


def test_the_same_variants_speak_in_no_two_of_the_exclusive_sets():
    everyone = voices.TRAIN + voices.DEV_ONLY + voices.TEST_ONLY
    assert len({name.lower() for name in everyone}) == len(everyone)


@pytest.mark.parametrize(("voice", "variant"), [("xx-nowhere", "m1"), ("en-us", "nobody")])
def test_an_unknown_voice_is_an_error_that_names_it(voice, variant, capfd):
    with FreshEspeak() as espeak, pytest.raises(JstasrError, match="espeak-ng failed on 'good morning'"):
        espeak.speak(text="good morning", voice=voice, variant=variant, rate=200, pitch=50, pitch_range=50, seed=1)
    assert ("xx-nowhere" if variant == "m1" else "nobody") in capfd.readouterr().err


def test_a_killed_program_leaves_no_process_behind(tmp_path):
    names = [f"m1-en-train-{number:06d}" for number in range(8000)]
    for table, value in (("text", "what time is it in lisbon"), ("utt2spk", "m1"), ("utt2lang", "en")):
        write_table(tmp_path / table, dict.fromkeys(names, value))
    command = [sys.executable, make_speech.__file__, "--seed", "1", "--nj", "2", "--audio-dir", tmp_path / "audio"]
    program = subprocess.Popen([*command, tmp_path], stderr=subprocess.DEVNULL)
    while len(list((tmp_path / "audio").rglob("*.wav"))) < 4:
        assert program.poll() is None
        time.sleep(0.1)
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
    program.kill()
    program.wait()
    until = time.monotonic() + 15
    while left := [child for child in children if os.path.exists(f"/proc/{child}")]:
        assert time.monotonic() < until, left
        time.sleep(0.1)
    assert len(children) >= 2


@pytest.mark.parametrize("nj", [1, 2])
def test_a_failure_names_the_utterance(tmp_path, nj):
    data_dir(tmp_path, picked=[0, 1])
    write_table(tmp_path / "text", {"m1-en-train-000000": "...", "f2-en-train-000001": "good morning"})
    result = run_program("--audio-dir", tmp_path / "audio", "--nj", nj, tmp_path, check=False)
    assert result.returncode == 1
    assert "make_speech.py: error: m1-en-train-000000: espeak-ng said nothing" in result.stderr
    assert not (tmp_path / "wav.scp").exists()
