#!/usr/bin/env python3
"""VoxPopuli's tables and recordings -> data/{train,dev,test}, and text of one's own -> data/train_text."""

import argparse
import json
import sys
from pathlib import Path

from jstasr.corpus.recipe_sets import Utterance, made_together, read_lines, text_of_files, write_set, write_text_set
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

SPLITS = ("train", "dev", "test")
NEEDED = {"id", "normalized_text", "speaker_id"}


def count_parts(voxpopuli, lang, split):
    """How many archives a split has, from data/n_files.json: {"sl": {"train": 1, "dev": 1, "test": 1}, ...}."""
    path = voxpopuli / "data/n_files.json"
    try:
        counts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise JstasrError(f"{path}: no JSON ({error}); remove it, and the next run downloads it again") from None
    if lang not in counts:
        raise JstasrError(f"VoxPopuli has no transcripts in '{lang}', but in: {' '.join(sorted(counts))}")
    return counts[lang][split]


def rows_of(path):
    """dict id -> row of asr_<split>.tsv."""
    lines = (line.rstrip("\n").split("\t") for line in read_lines(path))
    header = next(lines, [])
    if missing := NEEDED - set(header):
        raise JstasrError(f"{path}:1: lacks the columns {first_few(sorted(missing))}; it has {first_few(header)}")
    rows = {}
    for number, values in enumerate(lines, 2):
        if len(values) != len(header):
            raise JstasrError(f"{path}:{number}: {len(values)} columns, not {len(header)}")
        row = dict(zip(header, values))
        rows[row["id"]] = row
    return rows


def utterances_of(voxpopuli, lang, split):
    """Utterances of <split>/<split>_part_<n>/**/<id>.wav with their rows."""
    folder = voxpopuli / "data" / lang
    rows = rows_of(folder / f"asr_{split}.tsv")
    audio = {path.stem: path for path in sorted((folder / split).rglob("*.wav"))}
    unknown = sorted(audio.keys() - rows.keys())
    if unknown:
        raise JstasrError(
            f"{folder}/asr_{split}.tsv lacks {len(unknown)} of {len(audio)} recordings: {first_few(unknown, 3)}"
        )
    if len(audio) < len(rows):
        print(f"{lang} {split}: {len(rows) - len(audio)} of {len(rows)} rows have no recording and are left out")
    for name, path in audio.items():
        text, speaker = " ".join(rows[name]["normalized_text"].split()), rows[name]["speaker_id"]
        key = f"{lang}-{speaker}-{name}"
        # Whose name is not known is nobody else.
        yield Utterance(key, key if speaker in ("", "None") else f"{lang}-{speaker}", str(path), text, lang)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voxpopuli", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--langs", nargs="+", required=True)
    parser.add_argument("--count-parts", choices=SPLITS, metavar="SPLIT", help="print the number of its archives only")
    parser.add_argument("--text-files", nargs="*", default=[], metavar="LANG=FILE")
    parser.add_argument("--n-text", type=int)
    parser.add_argument("--seed", type=int, default=1, help="of their choice")
    parser.add_argument("--data", type=Path, default=Path("data"))
    args = parser.parse_args()
    if args.count_parts:
        print(count_parts(args.voxpopuli, args.langs[0], args.count_parts))
        return
    sets = [*SPLITS, *(["train_text"] if args.text_files else [])]
    with made_together(args.data, " ".join(sys.argv[1:]), sets) as work:
        if work:
            for split in SPLITS:
                utterances = [each for lang in args.langs for each in utterances_of(args.voxpopuli, lang, split)]
                write_set(work / split, utterances, f"VoxPopuli, {split}")
            if args.text_files:
                write_text_set(work / "train_text", text_of_files(args.text_files, args.langs, args.n_text, args.seed))


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"make_sets.py: error: {error}")
