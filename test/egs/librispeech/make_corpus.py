#!/usr/bin/env python3
"""make_corpus.py FOLDER: a LibriSpeech of 72 made recordings, in the official layout of openslr.org's resources.

12/test-clean.tar.gz, 31/train-clean-5.tar.gz, ...:
    LibriSpeech/<split>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac and <speaker>-<chapter>.trans.txt
11/librispeech-lm-norm.txt.gz: a sentence a line, in capitals. md5sum.txt: of all archives.
"""

import gzip
import hashlib
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from made_corpus import numbers, pack, speak  # noqa: E402

SPLITS = {
    "train-clean-5": (31, ("19", "198", "1183"), 16),
    "dev-clean-2": (31, ("84", "174"), 4),
    "test-clean": (12, ("61", "121"), 4),
    "test-other": (12, ("367", "533"), 4),
}


def main(folder):
    sentences = iter(numbers("en", 300, "librispeech"))
    recordings = []
    for split, (_, speakers, each) in SPLITS.items():
        for speaker in speakers:
            for chapter in ("100", "2001"):
                place = folder / "LibriSpeech" / split / speaker / chapter
                place.mkdir(parents=True)
                lines = []
                for number in range(each // 2):
                    name = f"{speaker}-{chapter}-{number:04d}"
                    text = next(sentences)
                    lines.append(f"{name} {text.upper()}\n")
                    recordings.append((place / f"{name}.flac", text, "en-us", int(speaker)))
                (place / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines))
    speak(recordings)
    sums = []
    for split, (resource, *_) in SPLITS.items():
        archive = folder / f"{resource}/{split}.tar.gz"
        pack(archive, folder, f"LibriSpeech/{split}")
        sums.append(f"{hashlib.md5(archive.read_bytes()).hexdigest()}  {archive.name}\n")
    (folder / "md5sum.txt").write_text("".join(sums))
    (folder / "11").mkdir()
    with gzip.open(folder / "11/librispeech-lm-norm.txt.gz", "wt") as file:
        file.writelines(f"{text.upper()}\n" for text in sentences)
    shutil.rmtree(folder / "LibriSpeech")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
