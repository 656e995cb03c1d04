#!/usr/bin/env python3
"""make_corpus.py FOLDER: an MLS of Polish and Portuguese, 80 made recordings, in the official layout of openslr.org/94.

mls_polish_opus.tar.gz:
    mls_polish_opus/<split>/{transcripts.txt,segments.txt,audio/<speaker>/<book>/<speaker>_<book>_<number>.opus}
    mls_polish_opus/train/limited_supervision/{9hr,1hr/0,...}/handles.txt
mls_lm_polish.tar.gz: mls_lm_polish/{data.txt,3-gram_lm.arpa}. md5sum.txt: of all archives.
"""

import hashlib
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from made_corpus import numbers, pack, speak  # noqa: E402

LANGUAGES = {"polish": ("pl", "pl"), "portuguese": ("pt_BR", "pt-br")}
SPLITS = {"train": (("1018", "101", "6892"), 8), "dev": (("2220",), 6), "test": (("3050", "4044"), 4)}


def main(folder):
    recordings, archives = [], []
    for name, (code, voice) in LANGUAGES.items():
        sentences = iter(numbers(code, 160, "mls"))
        top = folder / f"mls_{name}_opus"
        handles = []
        for split, (speakers, each) in SPLITS.items():
            (top / split).mkdir(parents=True)
            transcripts, segments = [], []
            for speaker in speakers:
                for number in range(each):
                    key, text = f"{speaker}_55_{number:06d}", next(sentences)
                    transcripts.append(f"{key}\t{text}\n")
                    segments.append(
                        f"{key}\thttp://books.invalid/{speaker}.mp3\t{10 * number}.00\t{10 * number + 9}.50\n"
                    )
                    audio = top / split / "audio" / speaker / "55" / f"{key}.opus"
                    recordings.append((audio, text, voice, int(speaker)))
                    if split == "train":
                        handles.append(f"{key}\n")
            (top / split / "transcripts.txt").write_text("".join(transcripts))
            (top / split / "segments.txt").write_text("".join(segments))
        limited = top / "train/limited_supervision"
        for place, part in {"9hr": handles[:6], "1hr/0": handles[6:8], "1hr/1": handles[8:9]}.items():
            (limited / place).mkdir(parents=True)
            (limited / place / "handles.txt").write_text("".join(part))
        (top / "metainfo.txt").write_text("SPEAKER | GENDER | PARTITION | MINUTES | BOOK ID | TITLE | CHAPTER\n")
        lm = folder / f"mls_lm_{name}"
        lm.mkdir()
        (lm / "data.txt").write_text("".join(f"{text}\n" for text in sentences))
        (lm / "3-gram_lm.arpa").write_text("\\data\\\n")
        archives += [top.name, lm.name]
    speak(recordings)
    sums = []
    for name in archives:
        pack(folder / f"{name}.tar.gz", folder, name)
        sums.append(f"{hashlib.md5((folder / f'{name}.tar.gz').read_bytes()).hexdigest()}  {name}.tar.gz\n")
        shutil.rmtree(folder / name)
    (folder / "md5sum.txt").write_text("".join(sums))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
