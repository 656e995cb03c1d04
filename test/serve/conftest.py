"""Services of a tiny model, in this process on a free port of the loopback address."""

import shutil
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
import uvicorn

from jstasr import Transcriber
from jstasr.features.fbank import Fbank
from jstasr.features.settings import KALDI
from jstasr.serve.app import create_app
from jstasr.serve.listen import listen
from jstasr.serve.settings import ServeSettings

RATE = 16000


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tones(seconds=2.0, seed=0, rate=RATE):
    """Something with changing spectrum and level, (N,) float32."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    colour = 900 + 600 * np.sin(2 * np.pi * 1.7 * time)
    parts = [(150 * n, np.sin(2 * np.pi * 150 * n * time + n * n)) for n in range(1, 20)]
    voice = sum(part / (1 + ((frequency - colour) / 300) ** 2) for frequency, part in parts)
    return (0.1 * voice * (1.2 + np.sin(9 * time)) + 0.01 * rng.normal(size=len(time))).astype(np.float32)


@pytest.fixture
def talk():
    """Three stretches of tones with silence around them, (N,) float32 at 16 kHz."""
    quiet = np.zeros(RATE, np.float32)
    return np.concatenate([quiet, tones(2.0, 1), quiet, quiet, tones(3.0, 2), quiet, quiet, tones(1.5, 3), quiet])


@pytest.fixture
def wav(talk, tmp_path):
    path = tmp_path / "talk.wav"
    soundfile.write(path, talk, RATE, subtype="PCM_16")
    return path


@pytest.fixture
def expdir(make_experiment, toy):
    return make_experiment(Fbank(RATE, toy.dim, KALDI)(tones()))


@pytest.fixture
def transcriber(expdir):
    return Transcriber.from_pretrained(expdir)


@pytest.fixture
def serve(transcriber):
    """serve(**settings): a running service, with the synthetic tones as speech: `url`, `port`."""

    @contextmanager
    def run(**settings):
        app = create_app(transcriber, ServeSettings(**{"vad": "energy", **settings}))
        socket, url = listen("127.0.0.1", 0, "http")
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([socket],))
        thread.start()
        try:
            deadline = time.monotonic() + 20
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.01)
            assert server.started
            yield SimpleNamespace(url=url, port=socket.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()

    return run


@pytest.fixture(scope="session")
def browser_path():
    """A Chromium; `test/run.sh` fails where there is none."""
    names = ("chromium", "google-chrome", "chromium-browser")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("needs Chromium")
    return path
