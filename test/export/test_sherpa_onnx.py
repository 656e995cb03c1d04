"""An exported model in an unmodified sherpa-onnx, beside the Transcriber."""

import json
import re
import signal
import socket
import subprocess
import time

import numpy as np
import pytest
import soundfile

from jstasr.experiment.search import SearchConfig
from jstasr.export.readme import PORT
from jstasr.model.joint import FULL, STREAMING

sherpa_onnx = pytest.importorskip("sherpa_onnx")
pytestmark = pytest.mark.slow

UTTERANCES = 500
GREEDY = SearchConfig()
FOLDERS = {FULL: "offline", STREAMING: "streaming"}


@pytest.fixture(scope="session")
def silence(loaded, rate):
    """What a stream needs behind an utterance, so that its last chunk is complete: two chunks and half a second."""
    return np.zeros(int(rate * (2 * loaded.config.model.chunk_size * 0.04 + 0.5)), dtype=np.float32)


@pytest.fixture(scope="session")
def recognizer(exported, rate):
    def make(mode, encoder="encoder.onnx", joiner="joiner.onnx", **options):
        kind = sherpa_onnx.OfflineRecognizer if mode == FULL else sherpa_onnx.OnlineRecognizer
        folder = exported / FOLDERS[mode]
        return kind.from_transducer(
            tokens=str(exported / "tokens.txt"),
            encoder=str(folder / encoder),
            decoder=str(folder / "decoder.onnx"),
            joiner=str(folder / joiner),
            num_threads=1,
            sample_rate=rate,
            feature_dim=20,
            **options,
        )

    return make


@pytest.fixture(scope="session")
def tokens_of(rate):
    """Tokens that a recognizer finds in utterances, several at a time."""

    def run(recognizer, utterances, together=5):
        found = []
        offline = isinstance(recognizer, sherpa_onnx.OfflineRecognizer)
        for first in range(0, len(utterances), together):
            streams = [recognizer.create_stream() for _ in utterances[first : first + together]]
            for stream, samples in zip(streams, utterances[first:]):
                stream.accept_waveform(rate, samples)
            if offline:
                recognizer.decode_streams(streams)
                found += [stream.result.tokens for stream in streams]
                continue
            while ready := [stream for stream in streams if recognizer.is_ready(stream)]:
                recognizer.decode_streams(ready)
            found += [recognizer.tokens(stream) for stream in streams]
        return found

    return run


@pytest.fixture(scope="session")
def expected_of(transcriber):
    """Tokens that greedy search of jstasr finds, as sherpa-onnx writes them: without <unk>, a space for <space>."""

    def run(mode, samples):
        tokens = transcriber.transcribe(samples, mode=mode, config=GREEDY).tokens
        return [" " if token == "<space>" else token for token in tokens if token != "<unk>"]

    return run


@pytest.fixture(scope="session")
def utterances(utterance, silence):
    """Mode -> utterances."""
    spoken = [utterance(seed) for seed in range(1, UTTERANCES + 1)]
    return {FULL: spoken, STREAMING: [np.concatenate([samples, silence]) for samples in spoken]}


def edits(first, second):
    """Levenshtein distance."""
    row = list(range(len(second) + 1))
    for i, one in enumerate(first, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(second, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


@pytest.mark.parametrize("mode", [FULL, STREAMING])
def test_tokens_are_those_of_greedy_search_and_those_of_8_bits_are_near(
    mode, recognizer, tokens_of, expected_of, utterances
):
    expected = [expected_of(mode, samples) for samples in utterances[mode]]
    found = tokens_of(recognizer(mode), utterances[mode])
    total = sum(map(len, expected))
    assert total > 3 * UTTERANCES
    same = sum(one == other for one, other in zip(found, expected))
    assert same >= 0.99 * UTTERANCES, same
    coarse = tokens_of(recognizer(mode, encoder="encoder.int8.onnx"), utterances[mode])
    assert coarse != found
    # a random model has no favourites: more of its tokens change than of a trained model's (docs/measurements/export.md)
    assert sum(map(edits, coarse, expected)) < 0.1 * total


def test_an_endpoint_leaves_the_rest_of_the_stream_as_it_is(recognizer, expected_of, utterance, silence, rate):
    samples = np.concatenate([utterance(1000, 4.0), silence])
    recognizer = recognizer(STREAMING)
    stream = recognizer.create_stream()
    found = []
    for piece in np.array_split(samples, 7):
        stream.accept_waveform(rate, piece)
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
        found += recognizer.tokens(stream)
        recognizer.reset(stream)
    assert found == expected_of(STREAMING, samples)


@pytest.mark.parametrize("mode", [FULL, STREAMING])
def test_hotwords_are_found_more_often(mode, recognizer, tokens_of, utterances, tmp_path):
    (tmp_path / "names.txt").write_text("dab\n")
    beam = dict(joiner="joiner-beam.onnx", decoding_method="modified_beam_search", max_active_paths=8)
    hotwords = dict(hotwords_file=str(tmp_path / "names.txt"), hotwords_score=3.0, modeling_unit="cjkchar")
    some = utterances[mode][:60]
    counts = []
    for options in (beam, beam | hotwords):
        texts = ["".join(tokens) for tokens in tokens_of(recognizer(mode, **options), some)]
        counts.append(sum(text.count("dab") for text in texts))
    assert counts[1] > counts[0] + 5


def code_blocks(page):
    """The commands of a page, by program."""
    blocks = re.findall(r"(?:^    .*\n)+", page.read_text("utf-8"), re.MULTILINE)
    return {block.split()[0]: re.sub(r" *\\\n *", " ", block).strip() for block in blocks}


@pytest.fixture
def commands(exported):
    return code_blocks(exported / "README.md")


@pytest.fixture
def hello(exported, utterance, rate):
    """Samples of hello.wav beside the README."""
    samples = utterance(2000, 2.0)
    soundfile.write(exported / "hello.wav", samples, rate, subtype="PCM_16")
    yield soundfile.read(exported / "hello.wav", dtype="float32")[0]
    (exported / "hello.wav").unlink()


def texts(output):
    """Texts in what a program prints, which is JSON among other lines."""
    return [json.loads(line)["text"] for line in re.findall(r"\{.*\}", output)]


def test_commands_of_the_readme_print_the_text(commands, exported, hello, expected_of, silence):
    done = subprocess.run(commands["sherpa-onnx-offline"], shell=True, cwd=exported, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "".join(expected_of(FULL, hello)) in texts(done.stdout + done.stderr)
