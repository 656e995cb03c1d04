#!/usr/bin/env python3
"""Joins the utterances of a set in order, with pauses: a test of a recogniser on more than one sentence at a time.

    utils/data/join_utterances.py --count 4 data/test data/test_x4
    ./run.sh --stage 2 --stop_stage 5 --test_sets "test test_x4"   # then --stage 8 as usual

Writes wav.scp, text, utt2spk, spk2utt, utt2lang and spk2gender where there are any, and the audio below the new
directory. Each joined utterance has `count` utterances of one speaker (and language), the last ones of a speaker fewer:
the words are those of the set, so that error rates compare.
"""

import argparse
import random
import sys
from pathlib import Path

import numpy as np

from jstasr.errors import JstasrError
from jstasr.kaldi.audio import read_audio, write_audio
from jstasr.kaldi.data_dir import DataDir
from jstasr.kaldi.tables import read_table, spk2utt_of, write_table
from jstasr.text.languages import is_unspaced
from jstasr.text.unspaced import join_unspaced


def rows_of(utterances, key, count):
    """Cut utterances into rows of at most `count` of one key each, in order of the keys."""
    groups = {}
    for utterance in utterances:
        groups.setdefault(key(utterance), []).append(utterance)
    return [group[place : place + count] for group in groups.values() for place in range(0, len(group), count)]


def joined_audio(sources, pause):
    """Samples of the sources with `pause` seconds of digital silence between them, and their rate."""
    parts, rates = zip(*(read_audio(source) for source in sources))
    if len(set(rates)) > 1:
        raise JstasrError(f"{' '.join(sources)}: sampling rates of {sorted(set(rates))} Hz. Take dump/audio/<set>")
    silence = np.zeros(round(pause * rates[0]), dtype=np.float32)
    return np.concatenate([piece for part in parts for piece in (silence, part)][1:]), rates[0]


def join(source, target, count, pause, any_speaker):
    """Write the data directory of the joined utterances; returns how many there are."""
    data = DataDir(source)
    data.check()
    if data.segments is not None:
        raise JstasrError(f"{source}: has segments. Take dump/audio/<set> (stage 2), where each utterance is a file")
    wav_scp, text, utt2spk, utt2lang = data.wav_scp, data.text, data.utt2spk, data.utt2lang
    tables = {name: {} for name in ("wav.scp", "text", "utt2spk", *(["utt2lang"] if utt2lang else []))}
    (target / "audio").mkdir(parents=True, exist_ok=True)

    def key(utterance):
        return "" if any_speaker else utt2spk[utterance], utt2lang[utterance] if utt2lang else ""

    utterances = sorted(wav_scp)
    if any_speaker:
        random.Random(1).shuffle(utterances)
    for row in rows_of(utterances, key, count):
        first = row[0]  # its id begins with that of its speaker: the order of Kaldi's tables holds
        path = target / "audio" / f"{len(tables['text']):06}.wav"
        write_audio(path, *joined_audio([wav_scp[utterance] for utterance in row], pause))
        words = " ".join(text[utterance] for utterance in row)
        language = utt2lang[first] if utt2lang else None
        values = path, join_unspaced(words) if is_unspaced(language) else words, utt2spk[first], language
        for table, value in zip(tables.values(), values):
            table[first] = value
    for name, table in tables.items():
        write_table(target / name, table)
    spk2utt = spk2utt_of(tables["utt2spk"])
    write_table(target / "spk2utt", spk2utt)
    if (source / "spk2gender").is_file():
        genders = read_table(source / "spk2gender")
        write_table(target / "spk2gender", {speaker: genders[speaker] for speaker in spk2utt if speaker in genders})
    return len(tables["text"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2, help="utterances in each joined one (2)")
    parser.add_argument("--pause", type=float, default=0.3, help="seconds of digital silence between two (0.3)")
    parser.add_argument("--any-speaker", action="store_true", help="join utterances at random, whoever speaks")
    parser.add_argument("source", type=Path, help="data directory without segments")
    parser.add_argument("target", type=Path, help="data directory to write")
    options = parser.parse_args()
    if options.count < 1 or options.pause < 0:
        parser.error("--count must be 1 or more, --pause 0 or more")
    if options.source.resolve() == options.target.resolve():
        parser.error("source and target are the same directory")
    found = join(options.source, options.target, options.count, options.pause, options.any_speaker)
    print(f"{options.target}: {found} joined utterances")


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"join_utterances.py: error: {error}")
