"""What the generators of small corpora share: spoken numbers, audio files of every kind, archives."""

import random
import sys
import tarfile
from pathlib import Path

import numpy as np
import soundfile
from num2words import num2words
from scipy.signal import resample_poly

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "egs/mini/asr1/local"))
from espeak import FreshEspeak  # noqa: E402

RATE = 16000  # Hz
UP, DOWN = 320, 441  # espeak-ng's 22050 Hz to 16000 Hz
FORMATS = {".opus": ("OGG", "OPUS"), ".sph": ("NIST", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".wav": ("WAV", "PCM_16")}
FORMATS[".WAV"] = FORMATS[".wav"]
VARIANTS = ("m1", "f1", "m3", "f2", "m5", "f4")


def numbers(language, count, seed):
    """`count` different sentences: numbers below 100,000 in words of a language that num2words knows."""
    rng = random.Random(f"{seed} {language}")
    words = [num2words(number, lang=language).replace("-", " ").lower() for number in rng.sample(range(100000), count)]
    return [" ".join("".join(c if c.isalpha() or c in " '" else " " for c in text).split()) for text in words]


def speak(recordings):
    """Write recordings.

    Args:
        recordings: list of (path, text, espeak-ng's voice, number of the speaker); the path's end tells the format.
    """
    with FreshEspeak() as espeak:
        for seed, (path, text, voice, speaker) in enumerate(recordings):
            raw, rate, _ = espeak.speak(
                text=text,
                voice=voice,
                variant=VARIANTS[speaker % len(VARIANTS)],
                rate=220,
                pitch=40 + speaker * 7 % 30,
                pitch_range=50,
                seed=seed,
            )
            assert rate * UP == RATE * DOWN, rate
            samples = resample_poly(np.frombuffer(raw, np.int16) / 32768, UP, DOWN)
            path.parent.mkdir(parents=True, exist_ok=True)
            container, subtype = FORMATS[path.suffix]
            soundfile.write(path, np.clip(samples, -1, 1), RATE, format=container, subtype=subtype)


def pack(archive, folder, *members):
    """A tar.gz of members of a folder, under their names in it."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for member in members:
            tar.add(folder / member, member)
