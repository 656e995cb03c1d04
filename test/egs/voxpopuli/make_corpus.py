#!/usr/bin/env python3
"""make_corpus.py FOLDER: a VoxPopuli of Slovene and Lithuanian, 64 made recordings, as facebook/voxpopuli on the Hub.

data/n_files.json: {"sl": {"train": 2, "dev": 1, "test": 1}, ...}
data/<language>/asr_<split>.tsv: with a header
data/<language>/<split>/<split>_part_<n>.tar.gz: <split>_part_<n>/<id>.wav

FOLDER/sl.txt: a text without speech.
"""

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from made_corpus import numbers, pack, speak  # noqa: E402

HEADER = "id raw_text normalized_text speaker_id split gender is_gold_transcript accent".split()
LANGUAGES = {"sl": "sl", "lt": "lt"}
SPLITS = {"train": (2, ("96789", "None", "1010")), "dev": (1, ("2828",)), "test": (1, ("28200",))}
EACH = 8


def main(folder):
    counts = {}
    for language, voice in LANGUAGES.items():
        sentences = iter(numbers(language, 80, "voxpopuli"))
        place = folder / "data" / language
        counts[language] = {split: parts for split, (parts, _) in SPLITS.items()}
        for split, (parts, speakers) in SPLITS.items():
            rows, recordings = [HEADER], []
            for part in range(parts):
                for number in range(EACH):
                    speaker = speakers[(part * EACH + number) % len(speakers)]
                    name = (
                        f"20180313-0900-PLENARY-{part}-{language}_20180313-09:{part}{split[:2]}:{number:02d}_{number}"
                    )
                    text = next(sentences)
                    raw = f"{text[0].upper()}{text[1:]}."
                    rows.append([name, raw, text, speaker, split, "female", "True", "None"])
                    recordings.append((place / split / f"{split}_part_{part}/{name}.wav", text, voice, number))
            # The official tables have rows whose text is empty.
            rows[-1][1:3] = "", ""
            speak(recordings)
            (place / f"asr_{split}.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
            for part in range(parts):
                pack(place / split / f"{split}_part_{part}.tar.gz", place / split, f"{split}_part_{part}")
                shutil.rmtree(place / split / f"{split}_part_{part}")
        if language == "sl":
            (folder / "sl.txt").write_text("".join(f"{text}\n" for text in sentences))
    (folder / "data/n_files.json").write_text(json.dumps(counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
