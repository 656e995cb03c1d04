#!/usr/bin/env python3
"""AN4's transcripts and recordings -> data/{train,dev,test}."""

import argparse
import re
import sys
from pathlib import Path

from jstasr.corpus.recipe_sets import Utterance, made_together, read_lines, write_set
from jstasr.errors import JstasrError
from jstasr.kaldi.files import first_few

TRANSCRIPT = re.compile(r"(?:<s>)?(?P<words>.*?)(?:</s>)?\s*\((?P<name>[^()\s]+)\)")
RAW = "sox -t raw -r 16000 -e signed -b 16 -B -c 1 {} -t wav - |"  # of the archive an4_raw.bigendian


def utterances_of(folder, part):
    """Utterances of etc/an4_<part>.{fileids,transcription}, sorted by id.

    A recording is called an251-fash-b, of speaker fash; its id becomes fash-an251-b, so that speakers sort as ids do.
    """
    transcripts = {}
    for number, line in enumerate(read_lines(folder / f"etc/an4_{part}.transcription"), 1):
        if not (found := TRANSCRIPT.fullmatch(line.strip())):
            raise JstasrError(f"{folder}/etc/an4_{part}.transcription:{number}: not `words (name)`: {line.strip()}")
        transcripts[found["name"]] = " ".join(found["words"].split()).lower()
    paths = [Path(line.strip()) for line in read_lines(folder / f"etc/an4_{part}.fileids") if line.strip()]
    silent = [path.name for path in paths if path.name not in transcripts]
    if silent:
        raise JstasrError(f"{folder}/etc/an4_{part}.transcription lacks {len(silent)} recordings: {first_few(silent)}")
    utterances = []
    for path in paths:
        first, speaker, last = path.name.split("-")
        audio = folder / "wav" / f"{path}.sph"
        raw = audio.with_suffix(".raw")
        source = RAW.format(raw) if raw.is_file() else str(audio)
        utterances.append(Utterance(f"{speaker}-{first}-{last}", speaker, source, transcripts[path.name]))
    return sorted(utterances)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-dev", type=int, required=True)
    parser.add_argument("an4", type=Path)
    parser.add_argument("data", type=Path)
    args = parser.parse_args()
    with made_together(args.data, f"{args.an4} --n-dev {args.n_dev}", ["train", "dev", "test"]) as work:
        if work:
            train = utterances_of(args.an4, "train")
            write_set(work / "dev", train[: args.n_dev], "AN4, train")
            write_set(work / "train", train[args.n_dev :], "AN4, train")
            write_set(work / "test", utterances_of(args.an4, "test"), "AN4, test")


if __name__ == "__main__":
    try:
        main()
    except JstasrError as error:
        sys.exit(f"make_sets.py: error: {error}")
