"""Does a stretch of sound hold a voice? A voice repeats itself at a pitch, and has more than a few tones."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

WINDOW_SECONDS = 0.048  # that are looked at: three periods of a deep voice
PITCH = 70.0, 400.0  # Hz
HIGHEST = 2500.0  # Hz: above, the harmonics of a voice drown in its own noise
LOWEST = 60.0  # Hz: below is hum
SHORTEST_LAG = 0.0005  # seconds
LEAST_PERIODICITY = 0.65  # correlation with the sound one period before
TONES, TONE_WIDTH = 3, 40.0  # the strongest tones, and how far from its middle a tone reaches, in Hz
MOST_TONAL = 0.9  # share of the energy in these: beeps, sirens and dial tones have all of it
PRE_EMPHASIS = 0.97


@dataclass(frozen=True)
class Tables:
    """What depends on the rate alone. Frequencies are those of the transform, lags those of the correlation."""

    window: np.ndarray  # (W,)
    size: int  # of the transform
    middle: np.ndarray  # bool: frequencies that tell the pitch
    above_hum: np.ndarray  # bool
    window_correlation: np.ndarray  # of the window itself, by lag
    tone_width: int  # frequencies


@lru_cache(maxsize=8)
def tables(rate: int) -> Tables:
    """The tables of a rate in Hz."""
    window = np.hanning(round(WINDOW_SECONDS * rate))
    size = 1 << (2 * len(window) - 1).bit_length()
    frequency = np.fft.rfftfreq(size, 1 / rate)
    correlation = np.fft.irfft(np.square(np.abs(np.fft.rfft(window, size))))
    return Tables(
        window,
        size,
        (frequency >= LOWEST) & (frequency <= HIGHEST),
        frequency >= LOWEST,
        correlation / correlation[0],
        round(TONE_WIDTH * size / rate),
    )


def is_voiced(samples: np.ndarray, rate: int) -> bool:
    """Is there a voice in all of the samples (W,), W = WINDOW_SECONDS?"""
    fixed = tables(rate)
    power = np.square(np.abs(np.fft.rfft(samples * fixed.window, fixed.size)))
    correlation = np.fft.irfft(power * fixed.middle)
    if correlation[0] <= 0:
        return False
    shortest, first, last = (round(seconds * rate) for seconds in (SHORTEST_LAG, 1 / PITCH[1], 1 / PITCH[0]))
    periodicity = correlation[: last + 1] / correlation[0] / fixed.window_correlation[: last + 1]
    best = periodicity[first:].max()
    if best <= LEAST_PERIODICITY or periodicity[shortest:first].max() > 1.05 * best:  # a period too short for a voice
        return False
    return tonality(power, rate, fixed) < MOST_TONAL


def tonality(power: np.ndarray, rate: int, fixed: Tables) -> float:
    """The share of the energy, after pre-emphasis, that the strongest tones of a power spectrum have."""
    frequency = np.arange(len(power)) * (2 * np.pi / fixed.size)
    left = power * fixed.above_hum * (1 + PRE_EMPHASIS**2 - 2 * PRE_EMPHASIS * np.cos(frequency))
    total = left.sum()
    for _ in range(TONES):
        peak = int(left.argmax())
        left[max(0, peak - fixed.tone_width) : peak + fixed.tone_width + 1] = 0.0
    return 1.0 - float(left.sum() / max(total, 1e-30))
