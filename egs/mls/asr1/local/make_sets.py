#!/usr/bin/env python3
"""Multilingual LibriSpeech's folders -> data/{train,dev,test}, and its text -> data/train_text."""

import argparse
import sys
from pathlib import Path

from jstasr.corpus.recipe_sets import Utterance, choose_lines, made_together, read_lines, write_set, write_text_set
from jstasr.errors import JstasrError


def utterances_of(folder, part, lang):
    """Utterances of <part>/transcripts.txt, lines `10118_7704_000000<tab>words`: speaker, book, number.

    Ids become de-10118-7704-000000, so that speakers sort as ids do.
    """
    suffix = ".opus" if folder.name.endswith("_opus") else ".flac"
    for number, line in enumerate(read_lines(folder / part / "transcripts.txt"), 1):
        name, mark, words = line.rstrip("\n").partition("\t")
        if not mark or name.count("_") != 2:
            raise JstasrError(
                f"{folder}/{part}/transcripts.txt:{number}: not `speaker_book_number<tab>words`: {line!r}"
            )
        speaker, book, _ = name.split("_")
        audio = folder / part / "audio" / speaker / book / f"{name}{suffix}"
        yield Utterance(
            f"{lang}-{name.replace('_', '-')}", f"{lang}-{speaker}", str(audio), " ".join(words.split()), lang
        )


def limited_ids(folder, lang):
    """Ids of the 10 hours: the 9 hours and the six times ten minutes of train/limited_supervision."""
    lists = sorted((folder / "train/limited_supervision").glob("*hr/**/handles.txt"))
    if not lists:
        raise JstasrError(f"{folder}/train/limited_supervision: no handles.txt, the list of 10 hours of speech")
    return {f"{lang}-{line.strip().replace('_', '-')}" for path in lists for line in read_lines(path) if line.strip()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limited", action="store_true")
    parser.add_argument("--n-text", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1, help="of their choice")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("languages", nargs="+", metavar="LANG=FOLDER=TEXT", help="as in pl=mls_polish_opus=data.txt")
    args = parser.parse_args()
    languages = [words.split("=") for words in args.languages]
    how = f"{' '.join(args.languages)} --limited {args.limited} --n-text {args.n_text} --seed {args.seed}"
    with made_together(args.data, how, ["train", "dev", "test", "train_text"]) as work:
        if work:
            for part in ("train", "dev", "test"):
                utterances = []
                for lang, folder, _ in languages:
                    mine = list(utterances_of(Path(folder), part, lang))
                    if part == "train" and args.limited:
                        chosen = limited_ids(Path(folder), lang)
                        mine = [utterance for utterance in mine if utterance.id in chosen]
                    utterances += mine
                write_set(work / part, utterances, f"MLS, {part}")
            # A line with < holds a mark such as <unk>, not words alone.
            texts = {lang: (line for line in read_lines(path) if "<" not in line) for lang, _, path in languages}
            sentences = {lang: choose_lines(lines, args.n_text, args.seed) for lang, lines in texts.items()}
            write_text_set(work / "train_text", sentences)


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"make_sets.py: error: {error}")
