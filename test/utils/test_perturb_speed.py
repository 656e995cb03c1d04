"""Speed perturbation reads what stage 2 reads, whatever sox was built with, under any name."""

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from jstasr.cli import main
from jstasr.kaldi.tables import read_table

UTILS = Path(__file__).resolve().parents[2] / "utils"
FORMATS = {
    "wav": ("WAV", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
}
NAMES = (
    "plain",
    "take 1",
    "o'clock",
    "r&b",
    'say "no"',
    "$HOME",
    "`touch ran`",
    "semi;touch ran",
    "a|touch ran",
    "北 京",
    "-n",
    "#",
)


def padded_wavs(samples):
    """WAV files of 12 bits in 2 bytes, 20 bits in 3, and 24 in 4 by an extensible header, of samples (N,) float."""

    def wav(form, values, width):
        sound = b"".join(int(value).to_bytes(4, "little", signed=True)[4 - width :] for value in values)
        chunks = struct.pack("<4sI", b"fmt ", len(form)) + form + struct.pack("<4sI", b"data", len(sound)) + sound
        return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks

    plain = {
        bits: struct.pack("<HHIIHH", 1, 1, 16000, 16000 * width, width, bits) for bits, width in ((12, 2), (20, 3))
    }
    guid = b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
    wide = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16000, 64000, 4, 32, 22, 24, 4) + guid
    values = np.round(samples * (2**31 - 1)).astype(np.int64)
    return {
        "12 bits.wav": wav(plain[12], values, 2),
        "20 bits.wav": wav(plain[20], values, 3),
        "24 bits in 32.wav": wav(wide, values & ~255, 4),
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """data/: a recording of half a second in each format under each name; some are named as what they are not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(UTILS), str(Path(sys.executable).parent), os.environ["PATH"]]))
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(8000) / 16000)
    paths = {}
    for suffix, (form, subtype) in FORMATS.items():
        for name in NAMES if suffix in ("wav", "opus", "mp3") else ("plain",):
            path = f"{name}.{suffix}"
            soundfile.write(path, tone, 16000, format=form, subtype=subtype)
            paths[f"s-{len(paths):03}"] = path
    for subtype in ("IMA_ADPCM", "MS_ADPCM", "GSM610", "G721_32", "NMS_ADPCM_16", "ULAW", "FLOAT", "PCM_24", "PCM_U8"):
        soundfile.write(f"{subtype}.wav", tone, 16000, subtype=subtype)
        paths[f"s-{len(paths):03}"] = f"{subtype}.wav"
    for name, content in padded_wavs(tone).items():
        Path(name).write_bytes(content)
        paths[f"s-{len(paths):03}"] = name
    for suffix, named in (("mp3", "wav"), ("opus", "flac"), ("wav", "mp3"), ("flac", "wav")):
        os.link(f"plain.{suffix}", f"{suffix} by nature.{named}")
        paths[f"s-{len(paths):03}"] = f"{suffix} by nature.{named}"
    Path("data").mkdir()
    for table, values in (
        ("wav.scp", paths),
        ("utt2spk", dict.fromkeys(paths, "s")),
        ("text", dict.fromkeys(paths, "a")),
    ):
        Path("data", table).write_text("".join(f"{key} {value}\n" for key, value in values.items()))
    return paths


def perturb(factor="0.5"):
    command = [UTILS / "data/perturb_data_dir_speed.sh", factor, "data", "slow"]
    return subprocess.run(command, capture_output=True, text=True)


def test_every_file_is_played_at_the_speed_and_its_length_is_known(folder):
    done = perturb()
    assert done.returncode == 0, done.stderr
    assert main(["format-audio", "--data-dir", "slow", "--outdir", "dump"]) == 0
    durations, audio = read_table("slow/utt2dur"), read_table("dump/wav.scp")
    for utterance, path in folder.items():
        samples, rate = soundfile.read(audio[f"sp0.5-{utterance}"])
        before = len(soundfile.read(path)[0]) / 16000
        assert len(samples) / rate == pytest.approx(2 * before, abs=0.001), path
        assert float(durations[f"sp0.5-{utterance}"]) == pytest.approx(2 * before, abs=0.001), path
        assert np.argmax(np.abs(np.fft.rfft(samples[2000:14000]))) * rate / 12000 == pytest.approx(250, abs=3), path
    assert not Path("ran").exists()


def test_the_commands_of_wav_scp_are_commands(folder):
    """Any tool of Kaldi may run them, not only jstasr, which plays them without `jstasr to-wav`."""
    assert perturb().returncode == 0
    lines = read_table("slow/wav.scp")
    chosen = [key for key, command in lines.items() if command.startswith("jstasr to-wav")]
    assert len(chosen) > 20
    for key in chosen[5:8]:
        sound = subprocess.run(["bash", "-c", lines[key].rstrip("|")], capture_output=True).stdout
        Path("out.wav").write_bytes(sound)
        assert main(["format-audio", "--data-dir", "slow", "--outdir", "dump"]) == 0
        expected, _ = soundfile.read(read_table("dump/wav.scp")[key])
        np.testing.assert_allclose(soundfile.read("out.wav")[0], expected, atol=1e-3)


@pytest.mark.parametrize(
    "damage, said", [(lambda content: content[:900], "cut off"), (lambda content: b"x" * 99, "cannot")]
)
def test_a_file_without_a_length_is_named_with_its_line_and_fault(folder, damage, said):
    path = Path(folder["s-013"])
    path.write_bytes(damage(path.read_bytes()))
    done = perturb()
    assert done.returncode != 0
    assert re.search(rf"data/wav\.scp:14: could not find the duration of 's-013' .*{said}", done.stderr)


@pytest.mark.parametrize("rate", [1, 2_000_000_000])
def test_no_length_follows_from_an_absurd_rate(folder, rate):
    content = bytearray(Path("plain.wav").read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    Path("plain.wav").write_bytes(content)
    done = perturb()
    assert done.returncode != 0
    assert f"'s-000' (plain.wav); has a sampling rate of {rate} Hz by its header" in done.stderr


@pytest.mark.parametrize(
    "count, said", [(2000, "0.38 s of sound behind the end"), (80000, "is cut off or damaged: 4.50 s")]
)
def test_no_length_follows_from_a_count_that_is_not_that_of_the_samples(folder, count, said):
    soundfile.write("plain.wav", np.zeros(8000), 16000, format="NIST", subtype="PCM_16")
    content = Path("plain.wav").read_bytes()
    Path("plain.wav").write_bytes(content.replace(b"sample_count -i 8000", b"sample_count -i %d" % count))
    done = perturb()
    assert done.returncode != 0
    assert "'s-000' (plain.wav)" in done.stderr and said in done.stderr
