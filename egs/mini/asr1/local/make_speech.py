#!/usr/bin/env python3
"""Speak the sentences of data dirs with espeak-ng, each in a room of its own: noise, level, pace and pitch.

Writes wav.scp, and phones.ctm with the times of espeak-ng's own phonemes. An utterance's samples depend on the seed,
its id and its text alone, not on neighbours or the number of jobs.
"""

import argparse
import hashlib
import multiprocessing
import os
import sys
import time
from pathlib import Path

import numpy as np
import soundfile
from espeak import FreshEspeak
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import firwin, resample_poly
from templates import LANGUAGES
from voices import variant_of

from jstasr.errors import JstasrError
from jstasr.kaldi.files import atomic_write
from jstasr.kaldi.tables import read_table, write_table

RATE = 16000  # Hz
UP, DOWN = 320, 441  # 22050 Hz, espeak-ng's rate, to 16000 Hz
LOW_PASS = firwin(20 * DOWN + 1, 1 / DOWN, window=("kaiser", 5.0))
SILENCE = 1e-3  # of full scale; below it espeak-ng has not begun or has ended
WORDS_PER_MINUTE = (200, 260)
PITCH = (35, 65)
SNR = (15.0, 40.0)  # dB
PEAK = (-18.0, -3.0)  # dB below full scale
FLAT_BELOW = 50  # Hz; coloured noise grows no further below
PAUSE = (0.03, 0.10)  # seconds before and after
SECONDS_BETWEEN_REPORTS = 3


def coloured_noise(count, tilt, rng):
    """Noise of unit power whose density falls as frequency**-tilt (0: white, 1: pink); (count,) float64."""
    padded = next_fast_len(count, real=True)
    spectrum = rfft(rng.standard_normal(padded))
    spectrum *= np.maximum(np.arange(len(spectrum)), len(spectrum) * FLAT_BELOW / (RATE / 2)) ** (-tilt / 2)
    noise = irfft(spectrum, padded)[:count]
    return noise / np.sqrt(np.mean(noise**2))


def record(espeak, text, lang, speaker, name):
    """One utterance as a microphone might have it.

    Args:
        espeak: a FreshEspeak.
        text, lang, speaker: what, in which language, by whom.
        name: seed of everything random about it.
    Returns:
        (N,) int16 at 16 kHz; list of (begin in seconds, duration, phoneme).
    """
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    rng = np.random.default_rng(seed)
    raw, espeak_rate, events = espeak.speak(
        text=text,
        voice=LANGUAGES[lang].voice,
        variant=variant_of(speaker),
        rate=int(rng.integers(*WORDS_PER_MINUTE, endpoint=True)),
        pitch=int(rng.integers(*PITCH, endpoint=True)),
        pitch_range=int(rng.integers(*PITCH, endpoint=True)),
        seed=seed % 2**32,
    )
    if espeak_rate * UP != RATE * DOWN:
        raise JstasrError(f"espeak-ng speaks at {espeak_rate} Hz; this recipe resamples from 22050 Hz")
    speech = resample_poly(np.frombuffer(raw, np.int16) / 32768, UP, DOWN, window=LOW_PASS)
    loud = np.flatnonzero(np.abs(speech) > SILENCE)
    if not len(loud):
        raise JstasrError("espeak-ng said nothing")
    before, after = rng.uniform(*PAUSE, 2)
    speech = np.pad(speech[loud[0] : loud[-1] + 1], (int(before * RATE), int(after * RATE)))
    power = np.mean(speech**2)
    noise = coloured_noise(len(speech), rng.uniform(0, 1), rng)
    speech += noise * np.sqrt(power * 10 ** (-rng.uniform(*SNR) / 10))
    speech *= 10 ** (rng.uniform(*PEAK) / 20) / np.max(np.abs(speech))
    return np.round(speech * 32767).astype(np.int16), phoneme_times(events, espeak_rate, before - loud[0] / RATE)


def phoneme_times(events, rate, delay):
    """Phonemes with their times.

    Args:
        events: (sample, phoneme) in order, "" for a pause; of `rate` Hz.
        delay: seconds by which the recording begins earlier than the first sample.
    Returns:
        list of (begin in seconds, duration, phoneme); the last event only ends the one before.
    """
    times = [(sample / rate + delay, name) for sample, name in events]
    return [(begin, end - begin, name) for (begin, name), (end, _) in zip(times, times[1:]) if name]


class Progress:
    """A line with the time left, every few seconds."""

    def __init__(self, total):
        self.total, self.begin = total, time.monotonic()
        self.last = self.begin

    def show(self, done):
        now = time.monotonic()
        if done == 0 or now - self.last < SECONDS_BETWEEN_REPORTS:
            return
        self.last = now
        left = (now - self.begin) / done * (self.total - done)
        line = f"make_speech.py: {done} of {self.total} utterances, {left:.0f} s left"
        print(line, file=sys.stderr, flush=True)


def speak_share(jobs, seed, reports, parent):
    """Write some utterances, in a process of its own with a synthesiser of its own.

    Args:
        jobs, seed: as of `speak_all`.
        reports: SimpleQueue; (path, phonemes, "") for each utterance, or (path, None, what failed), which is the last.
        parent: id of the process that waits; when it is gone, so is the need for the rest.
    """
    try:
        with FreshEspeak() as espeak:
            for path, text, lang, speaker in jobs:
                if os.getppid() != parent:
                    return
                try:
                    samples, phonemes = record(espeak, text, lang, speaker, f"{seed} {path.stem}")
                    soundfile.write(path, samples, RATE, subtype="PCM_16")
                except (JstasrError, soundfile.LibsndfileError, OSError) as error:
                    reports.put((path, None, str(error)))
                    return
                reports.put((path, phonemes, ""))
    except KeyboardInterrupt:
        pass  # the parent says so


def speak_all(jobs, nj, seed):
    """Write all utterances, in `nj` processes: threads would wait for each other's Python between C calls.

    Args:
        jobs: list of (path of the wav file, text, language, speaker).
        nj: number of processes.
        seed: any int.
    Returns:
        path -> the phonemes of `record`.
    Raises:
        JstasrError: the first that failed, after the others have been stopped.
    """
    context = multiprocessing.get_context("spawn")
    reports = context.SimpleQueue()
    shares = [jobs[first::nj] for first in range(min(nj, len(jobs)))]
    workers = [context.Process(target=speak_share, args=(share, seed, reports, os.getpid())) for share in shares]
    progress, spoken = Progress(len(jobs)), {}
    try:
        for worker in workers:
            worker.start()
        while len(spoken) < len(jobs):
            alive = any(worker.is_alive() for worker in workers)  # asked first: what they reported comes below
            if reports.empty():
                if not alive:
                    raise JstasrError("not all utterances were written; the reason is above")
                time.sleep(0.05)
                continue
            path, phonemes, failure = reports.get()
            if failure:
                raise JstasrError(f"{path.stem}: {failure}")
            spoken[path] = phonemes
            progress.show(len(spoken))
    finally:
        for worker in workers:
            if worker.pid is not None:
                worker.terminate()
                worker.join()
    return spoken


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nj", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--audio-dir", type=Path, required=True, help="audio goes to <audio dir>/<set>/")
    parser.add_argument("--listed-as", help="what wav.scp shall call the audio dir (default: as it is)")
    parser.add_argument("sets", nargs="+", type=Path, help="folders with text, utt2spk, utt2lang")
    args = parser.parse_args()
    if args.nj < 1:
        raise JstasrError(f"--nj {args.nj}: one at least")
    jobs, wav_scps = [], {}
    for folder in args.sets:
        (args.audio_dir / folder.name).mkdir(parents=True, exist_ok=True)
        speakers, langs = read_table(folder / "utt2spk"), read_table(folder / "utt2lang")
        wav_scps[folder] = {}
        for utterance, text in read_table(folder / "text").items():
            path = args.audio_dir / folder.name / f"{utterance}.wav"
            wav_scps[folder][utterance] = f"{args.listed_as or args.audio_dir}/{folder.name}/{path.name}"
            jobs.append((path, text, langs[utterance], speakers[utterance]))
    spoken = speak_all(jobs, args.nj, args.seed)
    for folder, table in wav_scps.items():
        with atomic_write(folder / "phones.ctm") as file:
            for utterance in sorted(table):
                for begin, duration, phoneme in spoken[args.audio_dir / folder.name / f"{utterance}.wav"]:
                    file.write(f"{utterance} 1 {begin:.3f} {duration:.3f} {phoneme}\n")
        write_table(folder / "wav.scp", table)


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"make_speech.py: error: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
