#!/usr/bin/env python3
"""speechocean762 and sentences of other corpora -> data/{train,dev,test,train_text}."""

import argparse
import csv
import sys
from pathlib import Path
from typing import NamedTuple

from jstasr.corpus.importers.sentences import TextReading, new_sentences
from jstasr.corpus.importers.split import sentence_key
from jstasr.corpus.recipe_sets import Utterance, choose_lines, made_together, read_lines, write_set, write_text_set
from jstasr.errors import JstasrError
from jstasr.kaldi.tables import write_table


class Speaker(NamedTuple):
    """What the corpus says about a speaker; sorts by sex, age and id."""

    sex: str  # m or f
    age: int
    id: str


def official_part(corpus, part):
    """(Utterances, speakers by id) of <part>/{wav.scp,text,utt2spk,spk2age,spk2gender}, or of <part>.tsv and clips/."""
    folder = corpus / part
    try:
        if folder.is_dir():
            wav, text, utt2spk, ages, sexes = (
                _table(folder / name) for name in ("wav.scp", "text", "utt2spk", "spk2age", "spk2gender")
            )
            utterances = [Utterance(key, one, str(corpus / wav[key]), text[key]) for key, one in utt2spk.items()]
        else:
            rows = list(_rows(corpus / f"{part}.tsv"))
            ages = {row["client_id"]: row["age"] for row in rows}
            sexes = {row["client_id"]: row["gender"] for row in rows}
            utterances = [
                Utterance(
                    Path(row["path"]).stem, row["client_id"], str(corpus / "clips" / row["path"]), row["sentence"]
                )
                for row in rows
            ]
        speakers = {one: Speaker(sexes[one][0].lower(), int(ages[one]), one) for _, one, *_ in utterances}
    except KeyError as error:
        raise JstasrError(
            f"{corpus}, {part}: nothing about {error}: remove that folder, and the next run brings it whole"
        ) from None
    return sorted(utterances), speakers


def _rows(path):
    """Rows of a table with a header, as Common Voice's."""
    return csv.DictReader(read_lines(path), delimiter="\t", quoting=csv.QUOTE_NONE)


def _table(path):
    """A table of Kaldi, of which this corpus has some with tabs."""
    pairs = (line.split(maxsplit=1) for line in read_lines(path) if line.strip())
    return {key: value.strip() for key, value in pairs}


def dev_speakers(speakers, count):
    """Ids of `count` speakers at equal distances in the order of sex, age and id: dev is like train in both."""
    if not 0 < count < len(speakers):
        raise JstasrError(f"--n-dev {count}: the training part has {len(speakers)} speakers")
    ordered = sorted(speakers.values())
    return {ordered[int((place + 0.5) * len(ordered) / count)].id for place in range(count)}


def sentences(paths):
    """Sentences of text files, a line each, and of Common Voice's tables."""
    for path in paths:
        yield from (row["sentence"] or "" for row in _rows(path)) if path.endswith(".tsv") else read_lines(path)


def make(work, args):
    """All sets, in the folder `work`."""
    spoken, speakers = official_part(args.corpus, "train")
    test, test_speakers = official_part(args.corpus, "test")
    in_dev = dev_speakers(speakers, args.n_dev)
    tested = {sentence_key(one.text, "en") for one in test}
    train = [one for one in spoken if sentence_key(one.text, "en") not in tested]
    print(f"train: left out {len(spoken) - len(train)} utterances of sentences that test has")
    dev = [one for one in train if one.speaker in in_dev]
    train = [one for one in train if one.speaker not in in_dev]
    for name, utterances, about in (("train", train, speakers), ("dev", dev, speakers), ("test", test, test_speakers)):
        write_set(work / name, utterances, f"speechocean762, {name}")
        write_table(work / name / "spk2gender", {one.speaker: about[one.speaker].sex for one in utterances})
    excluded = tested | {sentence_key(one.text, "en") for one in dev}
    found = choose_lines(sentences(args.text), args.n_text, args.seed)
    reading = TextReading(lines=len(found))
    write_text_set(work / "train_text", {"": new_sentences(found, "en", excluded, reading)})
    spoken_elsewhere = reading.left_out["that dev or test has"]
    print(f"train_text: left out {spoken_elsewhere} sentences that dev or test has, of {len(found)} in all")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-dev", type=int, required=True, help="speakers of dev")
    parser.add_argument("--n-text", type=int, required=True, help="sentences without speech; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="of their choice")
    parser.add_argument("--text", nargs="+", required=True, help="text files, plain or gz, and Common Voice's .tsv")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("corpus", type=Path)
    args = parser.parse_args()
    how = f"{args.corpus} --n-dev {args.n_dev} --n-text {args.n_text} --seed {args.seed} --text {' '.join(args.text)}"
    with made_together(args.data, how, ["train", "dev", "test", "train_text"]) as work:
        if work:
            make(work, args)


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"make_sets.py: error: {error}")
