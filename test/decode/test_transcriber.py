"""Audio in, text out: the same text by every road, and clear words about bad audio."""

import json
import random
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import soundfile
import torch

from jstasr import Transcriber
from jstasr.decode.greedy import search
from jstasr.errors import JstasrError
from jstasr.experiment.files import AVERAGED
from jstasr.experiment.pack import pack
from jstasr.experiment.search import SearchConfig
from jstasr.features.fbank import Fbank
from jstasr.features.settings import KINDS

RATE = 16000


def speech(seconds=2.0, seed=0):
    """Something with changing spectrum and level, (N,) float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    colour = 900 + 600 * np.sin(2 * np.pi * 1.7 * time)
    parts = [(150 * n, np.sin(2 * np.pi * 150 * n * time + n * n)) for n in range(1, 20)]
    voice = sum(part / (1 + ((frequency - colour) / 300) ** 2) for frequency, part in parts)
    return (0.1 * voice * (1.2 + np.sin(9 * time)) + 0.01 * rng.normal(size=len(time))).astype(np.float32)


@pytest.fixture(params=KINDS)
def experiment(request, make_experiment, toy):
    return make_experiment(Fbank(RATE, toy.dim, request.param)(speech()), request.param)


@pytest.fixture
def transcriber(experiment, energy_by_default):
    return Transcriber.from_pretrained(experiment)


def test_folder_zip_array_and_file_give_the_same_transcript(transcriber, experiment, tmp_path):
    pack(experiment, experiment / AVERAGED, tmp_path / "model.zip")
    soundfile.write(tmp_path / "a.wav", speech(), RATE, subtype="FLOAT")
    expected = transcriber.transcribe(speech())
    assert expected.text and len(expected.tokens) == len(expected.timestamps)
    packed = Transcriber.from_pretrained(tmp_path / "model.zip")
    assert packed.transcribe(speech()) == expected
    assert packed.transcribe(tmp_path / "a.wav") == expected
    assert packed.transcribe(str(tmp_path / "a.wav"), mode="full", config=SearchConfig()) == expected


def test_integers_are_scaled(transcriber, tmp_path):
    samples = (speech() * 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    expected = transcriber.transcribe(tmp_path / "a.wav")
    assert transcriber.transcribe(samples) == expected
    assert transcriber.transcribe(samples.astype(np.int32) * 65536) == expected
    assert transcriber.transcribe(torch.from_numpy(samples)) == expected


def test_another_rate_is_resampled(transcriber, tmp_path):
    from jstasr.kaldi.audio import resample

    other = resample(speech(), RATE, 44100)
    soundfile.write(tmp_path / "a.flac", other, 44100, subtype="PCM_24")
    expected = transcriber.transcribe(resample(other, 44100, RATE))
    assert transcriber.transcribe(other, sample_rate=44100) == expected
    assert transcriber.transcribe(tmp_path / "a.flac").text == expected.text
    assert transcriber.transcribe(other).timestamps != expected.timestamps  # taken for the model's own rate


def test_timestamps_are_seconds_in_order(transcriber):
    for mode in ("streaming", "full"):
        found = transcriber.transcribe(speech(3.0), mode=mode)
        assert found.timestamps == sorted(found.timestamps)
        assert all(
            0 <= moment < 3.0 and round(moment / 0.04) * 0.04 == pytest.approx(moment) for moment in found.timestamps
        )
        assert found.timestamps[-1] > 1.0


def test_the_decoders_differ_and_are_chosen_by_name(transcriber):
    assert transcriber.transcribe(speech(), mode="streaming") != transcriber.transcribe(speech(), mode="full")
    with pytest.raises(JstasrError, match="mode 'both'"):
        transcriber.transcribe(speech(), mode="both")


@pytest.mark.parametrize(
    "audio, message",
    [
        (np.zeros(0, np.float32), "0.000 s of audio is shorter than one 25 ms window"),
        (np.zeros(399, np.float32), "0.025 s of audio is shorter"),
        (np.zeros((2, 8000), np.float32), "expected .N,.: one channel"),
        (np.full(8000, np.nan), "NaN or infinite"),
        (np.full(8000, np.inf), "NaN or infinite"),
        (np.zeros(8000, np.uint8), "holds uint8"),
        ([True, False] * 4000, "holds bool"),
        ("none.wav", "none.wav: no such audio file"),
        ("cat a.wav |", "is a command"),
    ],
)
def test_bad_audio_is_refused(transcriber, audio, message):
    with pytest.raises(JstasrError, match=message):
        transcriber.transcribe(audio)


@pytest.mark.parametrize("rate", [0, -16000, 10, 16000.5])
def test_an_impossible_rate_is_refused(transcriber, rate):
    with pytest.raises(JstasrError, match="sampling rate"):
        transcriber.transcribe(speech(), sample_rate=rate)


def test_the_shortest_audio_and_silence_have_a_transcript(transcriber):
    assert isinstance(transcriber.transcribe(np.zeros(400, np.float32)).text, str)
    assert isinstance(transcriber.transcribe(np.zeros(16000, np.float32), mode="streaming").text, str)


def test_settings_that_need_what_is_not_there_are_refused(transcriber):
    with pytest.raises(JstasrError, match="lm_weight without a language model"):
        transcriber.transcribe(speech(), config=SearchConfig(search="beam", lm_weight=0.3))
    with pytest.raises(JstasrError, match="no token of language 'en'; it has: none"):
        transcriber.transcribe(speech(), lang="en")


def whole_streaming(transcriber, samples, config):
    """What stage 8 does: features and encodings of the whole utterance."""
    model, features = transcriber.experiment.model, torch.from_numpy(transcriber.features(samples))
    with torch.inference_mode():
        encoded = model.encode_speech(features[None], torch.tensor([len(features)]))
        decoder = model.decoder("streaming")
        return transcriber.transcript(search(decoder, encoded.of("streaming"), encoded.lengths, config)[0], 1.0)


SEARCHES = [SearchConfig(), SearchConfig(search="beam", beam_size=3, internal_lm_weight=0.1)]


class TestStream:
    @pytest.mark.parametrize("config", SEARCHES, ids=lambda config: config.search)
    @pytest.mark.parametrize("seed", range(6))
    def test_any_pieces_end_in_the_transcript_of_the_whole(self, transcriber, seed, config):
        draw = random.Random(seed)
        samples = speech(draw.uniform(0.1, 4.0), seed)
        whole = whole_streaming(transcriber, samples, config)
        assert transcriber.transcribe(samples, mode="streaming", config=config, vad="none").text == whole.text
        pieces, start = [], 0
        while start < len(samples):
            size = draw.choice([0, 1, 37, 160, 1600, 5000, 40000])
            pieces.append(samples[start : start + size])
            start += size
        partial = list(transcriber.stream(pieces, config=config))
        assert len(partial) == len(pieces) + 1
        assert (partial[-1].text, partial[-1].tokens) == (whole.text, whole.tokens)
        assert partial[-1].timestamps == whole.timestamps
        assert partial[-1].score == pytest.approx(whole.score, abs=1e-2)
        for earlier, later in zip(partial, partial[1:]):
            assert later.tokens[: len(earlier.tokens)] == earlier.tokens
            assert later.text.startswith(earlier.text)

    @pytest.mark.parametrize("config", SEARCHES, ids=lambda config: config.search)
    def test_text_comes_before_the_end(self, transcriber, config):
        samples = speech(4.0)
        partial = list(transcriber.stream(np.split(samples, 40), config=config))
        assert partial[20].tokens and len(partial[20].tokens) < len(partial[-1].tokens)

    def test_no_audio_no_text(self, transcriber):
        assert [part.text for part in transcriber.stream([])] == [""]
        assert list(transcriber.stream([np.zeros(100, np.float32)]))[-1].tokens == []

    def test_integers_are_pieces_too(self, transcriber):
        samples = (speech() * 32767).astype(np.int16)
        whole = transcriber.transcribe(samples, mode="streaming")
        assert list(transcriber.stream([samples]))[-1].text == whole.text

    def test_another_rate_is_resampled(self, transcriber):
        from jstasr.kaldi.audio import resample

        other = resample(speech(), RATE, 44100)
        expected = transcriber.transcribe(resample(other, 44100, RATE), mode="streaming")
        assert (
            expected.text and list(transcriber.stream(np.split(other, 18), sample_rate=44100))[-1].text == expected.text
        )

    def test_bad_samples_and_rates_are_refused(self, transcriber):
        with pytest.raises(JstasrError, match="a piece of the stream: holds NaN"):
            list(transcriber.stream([np.full(5, np.nan)]))
        with pytest.raises(JstasrError, match="sampling rate 10: "):
            transcriber.stream(sample_rate=10)

    def test_it_is_a_context_manager(self, transcriber):
        pieces = np.split(speech(), 16)
        expected = list(transcriber.stream(pieces))
        with transcriber.stream() as stream:
            found = [stream.accept(piece) for piece in pieces]
            assert [part.text for part in found] == [part.text for part in expected[:-1]]
        assert stream.transcript == expected[-1]
        assert "".join(part.new.text for part in found).replace(" ", "") == found[-1].text.replace(" ", "")
        with pytest.raises(JstasrError, match="the stream has ended"):
            stream.accept(pieces[0])
        with pytest.raises(KeyError), transcriber.stream() as stream:
            raise KeyError
        assert not stream.finished  # an error in the block is not hidden by what else may fail


class TestSearchOfTheRecipe:
    """A model searches as its recipe does, wherever nothing else is said."""

    settings = SearchConfig(search="beam", beam_size=3)

    @pytest.fixture
    def packed(self, experiment, tmp_path):
        pack(experiment, experiment / AVERAGED, tmp_path / "model.zip", self.settings)
        return tmp_path / "model.zip"

    @pytest.mark.parametrize("mode", ["streaming", "full"])
    def test_transcribe_and_stream_take_it(self, packed, transcriber, mode):
        found = Transcriber.from_pretrained(packed)
        expected = transcriber.transcribe(speech(), mode=mode, config=self.settings)
        assert expected.text and expected.text != transcriber.transcribe(speech(), mode=mode).text
        assert found.transcribe(speech(), mode=mode) == expected
        if mode == "streaming":
            streamed = list(found.stream([speech()]))[-1]
            assert (streamed.tokens, streamed.timestamps) == (expected.tokens, expected.timestamps)
            assert streamed.score == pytest.approx(expected.score, abs=1e-2)

    def test_options_of_the_command_come_before_it(self, packed, transcriber, jstasr, tmp_path):
        soundfile.write(tmp_path / "a.wav", speech(), RATE, subtype="FLOAT")
        greedy = transcriber.transcribe(speech()).text
        assert (
            jstasr("transcribe", packed, tmp_path / "a.wav", "--vad", "energy").stdout != f"{tmp_path}/a.wav {greedy}\n"
        )
        done = jstasr("transcribe", packed, tmp_path / "a.wav", "--vad", "energy", "--set", "search=greedy")
        assert done.stdout == f"{tmp_path}/a.wav {greedy}\n", done.stderr


class TestLongAudio:
    def test_full_context_has_a_limit_that_can_be_set(self, transcriber, tmp_path):
        soundfile.write(tmp_path / "a.wav", speech(12.0), RATE)
        config = SearchConfig(max_seconds=5)
        with pytest.raises(JstasrError, match=r"a.wav: is longer than the 5 s .*--mode streaming.*max_seconds=N"):
            transcriber.transcribe(tmp_path / "a.wav", config=config, vad="none")
        found = transcriber.transcribe(speech(12.0), config=config, vad="energy")
        assert max(segment.end - segment.begin for segment in found.segments) <= 5
        assert transcriber.transcribe(tmp_path / "a.wav", config=SearchConfig(max_seconds=12)).text
        assert transcriber.transcribe(tmp_path / "a.wav", mode="streaming", config=config).text

    def test_a_piece_is_not_slower_at_the_end_of_a_long_stream(self, transcriber):
        """Only new labels are converted: counted, as a clock would depend on the machine."""
        from jstasr.decode.transcriber import TranscriptStream

        converted = []
        whole = transcriber.transcript
        transcriber.transcript = lambda found, *more: converted.append(len(found.labels)) or whole(found, *more)
        stream = TranscriptStream(transcriber)
        for piece in np.split(speech(8.0), 80):
            stream.accept(piece)
        found = stream.finish()
        assert sum(converted) == len(found.tokens) > 10 * max(converted[-5:])

    @pytest.mark.parametrize("config", SEARCHES, ids=lambda config: config.search)
    def test_a_stream_keeps_no_more_of_a_longer_past(self, transcriber, config, monkeypatch):
        from jstasr.decode import beam
        from jstasr.decode.transcriber import TranscriptStream

        monkeypatch.setattr(beam, "AGREE", 20)
        stream = TranscriptStream(transcriber, config=config)
        held = []
        for piece in np.split(speech(12.0), 24):
            stream.accept(piece)
            held.append(len(getattr(getattr(stream.search, "beam", None), "sources", [])))
        assert max(held) <= 2 * 20 + 12  # two periods, and the frames of a piece


def test_the_command_transcribes_what_it_can(experiment, transcriber, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.stack([np.zeros(32000), speech()], axis=1), RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", np.stack([speech(), np.zeros(32000)], axis=1), RATE, subtype="FLOAT")
    files = [str(tmp_path / name) for name in ("a.wav", "none.wav", "b.wav")]
    command = [sys.executable, "-m", "jstasr", "transcribe", str(experiment), *files]
    done = subprocess.run([*command, "--json", "--channel", "2", "--vad", "energy"], capture_output=True, text=True)
    assert done.returncode == 1 and "none.wav: no such audio file" in done.stderr and "Traceback" not in done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    expected = transcriber.transcribe(speech())
    assert (first["audio"], first["text"], first["tokens"]) == (files[0], expected.text, expected.tokens)
    assert (second["audio"], second["text"]) == (files[2], "")


class TestNbest:
    config = SearchConfig(search="beam", beam_size=6, nbest=4)

    def test_texts_are_different_and_in_order_the_first_that_of_the_segment(self, transcriber):
        samples = np.concatenate([speech(), np.zeros(2 * RATE, np.float32), speech(seed=1)])
        for mode in ("full", "streaming"):
            found = transcriber.transcribe(samples, mode=mode, config=self.config)
            assert found == transcriber.transcribe(samples, mode=mode, config=replace(self.config, nbest=1))
            assert len(found.segments) == 2
            for segment in found.segments:
                texts, scores = zip(*((one.text, one.score) for one in segment.nbest))
                assert (texts[0], scores[0]) == (segment.text, segment.score)
                assert 1 < len(set(texts)) == len(texts) <= 4
                assert list(scores) == sorted(scores, reverse=True)

    def test_no_more_than_the_beam_and_only_of_a_beam(self, transcriber):
        with pytest.raises(JstasrError, match="nbest: 9 is more than beam_size, 8"):
            transcriber.transcribe(speech(), config=SearchConfig(search="beam", nbest=9))
        with pytest.raises(JstasrError, match="nbest works in beam search only"):
            transcriber.transcribe(speech(), config=SearchConfig(nbest=2))

    def test_the_command_lists_them(self, experiment, transcriber, jstasr, tmp_path):
        soundfile.write(tmp_path / "a.wav", speech(), RATE, subtype="FLOAT")
        command = ["transcribe", experiment, tmp_path / "a.wav", "--vad", "energy", "--nbest", 3]
        done = jstasr(*command, "--json")
        assert "--nbest: beam search in the place of greedy search" in done.stderr
        expected = transcriber.transcribe(speech(), config=SearchConfig(search="beam", nbest=3)).segments[0].nbest
        assert json.loads(done.stdout)["segments"][0]["nbest"] == [asdict(one) for one in expected] != []
        done = jstasr(*command)
        assert done.returncode == 1 and "--nbest 3: several texts are in results of the format json only" in done.stderr
