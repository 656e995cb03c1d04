#!/usr/bin/env python3
"""make_corpus.py FOLDER: a FLEURS of English, Turkish and Chinese, 84 made recordings, as google/fleurs on the Hub.

data/<language>/<split>.tsv: no header; sentence, file, as written, normalised, its characters, samples, gender
data/<language>/audio/<split>.tar.gz: <split>/<file>
"""

import random
import shutil
import sys
from pathlib import Path

import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from made_corpus import numbers, pack, speak  # noqa: E402

VOICES = {"en_us": "en-us", "tr_tr": "tr", "cmn_hans_cn": "cmn"}
SPLITS = {"train": 16, "dev": 6, "test": 6}


def sentences_of(language, count):
    """(as written, normalised); in Chinese the normalised text has spaces between the characters."""
    if language == "cmn_hans_cn":
        rng = random.Random("cmn")
        texts = ["".join(rng.choices("一二三四五六七八九十百", k=6)) for _ in range(count)]
        return [(f"{text}。", " ".join(text)) for text in texts]
    return [(f"{text[0].upper()}{text[1:]}.", text) for text in numbers(language.split("_")[0], count, "fleurs")]


def main(folder):
    for language, voice in VOICES.items():
        place = folder / "data" / language
        sentences = iter(sentences_of(language, sum(SPLITS.values())))
        for first, (split, count) in enumerate(SPLITS.items(), 1):
            chosen = [(100 * first + number // 2, number, *next(sentences)) for number in range(count)]
            files = {number: f"{10**17 + 1000 * first + number}.wav" for _, number, _, _ in chosen}
            speak([(place / split / files[number], raw, voice, number) for _, number, raw, _ in chosen])
            rows = []
            for sentence, number, raw, text in chosen:
                characters = " ".join(text.replace(" ", "|")) + " |"
                samples = soundfile.info(place / split / files[number]).frames
                gender = ("MALE", "FEMALE")[number % 2]
                rows.append(f"{sentence}\t{files[number]}\t{raw}\t{text}\t{characters}\t{samples}\t{gender}\n")
            (place / f"{split}.tsv").write_text("".join(rows))
            pack(place / f"audio/{split}.tar.gz", place, split)
            shutil.rmtree(place / split)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
