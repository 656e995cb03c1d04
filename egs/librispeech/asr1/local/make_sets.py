#!/usr/bin/env python3
"""LibriSpeech's folders -> data dirs, and its text -> a text-only set."""

import argparse
import sys
from pathlib import Path

from jstasr.corpus.recipe_sets import Utterance, choose_lines, made_together, read_lines, write_set, write_text_set
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few


def utterances_of(split):
    """Utterances of <split>/<speaker>/<chapter>/{<speaker>-<chapter>.trans.txt,<speaker>-<chapter>-<number>.flac}."""
    chapters = sorted(path for path in split.glob("*/*") if path.is_dir())
    lists = {chapter: chapter / f"{chapter.parent.name}-{chapter.name}.trans.txt" for chapter in chapters}
    missing = [path for path in lists.values() if not path.is_file()]
    if missing:
        raise JstasrError(
            f"{split} lacks the transcripts {first_few(missing, 3)}: "
            "remove that folder, and the next run brings it whole"
        )
    for chapter, path in lists.items():
        for line in read_lines(path):
            name, _, words = line.strip().partition(" ")
            yield Utterance(name, chapter.parent.name, str(chapter / f"{name}.flac"), words.lower())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--librispeech", type=Path, required=True, help="folder of the splits")
    parser.add_argument("--text", type=Path, required=True, help="librispeech-lm-norm.txt.gz")
    parser.add_argument("--n-text", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1, help="of their choice")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("sets", nargs="+", metavar="SET=SPLIT+SPLIT", help="as in train=train-clean-5")
    args = parser.parse_args()
    sets = {name: splits.split("+") for name, _, splits in (words.partition("=") for words in args.sets)}
    how = f"{args.librispeech} --n-text {args.n_text} --seed {args.seed} {' '.join(args.sets)}"
    with made_together(args.data, how, [*sets, "train_text"]) as work:
        if work:
            for name, splits in sets.items():
                utterances = [each for split in splits for each in utterances_of(args.librispeech / split)]
                write_set(work / name, utterances, f"LibriSpeech, {' '.join(splits)}")
            lines = choose_lines(read_lines(args.text), args.n_text, args.seed)
            write_text_set(work / "train_text", {"": [line.lower() for line in lines]})


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"make_sets.py: error: {error}")
