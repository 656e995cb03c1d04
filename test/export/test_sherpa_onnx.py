"""An exported model in an unmodified sherpa-onnx, beside the Transcriber."""

import json
import re
import shlex
import socket
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
import soundfile

from jstasr.decode.transcriber import TranscriptStream
from jstasr.decode.vad import NONE
from jstasr.experiment.search import SearchConfig
from jstasr.export.greedy import QUEUE
from jstasr.export.readme import PORT
from jstasr.model.joint import FULL, STREAMING

sherpa_onnx = pytest.importorskip("sherpa_onnx")
pytestmark = pytest.mark.slow

UTTERANCES = 500
GREEDY = SearchConfig()
FOLDERS = {FULL: "offline", STREAMING: "streaming"}


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
    """Tokens that greedy search of jstasr finds, as sherpa-onnx writes them: without <unk>, a space for <space>.

    Of a stream those of its complete chunks: sherpa-onnx encodes no others.
    """

    def run(mode, samples):
        if mode == FULL:
            tokens = transcriber.transcribe(samples, config=GREEDY, vad=NONE).tokens
        else:
            tokens = TranscriptStream(transcriber, config=GREEDY, vad=NONE).accept(samples).tokens
        return [" " if token == "<space>" else token for token in tokens if token != "<unk>"]

    return run


@pytest.fixture(scope="session")
def utterances(utterance):
    return [utterance(seed) for seed in range(1, UTTERANCES + 1)]


def same(mode, found, expected):
    """Are the tokens those that are expected? At the end of a stream some may wait for the next chunk."""
    return found == (expected if mode == FULL else expected[: len(found)]) and len(expected) - len(found) <= QUEUE


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
    expected = [expected_of(mode, samples) for samples in utterances]
    found = tokens_of(recognizer(mode), utterances)
    total = sum(map(len, found))
    assert total > 3 * UTTERANCES and total > 0.75 * sum(map(len, expected))
    assert sum(same(mode, *pair) for pair in zip(found, expected)) >= 0.99 * UTTERANCES
    coarse = tokens_of(recognizer(mode, encoder="encoder.int8.onnx"), utterances)
    assert coarse != found
    # a random model decides narrowly: more of its tokens change than of a trained one's (docs/measurements/export.md)
    assert sum(map(edits, coarse, found)) < 0.1 * total


def test_an_endpoint_leaves_the_rest_of_the_stream_as_it_is(recognizer, expected_of, utterance, rate):
    samples = utterance(1000, 4.0)
    recognizer = recognizer(STREAMING)
    stream = recognizer.create_stream()
    found = []
    for piece in np.array_split(samples, 7):
        stream.accept_waveform(rate, piece)
        while recognizer.is_ready(stream):
            recognizer.decode_stream(stream)
        found += recognizer.tokens(stream)
        recognizer.reset(stream)
    assert len(found) > 20 and same(STREAMING, found, expected_of(STREAMING, samples))


@pytest.mark.parametrize("mode", [FULL, STREAMING])
def test_hotwords_are_found_more_often(mode, recognizer, tokens_of, utterances, tmp_path):
    (tmp_path / "names.txt").write_text("d a b\n")
    beam = dict(joiner="joiner-beam.onnx", decoding_method="modified_beam_search", max_active_paths=8)
    hotwords = dict(hotwords_file=str(tmp_path / "names.txt"), hotwords_score=3.0, modeling_unit="cjkchar")
    some = utterances[:60]
    counts = []
    for options in (beam, beam | hotwords):
        texts = ["".join(tokens) for tokens in tokens_of(recognizer(mode, **options), some)]
        counts.append(sum(text.count("dab") for text in texts))
    assert counts[1] > counts[0] + 5


@pytest.fixture(scope="session")
def commands(exported):
    """The code blocks of the README that begin with a program, in order."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", (exported / "README.md").read_text("utf-8"), re.MULTILINE)
    found = [textwrap.dedent(block).strip().replace("\\\n", "") for text in blocks for block in text.split("\n\n")]
    return lambda program: [block for block in found if block.split()[:1] == [program]]


@pytest.fixture(scope="session")
def hello(exported, utterance, rate):
    """Samples of hello.wav beside the README, as a reader of the file sees them; and names.txt."""
    soundfile.write(exported / "hello.wav", utterance(2000, 2.0), rate, subtype="PCM_16")
    (exported / "names.txt").write_text("d a b\nb ▁ a :3.0\n")
    return soundfile.read(exported / "hello.wav", dtype="float32")[0]


def output_of(command, folder):
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def texts(output):
    """Texts in what a program prints: JSON among other things."""
    return [json.loads(found)["text"] for found in re.findall(r'\{[^{}]*"text": .*\}', output)]


def test_commands_of_the_readme_for_whole_utterances(commands, exported, hello, expected_of):
    expected = "".join(expected_of(FULL, hello))
    greedy, beam = commands("sherpa-onnx-offline")
    assert texts(output_of(greedy, exported)) == [expected]
    assert len(texts(output_of(beam, exported))) == 1
    (program,) = commands("import")
    done = subprocess.run([sys.executable, "-c", program], cwd=exported, capture_output=True, text=True)
    assert done.stdout.strip("\n") == expected, done.stderr


def test_commands_of_the_readme_for_a_stream_and_its_server(commands, exported, hello, recognizer, tokens_of, rate):
    (program,) = commands("sherpa-onnx")
    (line,) = texts(output_of(program, exported))
    silence = np.zeros(rate // 2, dtype=np.float32)  # the program puts as much in front of a file
    padded = [np.concatenate([*before, hello, *[silence] * 6]) for before in ([silence], [])]
    padded, plain = ("".join(tokens) for tokens in tokens_of(recognizer(STREAMING), padded))
    assert len(line) > 5 and padded.startswith(line)

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    (server,), (client,) = (commands(f"sherpa-onnx-online-websocket-{part}") for part in ("server", "client"))
    server, client = (command.replace(str(PORT + 1), str(port)) for command in (server, client))
    process = subprocess.Popen(shlex.split(server), cwd=exported, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port, process)
        answers = texts(output_of(client, exported))
    finally:
        process.kill()
        process.wait()
    assert len(answers) > 1 and len(answers[-1]) > 5
    assert plain.startswith(answers[-1])


def wait_for(port, process):
    """Wait until a server listens."""
    for _ in range(300):
        assert process.poll() is None
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server does not listen")
