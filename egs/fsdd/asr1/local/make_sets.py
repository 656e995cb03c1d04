#!/usr/bin/env python3
"""Write the sets of the Free Spoken Digit Dataset: four speakers to train on, one for dev, one for test."""

import argparse
import itertools
import random
import sys
from pathlib import Path

import numpy as np
import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi.tables import write_table

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# In alphabetical order, so that nobody has chosen the speaker who suits best.
SPEAKERS = {"train": ("george", "jackson", "lucas", "nicolas"), "dev": ("theo",), "test": ("yweweler",)}
TAKES = 50  # of each digit by each speaker
RATE = 8000  # Hz
MAX_JOINED = 5  # digits in a joined utterance
MAX_WRITTEN = 7  # digits in an unpaired string
GAP = (0.02, 0.20)  # seconds between joined digits


def recordings_of(folder, speaker):
    """dict (digit, take) -> wav file."""
    keys = itertools.product(range(len(DIGITS)), range(TAKES))
    files = {(digit, take): folder / f"{digit}_{speaker}_{take}.wav" for digit, take in keys}
    for path in files.values():
        if not path.is_file() or not path.stat().st_size:
            raise JstasrError(f"{folder} lacks {path.name}: remove or repair that folder, then run again")
    return files


def join(paths, rng):
    """Recordings one after the other, with pauses between; (N,) int16."""
    pieces = []
    for path in paths:
        samples, rate = soundfile.read(path, dtype="int16")
        if rate != RATE or samples.ndim != 1:
            raise JstasrError(f"{path}: {rate} Hz, {samples.ndim} channels; expected mono of {RATE} Hz")
        pieces += [samples, np.zeros(int(rng.uniform(*GAP) * RATE), np.int16)]
    return np.concatenate(pieces[:-1])


def single_digits(folder, part):
    """Tables of the recordings as they are."""
    text, wav_scp, utt2spk = {}, {}, {}
    for speaker in SPEAKERS[part]:
        for (digit, take), path in recordings_of(folder, speaker).items():
            utterance = f"{speaker}-{digit}-{take:02d}"
            text[utterance], wav_scp[utterance], utt2spk[utterance] = DIGITS[digit], path, speaker
    return text, wav_scp, utt2spk


def joined_digits(folder, audio, listed_as, count, rng):
    """Tables of new utterances of two to five digits, each from one training speaker's recordings.

    Args:
        folder: of the recordings.
        audio: folder for the wav files.
        listed_as: what wav.scp shall call it.
        count: number of utterances.
        rng: random.Random.
    """
    text, wav_scp, utt2spk = {}, {}, {}
    files = {speaker: recordings_of(folder, speaker) for speaker in SPEAKERS["train"]}
    for number in range(count):
        speaker = rng.choice(SPEAKERS["train"])
        chosen = rng.sample(sorted(files[speaker]), rng.randint(2, MAX_JOINED))
        utterance = f"{speaker}-joined-{number + 1:05d}"
        samples = join([files[speaker][key] for key in chosen], rng)
        soundfile.write(audio / f"{utterance}.wav", samples, RATE, "PCM_16")
        text[utterance] = " ".join(DIGITS[digit] for digit, _ in chosen)
        wav_scp[utterance] = f"{listed_as}/{utterance}.wav"
        utt2spk[utterance] = speaker
    return text, wav_scp, utt2spk


def digit_strings(count, rng):
    """Unpaired text: strings of one to seven digits, in words."""
    return {
        f"string-{number + 1:06d}": " ".join(rng.choices(DIGITS, k=rng.randint(1, MAX_WRITTEN)))
        for number in range(count)
    }


def write_set(folder, text, wav_scp, utt2spk):
    """A data dir of three tables and its spk2utt."""
    spk2utt = {}
    for utterance in sorted(utt2spk):
        spk2utt[utt2spk[utterance]] = f"{spk2utt.get(utt2spk[utterance], '')} {utterance}".strip()
    for name, table in (("text", text), ("wav.scp", wav_scp), ("utt2spk", utt2spk), ("spk2utt", spk2utt)):
        write_table(folder / name, table)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-joined", type=int, required=True)
    parser.add_argument("--n-text", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--listed-as", help="what wav.scp shall call the outdir (default: as it is)")
    parser.add_argument("recordings", type=Path)
    parser.add_argument("outdir", type=Path)
    args = parser.parse_args()
    audio = args.outdir / "audio" / "train"
    audio.mkdir(parents=True, exist_ok=True)
    for part in SPEAKERS:
        tables = single_digits(args.recordings, part)
        if part == "train":
            listed_as = f"{args.listed_as or args.outdir}/audio/train"
            more = joined_digits(args.recordings, audio, listed_as, args.n_joined, random.Random(f"{args.seed} joined"))
            tables = [one | other for one, other in zip(tables, more)]
        write_set(args.outdir / part, *tables)
        print(f"make_sets.py: {part}: {len(tables[0])} utterances of {', '.join(SPEAKERS[part])}")
    strings = digit_strings(args.n_text, random.Random(f"{args.seed} text"))
    write_table(args.outdir / "train_text" / "text", strings)
    print(f"make_sets.py: train_text: {args.n_text} digit strings")


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"make_sets.py: error: {error}")
