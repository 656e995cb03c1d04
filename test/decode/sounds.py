"""Sounds without words: made ones, and what real recordings hold before and after their speech."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
VOICES = 30  # whose reversed recordings make a crowd
EDGE = 0.25  # seconds that are left out beside the speech of a recording
LEAST_PAUSE = 0.15  # seconds
RAISED = 0.05  # level of a pause that was raised: about that of speech

Sound = Callable[[int, np.random.Generator], np.ndarray]  # number of samples, generator -> (N,) float


def at_level(samples: np.ndarray, level: float) -> np.ndarray:
    """Samples whose root mean square is `level`."""
    return samples * (level / max(1e-9, float(np.sqrt(np.mean(np.square(samples))))))


def seconds(count: int) -> np.ndarray:
    """The time of each sample."""
    return np.arange(count) / RATE


def coloured(tilt: float, decibel: float) -> Sound:
    """Steady noise of so many dB below full scale, whose density falls as frequency ** -tilt above 50 Hz."""

    def make(count: int, rng: np.random.Generator) -> np.ndarray:
        spectrum = np.fft.rfft(rng.normal(size=count))
        spectrum *= np.maximum(np.fft.rfftfreq(count, 1 / RATE), 50.0) ** (-tilt / 2)
        return at_level(np.fft.irfft(spectrum, count), 10 ** (decibel / 20))

    return make


def band(count: int, rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Noise between two frequencies, of level 1."""
    spectrum = np.fft.rfft(rng.normal(size=count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    return at_level(np.fft.irfft(spectrum * ((frequency >= low) & (frequency <= high)), count), 1.0)


def wander(count: int, rng: np.random.Generator, highest: float) -> np.ndarray:
    """A value of mean 0 and deviation 1 that changes at most `highest` times a second."""
    return band(count, rng, 1 / 60, highest)


def events(count: int, rng: np.random.Generator, gap: float, make: Callable[[], np.ndarray]) -> np.ndarray:
    """Short sounds, `gap` seconds apart on average."""
    found = np.zeros(count)
    place = rng.exponential(gap) * RATE
    while place < count:
        part = make()[: count - int(place)]
        found[int(place) : int(place) + len(part)] += part
        place += rng.exponential(gap) * RATE
    return found


def struck(rng: np.random.Generator, frequency: float, decay: float, overtones: int, length: float = 1.0) -> np.ndarray:
    """A tone that dies away in `decay` seconds, with overtones."""
    time = seconds(int(length * RATE))
    parts = [np.sin(2 * np.pi * frequency * n * time + rng.uniform(0, 6)) / n for n in range(1, overtones + 1)]
    return np.sum(parts, axis=0) * np.exp(-time / decay) * np.minimum(1, time / 0.003)


def silence(count: int, rng: np.random.Generator) -> np.ndarray:
    return np.zeros(count)


def dither(count: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(-1, 2, count) / 32768


def hum(count: int, rng: np.random.Generator) -> np.ndarray:
    time = seconds(count)
    return sum(0.03 / n * np.sin(2 * np.pi * 50 * n * time + n) for n in range(1, 12)) + coloured(1, -60)(count, rng)


def clicks(count: int, rng: np.random.Generator) -> np.ndarray:
    return (rng.random(count) < 3e-4) * rng.uniform(0.1, 0.8, count)


def typing(count: int, rng: np.random.Generator) -> np.ndarray:
    def key() -> np.ndarray:
        time = seconds(int(0.05 * RATE))
        return rng.uniform(0.05, 0.2) * rng.normal(size=len(time)) * np.exp(-time / 0.006)

    return events(count, rng, 0.16, key) + coloured(1, -55)(count, rng)


def knocks(count: int, rng: np.random.Generator) -> np.ndarray:
    return events(count, rng, 0.7, lambda: 0.4 * struck(rng, rng.uniform(80, 200), 0.05, 3, 0.3))


def bursts(count: int, rng: np.random.Generator) -> np.ndarray:
    return coloured(0, -26)(count, rng) * (np.sin(2 * np.pi * 0.7 * seconds(count)) > 0)


def wind(count: int, rng: np.random.Generator) -> np.ndarray:
    return at_level(coloured(2, -26)(count, rng) * np.exp(wander(count, rng, 0.7)), 0.06)


def rain(count: int, rng: np.random.Generator) -> np.ndarray:
    drops = (rng.random(count) < 0.01) * rng.exponential(0.05, count)
    return coloured(0.5, -40)(count, rng) * np.exp(0.3 * wander(count, rng, 0.3)) + drops


def breathing(count: int, rng: np.random.Generator) -> np.ndarray:
    phase = np.sin(2 * np.pi * seconds(count) / 4)
    return band(count, rng, 300, 3000) * 0.03 * np.maximum(0, phase) ** 2 + coloured(1, -60)(count, rng)


def traffic(count: int, rng: np.random.Generator) -> np.ndarray:
    def car() -> np.ndarray:
        return np.hanning(int(rng.uniform(2, 6) * RATE)) * rng.uniform(0.3, 1)

    return 0.1 * coloured(1.5, 0)(count, rng) * (0.1 + events(count, rng, 3, car))


def engine(count: int, rng: np.random.Generator) -> np.ndarray:
    phase = np.cumsum(2 * np.pi * (75 + 15 * wander(count, rng, 0.2)) / RATE)
    return 0.05 * sum(np.sin(n * phase + n * n) / n**0.7 for n in range(1, 20)) + coloured(1, -40)(count, rng)


def tone(count: int, rng: np.random.Generator) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * 1000 * seconds(count))


def beeps(count: int, rng: np.random.Generator) -> np.ndarray:
    time = seconds(count)
    return 0.2 * np.sin(2 * np.pi * 700 * time) * (np.sin(2 * np.pi * time) > 0)


def sweep(count: int, rng: np.random.Generator) -> np.ndarray:
    frequency = 100 * 70 ** (seconds(count) / 5 % 1)
    return 0.2 * np.sin(2 * np.pi * np.cumsum(frequency) / RATE)


def siren(count: int, rng: np.random.Generator) -> np.ndarray:
    frequency = 900 + 300 * np.sin(2 * np.pi * 0.3 * seconds(count))
    phase = 2 * np.pi * np.cumsum(frequency) / RATE
    return 0.1 * (np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase))


def dialling(count: int, rng: np.random.Generator) -> np.ndarray:
    def key() -> np.ndarray:
        time = seconds(int(0.15 * RATE))
        pair = rng.choice([697, 770, 852, 941]), rng.choice([1209, 1336, 1477])
        return 0.1 * sum(np.sin(2 * np.pi * frequency * time) for frequency in pair)

    return events(count, rng, 0.5, key)


def ringing(count: int, rng: np.random.Generator) -> np.ndarray:
    time = seconds(count)
    bell = np.sin(2 * np.pi * 1400 * time) + np.sin(2 * np.pi * 1750 * time)
    return 0.1 * bell * (np.sin(2 * np.pi * 20 * time) > 0) * (time % 3 < 1)


def birds(count: int, rng: np.random.Generator) -> np.ndarray:
    def chirp() -> np.ndarray:
        time = seconds(int(rng.uniform(0.05, 0.3) * RATE))
        frequency = rng.uniform(2000, 4500) + rng.uniform(-8000, 8000) * time
        return rng.uniform(0.02, 0.2) * np.hanning(len(time)) * np.sin(2 * np.pi * np.cumsum(frequency) / RATE)

    return events(count, rng, 0.4, chirp) + coloured(1, -55)(count, rng)


def melody(count: int, rng: np.random.Generator) -> np.ndarray:
    note = np.array([0, 2, 4, 5, 7, 9, 11, 12])
    return 0.1 * events(count, rng, 0.35, lambda: struck(rng, 220 * 2 ** (rng.choice(note) / 12), 0.4, 8))


def chords(count: int, rng: np.random.Generator) -> np.ndarray:
    def chord() -> np.ndarray:
        root = 110 * 2 ** (rng.choice([0, 5, 7, 9]) / 12)
        return sum(struck(rng, root * ratio, 0.8, 4, 2.0) for ratio in (1, 1.26, 1.5, 2))

    return at_level(events(count, rng, 0.8, chord), 0.08)


def drums(count: int, rng: np.random.Generator) -> np.ndarray:
    def hit() -> np.ndarray:
        time = seconds(int(0.3 * RATE))
        kick = np.sin(2 * np.pi * (60 * time + 2 * np.exp(-time / 0.03))) * np.exp(-time / 0.1)
        return 0.3 * (kick if rng.random() < 0.5 else rng.normal(size=len(time)) * np.exp(-time / 0.05))

    return events(count, rng, 0.3, hit)


def murmur(count: int, rng: np.random.Generator) -> np.ndarray:
    """Many far voices: buzzing sources whose pitch, colour and loudness change as in speech, without any words."""
    found = np.zeros(count)
    for _ in range(8):
        phase = np.cumsum(rng.uniform(90, 230) * 2 ** (0.15 * wander(count, rng, 2)) / RATE)
        formant = 500 * 2 ** (0.6 * wander(count, rng, 4))
        buzz = sum(np.sin(2 * np.pi * n * phase) / n / (1 + np.square((n * 150 - formant) / 300)) for n in range(1, 9))
        found += at_level(buzz * np.exp(wander(count, rng, 4)), 1.0)
    return at_level(found, 0.05)


MADE: dict[str, Sound] = {
    "silence": silence,
    "dither": dither,
    **{
        f"{name}, {-decibel} dB": coloured(tilt, decibel)
        for name, tilt in (("white", 0.0), ("pink", 1.0), ("brown", 2.0))
        for decibel in (-60, -40, -20)
    },
    **{
        make.__name__: make
        for make in (hum, clicks, typing, knocks, bursts, wind, rain, breathing, traffic, engine, tone, beeps, sweep)
    },
    **{make.__name__: make for make in (siren, dialling, ringing, birds, melody, chords, drums, murmur)},
}


def made(name: str, length: float, seed: int = 0) -> np.ndarray:
    """A sound of so many seconds, (N,) float32 at 16 kHz."""
    rng = np.random.default_rng([seed, *name.encode()])
    return MADE[name](round(length * RATE), rng).clip(-1, 1).astype(np.float32)


def clips(folder: Path, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Recordings of 16 kHz below a folder, (N,) float32, in random order."""
    paths = sorted([*folder.rglob("*.opus"), *folder.rglob("*.ogg"), *folder.rglob("*.wav")])
    for index in rng.permutation(len(paths)):
        samples, rate = soundfile.read(paths[index], dtype="float32")
        if rate == RATE:
            yield samples


def pauses(samples: np.ndarray) -> list[np.ndarray]:
    """What a recording holds before its speech and after it, EDGE seconds left out on the side of the speech.

    Speech is where 0.1 s have more than a thousandth of the power of the loudest: no detector is asked.
    """
    size = RATE // 10
    count = len(samples) // size
    power = np.square(samples[: count * size].reshape(count, size)).mean(axis=1)
    loud = np.flatnonzero(power > power.max() / 1000)
    edge = round(EDGE * RATE)
    parts = samples[: max(0, loud[0] * size - edge)], samples[(loud[-1] + 1) * size + edge :]
    return [part for part in parts if len(part) >= LEAST_PAUSE * RATE]


def pauses_of(folder: Path, length: float, raised: bool, seed: int = 0) -> np.ndarray:
    """Pauses of real recordings, faded into each other; raised: all of them at the same level, as of speech."""
    fade = RATE // 50
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    found, total = [np.zeros(fade, np.float32)], 0
    for samples in clips(folder, np.random.default_rng(seed)):
        for part in pauses(samples):
            part = at_level(part, RAISED).clip(-1, 1) if raised and np.any(part) else part.copy()
            part[:fade] = part[:fade] * ramp + found[-1][-fade:] * ramp[::-1]
            found[-1] = found[-1][:-fade]
            found.append(part)
            total += len(part) - fade
        if total >= length * RATE:
            return np.concatenate(found)[: round(length * RATE)]
    raise ValueError(f"{folder}: has {total / RATE:.0f} s of pauses, not {length:g} s")


def crowd_of(folder: Path, length: float, seed: int = 0) -> np.ndarray:
    """Many real voices at once, each backwards."""
    found, source = np.zeros(round(length * RATE), np.float32), clips(folder, np.random.default_rng(seed))
    for _ in range(VOICES):
        place = 0
        while place < len(found):
            clip = at_level(next(source)[::-1], 0.01)[: len(found) - place]
            found[place : place + len(clip)] += clip
            place += len(clip)
    return found
