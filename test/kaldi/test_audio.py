"""Audio files and pipes as samples."""

import os
import subprocess

import numpy as np
import pytest
import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi.audio import audio_info, parse_channel, parse_rate, read_audio, resample, write_audio
from jstasr.kaldi.audio_headers import missing_seconds

RATE = 16000


def tone(seconds=1.0, rate=RATE, hertz=440.0):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, tone(), RATE, subtype="PCM_16")
    return str(path)


@pytest.mark.parametrize(
    "suffix, form, subtype, tolerance",
    [
        ("wav", "WAV", "PCM_16", 1e-4),
        ("wav", "WAV", "FLOAT", 0),
        ("flac", "FLAC", "PCM_16", 1e-4),
        ("ogg", "OGG", "VORBIS", 0.05),
        ("opus", "OGG", "OPUS", 0.05),
        ("mp3", "MP3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_formats_are_read_as_written(tmp_path, suffix, form, subtype, tolerance):
    path = str(tmp_path / f"a.{suffix}")
    soundfile.write(path, tone(), RATE, format=form, subtype=subtype)
    samples, rate = read_audio(path)
    assert rate == RATE and samples.dtype == np.float32
    assert abs(len(samples) - RATE) < 2500  # mp3 pads
    assert audio_info(path)[:2] == (RATE, 1)
    middle = slice(3000, 12000)
    if suffix != "mp3":
        np.testing.assert_allclose(samples[middle], tone()[middle], atol=tolerance)
    spectrum = np.abs(np.fft.rfft(samples[middle]))
    assert np.argmax(spectrum) * RATE / 9000 == pytest.approx(440, abs=RATE / 9000)


def test_a_pipe_gives_the_samples_of_the_file(wav):
    direct, _ = read_audio(wav)
    piped, rate = read_audio(f"sox {wav} -t wav - | cat |")
    assert rate == RATE
    np.testing.assert_array_equal(piped, direct)


@pytest.mark.parametrize("source", ["{}", "cat {} |"])
def test_a_part_is_cut_to_the_sample(wav, source):
    samples, _ = read_audio(wav)
    part, _ = read_audio(source.format(wav), start=0.25, end=0.5)
    np.testing.assert_array_equal(part, samples[4000:8000])
    rest, _ = read_audio(source.format(wav), start=0.75)
    np.testing.assert_array_equal(rest, samples[12000:])


@pytest.mark.parametrize("start, end", [(0.5, 1.5), (1.0, 1.5), (2.0, None), (None, 1.01)])
@pytest.mark.parametrize("source", ["{}", "cat {} |"])
def test_a_part_beyond_the_recording_is_refused(wav, source, start, end):
    with pytest.raises(JstasrError, match="lies outside the recording"):
        read_audio(source.format(wav), start, end)


def test_channels_are_chosen_and_mixed_only_when_asked(tmp_path):
    path = str(tmp_path / "two.wav")
    soundfile.write(path, np.stack([tone(), -tone()], axis=1), RATE, subtype="FLOAT")
    with pytest.raises(JstasrError, match="2 channels; choose one"):
        read_audio(path)
    np.testing.assert_array_equal(read_audio(path, channel=2)[0], -tone())
    with pytest.raises(JstasrError, match="not a channel 3"):
        read_audio(path, channel=3)
    np.testing.assert_array_equal(read_audio(path, channel="mix")[0], 0 * tone())
    assert [parse_channel(text) for text in ("mix", "2")] == ["mix", 2]
    with pytest.raises(JstasrError, match="--channel must be a number from 1, or mix, not 'left'"):
        parse_channel("left")


def test_bad_sources_are_named(tmp_path):
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("not audio at all")
    soundfile.write(tmp_path / "nan.wav", np.array([0, np.nan], np.float32), RATE, subtype="FLOAT")
    for name, words in [
        ("none.wav", "no such audio file"),
        ("empty.wav", "is empty"),
        ("text.wav", "cannot read as audio"),
        ("nan.wav", "NaN"),
    ]:
        with pytest.raises(JstasrError, match=words) as error:
            read_audio(str(tmp_path / name))
        assert name in str(error.value)


def test_channels_that_are_not_finite_are_refused_without_a_warning(tmp_path, recwarn):
    soundfile.write(tmp_path / "a.wav", np.array([[np.inf, -np.inf], [0, 0]]), RATE, "FLOAT")
    with pytest.raises(JstasrError, match="NaN or infinite"):
        read_audio(tmp_path / "a.wav", channel="mix")
    assert not recwarn.list


def test_a_failing_command_shows_its_exit_code_and_last_words():
    with pytest.raises(JstasrError) as error:
        read_audio("echo 'disk on fire' >&2; (exit 3) | cat |")
    assert "exit code 3" in str(error.value) and "disk on fire" in str(error.value)
    with pytest.raises(JstasrError, match="wrote nothing"):
        read_audio("true |")


@pytest.mark.parametrize("old, new", [(8000, 16000), (44100, 16000), (48000, 16000), (16000, 8000)])
def test_a_resampled_tone_is_the_tone_of_the_new_rate(old, new):
    resampled = resample(tone(1.0, old, 1000), old, new)
    assert len(resampled) == new and resampled.dtype == np.float32
    edge = slice(new // 8, -new // 8)
    np.testing.assert_allclose(resampled[edge], tone(1.0, new, 1000)[edge], atol=1e-4)


def test_resampling_leaves_no_alias():
    assert np.abs(resample(tone(1.0, 16000, 6000), 16000, 8000)[1000:-1000]).max() < 1e-4


def test_resampling_agrees_with_sox(tmp_path):
    noise = np.random.default_rng(0).normal(size=8000)
    smooth = np.convolve(noise, np.hanning(9) / 10, mode="same").astype(np.float32) * 0.2  # little near 4 kHz
    soundfile.write(tmp_path / "in.wav", smooth, 8000, subtype="FLOAT")
    command = "sox in.wav -e float -b 32 out.wav rate -v 16000"
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    expected, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    mine = resample(smooth, 8000, 16000)
    inner = slice(500, 15500)
    assert np.corrcoef(mine[inner], expected[inner])[0, 1] > 0.9999


def test_writing_clips_instead_of_wrapping(tmp_path):
    write_audio(tmp_path / "a.wav", np.array([0.0, 1.5, -1.5, 0.25], np.float32), RATE)
    samples, rate = read_audio(str(tmp_path / "a.wav"))
    np.testing.assert_allclose(samples, [0, 1, -1, 0.25], atol=1e-4)
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("text, rate", [("16k", 16000), ("16000", 16000), ("22.05k", 22050), ("8K", 8000)])
def test_rates_are_read_in_both_spellings(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["16", "", "k", "sixteen", "-16k", "16.0001k", "nan", "inf"])
def test_odd_rates_are_refused(text):
    with pytest.raises(JstasrError, match="16k or 16000"):
        parse_rate(text)


def pipe(tmp_path, command):
    """Samples of a pipe, run among: whole.wav, 4 s; half.wav, its first half; late.py, which fails after its output."""
    soundfile.write(tmp_path / "whole.wav", np.random.default_rng(0).normal(0, 0.1, 4 * RATE), RATE)
    content = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "half.wav").write_bytes(content[: len(content) // 2])
    return len(read_audio(f"cd '{tmp_path}' && {command} |")[0])


@pytest.mark.parametrize(
    "command, seconds",
    [
        ("sox whole.wav -t wav - | sox -t wav - -t wav - trim 0 1", 1),
        ("cat whole.wav whole.wav | head -c 128044", 4),
        ("yes | cat whole.wav", 4),
        ("cat whole.wav | cat | sox -t wav - -t wav - trim 1 1", 1),
        ("false | cat whole.wav", 4),  # Kaldi judges by the last
        ("python3 -c 'import sys; sys.stdout.write(\"x\" * 9999999)' | sox whole.wav -t wav - trim 0 2", 2),
        ("cat whole.wav # a comment", 4),
    ],
)
def test_a_pipe_is_judged_by_its_last_program_and_by_its_sound(tmp_path, command, seconds):
    assert pipe(tmp_path, command) == seconds * RATE


@pytest.mark.parametrize(
    "command, said",
    [
        ("cat whole.wav | (cat; exit 3)", "exit code 3"),
        ("sox whole.wav -t wav - | false", "exit code 1"),
        ("cat half.wav", "is cut off or damaged: 2.00 s"),
        ("(cat half.wav; exit 4) | cat", "exit code 4"),
        # sox does not say how long its output will be: the sound seems whole.
        ("(cat half.wav; exit 5) | sox -t wav - -t wav - speed 0.5", "exit code 5"),
        ("cat gone.wav | cat", "gone.wav"),
        ("cat whole.wav | kill -PIPE $BASHPID", "failed with exit code 141"),
        ("true", "wrote nothing"),
        ("exit 6", "exit code 6"),
        ("cat whole.wav | (", "exit code 2"),
    ],
)
def test_a_pipe_that_fails_or_loses_sound_is_an_error(tmp_path, command, said):
    with pytest.raises(JstasrError, match=said):
        pipe(tmp_path, command)


@pytest.mark.parametrize("source", ["|", " | "])
def test_a_pipe_without_a_command_is_named(source):
    with pytest.raises(JstasrError, match="names no command"):
        read_audio(source)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0xFFFFFFFF])
def test_a_header_of_unknown_length_is_no_cut(tmp_path, size):
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    content = (tmp_path / "a.wav").read_bytes()
    place = content.index(b"data") + 4
    (tmp_path / "a.wav").write_bytes(content[:place] + size.to_bytes(4, "little") + content[place + 4 :])
    with open(tmp_path / "a.wav", "rb") as file:
        assert missing_seconds(file) is None


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
@pytest.mark.parametrize(
    "scale, whole, good",
    [(0.3, False, True), (1.0, False, True), (1.5, False, True), (3, True, False), (2.5, False, False),
     (24163, True, False), (8e6, False, False), (1, True, True)],
)  # fmt: skip
def test_floating_point_is_judged_by_the_samples(tmp_path, subtype, scale, whole, good):
    samples = np.sin(np.arange(8000) / 5) * scale
    soundfile.write(tmp_path / "a.wav", np.round(samples) if whole else samples, RATE, subtype=subtype)
    if good:
        assert np.abs(read_audio(tmp_path / "a.wav")[0]).max() == pytest.approx(scale, rel=0.01)
    else:
        with pytest.raises(JstasrError, match=r"a\.wav: its samples reach .* where full scale is 1"):
            read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(
    "rate, new_rate", [(8000, 16000), (44100, 16000), (16000, 8000), (22050, 16000), (16000, 16000)]
)
@pytest.mark.parametrize("seed", range(2))
def test_a_signal_resampled_in_pieces_is_that_resampled_at_once(rate, new_rate, seed):
    from jstasr.kaldi.audio import Resampler

    rng = np.random.default_rng(seed)
    signal = rng.normal(size=rng.integers(1, 3 * rate)).astype(np.float32)
    resampler, pieces, start = Resampler(rate, new_rate), [], 0
    while start < len(signal):
        size = int(rng.choice([1, 7, 441, 5000, rate]))
        pieces.append(resampler.accept(signal[start : start + size]))
        start += size
    pieces.append(resampler.finish())
    np.testing.assert_allclose(np.concatenate(pieces), resample(signal, rate, new_rate), atol=1e-5)


def test_blocks_of_a_file_are_the_file(tmp_path):
    from jstasr.kaldi.audio import read_blocks

    signal = np.random.default_rng(0).normal(0, 0.1, (10001, 2)).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", signal, 8000, subtype="FLOAT")
    blocks = list(read_blocks(tmp_path / "a.wav", 0.25, "mix"))
    assert [len(block) for block, _ in blocks] == [2000] * 5 + [1] and {rate for _, rate in blocks} == {8000}
    np.testing.assert_array_equal(
        np.concatenate([block for block, _ in blocks]), read_audio(tmp_path / "a.wav", channel="mix")[0]
    )
    signal[9000] = np.nan
    soundfile.write(tmp_path / "b.wav", signal, 8000, subtype="FLOAT")
    with pytest.raises(JstasrError, match="b.wav: holds samples that are NaN"):
        list(read_blocks(tmp_path / "b.wav", 0.25, 1))
