#!/usr/bin/env python3
"""FLEURS' tables and recordings -> data/{train,dev,test}, and text of one's own -> data/train_text."""

import argparse
import sys
from pathlib import Path

from jstasr.corpus.recipe_sets import Utterance, made_together, read_lines, text_of_files, write_set, write_text_set
from jstasr.errors import JstasrError
from jstasr.kaldi.audio import audio_info
from jstasr.kaldi.files import first_few
from jstasr.text.language_codes import canonical_code

# Sentence, file, as written, in small letters without punctuation, its characters, samples, gender.
COLUMNS = ("id", "file_name", "raw", "normalised", "characters", "num_samples", "gender")


def utterances_of(folder, split, transcript):
    """Utterances of data/<language>/<split>.tsv; FLEURS names no speakers, so each is its own."""
    lang = canonical_code(folder.name)
    for number, line in enumerate(read_lines(folder / f"{split}.tsv"), 1):
        values = line.rstrip("\n").split("\t")
        if len(values) != len(COLUMNS):
            raise JstasrError(f"{folder}/{split}.tsv:{number}: {len(values)} columns, not {len(COLUMNS)}")
        row = dict(zip(COLUMNS, values))
        stem = row["file_name"].removesuffix(".wav")
        key = f"{lang}-{int(row['id']):05d}-{stem}"
        audio = folder / "audio" / split / row["file_name"]
        yield Utterance(key, key, str(audio), " ".join(row[transcript].split()), lang)


def readable(utterances, split):
    """The utterances whose recording is audio; the others, of which the published archives have a few, are reported."""
    kept, faults = [], []
    for utterance in utterances:
        try:
            # One that is not there at all is an error of the whole split, which write_set reports.
            frames = audio_info(utterance.audio)[2] if Path(utterance.audio).is_file() else 1
            if not frames:
                raise JstasrError(f"{utterance.audio}: no samples")
            kept.append(utterance)
        except JstasrError as error:
            faults.append(error)
    if faults:
        print(f"{split}: left out {len(faults)} recordings that are no audio: {first_few(faults, 3)}")
    return kept


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fleurs", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--langs", nargs="+", required=True, help="as in en_us")
    parser.add_argument("--transcript", choices=["normalised", "raw"], required=True)
    parser.add_argument("--text-files", nargs="*", default=[], metavar="LANG=FILE")
    parser.add_argument("--n-text", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1, help="of their choice")
    parser.add_argument("--data", type=Path, default=Path("data"))
    args = parser.parse_args()
    folders = [args.fleurs / "data" / name for name in args.langs]
    sets = ["train", "dev", "test"] + (["train_text"] if args.text_files else [])
    with made_together(args.data, " ".join(sys.argv[1:]), sets) as work:
        if work:
            for split in ("train", "dev", "test"):
                utterances = [each for folder in folders for each in utterances_of(folder, split, args.transcript)]
                write_set(work / split, readable(utterances, split), f"FLEURS, {split}")
            if args.text_files:
                codes = list(map(canonical_code, args.langs))
                write_text_set(work / "train_text", text_of_files(args.text_files, codes, args.n_text, args.seed))


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"make_sets.py: error: {error}")
