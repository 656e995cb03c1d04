"""`jstasr bench decode` on a tiny random model: what it decodes and counts, not how fast it is."""

import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from jstasr import SearchConfig, Transcriber
from jstasr.bench import decode
from jstasr.bench.decode_worker import BATCH, BEAM, ONE, STREAM, DecodeWorker, Piece, appearances
from jstasr.errors import JstasrError
from jstasr.features.fbank import Fbank
from jstasr.features.settings import KALDI, LHOTSE

RATE = 16000


def sound(seconds, seed):
    """Samples of tones that change every tenth of a second, as 16-bit numbers hold them."""
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(round(seconds * 10)):
        moments = np.arange(RATE // 10) / RATE
        parts.append(0.1 * sum(np.sin(2 * np.pi * rng.uniform(100, 4000) * moments) for _ in range(3)))
    return (np.round(np.concatenate(parts) * 32768) / 32768).astype(np.float32)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def audio():
    return {f"u{number}": sound(1.0 + number / 2, number) for number in range(4)}


@pytest.fixture
def expdir(make_experiment, toy):
    return make_experiment(Fbank(RATE, toy.dim, KALDI)(sound(10, 9)), KALDI)


@pytest.fixture
def data_dir(audio, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for name, samples in audio.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE)
    (folder / "wav.scp").write_text("".join(f"{name} {folder}/{name}.wav\n" for name in audio))
    return folder


@pytest.fixture
def worker(expdir, audio, tmp_path):
    """Makes a DecodeWorker in this process."""
    np.savez(tmp_path / "audio.npz", **audio)

    def make(way, piece=0.0):
        return DecodeWorker(way, str(expdir), str(tmp_path / "audio.npz"), piece, 1)

    return make


def test_every_way_decodes_what_the_transcriber_decodes(worker, expdir, audio):
    transcriber = Transcriber.from_pretrained(expdir, own_search=False)
    full, beam, streamed = (
        {name: transcriber.transcribe(samples, vad="none", **options).text for name, samples in audio.items()}
        for options in ({}, {"config": SearchConfig(search="beam", beam_size=4)}, {"mode": "streaming"})
    )
    assert all(full.values()) and full != streamed
    for way, piece, expected in ((ONE, 0, full), (BATCH, 0, full), (BEAM, 0, beam), (STREAM, 0.32, streamed)):
        found = worker(way, piece).do_round()
        assert found["texts"] == expected and found["wall"] > 0 and found["cpu"] > 0


def test_a_stream_that_is_slow_is_measured_as_slow(worker, monkeypatch):
    """By a clock that goes on where the stream works, so that other load on the machine has no part in it."""
    slow = worker(STREAM, 0.32)
    accept, accepted, clock = type(slow.decoder.transcriber.stream()).accept, [], [0.0]

    def late(stream, samples):
        accepted.append(len(samples))
        clock[0] += 0.021 if sum(accepted) > 60 * RATE else 0.001  # slower in the second minute
        return accept(stream, samples)

    monkeypatch.setattr("jstasr.decode.stream.TranscriptStream.accept", late)
    own = SimpleNamespace(perf_counter=lambda: clock[0], process_time=time.process_time)
    monkeypatch.setattr("jstasr.bench.decode_worker.time", own)
    found = slow.do_growth(2.0)
    assert sum(accepted) == 120 * RATE
    assert found == pytest.approx({"first": 0.001, "last": 0.021}, rel=0.1)  # a piece may lie on both sides
    pieces = sum(-(-len(samples) // 5120) for samples in slow.audio.values())
    assert slow.do_round()["wall"] == pytest.approx(0.021 * pieces)


def test_a_word_appears_when_it_is_whole_and_all_before_it_stay():
    pieces = [
        Piece(1.0, 0.1, ""),
        Piece(2.0, 0.2, "the qui"),
        Piece(3.0, 0.3, "the quick brown"),
        Piece(3.5, 0.4, "the quick brown fox"),
    ]
    assert appearances(pieces) == [("the", 2.2), ("quick", 3.3), ("brown", 3.3), ("fox", 3.9)]
    assert appearances([Piece(1.0, 0.0, "no"), Piece(1.0, 0.0, "")]) == []


def test_latency_is_that_of_the_words_which_both_have():
    appeared = {"a": [("one", 1.0), ("tow", 2.0), ("three", 3.5)], "b": [("four", 1.0)]}
    ends = {"a": [("one", 0.6), ("two", 1.5), ("three", 2.5)]}
    assert decode.latencies(appeared, ends) == pytest.approx([0.4, 1.0])


@pytest.mark.slow
def test_the_command_writes_a_row_of_each_way(jstasr, expdir, data_dir, audio, tmp_path):
    ctm = tmp_path / "words.ctm"
    ctm.write_text("".join(f"{name} 1 0.1 0.2 abc\n" for name in audio))
    options = ("--rounds", 1, "--stream-minutes", 0, "--word-times", ctm, "--output", tmp_path / "out")
    done = jstasr("bench", "decode", expdir, "--data-dir", data_dir, *options)
    assert done.returncode == 0, done.stderr
    rows = [line.split(",") for line in (tmp_path / "out.csv").read_text().splitlines() if line.startswith("jstasr,")]
    assert len(rows) == len(decode.OURS) and "left" in done.stderr
    assert "sherpa-onnx: not measured" in done.stdout and "ends of words: CTM" in done.stdout
    for row in decode.OURS:
        assert row.title in done.stdout and row.title in (tmp_path / "out.md").read_text()


@pytest.mark.slow
def test_sherpa_onnx_is_measured_on_the_export(make_experiment, toy, data_dir, audio):
    pytest.importorskip("sherpa_onnx")
    expdir = make_experiment(Fbank(RATE, toy.dim, LHOTSE)(sound(10, 9)), LHOTSE)
    found = decode.run(decode.DecodeJob(str(expdir), str(data_dir), rounds=1, stream_minutes=2), lambda line: None)
    rows = found["rows"]
    assert [row.way for row in rows] == [row.title for row in (*decode.OURS, *decode.THEIRS)]
    theirs, ours = rows[len(decode.OURS)], rows[0]
    assert {name: text.split() for name, text in theirs.texts.items()} == {
        name: text.replace("<unk>", "").split()  # which sherpa-onnx leaves out
        for name, text in ours.texts.items()
    }
    for row, figures in zip((*decode.OURS, *decode.THEIRS), rows):
        assert figures.speed > 0 and figures.startup > 0 and figures.peak > 50e6
        assert (figures.growth is not None) == bool(row.piece)


@pytest.mark.parametrize(
    "options, message",
    [
        (["--threads", "0"], "--threads '0'"),
        (["--threads", "two"], "--threads 'two'"),
        (["--rounds", "0"], "--utterances and --rounds"),
        (["--stream-minutes", "1"], "--stream-minutes 1"),
        ([], "Give --data-dir DIR"),
        (["--data-dir", "/no/such"], "no such data directory"),
    ],
)
def test_a_wrong_option_is_answered_in_one_sentence(jstasr, expdir, options, message):
    done = jstasr("bench", "decode", expdir, *options)
    assert done.returncode == 1 and message in done.stderr and done.stderr.count("\n") == 1


def test_word_times_that_do_not_fit_are_refused(audio, tmp_path):
    ctm = tmp_path / "words.ctm"
    ctm.write_text("u0 1 0.5 word\n")
    with pytest.raises(JstasrError, match=r"words\.ctm, line 1: expected"):
        decode.read_word_ends(ctm, audio)
    ctm.write_text("other 1 0.5 0.5 word\n")
    with pytest.raises(JstasrError, match="none of the utterances"):
        decode.read_word_ends(ctm, audio)
    with pytest.raises(JstasrError, match="cannot be read"):
        decode.read_word_ends(tmp_path / "none.ctm", audio)


def test_utterances_are_read_at_the_rate_of_the_model(data_dir, audio):
    found = decode.read_utterances(data_dir, 2, RATE)
    assert list(found) == ["u0", "u3"]
    np.testing.assert_array_equal(found["u3"], audio["u3"])
    assert len(decode.read_utterances(data_dir, 100, RATE // 2)["u0"]) == len(audio["u0"]) // 2
