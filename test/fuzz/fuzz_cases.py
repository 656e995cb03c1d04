"""Random recordings, transcripts and damage, and the commands that meet them."""

import contextlib
import io
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from hypothesis import strategies as st

from jstasr.cli import main

ROOT = Path(__file__).resolve().parents[2]
RATE = 8000

WORDS = [
    "hello",
    "l'eau",
    '"quoted"',
    "a,b",
    "x;y",
    "дом",
    "好",
    "é",
    "e\u0301",
    "12",
    "½",
    "nan",
    "null",
    "#",
    "\u00a0",
]
NAMES = ["a", "b c", "d'e", "ü", "x.y", "日本", "-n", "$(id)", "a&b", "#", '"', "wav.scp"]
SPEAKERS = ["ann", "ann-marie", "ann b", "Ünal", "a/b", "007", "-x"]
BAD_TEXTS = ["", "  ", "?!", "a\x07b", "x <s> y", "\u00a0"]
ENDINGS = [".wav", ".WAV", ".flac", ".ogg"]
BAD_AUDIO = ["missing", "empty", "text", "cut", "link", "folder", "header"]

good_texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(lambda words: " ".join(["la", *words]))


@dataclass
class Recording:
    """A file with its transcript, as a corpus has it."""

    name: str  # with ending
    audio: str  # "good", or what is wrong with it
    text: str
    speaker: str
    seconds: float

    @property
    def good(self):
        """Is it an utterance that must be taken?"""
        return self.audio == "good" and any(character.isalnum() for character in self.said) and self.printable

    @property
    def printable(self):
        return "\x07" not in self.text and "<s>" not in self.text

    @property
    def said(self):
        """The transcript as it must arrive."""
        return " ".join(self.text.split())

    def write(self, folder):
        """Write the audio, good or damaged."""
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.audio == "missing":
            return
        if self.audio == "link":
            path.symlink_to("nowhere")
        elif self.audio == "folder":
            path.mkdir()
        elif self.audio == "empty":
            path.touch()
        elif self.audio == "text":
            path.write_text("<html>404</html>" * 20)
        else:
            frames = 0 if self.audio == "header" else round(self.seconds * RATE)
            sound = np.random.default_rng(len(self.name)).normal(0, 0.1, frames)
            kind = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG"}[path.suffix.lower()]
            with open(path, "wb") as file:
                soundfile.write(file, sound, RATE, format=kind)
            if self.audio == "cut":
                os.truncate(path, path.stat().st_size // 2)


@st.composite
def recordings(draw, all_good=None):
    """A few recordings of different names; most of them good."""
    count = draw(st.integers(1, 5))
    found = []
    with_speakers = draw(st.booleans())
    for number in range(count):
        bad = draw(st.sampled_from(["", "", "", "audio", "text"])) if all_good is None else ("" if all_good else "text")
        ending = draw(st.sampled_from(ENDINGS))
        audio = draw(st.sampled_from(BAD_AUDIO)) if bad == "audio" else "good"
        if audio in ("cut", "header"):
            ending = ".wav"  # whose header says how long it is
        found.append(
            Recording(
                f"{number}{draw(st.sampled_from(NAMES))}{ending}",
                audio,
                draw(st.sampled_from(BAD_TEXTS)) if bad == "text" else draw(good_texts),
                draw(st.sampled_from(SPEAKERS)) if with_speakers else "",
                draw(st.sampled_from([0.3, 0.5, 1.0])),
            )
        )
    return found


@st.composite
def damage(draw):
    """A function of bytes that changes some of them."""
    kind = draw(st.sampled_from(["flip", "cut", "insert", "line", "double", "ends", "mark", "join", "split"]))
    place = draw(st.integers(0, 9999)) / 10_000
    extra = draw(
        st.sampled_from([b"\0", b"\xff", b"\n", b"\r", b'"', b"\t", b" ", b",", b"{", b"\xef\xbb\xbf", b"\xc3"])
    )

    def apply(content):
        at = int(place * len(content))
        lines = content.split(b"\n")
        line = int(place * len(lines))
        marks = [n for n, byte in enumerate(content) if byte in b'\t,|\n" '] or [0]
        mark = marks[int(place * len(marks))]
        return {
            "flip": lambda: content[:at] + extra + content[at + 1 :],
            "cut": lambda: content[:at],
            "insert": lambda: content[:at] + extra + content[at:],
            "line": lambda: b"\n".join(lines[:line] + lines[line + 1 :]),
            "double": lambda: b"\n".join(lines[: line + 1] + lines[line:]),
            "ends": lambda: content.replace(b"\n", b"\r\n"),
            "join": lambda: content[:mark] + content[mark + 1 :],  # two fields or lines
            "split": lambda: content[:mark] + content[mark : mark + 1] * 2 + content[mark + 1 :],
            "mark": lambda: b"\xef\xbb\xbf" + content,
        }[kind]()

    return apply


@st.composite
def audio_damage(draw):
    """A function of the bytes of an audio file that changes some of them, most often of its header."""
    kind = draw(st.sampled_from(["flip", "cut", "zeros", "junk", "insert"]))
    place = draw(st.one_of(st.integers(0, 80), st.integers(0, 20_000)))
    value = draw(st.integers(0, 255))

    def apply(content):
        at = min(place, max(len(content) - 1, 0))
        return {
            "flip": lambda: content[:at] + bytes([value]) + content[at + 1 :],
            "cut": lambda: content[:at],
            "zeros": lambda: content[:at] + bytes(len(content) - at),
            "junk": lambda: content[:at] + np.random.default_rng(value).bytes(64) + content[at + 64 :],
            "insert": lambda: content[:at] + bytes([value]) + content[at:],
        }[kind]()

    return apply


@dataclass
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str


def jstasr(*words):
    """Run a command of jstasr in this process: an exception is a traceback that a user would see."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(word) for word in words])
    said = err.getvalue()
    assert status in (0, 1), said
    if status == 1:
        assert said.startswith(f"jstasr {words[0]}: error: "), said
    return Outcome(status, out.getvalue(), said)


def tool(name, *words):
    """Run a shell tool."""
    done = subprocess.run([ROOT / "utils" / name, *map(str, words)], capture_output=True, cwd=os.getcwd())
    err = done.stderr.decode("utf-8", "replace")
    assert done.returncode in (0, 1), err
    for word in ("uninitialized", "Traceback", " at /", ".pl line", ".pm line", "unbound variable"):
        assert word not in err, err
    assert done.returncode == 0 or err.strip(), f"{name} failed without a word"
    return Outcome(done.returncode, done.stdout.decode("utf-8", "replace"), err)


def kaldi_table(path):
    """Key -> value, read as simply as can be."""
    lines = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    rows = (re.split("[ \t]", line, maxsplit=1) for line in lines if line)
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows}


def json_rows(found):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
