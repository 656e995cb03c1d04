#!/usr/bin/env python3
"""Count the words that a model of egs/mini hears where nobody speaks, in the folder of the recipe that trained it.

    python measure_no_speech.py exp/<tag> dump/audio/test --corpora <corpora>

Prints a line for each way to transcribe: words a minute in each kind of sound (`sounds.py`), and the WER of utterances
with speech. The ways: `transcribe` with each detector, `stream`, and the websocket of `jstasr serve`, whose partial
words count too. The words and the probability of speech of each sound go to stderr.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import soundfile
import torch
from sounds import MADE, RATE, crowd_of, made, pauses_of

from jstasr import Transcriber
from jstasr.data.subset import spread_subset
from jstasr.decode.vad import ENERGY, NONE, SILERO
from jstasr.kaldi.tables import read_table
from jstasr.model.joint import FULL, STREAMING
from jstasr.serve.live import LiveTranscript
from jstasr.serve.service import Service
from jstasr.serve.settings import ServeSettings

PIECE = RATE // 10  # samples of a piece of a stream
KINDS = {
    "silence": ["silence", "dither"],
    "steady noise": [name for name in MADE if name.endswith("dB")] + ["hum"],
    "changing noise": ["bursts", "wind", "rain", "breathing", "traffic", "engine"],
    "clicks and knocks": ["clicks", "typing", "knocks", "drums"],
    "tones": ["tone", "beeps", "sweep", "siren", "dialling", "ringing", "birds"],
    "music": ["melody", "chords"],
    "murmur": ["murmur"],
}
COMMON_VOICE, SPEECHOCEAN = "cv-corpus-13.0-delta-sample/en/clips", "speechocean762/clips"


@dataclass
class Heard:
    """What one way to transcribe gave: the text, the number of words that were shown, the probability of speech."""

    text: str
    words: int
    speech: float


Way = Callable[[np.ndarray], Heard]


def offline(transcriber: Transcriber, vad: str, mode: str) -> Way:
    """`transcribe` with a detector and a decoder."""

    def run(samples: np.ndarray) -> Heard:
        found = transcriber.transcribe(samples, mode=mode, vad=vad)
        return Heard(found.text, len(found.text.split()), found.speech)

    return run


def streamed(transcriber: Transcriber) -> Way:
    """`stream`, in pieces of 0.1 s."""

    def run(samples: np.ndarray) -> Heard:
        with transcriber.stream() as stream:
            for first in range(0, len(samples), PIECE):
                stream.accept(samples[first : first + PIECE])
        return Heard(stream.transcript.text, len(stream.transcript.text.split()), stream.transcript.speech)

    return run


def live(transcriber: Transcriber, vad: str) -> Way:
    """The events of the websocket, for pieces of 0.1 s; of each utterance its partial or its final words."""
    service = Service(transcriber, ServeSettings(vad=vad))

    def run(samples: np.ndarray) -> Heard:
        transcript = LiveTranscript(service, RATE, None)
        words = shown = 0
        pieces = [samples[first : first + PIECE] for first in range(0, len(samples), PIECE)]
        events = [event for piece in pieces for event in transcript.accept(piece)]
        events += transcript.finish()
        for event in events:
            if event["type"] == "partial":
                shown = max(shown, len(str(event["text"]).split()))
            elif event["type"] == "segment":
                words, shown = words + max(shown, len(str(event["text"]).split())), 0
        done = events[-1]
        return Heard(str(done["text"]), words + shown, float(str(done["speech"])))

    return run


def ways(transcriber: Transcriber) -> dict[str, Way]:
    """All ways to transcribe, by name."""
    found = {f"transcribe, {vad}": offline(transcriber, vad, FULL) for vad in (SILERO, ENERGY, NONE)}
    found["transcribe, none, streaming"] = offline(transcriber, NONE, STREAMING)
    return found | {"stream": streamed(transcriber), "live": live(transcriber, SILERO)}


def kinds(corpora: Path | None, length: float) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Each kind of sound, with its sounds of so many seconds."""
    for kind, names in KINDS.items():
        yield kind, [made(name, length) for name in names]
    if corpora is not None:
        for raised in (False, True):
            sets = [pauses_of(corpora / name, 2 * length, raised) for name in (COMMON_VOICE, SPEECHOCEAN)]
            yield "real pauses" + ", raised" * raised, sets
        yield "real crowd, backwards", [crowd_of(corpora / COMMON_VOICE, 2 * length)]


def utterances(folder: Path, count: int) -> list[tuple[np.ndarray, str]]:
    """Samples and transcripts of utterances of dump/audio/<set>, evenly spread."""
    texts, sources = read_table(folder / "text"), read_table(folder / "wav.scp")
    ids = sorted(texts)
    chosen = [ids[index] for index in spread_subset(len(ids), count)]
    return [(soundfile.read(sources[utt], dtype="float32")[0], texts[utt]) for utt in chosen]


def main() -> None:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("expdir")
    parser.add_argument("set", type=Path, help="dump/audio/<set>, with speech")
    parser.add_argument("--corpora", type=Path, help="folder with Common Voice and speechocean762")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each made sound; real ones are twice as long")
    parser.add_argument("--utterances", type=int, default=200, help="of the set")
    parser.add_argument("--ways", nargs="+", help="only these")
    args = parser.parse_args()
    torch.set_num_threads(1)
    transcriber = Transcriber.from_pretrained(args.expdir, own_search=False)  # greedy, which has no other evidence
    sounds = dict(kinds(args.corpora, args.seconds))
    spoken = utterances(args.set, args.utterances)
    minutes = {kind: sum(map(len, parts)) / RATE / 60 for kind, parts in sounds.items()}
    print("way", *(f"{kind}: {minutes[kind]:g} min" for kind in sounds), f"WER {args.set.name}", sep="|")
    for name, way in ways(transcriber).items():
        if args.ways and name not in args.ways:
            continue
        rates = []
        for kind, parts in sounds.items():
            heard = [way(samples) for samples in parts]
            print(name, kind, [(one.words, round(one.speech, 2)) for one in heard], file=sys.stderr, flush=True)
            rates.append(sum(one.words for one in heard) / minutes[kind])
        wer = jiwer.wer([text for _, text in spoken], [way(samples).text for samples, _ in spoken])
        print(name, *(f"{rate:.1f}" for rate in rates), f"{100 * wer:.2f}%", sep="|", flush=True)


if __name__ == "__main__":
    main()
