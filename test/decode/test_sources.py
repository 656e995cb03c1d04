"""What a command line names, and how odd files are answered."""

import os
import shutil
import struct
import subprocess

import numpy as np
import pytest
import soundfile

from jstasr.decode.media import number_of_channels, read_recording, seconds_by_header
from jstasr.decode.sources import find_sources
from jstasr.errors import JstasrError

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
TONE = (0.3 * np.sin(np.arange(32000) / 9)).astype(np.float32)


@pytest.fixture
def tone(tmp_path):
    soundfile.write(tmp_path / "tone.wav", TONE, 16000)
    return tmp_path / "tone.wav"


class TestFindSources:
    @pytest.fixture
    def folder(self, tmp_path):
        for name in ("b.wav", "a.MP3", "notes.txt", ".hidden.wav", "deep/c.m4a", "deep/.git/d.wav"):
            path = tmp_path / "calls" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        return tmp_path / "calls"

    def test_a_folder_has_its_recordings_in_order(self, folder):
        found = find_sources([str(folder)])
        assert [source.stem for source in found] == ["a", "b", "deep/c"]
        assert found[2].location == str(folder / "deep/c.m4a")

    def test_a_glob_is_expanded_and_may_be_quoted(self, folder):
        assert [os.path.basename(source.location) for source in find_sources([f"{folder}/*.wav"])] == ["b.wav"]
        assert len(find_sources([f"{folder}/**/*.m4a"])) == 1
        (folder / "x[1].wav").write_bytes(b"x")  # a name, although it looks like a pattern
        assert [source.fault for source in find_sources([f"{folder}/x[1].wav"])] == [""]

    def test_wav_scp_names_utterances_and_commands(self, tmp_path):
        (tmp_path / "wav.scp").write_text("utt-1 a b.wav\nutt-2 sox x.wav -t wav - |\n")
        found = find_sources([str(tmp_path / "wav.scp")])
        assert [(source.name, source.location) for source in found] == [
            ("utt-1", "a b.wav"),
            ("utt-2", "sox x.wav -t wav - |"),
        ]

    def test_what_is_wrong_stands_among_the_others(self, folder, tmp_path):
        (tmp_path / "empty").mkdir()
        (tmp_path / "bad.scp").write_text("utt-1\n")
        found = find_sources([str(tmp_path / "empty"), "*.nothing", str(tmp_path / "bad.scp"), str(folder / "b.wav")])
        assert "is a directory without recordings" in found[0].fault and "fits no file" in found[1].fault
        assert "bad.scp" in found[2].fault and not found[3].fault

    def test_each_has_a_place_of_its_own(self):
        found = find_sources(["x/a.wav", "y/a.mp3", "y/b.wav", "z/b.wav", "-"])
        assert [source.stem for source in found] == ["a.wav", "a.mp3", "b.wav", "b.wav-2", "stdin"]


def read(path, **options):
    return np.concatenate([samples for samples, _ in read_recording(str(path), 0.5, **options)])


class TestOddFiles:
    """Each is answered in one sentence that names it."""

    def refused(self, path, message):
        with pytest.raises(JstasrError, match=message) as caught:
            read(path)
        assert os.path.basename(path) in str(caught.value) and "\n" not in str(caught.value)

    def test_text(self, tmp_path):
        (tmp_path / "a.wav").write_text("hello\n" * 100)
        self.refused(tmp_path / "a.wav", "cannot read as audio: Format not recognised")

    def test_nothing(self, tmp_path):
        (tmp_path / "a.wav").touch()
        self.refused(tmp_path / "a.wav", "the file is empty")
        self.refused(tmp_path / "b.wav", "no such audio file")

    def test_directory_link_pipe_and_address(self, tmp_path):
        (tmp_path / "b.wav").symlink_to("gone")
        os.mkfifo(tmp_path / "c.wav")
        self.refused(tmp_path, "is a directory")
        self.refused(tmp_path / "b.wav", "a link to gone, which is missing")
        self.refused(tmp_path / "c.wav", "is no regular file")
        self.refused("https://example.org/a.wav", "is an address. Download it first")
        self.refused("x" * 5000, "cannot be read: File name too long")

    def test_samples_that_are_none(self, tmp_path):
        soundfile.write(tmp_path / "a.wav", np.where(np.arange(16000) == 5, np.nan, 0), 16000, subtype="FLOAT")
        self.refused(tmp_path / "a.wav", "NaN or infinite")

    def test_cut_off(self, tone):
        content = tone.read_bytes()
        tone.write_bytes(content[: len(content) // 2])
        self.refused(tone, "is cut off or damaged: 1.00 s")

    def test_a_length_of_zero_in_the_header(self, tone, monkeypatch):
        content = bytearray(tone.read_bytes())
        place = content.find(b"data") + 4
        content[place : place + 4] = struct.pack("<I", 0)
        tone.write_bytes(content)
        if shutil.which("ffmpeg"):
            assert len(read(tone)) == len(TONE)
        monkeypatch.setenv("PATH", "")
        self.refused(tone, "its header states a length of 0, but it holds more.*With ffmpeg installed")

    @pytest.mark.parametrize("rate, subtype", [(192000, "PCM_16"), (8000, "ULAW"), (44100, "PCM_24")])
    def test_these_are_read(self, tmp_path, rate, subtype):
        soundfile.write(tmp_path / "a.wav", TONE, rate, subtype=subtype)
        assert np.abs(read(tmp_path / "a.wav") - TONE).max() < 0.02

    def test_eight_channels_need_a_choice(self, tmp_path):
        soundfile.write(tmp_path / "a.wav", np.stack([TONE * k / 8 for k in range(8)], 1), 16000)
        self.refused(tmp_path / "a.wav", "8 channels; choose one")
        assert number_of_channels(str(tmp_path / "a.wav")) == 8
        assert np.abs(read(tmp_path / "a.wav", channel=5) - TONE / 2).max() < 1e-3


@needs_ffmpeg
class TestFfmpeg:
    @pytest.fixture
    def convert(self, tmp_path, tone):
        def run(name, *options):
            subprocess.run(["ffmpeg", "-v", "error", "-i", tone, *options, tmp_path / name], check=True)
            return tmp_path / name

        return run

    @pytest.mark.parametrize("name", ["a.m4a", "a.webm", "a.mka", "a.aac", "a.wma"])
    def test_other_formats_are_read(self, convert, name):
        blocks = list(read_recording(str(convert(name)), 0.5))
        found, rate = np.concatenate([samples for samples, _ in blocks]), blocks[0][1]
        # a tone is a tone: these formats lose something, and add some silence; Opus has a rate of its own
        assert len(found) / rate == pytest.approx(2.0, rel=0.1)
        spectrum = np.abs(np.fft.rfft(found[rate // 4 : rate // 4 + rate]))
        assert spectrum.argmax() == pytest.approx(16000 / 9 / 2 / np.pi, rel=0.01)

    def test_a_video_and_two_channels(self, convert):
        path = convert("a.mp4", "-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-ac", "2")
        assert number_of_channels(str(path)) == 2
        with pytest.raises(JstasrError, match="a.mp4: 2 channels"):
            read(path)
        assert len(read(path, channel="mix")) > 16000

    def test_what_it_cannot_read_is_named(self, convert, tmp_path):
        path = convert("a.m4a")
        path.write_bytes(path.read_bytes()[:3000])
        with pytest.raises(JstasrError, match="a.m4a: (cannot read as audio|is damaged or cut off)"):
            read(path)
        (tmp_path / "b.mp4").write_bytes(os.urandom(5000))
        with pytest.raises(JstasrError, match="b.mp4: cannot read as audio: .*nor can ffmpeg"):
            read(tmp_path / "b.mp4")

    def test_a_name_that_looks_like_an_option_or_an_address(self, convert, tmp_path, monkeypatch):
        shutil.copy(convert("a.m4a"), tmp_path / "-i concat:x.m4a")
        monkeypatch.chdir(tmp_path)
        assert len(read("-i concat:x.m4a")) > 16000

    def test_reading_may_stop_early(self, convert):
        blocks = read_recording(str(convert("a.m4a")), 0.1)
        assert len(next(blocks)[0]) == 1600
        blocks.close()

    def test_the_header_tells_the_length_where_it_does(self, convert, tone):
        assert seconds_by_header(str(tone)) == 2.0
        assert seconds_by_header(str(convert("a.m4a"))) is None
