#!/usr/bin/env python3
"""make_corpus.py FOLDER: a speechocean762 of 40 synthetic recordings, and text without speech.

101/speechocean762.tar.gz, as openslr.org has it:
    speechocean762/WAVE/SPEAKER<speaker>/<speaker><number>.WAV
    speechocean762/<part>/{wav.scp,text,utt2spk,spk2utt,spk2age,spk2gender}, with tabs
11/librispeech-lm-norm.txt.gz and text.txt: sentences, the last of them one of speaker 0048 and three of speaker 0011.
"""

import gzip
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from made_corpus import numbers, pack, speak  # noqa: E402

# Ages and sexes are not in the order of the ids.
SPEAKERS = {
    "train": {
        "0001": (6, "m"),
        "0005": (30, "f"),
        "0006": (25, "m"),
        "0026": (7, "f"),
        "0036": (11, "m"),
        "0048": (9, "f"),
    },
    "test": {"0003": (6, "m"), "0011": (41, "f")},
}
EACH = 5


def main(folder):
    top = folder / "speechocean762"
    sentences = iter(numbers("en", 200, "speechocean762"))
    recordings, spoken = [], []
    for part, speakers in SPEAKERS.items():
        tables = {name: [] for name in ("wav.scp", "text", "utt2spk", "spk2utt", "spk2age", "spk2gender")}
        for speaker, (age, sex) in speakers.items():
            ids = [f"{speaker}{7 * number:05d}" for number in range(1, EACH + 1)]
            for name in ids:
                # One sentence of the training part is read in test too.
                text = spoken[0] if name == "001100007" else next(sentences)
                spoken.append(text)
                audio = f"WAVE/SPEAKER{speaker}/{name}.WAV"
                tables["wav.scp"].append(f"{name}\t{audio}\n")
                tables["text"].append(f"{name}\t{text.upper()}\n")
                tables["utt2spk"].append(f"{name}\t{speaker}\n")
                recordings.append((top / audio, text, "en-us", int(speaker)))
            tables["spk2utt"].append(f"{speaker} {' '.join(ids)}\n")
            tables["spk2age"].append(f"{speaker}\t{age}\n")
            tables["spk2gender"].append(f"{speaker}\t{sex}\n")
        (top / part).mkdir(parents=True)
        for name, lines in tables.items():
            (top / part / name).write_text("".join(lines))
    speak(recordings)
    pack(folder / "101/speechocean762.tar.gz", folder, "speechocean762")
    shutil.rmtree(top)
    text = [f"{line.capitalize()}.\n" for line in [*sentences, spoken[5 * EACH], *spoken[-3:]]]
    (folder / "text.txt").write_text("".join(text))
    (folder / "11").mkdir()
    with gzip.open(folder / "11/librispeech-lm-norm.txt.gz", "wt") as file:
        file.writelines(line.upper() for line in text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
