"""A file is judged by what it holds; what its header claims costs neither time nor memory."""

import bz2
import gzip
import io
import lzma
import resource
import struct
import time

import numpy as np
import pytest
import soundfile

from jstasr.cli import main
from jstasr.errors import JstasrError
from jstasr.kaldi import audio
from jstasr.kaldi.audio import audio_info, read_audio, resample, wav_bytes
from jstasr.kaldi.flac_frames import samples_behind

RATE = 16000
SEVERAL = "several sounds .*one behind the other"
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "sph": ("NIST", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "caf": ("CAF", "PCM_16"),
}


@pytest.mark.parametrize("name", ["a.au", "a.snd"])
def test_a_file_without_header_is_no_audio_whatever_its_name(tmp_path, name):
    path = tmp_path / name
    path.write_text("this is text, and no sound of 8000 samples a second\n" * 50)
    with pytest.raises(JstasrError, match="no header of an audio file"):
        read_audio(path)


@pytest.mark.parametrize(
    "content, said",
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "git lfs pull"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>404</html>", "web page"),
        (b'{"error": "not found"}', "JSON"),
        (gzip.compress(b"RIFF" + bytes(100)), "compressed by gzip; unpack it"),
        (bz2.compress(b"RIFF" + bytes(100)), "compressed by bzip2"),
        (lzma.compress(b"RIFF" + bytes(100)), "compressed by xz"),
        (b"PK\x03\x04" + bytes(100), "zip archive"),
        (bytes(1000), "Format not recognised"),
    ],
)
def test_what_is_no_sound_is_called_by_its_name(tmp_path, content, said):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    for source in (str(path), f"cat {path} |"):
        with pytest.raises(JstasrError, match=f"cannot read as audio: .*{said}"):
            read_audio(source)


def noise(seconds=4.0, rate=RATE):
    return (np.random.default_rng(0).normal(size=round(seconds * rate)) * 0.1).astype(np.float32)


def write(path, suffix, samples, rate=RATE):
    form, subtype = FORMATS[suffix]
    soundfile.write(path, samples, rate, format=form, subtype=subtype)
    return path.read_bytes()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("look", [audio_info, read_audio], ids=["info", "read"])
def test_a_file_that_is_cut_off_is_refused(tmp_path, look, suffix, share):
    path = tmp_path / f"a.{suffix}"
    content = write(path, suffix, noise())
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(JstasrError, match=r"cut off|cannot read as audio"):
        look(str(path))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_whole_file_is_accepted(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write(path, suffix, noise())
    samples, rate = read_audio(path)
    assert rate == RATE and audio_info(str(path))[:3] == (RATE, 1, len(samples))
    assert abs(len(samples) - 4 * RATE) < 0.2 * RATE


@pytest.mark.parametrize("suffix", ["ogg", "opus", "mp3", "flac"])
def test_stage_2_decodes_compressed_sound_that_it_passes_on(tmp_path, monkeypatch, capsys, suffix):
    monkeypatch.chdir(tmp_path)
    content = bytearray(write(tmp_path / f"a.{suffix}", suffix, noise()))
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    (tmp_path / f"a.{suffix}").write_bytes(content)
    for name, line in (("wav.scp", f"u a.{suffix}"), ("text", "u hello"), ("utt2spk", "u s")):
        (tmp_path / name).write_text(f"{line}\n")
    assert main(["format-audio", "--data-dir", ".", "--outdir", "dump"]) == 1
    assert f"u: a.{suffix}: " in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "opus", "mp3"])
def test_blocks_join_without_a_seam(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a.{suffix}"
    write(path, suffix, noise(8).reshape(-1, 2))
    expected, _ = soundfile.read(path, dtype="float32")
    monkeypatch.setattr(audio, "BLOCK", 5000)
    np.testing.assert_allclose(read_audio(path, channel=2)[0], expected[:, 1], atol=1e-6)
    np.testing.assert_allclose(read_audio(path, 1.0, 2.5, channel=1)[0], expected[RATE : RATE * 5 // 2, 0], atol=1e-6)


def wav(rate=RATE, claimed=None, channels=1, block=2, bytes_per_second=None):
    """A WAV file of half a second whose header claims what is asked for."""
    sound = (noise(0.5) * 32767).astype("<i2").tobytes()
    claimed = len(sound) if claimed is None else claimed
    stated = rate * block % 2**32 if bytes_per_second is None else bytes_per_second
    form = struct.pack("<IHHIIHH", 16, 1, channels, rate, stated, block, 16)
    return b"RIFF" + struct.pack("<I", 36 + claimed) + b"WAVEfmt " + form + b"data" + struct.pack("<I", claimed) + sound


def flac(path, rate=RATE, total=4 * RATE):
    """A FLAC file of 4 s whose STREAMINFO claims another rate or number of samples."""
    content = bytearray(write(path, "flac", noise()))
    rest = int.from_bytes(content[18:26], "big") & (0xFF << 36)  # channels and bits of a sample
    content[18:26] = (rate << 44 | rest | total).to_bytes(8, "big")
    return bytes(content)


def mp3(path, frames):
    """An MP3 file of 4 s whose first frame claims another number of frames; None: claims nothing."""
    content = bytearray(write(path, "mp3", noise()))
    tag = max(content.find(b"Xing"), content.find(b"Info"))
    if frames is None:
        content[tag : tag + 8] = bytes(8)
    else:
        content[tag + 8 : tag + 12] = frames.to_bytes(4, "big")
    return bytes(content)


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda path: wav(rate=1), "1 Hz by its header"),
        (lambda path: wav(rate=3999), "3999 Hz by its header"),
        (lambda path: wav(rate=2_000_000_000), "2000000000 Hz by its header"),
        (lambda path: wav(rate=2**32 - 1), "cannot read as audio"),
        (lambda path: wav(claimed=10**9), "cut off"),
        (lambda path: wav(claimed=10**9, bytes_per_second=2**32 - 1), "cut off"),
        (lambda path: wav(claimed=10**9, bytes_per_second=0), "cut off"),
        (lambda path: wav(channels=0), "cannot read as audio"),
        (lambda path: wav(channels=65535), "cannot read as audio"),
        (lambda path: flac(path, rate=1), "1 Hz by its header"),
        (lambda path: flac(path, rate=655350), "655350 Hz by its header"),
        (lambda path: flac(path, total=2**36 - 1), "cut off"),
        (lambda path: flac(path, total=8 * RATE), "cut off"),
    ],
)
def test_a_header_that_lies_is_an_error_and_costs_nothing(tmp_path, make, said):
    path = tmp_path / "a"
    path.write_bytes(make(path))
    begin, memory = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(JstasrError, match=said):
        audio_info(str(path))
    with pytest.raises(JstasrError):
        read_audio(path)
    assert time.perf_counter() - begin < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100_000  # kB


@pytest.mark.parametrize("make", [lambda path: flac(path, total=0), lambda path: mp3(path, None)])
def test_a_header_that_does_not_say_the_length_is_no_fault(tmp_path, make):
    path = tmp_path / "a"
    path.write_bytes(make(path))
    samples, _ = read_audio(path)
    assert abs(len(samples) - 4 * RATE) < 0.2 * RATE
    assert audio_info(str(path)).frames == len(samples)


def test_mp3_files_one_behind_the_other_are_read_to_the_end(tmp_path):
    content = write(tmp_path / "a.mp3", "mp3", noise())
    (tmp_path / "b.mp3").write_bytes(content + content)
    samples, _ = read_audio(tmp_path / "b.mp3")
    assert abs(len(samples) - 8 * RATE) < 0.4 * RATE
    part, _ = read_audio(tmp_path / "b.mp3", start=5.0, end=6.0)
    np.testing.assert_allclose(part, samples[5 * RATE : 6 * RATE], atol=1e-6)


def test_an_mp3_file_of_more_frames_than_its_bytes_can_hold_is_counted(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(mp3(path, 10**6))
    assert abs(audio_info(str(path)).frames - 4 * RATE) < 0.2 * RATE


@pytest.mark.parametrize("old, new", [(44099, 16000), (383999, 16001), (4001, 383999), (16000, 15999)])
def test_rates_without_a_common_divisor_are_resampled_in_bounded_time_and_memory(old, new):
    tone = np.sin(2 * np.pi * 500 * np.arange(old) / old).astype(np.float32)
    begin, memory = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resampled = resample(tone, old, new)
    assert time.perf_counter() - begin < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100_000  # kB
    expected = np.sin(2 * np.pi * 500 * np.arange(new) / new)
    assert len(resampled) == new
    np.testing.assert_allclose(resampled[new // 8 : -new // 8], expected[new // 8 : -new // 8], atol=1e-4)


@pytest.mark.parametrize("length", [0, 1, 2, 7, 100, 441, 442])
def test_the_length_of_a_resampled_signal_is_rounded_up(length):
    assert len(resample(np.ones(length, np.float32), 44100, 16000)) == -(-length * 16000 // 44100)


@pytest.mark.parametrize("suffix", ["wav", "flac", "opus", "mp3"])
def test_to_wav_gives_the_samples_of_any_format(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    write(path, suffix, noise())
    (tmp_path / "b.wav").write_bytes(wav_bytes(str(path)))
    np.testing.assert_allclose(read_audio(tmp_path / "b.wav")[0], read_audio(path)[0], atol=1e-4)


def test_to_wav_refuses_a_file_that_is_cut_off(tmp_path):
    content = write(tmp_path / "a.mp3", "mp3", noise())
    (tmp_path / "a.mp3").write_bytes(content[: len(content) // 2])
    with pytest.raises(JstasrError, match="cut off"):
        wav_bytes(str(tmp_path / "a.mp3"))


@pytest.mark.parametrize("suffix", ["wav", "rf64", "aiff", "au", "sph", "caf"])
@pytest.mark.parametrize("look", [audio_info, read_audio], ids=["info", "read"])
def test_a_header_that_states_less_than_the_file_holds_is_refused(tmp_path, look, suffix):
    path = tmp_path / f"a.{suffix}"
    whole = write(path, suffix, noise(4))
    path.write_bytes(write(path, suffix, noise(1)) + whole[-3 * RATE * 2 :])
    with pytest.raises(JstasrError, match=r"3\.00 s of sound behind the end that its header states"):
        look(str(path))


@pytest.mark.parametrize("tail", [b"LIST\x04\0\0\0INFO" + bytes(9000), bytes(9000), b"TAG" + b"\xff" * 125])
def test_chunks_padding_and_tags_behind_the_sound_are_no_sound(tmp_path, tail):
    path = tmp_path / "a.wav"
    path.write_bytes(write(path, "wav", noise(1)) + tail)
    assert audio_info(str(path)).frames == len(read_audio(path)[0]) == RATE


@pytest.mark.parametrize("tail", [b"", b"TAG" + b"x" * 125])
@pytest.mark.parametrize("share", [0.01, 0.5, 0.98])
@pytest.mark.parametrize("look", [audio_info, read_audio], ids=["info", "read"])
def test_a_flac_file_that_states_less_than_it_holds_is_refused(tmp_path, look, share, tail):
    """The decoder stops where STREAMINFO says."""
    path = tmp_path / "a.flac"
    path.write_bytes(flac(path, total=round(4 * RATE * share)) + tail)
    with pytest.raises(JstasrError, match=rf"holds {4 - 4 * share:.2f} s of sound behind the end"):
        look(str(path))


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("rate, channels", [(8000, 1), (44100, 2), (48000, 8), (12345, 1)])
def test_the_last_frame_of_flac_says_how_long_it_is(rate, channels, subtype):
    rng = np.random.default_rng(rate)
    for count in (1, 191, 4096, 4097, 70000):
        buffer = io.BytesIO()
        soundfile.write(buffer, rng.uniform(-1, 1, (count, channels)), rate, format="FLAC", subtype=subtype)
        assert samples_behind(buffer) == 0
        content = bytearray(buffer.getvalue())
        packed = int.from_bytes(content[18:26], "big")
        content[18:26] = (packed - packed % 2**36 + max(1, count // 3)).to_bytes(8, "big")
        assert samples_behind(io.BytesIO(content)) == count - max(1, count // 3)


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff", "ogg", "rf64"])
@pytest.mark.parametrize("flags, behind", [(0, b""), (16, b"3DI" + bytes(7))], ids=["", "footer"])
def test_a_tag_of_mp3_before_other_sound_is_no_sound(tmp_path, suffix, flags, behind):
    path = tmp_path / f"a.{suffix}"
    content = write(path, suffix, noise())
    expected, _ = soundfile.read(path, dtype="float32")
    path.write_bytes(b"ID3\x04\0" + bytes([flags, 0, 0, 40, 1]) + bytes(40 * 128 + 1) + behind + content)
    assert audio_info(str(path))[:3] == (RATE, 1, len(expected))
    np.testing.assert_array_equal(read_audio(path)[0], expected)
    np.testing.assert_allclose(read_audio(path, 1.0, 2.0)[0], expected[RATE : 2 * RATE], atol=1e-6)


def test_a_tag_of_mp3_behind_flac_is_no_damage(tmp_path):
    path = tmp_path / "a.flac"
    content = write(path, "flac", noise())
    path.write_bytes(content + b"TAG" + b"x" * 125)
    np.testing.assert_array_equal(read_audio(path)[0], soundfile.read(io.BytesIO(content), dtype="float32")[0])
    path.write_bytes(content[:-9000] + b"TAG" + b"x" * 125)
    with pytest.raises(JstasrError, match=r"cut off|cannot read"):
        read_audio(path)


@pytest.mark.parametrize("second", ["ogg", "opus"])
@pytest.mark.parametrize("first", ["ogg", "opus"])
@pytest.mark.parametrize("look", [audio_info, read_audio], ids=["info", "read"])
def test_ogg_streams_one_behind_the_other_are_refused(tmp_path, look, first, second):
    """libsndfile reads the first one only, or none; radio streams and joined files are such."""
    content = write(tmp_path / "a", first, noise()) + write(tmp_path / "a", second, noise())
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(JstasrError, match=SEVERAL):
        look(str(tmp_path / "a"))


@pytest.mark.parametrize("suffix", ["wav", "rf64", "w64", "aiff", "caf"])
@pytest.mark.parametrize("look", [audio_info, read_audio], ids=["info", "read"])
def test_files_one_behind_the_other_are_refused(tmp_path, look, suffix):
    """What `cat a.wav b.wav > c.wav` makes: only the first would be read, in silence or as damage."""
    content = write(tmp_path / "a", suffix, noise()) + write(tmp_path / "a", suffix, noise(1))
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(JstasrError, match=SEVERAL):
        look(str(tmp_path / "a"))


@pytest.mark.parametrize("between", [b"", b"LIST\x05\0\0\0INFOx\0"], ids=["nothing", "list"])
@pytest.mark.parametrize("seconds", [(1, 1), (0, 1), (1, 0)], ids=str)
@pytest.mark.parametrize("look", [audio_info, read_audio], ids=["info", "read"])
def test_a_wav_file_of_several_data_chunks_is_refused(tmp_path, look, seconds, between):
    header = write(tmp_path / "a.wav", "wav", noise(1))[:36]
    first, second = (np.full(RATE * length, 1000, "<i2").tobytes() for length in seconds)
    chunks = [b"data" + struct.pack("<I", len(sound)) + sound for sound in (first, second)]
    (tmp_path / "a.wav").write_bytes(header + between.join(chunks))
    with pytest.raises(JstasrError, match=SEVERAL):
        look(str(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    "form, subtype",
    [("WAV", "G721_32"), ("WAV", "NMS_ADPCM_16"), ("AU", "G723_24"), ("AIFF", "GSM610"), ("SDS", "PCM_16")],
)
def test_sound_in_which_nothing_can_seek_is_whole(tmp_path, form, subtype):
    path = tmp_path / "a"
    soundfile.write(path, noise(), RATE, format=form, subtype=subtype)
    assert audio_info(str(path)).frames == len(read_audio(path)[0]) == pytest.approx(4 * RATE, rel=0.02)


def test_gsm_is_whole_although_nothing_can_seek_in_it(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(1), RATE, subtype="GSM610")
    assert audio_info(str(path)).frames == RATE


def test_a_file_that_states_no_sound_is_read_to_its_end_as_in_kaldi(tmp_path):
    """Kaldi's WaveInfo takes a data chunk of 0 bytes for a stream of unknown length."""
    whole = write(tmp_path / "whole.wav", "wav", noise(1))
    path = tmp_path / "a.wav"
    for sound in (whole[44:], bytes(800) + whole[44:]):  # which begins with digital silence
        path.write_bytes(whole[:40] + bytes(4) + sound)
        frames = len(sound) // 2
        assert audio_info(str(path)).frames == frames
        assert len(read_audio(path)[0]) == len(read_audio(f"cat {path} |")[0]) == frames
    path.write_bytes(whole[:40] + bytes(4) + b"LIST\x04\0\0\0INFO")
    assert audio_info(str(path)).frames == 0
