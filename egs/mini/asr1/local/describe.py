#!/usr/bin/env python3
"""Describe the synthetic data: a table of the sets, and how much of the tests the training speech holds."""

import sys
from pathlib import Path

import soundfile

from jstasr.errors import JstasrError
from jstasr.kaldi.tables import read_table


def outside(text, known):
    """Share of the running words that are not in `known`."""
    words = [word for sentence in text.values() for word in sentence.split()]
    return sum(word not in known for word in words) / len(words)


def main(data):
    vocabulary = {
        part: {word for sentence in read_table(data / part / "text").values() for word in sentence.split()}
        for part in ("train", "train_text")
    }
    print("set         sentences  words/sent.  vocabulary  hours  voices  unheard words  unread words")
    for part in ("train", "train_text", "dev", "test", "test_rare"):
        text = read_table(data / part / "text")
        words = [word for sentence in text.values() for word in sentence.split()]
        line = f"{part:<11} {len(text):>9} {len(words) / len(text):>12.1f} {len(set(words)):>11}"
        if (data / part / "wav.scp").exists():
            wav_scp, spk2utt = read_table(data / part / "wav.scp"), read_table(data / part / "spk2utt")
            seconds = sum(soundfile.info(path).duration for path in wav_scp.values())
            line += f" {seconds / 3600:>6.2f} {len(spk2utt):>7}"
        else:
            line += f" {'-':>6} {'-':>7}"
        unheard, unread = outside(text, vocabulary["train"]), outside(text, vocabulary["train_text"])
        line += f" {unheard:>14.1%} {unread:>13.1%}"
        print(line)
    print("unheard: running words that are not in train; unread: not in train_text")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except JstasrError as error:
        sys.exit(f"describe.py: error: {error}")
