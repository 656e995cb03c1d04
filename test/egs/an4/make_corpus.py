#!/usr/bin/env python3
"""make_corpus.py FOLDER: an AN4 of 40 made recordings, as FOLDER/an4_sphere.tar.gz in the official layout.

an4/etc/an4_<part>.fileids         an4_clstk/fash/an251-fash-b
an4/etc/an4_<part>.transcription   <s> YES </s> (an251-fash-b)
an4/wav/<fileid>.sph
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from made_corpus import numbers, pack, speak  # noqa: E402

SPEAKERS = {"train": ("fash", "fbbh", "mjhm", "mkdb"), "test": ("fcaw", "mwhw")}
FOLDERS = {"train": "an4_clstk", "test": "an4test_clstk"}
EACH = {"train": 8, "test": 4}


def main(folder):
    top = folder / "an4"
    (top / "etc").mkdir(parents=True)
    recordings = []
    sentences = iter(numbers("en", 40, "an4"))
    for part, speakers in SPEAKERS.items():
        fileids, transcripts = [], []
        for place, speaker in enumerate(speakers):
            for number in range(EACH[part]):
                name = f"an{100 + number}-{speaker}-b"
                text = next(sentences).upper()
                fileids.append(f"{FOLDERS[part]}/{speaker}/{name}")
                # The official test part comes without the marks of a sentence.
                transcripts.append(f"<s> {text} </s> ({name})" if part == "train" else f"{text} ({name})")
                recordings.append((top / "wav" / f"{fileids[-1]}.sph", text.lower(), "en-us", place))
        (top / f"etc/an4_{part}.fileids").write_text("\n".join(fileids) + "\n")
        (top / f"etc/an4_{part}.transcription").write_text("\n".join(transcripts) + "\n")
    (top / "README").write_text("made for tests\n")
    speak(recordings)
    pack(folder / "an4_sphere.tar.gz", folder, "an4")
    shutil.rmtree(top)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
