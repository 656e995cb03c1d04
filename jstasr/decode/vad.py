"""Voice activity: how probable it is that somebody speaks, in every frame of 32 ms.

Two detectors with one interface. `SileroVad` runs the network of the package silero-vad (extra `vad`), which knows
speech from other sounds. `EnergyVad` needs nothing: it finds voices that stand out from a steady background.
"""

import importlib.util
import math
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from jstasr.decode.voice import WINDOW_SECONDS, is_voiced
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import Resampler

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

AUTO, SILERO, ENERGY, NONE = "auto", "silero", "energy", "none"
FRAME_SECONDS = 0.032
SILERO_RATE, SILERO_FRAME, SILERO_CONTEXT = 16000, 512, 64  # Hz; samples of a frame and in front of it
SILERO_OUTPUTS = ["speech_probs", "hn", "cn"]
State = tuple[np.ndarray, np.ndarray]  # of silero: two of (1, 1, 128) float32
WARM_UP = 16  # frames of silence in front of a recording
BLOCK = 312  # frames (10 s) whose background is estimated together with that of the blocks beside them
QUIET, LOUD = 5, 99  # percentiles of the level that stand for the background and for speech (0.3 s in 30)
FLOOR_DB = -80.0  # below full scale: no recording has a quieter background that matters
LEAST_RANGE_DB = 6.0  # between background and speech; less is the fluctuation of a steady noise
LEAST_ABOVE_DB, SHARE_ABOVE = 5.0, 0.3  # threshold above the background: dB, or this share of the range
SLOPE_DB = 2.0  # of the level around the threshold, for e times the odds of speech
VOICE = 3  # frames (0.1 s) with a voice in all of them, which a word or its neighbour has
VOICE_ODDS = 4.0  # logarithm of how much a voice raises the odds of speech
REACH = 12  # frames (0.4 s) from a voice in which a sound without a voice is a part of speech
PRE_EMPHASIS = 0.97  # leaves out most of hum and wind


class Vad(Protocol):
    """Samples in, probabilities of speech out: one for each frame, later than its samples by any delay.

    `prompt`: they come as soon as the samples of the frame are there.
    """

    prompt: bool

    def accept(self, samples: np.ndarray) -> np.ndarray:
        """Probabilities (F,) float32 of the frames that the next samples (N,) float32 complete."""
        ...

    def finish(self) -> np.ndarray:
        """Probabilities of the last frames, the incomplete one included."""
        ...


def has_silero() -> bool:
    """Are the packages of `SileroVad` installed?"""
    return all(importlib.util.find_spec(name) is not None for name in ("silero_vad", "onnxruntime"))


def best_vad() -> str:
    """The better of the detectors that are installed."""
    return SILERO if has_silero() else ENERGY


def check_vad(name: str) -> None:
    """Refuse a name that no detector has, and silero where it is not installed."""
    if name not in (AUTO, SILERO, ENERGY, NONE):
        raise JstasrError(f"vad {name!r}: must be {AUTO}, {SILERO}, {ENERGY} or {NONE}")
    if name == SILERO and not has_silero():
        raise JstasrError("vad 'silero': needs the packages silero-vad and onnxruntime: pip install 'jstasr[vad]'")


def open_vad(name: str, rate: int) -> Vad:
    """The detector silero or energy, or the better one for "auto", for one recording of `rate` Hz."""
    if name == AUTO:
        name = best_vad()
    return SileroVad(rate) if name == SILERO else EnergyVad(rate)


@lru_cache(maxsize=1)
def silero_session() -> "InferenceSession":
    """The network; its weights are a file of the package, which is not imported."""
    import onnxruntime

    spec = importlib.util.find_spec("silero_vad")
    assert spec is not None and spec.origin is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # a frame is too little to share
    weights = Path(spec.origin).parent / "data" / "silero_vad_16k_sequence.onnx"
    try:
        return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has classes of its own, without a common parent
        raise JstasrError(
            f"{weights}: cannot be loaded ({error}). Install silero-vad again: pip install -U 'jstasr[vad]'"
        ) from error


def silero_steps(windows: np.ndarray, state: State) -> tuple[np.ndarray, State]:
    """The probabilities (F,) of speech in consecutive frames, (F, context + frame) samples, and the state after."""
    found, hidden, cell = silero_session().run(SILERO_OUTPUTS, {"input": windows, "h": state[0], "c": state[1]})
    return np.asarray(found), (np.asarray(hidden), np.asarray(cell))


@lru_cache(maxsize=1)
def silero_warm_state() -> State:
    """The state of the network after some silence: in its first frames it hears little."""
    silence = np.zeros((WARM_UP, SILERO_CONTEXT + SILERO_FRAME), dtype=np.float32)
    nothing = np.zeros((1, 1, 128), dtype=np.float32)
    return silero_steps(silence, (nothing, nothing))[1]


class SileroVad:
    """silero-vad's network over one recording."""

    prompt = True

    def __init__(self, rate: int):
        """rate: Hz of the samples; the network gets 16 kHz."""
        self.resampler = Resampler(rate, SILERO_RATE)
        self.state = silero_warm_state()
        self.pending = np.zeros(SILERO_CONTEXT, dtype=np.float32)  # the context, then samples of the next frame

    def accept(self, samples: np.ndarray) -> np.ndarray:
        return self.run(self.resampler.accept(samples))

    def finish(self) -> np.ndarray:
        last = self.resampler.finish()
        waiting = len(self.pending) - SILERO_CONTEXT + len(last)
        return self.run(np.pad(last, (0, -waiting % SILERO_FRAME)))

    def run(self, samples: np.ndarray) -> np.ndarray:
        """Probabilities of the frames that samples (N,) at 16 kHz complete."""
        self.pending = np.concatenate([self.pending, samples.astype(np.float32, copy=False)])
        count = (len(self.pending) - SILERO_CONTEXT) // SILERO_FRAME
        if count == 0:
            return np.zeros(0, dtype=np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(self.pending, SILERO_CONTEXT + SILERO_FRAME)
        found, self.state = silero_steps(windows[::SILERO_FRAME], self.state)
        self.pending = self.pending[count * SILERO_FRAME :]
        return found


class EnergyVad:
    """Voices, and sounds next to them, that are louder than the background of the 30 s around each frame."""

    prompt = False

    def __init__(self, rate: int):
        """rate: Hz."""
        self.rate = rate
        self.position = 0  # of the first pending sample
        self.past = np.zeros(round(WINDOW_SECONDS * rate), dtype=np.float32)  # the samples in front of the pending ones
        self.pending = np.zeros(0, dtype=np.float32)
        self.frames = 0  # whose level is known
        self.returned = 0  # whose probability was returned
        self.levels = np.zeros(0, dtype=np.float32)  # dB, of the block before the next one to return, and of later ones
        self.voiced = np.zeros(0, dtype=bool)  # of the same frames

    def accept(self, samples: np.ndarray) -> np.ndarray:
        self.pending = np.concatenate([self.pending, samples])
        while (end := round((self.frames + 1) * FRAME_SECONDS * self.rate)) <= self.position + len(self.pending):
            self.measure(end - self.position)
        return self.advance(2 * BLOCK)

    def finish(self) -> np.ndarray:
        if len(self.pending):
            self.measure(len(self.pending))
        return self.advance(1)

    def measure(self, count: int) -> None:
        """Turn the first pending samples into a frame: its level, after pre-emphasis, and whether it has a voice."""
        samples, self.pending = self.pending[:count], self.pending[count:]
        emphasised = samples - PRE_EMPHASIS * np.concatenate([self.past[-1:], samples[:-1]])
        level = 10 * math.log10(float(np.mean(np.square(emphasised))) + 10 ** (FLOOR_DB / 10))
        self.levels = np.append(self.levels, np.float32(level))
        self.past = np.concatenate([self.past, samples])[count:]
        self.voiced = np.append(self.voiced, is_voiced(self.past, self.rate))
        self.position, self.frames = self.position + count, self.frames + 1

    def advance(self, ahead: int) -> np.ndarray:
        """Probabilities of blocks, as long as so many frames are known from the beginning of a block on."""
        found = [np.zeros(0, dtype=np.float32)]
        while self.frames - self.returned >= ahead:
            first = len(self.levels) - (self.frames - self.returned)
            begin, end = max(0, first - BLOCK), first + 2 * BLOCK
            around = probabilities(self.levels[begin:end], self.voiced[begin:end])
            block = around[first - begin : first - begin + BLOCK]
            found.append(block)
            self.returned += len(block)
            forgotten = max(0, first + len(block) - BLOCK)
            self.levels, self.voiced = self.levels[forgotten:], self.voiced[forgotten:]
        return np.concatenate(found)


def probabilities(levels: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Probabilities (F,) of speech of consecutive frames with these levels (F,), in dB, and with a voice or without."""
    quiet, loud = np.percentile(levels, [QUIET, LOUD])
    if loud - quiet < LEAST_RANGE_DB:
        return np.zeros(len(levels), dtype=np.float32)
    threshold = quiet + max(LEAST_ABOVE_DB, SHARE_ABOVE * (loud - quiet))
    log_odds = (levels - threshold) / SLOPE_DB
    heard = voiced & (log_odds > -VOICE_ODDS)
    ends = np.convolve(heard, np.ones(VOICE))[: len(levels)] == VOICE  # of so many frames with a voice
    voice = np.convolve(ends, np.ones(VOICE))[VOICE - 1 :] > 0
    near = np.convolve(voice, np.ones(2 * REACH + 1))[REACH : REACH + len(levels)] > 0
    return (near / (1 + np.exp(-log_odds - VOICE_ODDS * voice))).astype(np.float32)
