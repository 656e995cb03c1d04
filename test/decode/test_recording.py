"""Recordings of any length: segments, words, channels, batches, copies and threads of a Transcriber."""

import pickle
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from jstasr import SearchConfig, Transcriber
from jstasr.decode.greedy import Hypothesis
from jstasr.decode.vad import has_silero
from jstasr.errors import JstasrError
from jstasr.features.fbank import Fbank
from jstasr.features.settings import KALDI
from jstasr.lm.arpa import read_arpa
from jstasr.lm.external import ExternalLm
from jstasr.lm.ngram import NgramModel

RATE = 16000
needs_silero = pytest.mark.skipif(not has_silero(), reason="the extra vad is not installed")


def speech(seconds=2.0, seed=0):
    """Something with changing spectrum and level, (N,) float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    colour = 900 + 600 * np.sin(2 * np.pi * 1.7 * time)
    parts = [(150 * n, np.sin(2 * np.pi * 150 * n * time + n * n)) for n in range(1, 20)]
    voice = sum(part / (1 + ((frequency - colour) / 300) ** 2) for frequency, part in parts)
    return (0.1 * voice * (1.2 + np.sin(9 * time)) + 0.01 * rng.normal(size=len(time))).astype(np.float32)


def quiet(seconds):
    return (1e-4 * np.random.default_rng(1).normal(size=int(seconds * RATE))).astype(np.float32)


@pytest.fixture
def transcriber(make_experiment, toy, energy_by_default):
    return Transcriber.from_pretrained(make_experiment(Fbank(RATE, toy.dim, KALDI)(speech()), KALDI))


@pytest.fixture
def long(transcriber):
    """30 s: eight utterances with pauses of 1.5 s."""
    return np.concatenate([part for seed in range(8) for part in (speech(2.2, seed), quiet(1.5))])


@pytest.mark.parametrize("mode", ["full", "streaming"])
@pytest.mark.parametrize("config", [SearchConfig(), SearchConfig(search="beam", beam_size=3)], ids=["greedy", "beam"])
class TestLongRecordings:
    def test_each_utterance_is_a_segment_with_its_own_text(self, transcriber, long, mode, config):
        found = transcriber.transcribe(long, mode=mode, config=config, vad="energy")
        assert len(found.segments) == 8 and found.duration == pytest.approx(len(long) / RATE, abs=1e-3)
        for number, segment in enumerate(found.segments):
            assert segment.begin == pytest.approx(3.7 * number, abs=0.25)
            part = long[round(segment.begin * RATE) : round(segment.end * RATE)]
            assert segment.text == transcriber.transcribe(part, mode=mode, config=config, vad="none").text
        assert found.tokens == [token for segment in found.segments for token in segment.tokens]
        assert found.timestamps == sorted(found.timestamps)

    def test_words_are_the_text_and_lie_in_their_segments(self, transcriber, long, mode, config):
        found = transcriber.transcribe(long, mode=mode, config=config, vad="energy")
        assert found.words and " ".join(word.text for word in found.words) == found.text
        times = [moment for word in found.words for moment in (word.begin, word.end)]
        assert times == sorted(times)
        for segment in found.segments:
            assert all(segment.begin <= word.begin <= word.end <= segment.end for word in segment.words)
            assert all(0 < word.confidence <= 1 for word in segment.words) and 0.5 < segment.speech <= 1

    def test_a_batch_is_what_its_recordings_are_one_by_one(self, transcriber, long, mode, config, tmp_path):
        soundfile.write(tmp_path / "a.wav", speech(1.0), RATE)
        audios = [speech(2.0), long, tmp_path / "a.wav", np.zeros(8000, np.float32)]
        found = transcriber.transcribe_batch(audios, mode=mode, config=config, vad="energy")
        for audio, one in zip(audios, found):
            alone = transcriber.transcribe(audio, mode=mode, config=config, vad="energy")
            assert (one.text, one.duration) == (alone.text, alone.duration)
            assert [word.text for word in one.words] == [word.text for word in alone.words]


def test_a_short_recording_is_transcribed_as_it_is(transcriber):
    for mode in ("full", "streaming"):
        whole = transcriber.transcribe(speech(), mode=mode, vad="none")
        found = transcriber.transcribe(speech(), mode=mode)
        assert found.text and (found.text, found.tokens, found.timestamps) == (
            whole.text,
            whole.tokens,
            whole.timestamps,
        )
        assert found.score == pytest.approx(whole.score, abs=1e-2)


@pytest.mark.parametrize("mode, calls", [("full", [1, 1]), ("streaming", [1, 0])])
def test_each_segment_is_encoded_once(transcriber, monkeypatch, mode, calls):
    model, found = transcriber.experiment.model, [0, 0]
    for place, encoder in enumerate((model.shared_encoder, model.full_encoder)):

        def forward(*arguments, place=place, original=encoder.forward):
            found[place] += 1
            return original(*arguments)

        monkeypatch.setattr(encoder, "forward", forward)
    assert transcriber.transcribe(speech(), mode=mode).words
    assert found == calls


def test_silence_and_steady_noise_have_no_words(transcriber):
    for samples in (np.zeros(RATE * 5), quiet(5), quiet(5) * 500, quiet(30) * 500):
        found = transcriber.transcribe(samples, vad="energy")
        assert (found.text, found.words, found.segments) == ("", [], []) and found.speech < 0.5


def test_words_that_two_overlapping_segments_share_come_once(transcriber):
    """Speech without a pause: whatever the cuts, the text is one sequence of words in order."""
    samples = speech(14.0, seed=7)  # in which no word is longer than what two segments share
    found = transcriber.transcribe(samples, max_segment=4.0, vad="energy")
    assert len(found.segments) > 3
    begins = [word.begin for word in found.words]
    assert begins == sorted(begins)
    assert all(after.begin >= before.end - 0.3 for before, after in zip(found.words, found.words[1:]))


@needs_silero
@pytest.mark.parametrize("vad", [{}, {"vad": "auto"}])
@pytest.mark.parametrize("seconds", [3.0, 30.0])
def test_by_default_silero_says_what_is_speech_however_short_it_is(make_experiment, toy, sounds, seconds, vad):
    sound = sounds.made("melody", seconds)
    transcriber = Transcriber.from_pretrained(make_experiment(Fbank(RATE, toy.dim, KALDI)(sound[: 3 * RATE]), KALDI))
    assert transcriber.transcribe(sound, vad="energy").text
    found = transcriber.transcribe(sound, **vad)
    assert (found.text, found.segments) == ("", []) and found.speech < 0.5
    assert [one.text for one in transcriber.transcribe_batch([sound], **vad)] == [""]


class Elements(TorchDispatchMode):
    """Counts the elements of the tensors that operations take and return."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        returned = function(*arguments, **(keywords or {}))
        leaves = tree_leaves((arguments, keywords, returned))
        self.count += sum(leaf.numel() for leaf in leaves if isinstance(leaf, torch.Tensor))
        return returned


class TestCostOfAPiece:
    """It does not grow with the length of the stream. Work is counted, as a clock would depend on the machine."""

    @pytest.mark.parametrize(
        "config", [SearchConfig(), SearchConfig(search="beam", beam_size=3)], ids=lambda config: config.search
    )
    def test_encoder_and_search_have_the_same_work_after_ten_minutes(self, transcriber, config):
        stream, sound = transcriber.stream(config=config), speech(10.0)

        def work():
            """Elements of tensors, and Python calls, in two seconds that come in pieces."""
            calls = 0

            def count(frame, event, argument):
                nonlocal calls
                calls += event == "call"

            with Elements() as elements:
                sys.setprofile(count)
                try:
                    for piece in np.split(sound[: 2 * RATE], 5):
                        stream.accept(piece)
                finally:
                    sys.setprofile(None)
            return elements.count, calls

        stream.accept(sound)
        early = work()
        stream.accept(sound[2 * RATE :])  # the same sound, at the same place between two clearings of the beam
        for _ in range(60):
            stream.accept(sound)
        late = work()
        assert stream.finish().tokens
        assert late[0] < 1.1 * early[0] and late[1] < 1.1 * early[1]

    def test_the_transcript_is_not_put_together_for_each_piece(self, transcriber):
        stream, new = transcriber.stream(), Hypothesis([3, 4], [5, 6], -1.0)

        def memory():
            """Bytes that a piece with two labels takes in passing, in the median: now and then a list is moved."""
            taken = []
            for _ in range(21):
                before = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
                stream.extend(new)
                taken.append(tracemalloc.get_traced_memory()[1] - before)
            return np.median(taken)

        tracemalloc.start()
        try:
            early = memory()
            for _ in range(5000):
                partial = stream.extend(new)
            late = memory()
        finally:
            tracemalloc.stop()
        assert len(partial.tokens) > 10000 and len(partial.text) > 5000
        assert late < early + 1000


class TestChannels:
    @pytest.fixture
    def path(self, tmp_path):
        first, second = np.concatenate([speech(2.0), quiet(3)]), np.concatenate([quiet(3), speech(2.0, 1)])
        soundfile.write(tmp_path / "two.wav", np.stack([first, second], 1), RATE, subtype="FLOAT")
        return tmp_path / "two.wav"

    def test_each_is_kept_apart(self, transcriber, path):
        found = transcriber.transcribe(path, channel="each")
        assert [segment.channel for segment in found.segments] == [1, 2]
        alone = [transcriber.transcribe(path, channel=number) for number in (1, 2)]
        assert [segment.text for segment in found.segments] == [one.text for one in alone]
        assert found.text == " ".join(one.text for one in alone)
        assert found.segments[0].end < found.segments[1].begin

    def test_several_need_a_choice(self, transcriber, path):
        with pytest.raises(JstasrError, match="two.wav: 2 channels; choose one"):
            transcriber.transcribe(path)
        with pytest.raises(JstasrError, match=r"has 2 channel\(s\), not a channel 3"):
            transcriber.transcribe(path, channel=3)


class TestCopiesAndThreads:
    def test_a_copy_by_pickle_transcribes_alike(self, transcriber, make_arpa):
        transcriber.language_model = make_arpa(transcriber)
        config = SearchConfig(search="beam", beam_size=3, lm_weight=0.3)
        expected = transcriber.transcribe(speech(), config=config)
        copy = pickle.loads(pickle.dumps(transcriber))
        assert copy.transcribe(speech(), config=config) == expected

    @pytest.fixture
    def make_arpa(self, tmp_path):
        def make(transcriber):
            tokens = transcriber.experiment.tokenizer.token_list.tokens
            lines = [f"-1.0 {token} -0.1" for token in [*tokens[1:], "<s>", "</s>"]]
            path = tmp_path / "lm.arpa"
            path.write_text(
                f"\\data\\\nngram 1={len(lines)}\nngram 2=1\n\n\\1-grams:\n"
                + "\n".join(lines).replace(" ", "\t")
                + f"\n\n\\2-grams:\n-0.2\t{tokens[-1]} {tokens[-2]}\n\n\\end\\\n"
            )
            return ExternalLm(NgramModel(read_arpa(path, tokens), len(tokens)))

        return make

    def test_threads_may_share_one(self, transcriber, make_arpa):
        transcriber.language_model = make_arpa(transcriber)
        config = SearchConfig(search="beam", beam_size=2, lm_weight=0.3)
        audios = [speech(1.0 + 0.2 * seed, seed) for seed in range(12)]
        expected = [transcriber.transcribe(audio, config=config) for audio in audios]
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda audio: transcriber.transcribe(audio, config=config), audios)) == expected


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"config": {"search": "beam"}}, "config: must be a jstasr.SearchConfig"),
        ({"config": SearchConfig(beam_size=0)}, "config: beam_size: must be 1 or more"),
        ({"config": SearchConfig(search="grredy")}, "config: search: grredy is neither greedy nor beam"),
        ({"config": SearchConfig(beam_size="8")}, "config: beam_size: must be a whole number, not '8'"),
        ({"config": SearchConfig(beam_size=2.5)}, "config: beam_size: must be a whole number, not 2.5"),
        ({"config": SearchConfig(search=None)}, "config: search: must be text, not None"),
        ({"config": SearchConfig(lm_weight=float("nan"))}, "config: lm_weight: must be a number, not nan"),
        ({"mode": "Full"}, "mode 'Full': must be full or streaming"),
        ({"mode": None}, "mode None"),
        ({"channel": 0}, "channel 0: must be a number from 1, 'mix' or 'each'"),
        ({"channel": "left"}, "channel 'left'"),
        ({"channel": True}, "channel True"),
        ({"channel": "each"}, "has one channel; channel 'each' is for files"),
        ({"vad": "yes"}, "vad 'yes': must be auto"),
        ({"max_segment": 0}, "max_segment 0: must be 2 seconds or more"),
        ({"max_segment": "20"}, "max_segment '20'"),
        ({"sample_rate": "16k"}, "sampling rate '16k'"),
        ({"sample_rate": float("nan")}, "sampling rate nan"),
        ({"lang": 5}, "lang 5: must be the code"),
        ({"audio": None}, "has shape"),
        ({"audio": [[1.0], [1.0, 2.0]]}, "is no array of samples"),
        ({"audio": {"a": 1}}, "has shape"),
    ],
)
def test_wrong_arguments_are_told_in_one_sentence(transcriber, arguments, message):
    with pytest.raises(JstasrError, match=message) as caught:
        transcriber.transcribe(**({"audio": speech()} | arguments))
    assert "\n" not in str(caught.value)


def test_wrong_batches_and_devices_are_told_too(transcriber, tmp_path):
    with pytest.raises(JstasrError, match="audios: must be a list of paths or of arrays, not str"):
        transcriber.transcribe_batch("a.wav")
    with pytest.raises(JstasrError, match=r"audios\[1\]: holds NaN"):
        transcriber.transcribe_batch([speech(), np.full(8000, np.nan)])
    with pytest.raises(JstasrError, match="device 'gpu': must be cpu, cuda or cuda:N"):
        Transcriber.from_pretrained(tmp_path, device="gpu")
    assert transcriber.transcribe_batch([]) == []


def test_the_api_loads_no_code_of_training():
    program = "import sys; from jstasr import Transcriber; print([m for m in sys.modules if m.startswith(%r)])"
    done = subprocess.run([sys.executable, "-c", program % "jstasr.train"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_public_names_are_typed_and_documented():
    import jstasr

    for name in (
        "Transcriber",
        "Transcript",
        "Segment",
        "Word",
        "TranscriptStream",
        "PartialTranscript",
        "SearchConfig",
    ):
        assert getattr(jstasr, name).__doc__
    with pytest.raises(AttributeError):
        _ = jstasr.Nothing
